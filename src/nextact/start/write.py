"""The files of an environment: short, with a comment for every guess, and nothing of another data set."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nextact.errors import NextactError

PLAIN = re.compile(r"[A-Za-z_/][\w./-]*(?: [\w./-]+)*")
WORDS_OF_YAML = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "none"}
NAME = re.compile(r"[A-Za-z][\w-]*")
NOT_OURS = {
    "base": "it holds what all environments share",
    "local": "git ignores it, and it is read with --env local only",
}


def flow(value: Any) -> str:
    """A value as YAML in one line.

    Example:
        >>> flow({"a": [1, None, True], "delim": ";", "1": "no", "type": "ibis.FileDataset"})
        '{a: [1, null, true], delim: ";", "1": "no", type: ibis.FileDataset}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(str(key))}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        plain = PLAIN.fullmatch(value) and value.casefold() not in WORDS_OF_YAML
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def line(key: str, value: Any, why: str = "", indent: int = 2) -> str:
    """An option with the reason for it."""
    text = f"{' ' * indent}{flow(key)}: {flow(value)}"
    return f"{text} # {' '.join(why.split())}" if why else text


def block(name: str, lines: Iterable[str]) -> str:
    """A block of options; nothing where it is empty."""
    inside = list(lines)
    return "\n".join([f"{name}:", *inside]) if inside else ""


def require_name(name: str, conf: Path) -> None:
    """Refuse a name that no new environment can have.

    Raises:
        NextactError: With what is there, or what a name may be.
    """
    if not NAME.fullmatch(name):
        raise NextactError(f"no environment can be called {name!r}: a letter, then letters, digits, - and _")
    if name in NOT_OURS:
        raise NextactError(f"conf/{name} is no place for your tables: {NOT_OURS[name]}; choose another name")
    taken = (
        next((one for one in conf.iterdir() if one.name.casefold() == name.casefold()), None) if conf.is_dir() else None
    )
    if taken is not None:
        files = ", ".join(sorted(one.name for one in taken.iterdir())[:5]) if taken.is_dir() else "a file"
        raise NextactError(
            f"the environment {taken.name!r} exists already ({conf.name}/{taken.name}: {files or 'empty'}) and is left "
            "as it is; choose another name, or remove that folder"
        )


def write_environment(conf: Path, name: str, files: Mapping[str, str]) -> None:
    """Write all files of an environment, or none.

    Raises:
        NextactError: If it exists by now, or cannot be written.
    """
    folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=conf))
    try:
        for file, text in files.items():
            (folder / file).write_text(text, "utf-8")
        folder.chmod(0o755)
        os.rename(folder, conf / name)  # noqa: PTH104 - refuses a folder that holds anything
    except OSError as error:
        raise NextactError(f"{conf / name} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
