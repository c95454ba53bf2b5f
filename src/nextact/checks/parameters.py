"""What is wrong with a run's parameters or runner, said before any node runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro_datasets.ibis import FileDataset

from nextact.errors import NextactError, suggest
from nextact.events.contract import EventOptions
from nextact.models.registry import HYBRID, MODELS
from nextact.options import Name, OptionsError, Seed, WholeNumber, check_value
from nextact.protocol import PolicyOptions
from nextact.retrieval.rules.rule_options import RULES
from nextact.text.blocks import BLOCKS, WORDS

COLUMNS, EVENT_TYPES = ("user_id", "item_id", "timestamp"), "event_types"
PLAIN = {"seed": Seed, "summary_users": WholeNumber, "encoder_cache": Name}  # parameters that are no block of options


def parameter_problems(params: Mapping[str, Any]) -> list[str]:
    """What is wrong with values that Kedro does not check: plain ones, and names that another block must know.

    Args:
        params: As the context holds them, blocks of options built already.

    Returns:
        A line each, naming the option as a parameters file writes it.
    """
    found = []
    for name, hint in PLAIN.items():
        try:
            if name in params:
                check_value(name, params[name], hint)
        except OptionsError as error:
            found.append(f"parameters: {error}")
    for place, names, known, kind in _names(dict(_blocks(params))):
        unknown = [name for name in names if name not in known]
        found += [f"parameters: {place}: no {kind} {name!r}; {suggest(name, known)}" for name in unknown]
    return found


def unread_parameters(params: Mapping[str, Any], registered: Mapping[str, Pipeline]) -> list[str]:
    """A line for each parameter that no pipeline reads, with the close match: it is misspelt.

    Args:
        params: By block.
        registered: All pipelines by name.
    """
    inputs = {name for pipeline in registered.values() for name in pipeline.inputs()}
    known = {name.removeprefix("params:") for name in inputs if name.startswith("params:")}
    return [f"parameters: nothing reads {name!r}; {suggest(name, known)}" for name in _leaves(params, known)]


def _leaves(parameters: Mapping[str, Any], known: set[str], prefix: str = "") -> list[str]:
    """Dotted names in ``parameters`` that neither are in use nor lead to one that is."""
    unknown = []
    for key, value in parameters.items():
        name = f"{prefix}{key}"
        if name in known:
            continue
        if isinstance(value, Mapping) and any(other.startswith(f"{name}.") for other in known):
            unknown += _leaves(value, known, f"{name}.")
        else:
            unknown.append(name)
    return unknown


def require_stated(params: Mapping[str, Any], folder: str) -> None:
    """Refuse parameters that leave out what no default can stand in for.

    Args:
        params: As the files and the command line say them.
        folder: Of the environment, to name the file to write into.

    Raises:
        NextactError: Naming everything that is missing.
    """
    events, policy = params.get("events"), params.get("policy")
    missing = list(_unstated(events)) if _is_block(events, EventOptions) else []
    if _is_block(policy, PolicyOptions) and "exclude_seen" not in policy:
        missing.append("policy.exclude_seen")
    if missing:
        raise NextactError(
            f"parameters: nothing states {', '.join(missing)}; write it into {folder}/parameters.yml "
            "(docs/data_contract.md, 'Your own tables')"
        )


def _is_block(block: Any, kind: type[Any]) -> TypeGuard[Mapping[str, Any]]:
    """Whether a block is one, and nothing in it is misspelt: Kedro's own check names that, with its close match."""
    return isinstance(block, Mapping) and set(block) <= {one.name for one in dataclasses.fields(kind)}


def _unstated(events: Mapping[str, Any]) -> Iterator[str]:
    """What ``events`` leaves out; a column may be stated for each source instead."""
    sources = events.get("sources")
    for name in COLUMNS:
        if name in events:
            continue
        if isinstance(sources, Mapping) and sources:
            yield from (f"events.sources.{key}.{name}" for key, one in sources.items() if name not in (one or {}))
        else:
            yield f"events.{name}"
    if EVENT_TYPES not in events:
        yield f"events.{EVENT_TYPES}"


def check_inputs(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Refuse a run that reads a parameter which nothing sets.

    Raises:
        NextactError: Naming the parameter.
    """
    for name in sorted(pipeline.inputs()):
        if name.startswith("params:") and name not in catalog:
            raise NextactError(f"parameters: nothing sets {name.removeprefix('params:')!r}, which this run reads")


def check_runner(runner: str, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Refuse a runner that cannot run these nodes.

    Args:
        runner: As the run's record names it.
        pipeline: The nodes.
        catalog: Their datasets.

    Raises:
        NextactError: Naming a runner that can.
    """
    if "ParallelRunner" in runner:
        made_here = [node.name for node in pipeline.nodes if "<locals>" in node.func.__qualname__]
        _refuse(made_here, "ParallelRunner", "a function made for each model reaches no other process")
    if "ThreadRunner" in runner:
        tables = [node.name for node in pipeline.nodes if any(_is_table(catalog, name) for name in _stored(node))]
        _refuse(tables if len(tables) > 1 else [], "ThreadRunner", "one connection to DuckDB serves one thread")


def _refuse(nodes: list[str], runner: str, why: str) -> None:
    if nodes:
        more = f" and {len(nodes) - 1} more" if len(nodes) > 1 else ""
        raise NextactError(f"{runner} cannot run node {nodes[0]!r}{more}: {why}; use SequentialRunner")


def _stored(node: Any) -> list[str]:
    return [name for name in (*node.inputs, *node.outputs) if not name.startswith("param")]


def _is_table(catalog: CatalogProtocol, name: str) -> bool:
    return isinstance(catalog.get(name), FileDataset)


def _blocks(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Blocks of options by their dotted name."""
    for key, value in params.items():
        if dataclasses.is_dataclass(value):
            yield f"{prefix}{key}", value
            yield from _blocks(vars(value), f"{prefix}{key}.")
        elif isinstance(value, Mapping):
            yield from _blocks(value, f"{prefix}{key}.")


def _names(blocks: Mapping[str, Any]) -> Iterator[tuple[str, Iterable[str], Iterable[str], str]]:
    """Each option that names things: its place, the names, those that are known, and what they are called."""
    words = [*BLOCKS, WORDS, *(f"{WORDS}_{name}" for name in getattr(blocks.get("item_words"), "columns", ()))]
    members = [name for family, models in MODELS.items() if family != HYBRID for name in models]
    event_types = getattr(blocks.get("events"), "event_types", None)
    of_kind: dict[str, tuple[Iterable[str] | None, str]] = {
        "target_event_types": (event_types, "event type"),
        "event_weights": (event_types, "event type"),
        "rewards": (event_types, "event type"),
        "members": (members, "model"),
        "blocks": (BLOCKS, "block of item vectors"),
        "newest_blocks": (BLOCKS, "block of item vectors"),
        "diversity_block": (BLOCKS, "block of item vectors"),
        "block": (words, "block of item vectors"),
    }
    seen = getattr(blocks.get(RULES), "seen", None)
    if isinstance(seen, dict) and event_types is not None:
        yield f"{RULES}.seen", next(iter(seen.values())), event_types, "event type"
    for place, block in blocks.items():
        for option, (known, kind) in of_kind.items():
            value = getattr(block, option, None)
            if value is not None and known is not None:
                yield f"{place}.{option}", [value] if isinstance(value, str) else list(value), known, kind
