"""How each stored result came about: what it holds, and which inputs and options it was made from.

A record stands beside the data, one JSON file a dataset. It is written once the dataset is saved and names the node,
a fingerprint of the content, the fingerprints of the inputs and the values of the parameters. So what was changed, or
made of something that is no longer there, is known before anything reads it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from nextact.errors import NextactError
from nextact.options import plain
from nextact.protocol import unequal

File = tuple[str, int, int]  # name inside the dataset, bytes, time of the last change in nanoseconds
ABSENT = "absent"  # in place of the fingerprint of what was not there, or was handed to a node as if it were not


class Record(BaseModel):
    """What is known of one stored dataset.

    Attributes:
        version: Of this format; records of another one count as absent.
        dataset: Name in the data catalog.
        node: The node that saved it.
        fingerprint: Of its content; see :func:`fingerprint_of`.
        files: Name, size and time of change of each file: while these stay, the content is not read again.
        inputs: Dataset -> its fingerprint when the node read it; None where nothing tells cheaply what it holds.
        parameters: Parameter -> the value that the node read, defaults included.
        shown: The same of parameters that change how a result is shown, and never what it says.
        around: What else decides what it holds -> its fingerprint: code, versions of packages, files that options name;
            None where nothing tells cheaply.
        before_erasure: Fingerprints that it had until a user was erased from it; what was made from it then still fits.
        erased_since: ISO moment since which a user is erased whose events were there when it was made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    dataset: str
    node: str
    fingerprint: str
    files: tuple[File, ...]
    inputs: dict[str, str | None]
    parameters: dict[str, Any]
    shown: dict[str, Any] = {}
    around: dict[str, str | None] = {}
    before_erasure: tuple[str, ...] = ()
    erased_since: str | None = None


class RecordBook:
    """The records of one data folder, a JSON file each.

    Args:
        folder: Made when the first record is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, dataset: str) -> Record | None:
        """The record of a dataset; None where there is none that this version can read."""
        try:
            return Record.model_validate_json(self._file(dataset).read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, record: Record) -> None:
        """Put a record in place of an older one; a reader sees the old or the new one, whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self._file(record.dataset).with_suffix(".new")
        beside.write_text(record.model_dump_json(indent=1), encoding="utf-8")
        beside.replace(self._file(record.dataset))

    def remove(self, dataset: str) -> None:
        """Forget a dataset."""
        self._file(dataset).unlink(missing_ok=True)

    def current(self, dataset: str, place: Path) -> str | None:
        """Fingerprint of what stands at a place now; the content is read only where its files look changed."""
        record = self.read(dataset)
        files = files_of(place)
        if record is not None and files == record.files:
            return record.fingerprint
        return fingerprint_of(place)

    def restamp(self, places: Mapping[str, Path]) -> None:
        """Take what stands at these places, from which a user was erased, for what their nodes wrote.

        What was made from these datasets as they were still fits. A second call changes nothing.
        """
        for name, place in places.items():
            record, found = self.read(name), self.current(name, place)
            if record is not None and found is not None and found != record.fingerprint:
                before = (*record.before_erasure, record.fingerprint)
                changed = {"fingerprint": found, "files": files_of(place), "before_erasure": before}
                self.write(record.model_copy(update=changed))

    def mark_erased(self, source: str, moment: str, but: Collection[str] = ()) -> None:
        """Note of all that was made from a dataset, over however many steps, that a user is erased since.

        Args:
            source: The dataset that held the user's events.
            moment: Of the erasure, ISO.
            but: Datasets that take nothing over from the events.
        """
        names = {file.name.removesuffix(".json") for file in self.folder.glob("*.json")} - {*but}
        records = {name: record for name in sorted(names) if (record := self.read(name)) is not None}
        found, added = {source}, {source}
        while added:
            added = {name for name, one in records.items() if name not in found and found & one.inputs.keys()}
            found |= added
        for name in found - {source}:
            self.write(records[name].model_copy(update={"erased_since": moment}))

    def erased_since(self, datasets: Iterable[str]) -> dict[str, str]:
        """Those of the datasets that were made from the events of a user who is erased since, with the moment."""
        records = {name: self.read(name) for name in datasets}
        return {name: one.erased_since for name, one in records.items() if one is not None and one.erased_since}

    def _file(self, dataset: str) -> Path:
        return self.folder / f"{dataset}.json"


