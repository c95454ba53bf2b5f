"""A folder that stands alone: the chosen model, its items and its policies, in JSON, Parquet and safetensors."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.events import columns as c
from nextact.events.contract import EventOptions
from nextact.events.moments import iso_moment
from nextact.events.steps import StepOptions
from nextact.models.storage import ModelFolder
from nextact.options import Count, OptionsError, Positive, options
from nextact.protocol import Certificate
from nextact.records import fingerprint_of
from nextact.release import VERSION
from nextact.results.models import ModelHandle
from nextact.retrieval.alike import ListOptions
from nextact.retrieval.catalogue import Catalogue
from nextact.retrieval.rules.rule_options import RuleOptions
from nextact.serving.request_columns import UNIT_WORDS, input_names
from nextact.stored import StoredError, read_array, read_json, reading, write_array, write_json, written_whole

logger = logging.getLogger(__name__)

MANIFEST_FILE, CERTIFICATE_FILE, SCHEMA_FILE = "package.json", "certificate.json", "input_schema.json"
ITEM_COLUMNS = (c.ITEM_ID, c.ITEM_TEXT, c.N_TRAINING_EVENTS)
ITEMS_FILE, MODEL_FOLDER, BEHAVIOUR_FOLDER = "items.parquet", "model", "behaviour_model"
ATTRIBUTES_FILE, VECTORS_FILE = "item_attributes.parquet", "item_vectors.npy"  # what rules read
ERASED_FILE = "erased_since.json"  # beside the parts, in a package that learnt from a user who was erased since
FORMAT = 6
AGAIN = "package the model again: `kedro run --pipelines recommendation`"


@options
class Manifest:
    """What a package says of itself.

    Attributes:
        format: Version of the folder's layout.
        nextact: Version that wrote it; no other opens it.
        run_id: The run that fitted the model.
        protocol_hash: Of that run's certificate.
        model: ``family.name`` of the model that ranks.
        behaviour_model: ``family.name`` of the model that predicts event types, if any; often the same.
        temperature: Of the softmax over items.
        exclude_seen: Whether items of the history are left out.
        top_k: Items a user, unless a request asks otherwise.
        one_per_text: Whether items of the same text stand in a list once; the texts are those of the items.
        steps: How events are ordered and grouped.
        events: The log's contract: its columns, units, zone, behaviours and limits. Requests are read by it.
        fingerprints: Part -> fingerprint of its files: what is opened together was packaged together.
        rules: What lists obey; those of a request are laid over them.
        oldest: ISO moment of the oldest event of the log; None where it has no times.
        newest: Of the newest event that the model knows.
    """

    format: int
    nextact: str
    run_id: str
    protocol_hash: str
    model: str
    behaviour_model: str | None
    temperature: Positive
    exclude_seen: bool
    top_k: Count
    one_per_text: bool | Literal["auto"]
    steps: StepOptions
    events: EventOptions
    rules: RuleOptions
    fingerprints: dict[str, str] = field(default_factory=dict)
    oldest: str | None = None
    newest: str | None = None

    @property
    def event_types(self) -> tuple[str, ...]:
        """Behaviours in the order of their codes."""
        return self.events.event_types

    @property
    def has_times(self) -> bool:
        """Whether the log has times; else integer positions stand in for them."""
        return self.events.has_times


@dataclass(frozen=True)
class Package:
    """What is to be written, or was: the parts and the folders of the models.

    Attributes:
        manifest: What it says of itself.
        certificate: Of the run.
        items: :data:`ITEM_COLUMNS`, a row an item in the order of the item index.
        model: Ranks.
        behaviour_model: Predicts event types, if any.
        attributes: Columns of the item table that rules may name, in the same rows.
        vectors: Of the block that ``rules.diversity`` names, float32 [n_items + 1, dimensions]; None without it.
    """

    manifest: Manifest
    certificate: Certificate
    items: pd.DataFrame
    model: ModelFolder
    behaviour_model: ModelFolder | None
    attributes: pd.DataFrame
    vectors: NDArray[np.float32] | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The items with all that rules read."""
        diversity = self.manifest.rules.diversity
        vectors = {} if diversity is None or self.vectors is None else {diversity.block: self.vectors}
        return Catalogue(self.items, self.manifest.one_per_text, self.attributes, vectors)

    def save(self, folder: Path) -> None:
        """Write all of it into a new folder; the models are copied."""
        folder.mkdir(parents=True)
        write_json(folder / CERTIFICATE_FILE, self.certificate.as_json())
        write_json(folder / SCHEMA_FILE, [dataclasses.asdict(column) for column in input_columns(self.manifest)])
        columns = [*ITEM_COLUMNS, *([c.TOKENS] if c.TOKENS in self.items else [])]
        self.items[columns].to_parquet(folder / ITEMS_FILE, index=False)
        self.attributes.to_parquet(folder / ATTRIBUTES_FILE, index=False)
        if self.vectors is not None:
            write_array(folder / VECTORS_FILE, self.vectors)
        shutil.copytree(self.model.path, folder / MODEL_FOLDER)
        if self.behaviour_model is not None and self.manifest.behaviour_model != self.manifest.model:
            shutil.copytree(self.behaviour_model.path, folder / BEHAVIOUR_FOLDER)
        manifest = dataclasses.replace(self.manifest, fingerprints=_fingerprints(folder))
        write_json(folder / MANIFEST_FILE, dataclasses.asdict(manifest))  # last: a package without it is not whole

    @classmethod
    def open(cls, folder: Path) -> Package:
        """Read what :meth:`save` wrote; the models stay closed.

        Raises:
            StoredError: If a part is missing, cannot be read or is not the one that was packaged.
        """
        manifest = _read_manifest(folder / MANIFEST_FILE)
        _require_as_packaged(folder, manifest)
        if (folder / ERASED_FILE).exists():
            since = read_json(folder / ERASED_FILE, ("erased_since",))["erased_since"]
            logger.warning("%s learnt from a user who was erased at %s; `kedro run` replaces it", folder, since)
        return cls(
            manifest,
            Certificate.of_json(read_json(folder / CERTIFICATE_FILE), folder / CERTIFICATE_FILE),
            _read_frame(folder / ITEMS_FILE, ITEM_COLUMNS),
            ModelFolder(folder / MODEL_FOLDER),
            _behaviour_folder(folder, manifest),
            _read_frame(folder / ATTRIBUTES_FILE, ()),
            read_array(folder / VECTORS_FILE, np.float32, ndim=2) if manifest.rules.diversity is not None else None,
        )


