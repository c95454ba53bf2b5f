"""What the results of a step come from: its inputs, its options, its code, and what else decides what they hold."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol, MemoryDataset
from kedro.pipeline.node import Node
from kedro.validation.type_extractor import TypeExtractor

from nextact.checks.code import code_of, versions
from nextact.datasets.fingerprints import content_of, entry_of, fingerprint_of_table, kinds_of
from nextact.datasets.places import local_place
from nextact.options import plain
from nextact.protocol import stable_hash, unequal
from nextact.records import ABSENT, Record, RecordBook, as_read

RECORDS = "records"
PARAMETER, ALL_PARAMETERS = "params:", "parameters"
LAUNCH = "launch"  # decides how a result is made, never what it says: it never counts
ONLY_SHOWN = ("summary_users",)  # decide how a result is shown
HOW_NOT_WHAT = (LAUNCH, *ONLY_SHOWN)
CODE, ENTRIES = "code", "catalog"
LISTS_NODES = "pipeline"  # module beside that of a node's function, which says what the function is given
READS_RAW = "nextact.checks.raw_ids"  # a hook of this module decides how ids of raw files are read
NAME_FILES = (  # options that may name a file, a folder or a package which the step then reads
    *("encoder.model", "word2vec.pretrained", "glove.pretrained"),
    *("syntax.pipelines", "cleaning.spacy_pipeline", "backbone.pretrained"),
)
ON_A_HUB = ("encoder.model", "backbone.pretrained")  # options whose name may be looked up where it can change
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Origin:
    """What a step would make its results from; the fields are those of :class:`~nextact.records.Record`."""

    inputs: dict[str, str | None]
    parameters: dict[str, Any]
    shown: dict[str, Any]
    around: dict[str, str | None]

    def without(self, absent: Collection[str]) -> Origin:
        """The same where some inputs are handed out as if they were not there."""
        return replace(self, inputs=self.inputs | dict.fromkeys(absent, ABSENT))

    def differences(self, record: Record, kinds: Mapping[str, type]) -> list[str]:
        """What was another when a result was made, a line each; what cannot be told counts as another.

        Args:
            record: Of the result.
            kinds: Parameter -> class of its options, by which a value that an older version wrote gets its defaults.
        """
        if not record.around:
            return ["nothing was noted of the code that made it"]
        then = {name: as_read(value, kinds.get(name)) for name, value in (record.parameters | record.shown).items()}
        options = unequal(then, self.parameters | self.shown)
        said = [f"{leaf}: {was!r} then, {now!r} now" for leaf, was, now in options]
        return [*_unlike(record.inputs, self.inputs), *said, *_unlike(record.around, self.around)]


class Origins:
    """The origins of steps, as everything is now: what was looked at once is not looked at again.

    Args:
        catalog: Where datasets and parameters are.
        makers: Dataset -> the node that makes it, of those that no place keeps; its own origin stands for it.
        knows_raw: Whether raw tables can be looked at before a node reads them; where not, nothing is known of them.
    """

    def __init__(
        self, catalog: CatalogProtocol, makers: Mapping[str, Node] | None = None, knows_raw: bool = True
    ) -> None:
        self.catalog, self.makers, self.knows_raw = catalog, makers or {}, knows_raw
        self.book: RecordBook = catalog.get(RECORDS).load()
        self.kinds = option_classes()
        self.made = all_made()
        self._raw: dict[str, str | None] = {}

    def of(self, node: Node) -> Origin:
        """What a node would read."""
        data = [name for name in node.inputs if not name.startswith(PARAMETER)]
        read = parameters_of(self.catalog, node.inputs, self.kinds)
        return Origin(
            {name: self._of_input(name) for name in data},
            {name: value for name, value in read.items() if not is_one_of(name, ONLY_SHOWN)},
            {name: value for name, value in read.items() if is_one_of(name, ONLY_SHOWN)},
            {CODE: self._code(node), ENTRIES: self._entries(node), **versions(), **_named_in(read)},
        )

    def is_kept(self, name: str) -> bool:
        """Whether a dataset has a place on this machine, so that there are records of it."""
        return name in self.catalog and local_place(self.catalog.get(name)) is not None

    def _of_input(self, name: str) -> str | None:
        if name == ALL_PARAMETERS:
            return stable_hash(plain(self.catalog.get(name).load()), length=64)
        if name in self.makers:
            origin = self.of(self.makers[name])
            is_known = None not in (*origin.inputs.values(), *origin.around.values())
            return stable_hash(plain(vars(origin)), length=64) if is_known else None
        if name in self.made and self.is_kept(name):
            record = self.book.read(name)
            return ABSENT if record is None else record.fingerprint
        if name not in self._raw:
            can_tell = self.knows_raw and name in self.catalog
            self._raw[name] = fingerprint_of_table(self.catalog.get(name)) if can_tell else None
        return self._raw[name]

    def _code(self, node: Node) -> str | None:
        names = _data_of(node)
        datasets = [self.catalog.get(name) for name in names if name in self.catalog]
        classes = {kind.__module__ for one in datasets for kind in kinds_of(one)}
        ours = {name for name in classes if name.startswith("nextact.")}
        reads_raw = {READS_RAW} if any(name not in self.made for name in names) else set()
        module = _module_of(node.func)
        found = code_of({module, *ours, *reads_raw}, alone=[f"{module.rpartition('.')[0]}.{LISTS_NODES}"])
        return found and stable_hash([found, plain(node._inputs), plain(node._outputs)], length=64)

    def _entries(self, node: Node) -> str:
        """How the results are written; of how inputs are read, raw tables know themselves."""
        kept = [name for name in node.outputs if not in_memory(self.catalog, name)]
        return stable_hash({name: entry_of(self.catalog.get(name)) for name in kept})


def all_made() -> frozenset[str]:
    """All datasets that some node of the project makes."""
    return frozenset(name for one in pipelines.values() for name in one.all_outputs())


def option_classes() -> dict[str, type]:
    """Parameter -> class of its options."""
    found: dict[str, type] = TypeExtractor(dict(pipelines)).extract_types_from_pipelines()
    return found


def parameters_of(catalog: CatalogProtocol, names: Collection[str], kinds: Mapping[str, type]) -> dict[str, Any]:
    """Today's values of those names that are parameters, but for those that never count."""
    found = {}
    for name in names:
        parameter = name.removeprefix(PARAMETER)
        if name.startswith(PARAMETER) and not is_one_of(parameter, (LAUNCH,)) and name in catalog:
            found[parameter] = as_read(catalog.get(name).load(), kinds.get(parameter))
    return found


