"""Fingerprints of what no step makes: raw tables, and files that options name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nextact.datasets.places import local_place
from nextact.protocol import stable_hash
from nextact.records import ABSENT, files_of, fingerprint_of_files

MOST_BYTES = 2**30  # a second or two of hashing
ONE_FILE = {  # datasets whose rows are all that a file, or a folder, holds
    "kedro_datasets.": (
        *("CSVDataset", "ExcelDataset", "FileDataset", "JSONDataset", "ParquetDataset"),
        *("EagerPolarsDataset", "LazyPolarsDataset"),
    ),
    "nextact.datasets.": ("ErasedUsersDataset", "PublicDataset"),
}
NOT_CONTENT = {"filepath", "path", "metadata", "credentials", "version"}  # of an entry of the data catalog
PATTERN = set("*?[")


def fingerprint_of_table(dataset: Any) -> str | None:
    """Of the rows of a raw table, and of what its entry in the data catalog says of how to read them.

    Returns:
        Text that is another one whenever the table may be; None where that cannot be told cheaply: tables of databases,
        files elsewhere or of more than 1 GiB together, patterns of file names, readers that are not known here.
    """
    parts = getattr(dataset, "datasets", None)
    if isinstance(parts, Mapping):
        content = _of_all({name: fingerprint_of_table(one) for name, one in parts.items()})
    elif hasattr(dataset, "fingerprint"):
        content = str(dataset.fingerprint())
    else:
        place = local_place(dataset) if _is_one_file(dataset) else None
        content = None if place is None else _with_name(place, content_of(place))
    return None if content is None else stable_hash([content, entry_of(dataset)], length=64)


def content_of(place: Path) -> str | None:
    """Of the files at a place; :data:`~nextact.records.ABSENT` where nothing is, None where they are too many bytes.

    A pattern of file names, a folder that holds links to folders, and what cannot be read are None as well.
    """
    try:
        return _content_of(place)
    except OSError:  # whoever reads the table says what is wrong with it
        return None


def _content_of(place: Path) -> str | None:
    if PATTERN & set(str(place)) and not place.exists():
        return None
    if place.is_dir() and any(one.is_symlink() and one.is_dir() for one in place.rglob("*")):
        return None
    files = [one for one in files_of(place) if "__pycache__" not in one[0].split("/")]
    if sum(size for _, size, _ in files) > MOST_BYTES:
        return None
    return fingerprint_of_files(place, files) if files else ABSENT


def entry_of(dataset: Any) -> str:
    """Of an entry of the data catalog: its type and arguments, without where the file lies."""
    kind = f"{type(dataset).__module__}.{type(dataset).__qualname__}"
    arguments = _without_place(getattr(dataset, "_init_args", {}))
    return hashlib.sha256(json.dumps([kind, arguments], sort_keys=True, default=str).encode()).hexdigest()


def kinds_of(dataset: Any) -> Iterator[type]:
    """The class of a dataset, and those of the datasets that it is put together from."""
    yield type(dataset)
    parts = getattr(dataset, "datasets", None)
    for one in parts.values() if isinstance(parts, Mapping) else ():
        yield from kinds_of(one)


def _is_one_file(dataset: Any) -> bool:
    if getattr(dataset, "_version", None) is not None:
        return False  # the newest of several
    return any(
        kind.__module__.startswith(start) and kind.__name__ in names
        for kind in type(dataset).__mro__
        for start, names in ONE_FILE.items()
    )


def _with_name(place: Path, content: str | None) -> str | None:
    """Its ending says how a file is read."""
    return None if content is None else f"{place.name} {content}"


def _of_all(parts: Mapping[str, str | None]) -> str | None:
    return None if None in parts.values() else json.dumps(dict(parts), sort_keys=True)


def _without_place(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_place(one) for key, one in value.items() if key not in NOT_CONTENT}
    return [_without_place(one) for one in value] if isinstance(value, list | tuple) else value