def describe_package(
    chosen_model: ModelHandle,
    behaviour_model: ModelHandle | None,
    temperature: float,
    items: pd.DataFrame,
    certificate: Certificate,
    events: EventOptions,
    steps: StepOptions,
    lists: ListOptions,
    top_k: int,
    times: tuple[int, int] | None = None,
    rules: RuleOptions | None = None,
    attributes: pd.DataFrame | None = None,
    vectors: NDArray[np.float32] | None = None,
) -> Package:
    """The package of a run's chosen model.

    Args:
        chosen_model: The model that ranks.
        behaviour_model: The model that predicts event types, if any.
        temperature: Calibrated for the chosen model.
        items: ``item_id``, ``item_text``, ``n_training_events`` and, for reasons in words, ``tokens``, in the order of
            the item index.
        certificate: Of the run.
        events: The run's event contract.
        steps: The run's order of events.
        lists: What one list may hold.
        top_k: Items a user, unless a request asks otherwise.
        times: Microseconds since 1970 UTC of the oldest and the newest event, where there is one.
        rules: What lists obey; none, if left out.
        attributes: See :class:`Package`; none, if left out.
        vectors: See :class:`Package`.
    """
    manifest = Manifest(
        format=FORMAT,
        nextact=VERSION,
        run_id=certificate.run_id,
        protocol_hash=certificate.protocol_hash,
        model=chosen_model.full_name,
        behaviour_model=None if behaviour_model is None else behaviour_model.full_name,
        temperature=temperature,
        exclude_seen=certificate.protocol.exclude_seen,
        top_k=top_k,
        one_per_text=lists.one_per_text,
        steps=StepOptions(**{one.name: getattr(steps, one.name) for one in dataclasses.fields(StepOptions)}),
        rules=RuleOptions() if rules is None else rules,
        events=events,
        oldest=iso_moment(times[0]) if events.has_times and times is not None else None,
        newest=iso_moment(times[1]) if events.has_times and times is not None else None,
    )
    behaviour = None if behaviour_model is None else ModelFolder(Path(behaviour_model.refitted_folder))
    attributes = pd.DataFrame(index=items.index) if attributes is None else attributes
    folder = ModelFolder(Path(chosen_model.refitted_folder))
    return Package(manifest, certificate, items, folder, behaviour, attributes, vectors)


