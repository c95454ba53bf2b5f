"""Kedro hooks that record how each stored result came about, and refuse a run that would mix what does not belong."""
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from nextact.checks import code
from nextact.checks.origins import (
    HOW_NOT_WHAT,
    PARAMETER,
    RECORDS,
    Origin,
    Origins,
    all_made,
    in_memory,
    is_one_of,
    option_classes,
    parameters_of,
)
from nextact.datasets.places import local_place
from nextact.errors import NextactError
from nextact.processes.locks import HeldError, Use
from nextact.records import Record, RecordBook, Staleness, files_of, fingerprint_of
from nextact.results.models import LeftOut
from nextact.serving.package import mark_erased

logger = logging.getLogger(__name__)

CERTIFICATE, ERASED_USERS = "certificate", "erased_users"
IN_USE = "in_use.lock"
FREE_MEMORY = "free memory"
MOST_LINES = 12


class RecordingHooks:
    """Before a run: what it reads must be what the project's options and data give. After each save: a record."""

    def __init__(self) -> None:
        self._catalog: CatalogProtocol | None = None
        self._use: Use | None = None
        self._made_here: frozenset[str] = frozenset()
        self._origins: Origins | None = None
        self._origin_of: dict[str, Origin] = {}

    @hook_impl(trylast=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Refuse inputs that no longer fit, then take the certificate away where the data are made anew."""
        code.remember()
        self._catalog, self._made_here = catalog, frozenset(pipeline.all_outputs())
        self._origins, self._origin_of = Origins(catalog, makers_in_memory(pipeline, catalog)), {}
        self._let_go()
        self._use = _use(catalog, alone=False)
        try:
            _refuse_what_would_be_older(pipeline, catalog)
            refuse_what_does_not_belong(pipeline, catalog)
            _tell_of_erased(catalog, _required(pipeline, catalog))
            _take_certificate_away(pipeline, catalog)
        except BaseException:
            self._let_go()
            raise

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Let go of the data."""
        self._let_go()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Let go of the data."""
        self._let_go()

    def _let_go(self) -> None:
        if self._use is not None:
            self._use.release()
            self._use = None

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        """Note what a node is going to read: a table that changes while it is read is known as changed later."""
        if self._origins is not None and node.name not in self._origin_of:
            self._origin_of[node.name] = self._origins.of(node)

    @hook_impl
    def before_node_run(self, node: Node, catalog: CatalogProtocol) -> dict[str, Any]:
        """Hand out results that no longer fit as absent, where a node takes what there is."""
        self._catalog = catalog  # a worker process starts here
        left_out = absent_inputs(node, self._made_here, catalog)
        for name, why in left_out.items():
            logger.warning("%s is left out: %s", name, why)
        noted = self._origin_of.get(node.name) or Origins(catalog, knows_raw=False).of(node)
        self._origin_of[node.name] = noted.without(left_out)
        return {name: catalog.get(name).absent() for name in left_out}

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Record what the dataset holds and what it was made from."""
        if self._catalog is None or (origin := self._origin_of.get(node.name)) is None:
            return
        place = local_place(self._catalog.get(dataset_name))
        book: RecordBook = self._catalog.get(RECORDS).load()
        erased_since = max(book.erased_since(origin.inputs).values(), default=None)
        if place is not None and erased_since is not None:
            mark_erased(place, erased_since)
        content = None if place is None else fingerprint_of(place)
        if place is None or content is None:
            return
        book.write(
            Record(
                dataset=dataset_name,
                node=node.name,
                fingerprint=content,
                files=files_of(place),
                inputs=origin.inputs,
                parameters=origin.parameters,
                shown=origin.shown,
                around=origin.around | _of_the_moment(data),
                erased_since=erased_since,
            )
        )


def refuse_what_does_not_belong(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Refuse a pipeline that would read what does not belong to the options of today, or not to each other.

    Raises:
        NextactError: Naming what does not fit and the pipeline to run first.
    """
    _refuse_where_an_erasure_is_pending(catalog)
    if found := staleness(catalog).of(_required(pipeline, catalog)):
        raise NextactError(_refusal(found))


def absent_inputs(node: Node, made_here: Collection[str], catalog: CatalogProtocol) -> dict[str, str]:
    """Inputs that a node is handed as absent, with the reason: results that do not fit, where it takes what there is.

    Args:
        node: The node.
        made_here: Datasets that the run makes: these fit.
        catalog: Where they are.
    """
    may_be_absent = [name for name in node.inputs if name not in made_here and _may_be_absent(catalog, name)]
    held = staleness(catalog) if may_be_absent else None
    found = {}
    for name in may_be_absent:
        if held is not None and (stale := held.of([name])):
            found[name] = "; ".join(_first_reasons(stale))
        elif since := catalog.get(RECORDS).load().erased_since([name]):
            found[name] = f"it learnt from a user who was erased at {since[name]}; fit all models anew"
    return found


def makers_in_memory(pipeline: Pipeline, catalog: CatalogProtocol) -> dict[str, Node]:
    """Dataset -> the node that makes it, of those nodes all of whose results are gone when a run ends."""
    return {
        name: node
        for node in pipeline.nodes
        if all(in_memory(catalog, one) for one in node.outputs)
        for name in node.outputs
    }


def staleness(catalog: CatalogProtocol) -> Staleness:
    """What is to be held against the records of a catalog: the files and the parameters of now."""
    made, classes = all_made(), option_classes()
    names = {name for one in pipelines.values() for node in one.nodes for name in node.inputs}
    places = {name: place for name in made if (place := local_place(catalog.get(name))) is not None}
    today = parameters_of(catalog, names, classes)
    count = {name: value for name, value in today.items() if not is_one_of(name, HOW_NOT_WHAT)}
    return Staleness(catalog.get(RECORDS).load(), places, count, classes, made)


@contextmanager
def using(catalog: CatalogProtocol) -> Iterator[None]:
    """Keep erasures from the data of a catalog inside the block.

    Raises:
        NextactError: If one is under way.
    """
    use = _use(catalog, alone=False)
    try:
        yield
    finally:
        use.release()


@contextmanager
def using_alone(catalog: CatalogProtocol) -> Iterator[None]:
    """Keep runs from the data of a catalog inside the block.

    Raises:
        NextactError: If one is under way.
    """
    use = _use(catalog, alone=True)
    try:
        yield
    finally:
        use.release()


def restamp(catalog: CatalogProtocol, changed: Iterable[str]) -> None:
    """Record these datasets as they stand without a user who was erased from them."""
    places = {name: place for name in changed if (place := local_place(catalog.get(name))) is not None}
    catalog.get(RECORDS).load().restamp(places)


def untouched(catalog: CatalogProtocol, names: Iterable[str]) -> list[str]:
    """Those of the datasets that stand as their nodes wrote them."""
    book: RecordBook = catalog.get(RECORDS).load()
    found = []
    for name in names:
        place, record = local_place(catalog.get(name)), book.read(name)
        if place is not None and record is not None and book.current(name, place) == record.fingerprint:
            found.append(name)
    return found


def _use(catalog: CatalogProtocol, alone: bool) -> Use:
    folder = catalog.get(RECORDS).load().folder
    try:
        return Use(folder / IN_USE, alone)
    except HeldError:
        other = "a run is under way" if alone else "a user is being erased"
        raise NextactError(f"{other} over {folder.parent}; wait until it has ended, then try again") from None


def _refuse_where_an_erasure_is_pending(catalog: CatalogProtocol) -> None:
    if ERASED_USERS in catalog and (pending := catalog.load(ERASED_USERS).pending) is not None:
        raise NextactError(
            f"the erasure of a user, begun at {pending.erased_at}, was interrupted; finish it first: call "
            "`kedro erase-user` again with the same --user-id, and the same --env"
        )


def _tell_of_erased(catalog: CatalogProtocol, names: Iterable[str]) -> None:
    """Warn of what is read that a user was erased from since: it serves on, and says so."""
    if since := catalog.get(RECORDS).load().erased_since(names):
        logger.warning(
            "Made with the events of a user who was erased at %s: %s; `kedro run` makes them anew without",
            max(since.values()),
            ", ".join(since),
        )


def _every_node() -> Pipeline:
    """All pipelines as one; of two nodes with one name, as where fewer or more models are gathered, the later."""
    return Pipeline(list({node.name: node for one in pipelines.values() for node in one.nodes}.values()))


def _of_the_moment(data: Any) -> dict[str, str | None]:
    """What nobody can tell later: a model that lacked memory may fit when more is free."""
    return {FREE_MEMORY: None} if isinstance(data, LeftOut) and data.lacked_memory else {}


def _required(pipeline: Pipeline, catalog: CatalogProtocol) -> list[str]:
    return [name for name in sorted(pipeline.inputs()) if not _may_be_absent(catalog, name)]


def _may_be_absent(catalog: CatalogProtocol, name: str) -> bool:
    """Whether nodes take the dataset as absent where it does not fit."""
    return hasattr(catalog.get(name), "absent")


def _refuse_what_would_be_older(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Refuse a run that makes something anew and reads, as it was, what is made from that."""
    whole = _every_node()
    for name in sorted(pipeline.inputs()):
        if name.startswith(PARAMETER) or _may_be_absent(catalog, name) or name not in whole.all_outputs():
            continue
        before = whole.to_outputs(name).all_outputs() - {name}
        if anew := sorted(before & pipeline.all_outputs()):
            raise NextactError(
                f"{name!r} would be read as it was, while this run makes anew what it is made from "
                f"({', '.join(map(repr, anew[:3]))}); add the pipeline {_pipeline_of(name)!r} to the run"
            )


def _take_certificate_away(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """A killed run leaves data that nobody certified, instead of new data under an old certificate."""
    if not _every_node().to_outputs(CERTIFICATE).all_outputs() & pipeline.all_outputs():
        return
    place = local_place(catalog.get(CERTIFICATE))
    if place is not None:
        Path(place).unlink(missing_ok=True)
    catalog.get(RECORDS).load().remove(CERTIFICATE)


def _refusal(found: dict[str, list[str]]) -> str:
    first = min((_pipeline_of(name) for name in found), key=_order)
    lines = list(dict.fromkeys(line for name in sorted(found, key=_place_in_line) for line in found[name]))
    shown, rest = lines[:MOST_LINES], len(lines) - MOST_LINES
    more = [f"and {rest:,} more"] if rest > 0 else []
    listed = "\n  ".join([*shown, *more])
    return (
        "what is stored does not belong to the options and data of this run:\n  "
        f"{listed}\nrun `kedro run --pipelines {first}` first, then the pipelines that follow it"
    )


def _first_reasons(found: dict[str, list[str]]) -> list[str]:
    """The reasons of the datasets that stand first in the line: those after them follow from these."""
    first = min(map(_place_in_line, found))
    return [line for name, lines in found.items() if _place_in_line(name) == first for line in lines]


def _pipeline_of(dataset: str) -> str:
    names = [str(name) for name, one in pipelines.items() if name != "__default__" and dataset in one.all_outputs()]
    return names[0]


def _order(pipeline: str) -> int:
    return list(pipelines).index(pipeline)


def _place_in_line(dataset: str) -> tuple[int, int]:
    """Where a dataset is made: its pipeline, and how many nodes it takes to get there."""
    name = _pipeline_of(dataset)
    return _order(name), len(pipelines[name].to_outputs(dataset).nodes)
