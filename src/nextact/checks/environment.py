"""The environment that a command works in: named in its first line; the sample only where nobody has other tables."""
# mypy: disallow-subclassing-any=False

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import DictConfig, OmegaConf

from nextact.datasets.folders import LOCAL_KEY
from nextact.errors import NextactError

LOCAL, GLOBALS = "local", "globals.yml"
TABLES = ("catalog", "parameters")  # how the names begin of what says where tables are and what they hold
ENDINGS = (".yml", ".yaml", ".json")
PAGE = "docs/data_contract.md, 'Your own tables'"


class NoEnvironment(NextactError):  # noqa: N818 - says what is the case
    """Nobody said which environment is meant, and the default would not be it."""


class EnvironmentLoader(OmegaConfigLoader):
    """Kedro's loader of ``conf``, which says what environment it reads.

    Every command that reads ``conf`` makes one: runs, Kedro-Viz, notebooks, servers, schedulers. Where ``globals.yml``
    has an ``about``, the line says that too; where it says no ``data``, results go to ``data/NAME``.

    Raises:
        NoEnvironment: See :func:`refuse_default`.
    """

    def __init__(self, conf_source: str | Path, env: str | None = None, *arguments: Any, **options: Any) -> None:
        super().__init__(conf_source, env, *arguments, **options)
        if not env:
            _without_traceback_in_notebooks()
            refuse_default(Path(conf_source), self.default_run_env)
        name = env or self.default_run_env
        self["globals"] = {"data": f"data/{name}", **self["globals"]}  # never into another environment's results
        about = self["globals"].get("about")
        print(f"environment: {name}{f' ({about})' if about else ''}", flush=True)


def folder_of(config_loader: Any) -> str:
    """The folder of a loader's environment, as a user writes it: ``conf/sample``."""
    env = config_loader.env or config_loader.default_run_env
    return f"{Path(config_loader.conf_source).name}/{'ENVIRONMENT' if env == config_loader.base_env else env}"


def refuse_default(conf: Path, default: str) -> None:
    """Refuse to fall back on the default environment past tables in ``conf/local``, or where there is none.

    Args:
        conf: The folder of environments; one that is no local folder is left alone.
        default: Name of the environment.

    Raises:
        NoEnvironment: Naming the file that would not be read, or the environments that there are.
    """
    if not conf.is_dir():
        return
    if unread := next(_own_settings(conf / LOCAL), None):
        raise NoEnvironment(
            f"{conf.name}/{unread.relative_to(conf)} is not read: without --env, the environment is {default!r}; add "
            f"--env {LOCAL} (in a notebook: %reload_kedro --env {LOCAL}), or give your tables an environment of their "
            f"own ({PAGE})"
        )
    if not (conf / default).is_dir():
        known = ", ".join(sorted(one.name for one in conf.iterdir() if one.is_dir()))
        raise NoEnvironment(f"no environment is named, and there is no {conf.name}/{default}; add --env, of {known}")


def _without_traceback_in_notebooks() -> None:
    """Have a notebook show the message of :class:`NoEnvironment` alone."""
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython

    if (shell := get_ipython()) is not None:  # type: ignore[no-untyped-call]
        shell.set_custom_exc((NoEnvironment,), _show)


def _show(shell: Any, kind: type[NoEnvironment], error: NoEnvironment, *traceback: Any, **options: Any) -> None:
    print(f"error: {error}", file=sys.stderr)


def _own_settings(local: Path) -> Iterator[Path]:
    """Files about tables or about how they are worked on; where public data sets lie is read in any environment."""
    for path in sorted(local.rglob("*")):
        if not path.is_file() or path.suffix not in ENDINGS:
            continue
        parts = path.relative_to(local).parts
        if any(part.startswith(TABLES) for part in parts) and _says_something(path):
            yield path
        if parts == (GLOBALS,) and isinstance(found := OmegaConf.load(path), DictConfig) and set(found) - {LOCAL_KEY}:
            yield path


def _says_something(path: Path) -> bool:
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    return any(line and not line.startswith("#") for line in lines)
