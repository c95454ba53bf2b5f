"""A table that need not be there yet, such as what users did with recommendations that were never shown."""

from __future__ import annotations

import logging
from pathlib import Path, PurePosixPath
from typing import Any

import ibis
from kedro_datasets.ibis import FileDataset

from nextact.errors import NextactError, suggest

logger = logging.getLogger(__name__)

FORMATS = {".parquet": "parquet", ".csv": "csv"}


class OptionalTableDataset(FileDataset):
    """Kedro's Ibis file, with None for a file that does not exist.

    A file that is there but cannot be read still is an error, and so is a path that is likely misspelt: one that ends
    in no known format, or that is missing while the same name in another format stands beside it.
    """

    def __init__(
        self,
        *,
        filepath: str,
        file_format: str | None = None,
        connection: dict[str, Any] | None = None,
        load_args: dict[str, Any] | None = None,
        save_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            filepath=filepath,
            file_format=file_format or _format_of(filepath),
            connection=connection,
            load_args=load_args,
            save_args=save_args,
            metadata=metadata,
        )

    def load(self) -> ibis.Table | None:
        """The table, or None."""
        if super()._exists():
            return super().load()
        _refuse_other_format(Path(str(self._filepath)))
        logger.info("No table at %s yet: going on without it", self._filepath)
        return None

    def _exists(self) -> bool:
        return True  # a run may start without the file


def _format_of(filepath: str) -> str:
    ending = PurePosixPath(filepath).suffix
    if ending not in FORMATS:
        raise NextactError(
            f"{filepath}: {ending or 'no ending'!r} says no format; {suggest(ending, FORMATS)} "
            "Rename the file, or state file_format"
        )
    return FORMATS[ending]


def _refuse_other_format(path: Path) -> None:
    for ending in FORMATS:
        other = path.with_suffix(ending)
        if other != path and other.exists():
            raise NextactError(f"{path} does not exist, but {other.name} stands beside it: name it in the data catalog")