def mark_erased(folder: Path, moment: str) -> None:
    """Have a package say whenever it is opened that a user it learnt from is erased since a moment; it serves on."""
    if (folder / MANIFEST_FILE).exists():
        with written_whole(folder / ERASED_FILE) as beside:
            write_json(beside, {"erased_since": moment})


@dataclass(frozen=True)
class InputColumn:
    """A column of a history that may be asked about."""

    name: str
    type: str
    required: bool
    meaning: str


def input_columns(manifest: Manifest) -> list[InputColumn]:
    """The columns of a history that a package reads; of several names of one thing, one is needed."""
    found = []
    for name, given in input_names(manifest.events).items():
        needed = name in (c.USER_ID, c.ITEM_ID) or (name == c.TIMESTAMP and manifest.has_times)
        needed |= name == c.EVENT_TYPE and len(manifest.event_types) > 1 and not manifest.events.sources
        for place, one in enumerate(given):
            other = f"; instead of {given[0]!r}" if place else ""
            found.append(InputColumn(one, "any", needed and len(given) == 1, _meaning(name, manifest) + other))
    return list({one.name: one for one in reversed(found)}.values())[::-1]


def _meaning(name: str, manifest: Manifest) -> str:
    units = {UNIT_WORDS.get(one.timestamp_unit, "microseconds") for one in manifest.events.column_maps().values()}
    zones = {one.timezone for one in manifest.events.column_maps().values()}
    times = f"ISO text ({' or '.join(sorted(zones))} where it names no offset)"
    times += f" or numbers, {' or '.join(sorted(units))} since 1970 UTC"
    return {
        c.USER_ID: "whose event it is",
        c.ITEM_ID: "the item; one that the model does not know is reported",
        c.EVENT_TYPE: f"one of: {', '.join(manifest.event_types)}",
        c.TIMESTAMP: times if manifest.has_times else "integer position in the user's order",
        c.SESSION_ID: "session or basket, if any",
        c.POSITION: "number that orders events at one moment",
        c.VALUE: "amount, price or rating",
    }[name]


def _fingerprints(folder: Path) -> dict[str, str]:
    """Fingerprint of every part of a package that is there, but the manifest, which names them."""
    parts = (CERTIFICATE_FILE, SCHEMA_FILE, ITEMS_FILE, ATTRIBUTES_FILE, VECTORS_FILE, MODEL_FOLDER, BEHAVIOUR_FOLDER)
    return {part: found for part in parts if (found := fingerprint_of(folder / part)) is not None}


def _require_as_packaged(folder: Path, manifest: Manifest) -> None:
    found = _fingerprints(folder)
    for part in sorted({*found, *manifest.fingerprints}):
        if part not in found:
            raise StoredError(folder / part, "does not exist", AGAIN)
        if found[part] != manifest.fingerprints.get(part):
            raise StoredError(folder / part, "is not what was packaged with the rest", AGAIN)


def _read_manifest(path: Path) -> Manifest:
    read = read_json(path, ("format",))
    if read["format"] != FORMAT:
        raise StoredError(path, f"has layout {read['format']!r}, and this version reads layout {FORMAT}", AGAIN)
    if read.get("nextact") != VERSION:
        raise StoredError(path, f"is of nextact {read.get('nextact')}, and this is {VERSION}", AGAIN)
    try:
        return Manifest(**read)
    except (TypeError, OptionsError) as error:
        raise StoredError(path, f"describes no package that can be served: {error}", AGAIN) from error


def _read_frame(path: Path, wanted: tuple[str, ...]) -> pd.DataFrame:
    with reading(path):
        frame = pd.read_parquet(path)
    if missing := [name for name in wanted if name not in frame]:
        raise StoredError(path, f"has no column {', '.join(map(repr, missing))}", AGAIN)
    return frame


def _behaviour_folder(folder: Path, manifest: Manifest) -> ModelFolder | None:
    if manifest.behaviour_model is None:
        return None
    same = manifest.behaviour_model == manifest.model
    return ModelFolder(folder / (MODEL_FOLDER if same else BEHAVIOUR_FOLDER))