def files_of(place: Path) -> tuple[File, ...]:
    """Name, size and time of change of the file, or of each file in the folder, at a place; none where nothing is.

    Example:
        >>> files_of(Path("/no/such/place"))
        ()
    """
    if place.is_dir():
        found = sorted(file for file in place.rglob("*") if file.is_file())
    else:
        found = [place] if place.is_file() else []
    return tuple((_name(file, place), file.stat().st_size, file.stat().st_mtime_ns) for file in found)


def fingerprint_of(place: Path) -> str | None:
    """SHA-256, as hexadecimal text, of the names and contents of the files at a place; None where nothing is.

    Two places hold the same bytes under the same names if and only if their fingerprints are equal.
    """
    files = files_of(place)
    return fingerprint_of_files(place, files) if files else None


def fingerprint_of_files(place: Path, files: Iterable[File]) -> str:
    """The same of some of the files at a place."""
    found = hashlib.sha256()
    for name, size, _ in files:
        with (place / name if name else place).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        found.update(json.dumps([name, size, digest]).encode())
    return found.hexdigest()


def as_read(value: Any, kind: type | None) -> Any:
    """A parameter's plain value as its class of options reads it, defaults included; as it is where that cannot be."""
    if kind is None or not dataclasses.is_dataclass(kind) or not isinstance(value, Mapping):
        return plain(value)
    try:
        return plain(kind(**value))
    except (NextactError, TypeError):  # an option that this version does not know: shown as a difference
        return plain(value)


@dataclass
class Staleness:
    """Why stored datasets no longer fit each other or the parameters of today.

    Args:
        book: The records.
        places: Dataset -> where it stands; those without a place on this machine are left out.
        parameters: Parameter -> the value that a run would read today; see :func:`as_read`. One that is missing here
            decides nothing.
        kinds: Parameter -> class of its options, by which a value that an older version wrote gets today's defaults.
        made: Datasets that some node of the project makes: one of these without a record is refused.
    """

    book: RecordBook
    places: Mapping[str, Path]
    parameters: Mapping[str, Any]
    kinds: Mapping[str, type]
    made: frozenset[str]
    _found: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def of(self, datasets: Iterable[str]) -> dict[str, list[str]]:
        """Dataset -> what is wrong with it, for these and for all that they were made from; those in order left out."""
        found: dict[str, list[str]] = {}
        for name in datasets:
            found |= self._of(name)
        return found

    def _of(self, name: str) -> dict[str, list[str]]:
        if name not in self._found:
            self._found[name] = {}  # a dataset that is met again on the way adds nothing
            self._found[name] = self._look_at(name)
        return self._found[name]

    def _look_at(self, name: str) -> dict[str, list[str]]:
        record, place = self.book.read(name), self.places.get(name)
        if place is None or name not in self.made:
            return {}
        if record is None:
            if not place.exists():
                return {}
            return {name: [f"{name!r} was not made by this version, or not by a run: nothing says from what"]}
        reasons = [*self._content(record, place), *self._inputs(record), *self._options(record)]
        found = self.of(record.inputs)
        return found | {name: reasons} if reasons else found

    def _content(self, record: Record, place: Path) -> list[str]:
        now = self.book.current(record.dataset, place)
        if now in (None, record.fingerprint):
            return []  # what is gone is not read by anybody, or missed before anything starts
        return [f"{record.dataset!r} was changed after {record.node} wrote it"]

    def _inputs(self, record: Record) -> list[str]:
        reasons = []
        for name, then in record.inputs.items():
            made = self.book.read(name)
            if then not in (None, ABSENT) and made is not None and then not in (made.fingerprint, *made.before_erasure):
                reasons.append(f"{record.dataset!r} was made from another {name!r}")
        return reasons

    def _options(self, record: Record) -> list[str]:
        reasons = []
        for name, then in record.parameters.items():
            if name in self.parameters:
                now = self.parameters[name]
                found = unequal({name: as_read(then, self.kinds.get(name))}, {name: now})
                reasons += [f"{leaf}: {was!r} when {record.node} ran, {value!r} now" for leaf, was, value in found]
        return reasons


def _name(file: Path, place: Path) -> str:
    return "" if file == place else file.relative_to(place).as_posix()