def is_one_of(parameter: str, blocks: Collection[str]) -> bool:
    """Whether a parameter is one of these blocks, or in one."""
    return parameter.split(".", maxsplit=1)[0] in blocks


def in_memory(catalog: CatalogProtocol, name: str) -> bool:
    """Whether a dataset is gone when the run ends."""
    return name not in catalog or isinstance(catalog.get(name), MemoryDataset)


def _data_of(node: Node) -> list[str]:
    names = [*node.inputs, *node.outputs]
    return [name for name in names if name != ALL_PARAMETERS and not name.startswith(PARAMETER)]


def _module_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__module__", None) or type(function).__module__)


def _named_in(parameters: Mapping[str, Any]) -> dict[str, str | None]:
    """What the files and packages hold that options name."""
    leaves = dict(_leaves(parameters))
    return {
        f"what {leaf} names": _named(name, _may_be_on_a_hub(leaf, leaves))
        for leaf, name in leaves.items()
        if isinstance(name, str) and any(f".{option}." in f".{leaf}." for option in NAME_FILES)
    }


def _may_be_on_a_hub(leaf: str, leaves: Mapping[str, Any]) -> bool:
    """Whether a name is looked up where it may mean another model tomorrow; a commit stays what it is."""
    block = leaf.rpartition(".")[0]
    pinned = COMMIT.fullmatch(str(leaves.get(f"{block}.revision")))
    return leaf.endswith(ON_A_HUB) and leaves.get(f"{block}.allow_network", True) and not pinned


def _named(name: str, may_be_on_a_hub: bool) -> str | None:
    spec = find_spec(name) if name.isidentifier() else None
    package = None if spec is None or spec.origin is None else Path(spec.origin).parent
    places = [one for one in (package, Path(name).expanduser()) if one is not None and one.exists()]
    found = [content_of(one) for one in places]
    if not places:
        return None if may_be_on_a_hub else ABSENT
    return None if None in found else stable_hash(found, length=64)


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _unlike(then: Mapping[str, str | None], now: Mapping[str, str | None]) -> list[str]:
    return [_said(name, then, now) for name in sorted({*then, *now}) if not _is_alike(name, then, now)]


def _is_alike(name: str, then: Mapping[str, str | None], now: Mapping[str, str | None]) -> bool:
    return now.get(name) is not None and then.get(name) == now.get(name)


def _said(name: str, then: Mapping[str, str | None], now: Mapping[str, str | None]) -> str:
    if name in (CODE, ENTRIES) and then.get(name) is not None:
        what = "the code that makes it" if name == CODE else "how the data catalog has it written"
        return f"{what} has changed"
    if name in versions():
        return f"{name}: {then.get(name)} then, {now.get(name)} now"
    if name not in then or name not in now:
        return f"{name} was not read then" if name not in then else f"{name} is not read now"
    if then[name] is None or now[name] is None:
        return f"nothing tells cheaply whether {name} has changed"
    return f"{name} has changed"
