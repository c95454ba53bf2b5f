"""Where the files of the ready-made environments lie: said by the user, never assumed."""

from __future__ import annotations

import os
from pathlib import Path

from kedro.utils import find_kedro_project
from omegaconf import DictConfig, OmegaConf

from nextact.errors import NextactError

VARIABLE = "NEXTACT_SHARED_DATA"
LOCAL_SETTINGS, LOCAL_KEY = Path("conf/local/globals.yml"), "shared_data"


def data_folder(name: str) -> str:
    """The folder ``name`` inside the one that the user's public data sets lie in; the resolver ``${data_folder:name}``.

    The environment variable comes first, then ``shared_data`` of ``conf/local/globals.yml``, which Kedro itself does
    not read beside another environment. Relative paths begin at the working directory in the one and at the project's
    root in the other.

    Raises:
        NextactError: If neither names a folder, or there is no such folder in it.
    """
    project = Path(find_kedro_project(Path.cwd()) or Path.cwd())
    named = os.environ.get(VARIABLE)
    root, begins = (named, Path.cwd()) if named else (_local_setting(project), project)
    if not root:
        raise NextactError(_how_to_set(name, "nothing says where the files of this environment lie"))
    folder = begins / Path(root).expanduser() / name
    if not folder.is_dir():
        raise NextactError(_how_to_set(name, f"there is no folder {folder}"))
    return str(folder)


def _how_to_set(name: str, problem: str) -> str:
    return (
        f"source_folder: {problem}. Name the folder that holds {name!r}: export {VARIABLE}=/your/folder, or write "
        f"`{LOCAL_KEY}: /your/folder` into {LOCAL_SETTINGS}, or set source_folder in the environment's globals.yml; "
        "docs/data_contract.md, 'Ready-made environments', says which files it needs and where they come from"
    )


def _local_setting(project: Path) -> str | None:
    settings = project / LOCAL_SETTINGS
    if not settings.exists():
        return None
    found = OmegaConf.load(settings)
    return found.get(LOCAL_KEY) if isinstance(found, DictConfig) else None
