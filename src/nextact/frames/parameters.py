"""The parameters of a run over frames: those of ``conf/base``, what was guessed of the tables, what was stated."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.pipeline import Pipeline
from kedro.validation.type_extractor import TypeExtractor

from nextact.checks.parameters import parameter_problems, unread_parameters
from nextact.errors import NextactError, shorten
from nextact.pipeline_registry import register_pipelines

PARAMETER = "params:"
# What conf/base/parameters.yml says beyond the defaults of the classes, but for places in a project; a test holds that.
BASE: dict[str, Any] = {
    "seed": 0,
    "item_text": {"text_columns": []},
    "sequence": {
        "nextact": {"options": {"backbone": {"name": "nextact"}}},
        "bert": {"options": {"backbone": {"name": "bert"}, "loss": {"objective": "masked"}}},
    },
}


def merged(*blocks: Mapping[str, Any]) -> dict[str, Any]:
    """Blocks of parameters, a later one changing single keys of an earlier one.

    Example:
        >>> merged({"split": {"kind": "global_time", "baskets": True}}, {"split": {"baskets": False}})
        {'split': {'kind': 'global_time', 'baskets': False}}
    """
    found: dict[str, Any] = {}
    for block in blocks:
        for name, value in block.items():
            inner = found.get(name)
            if isinstance(inner, dict) and isinstance(value, Mapping):
                found[name] = merged(inner, value)
            else:
                found[name] = copy.deepcopy(value)
    return found


def inputs_of(pipeline: Pipeline, parameters: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The parameters that a pipeline reads, as its nodes take them.

    Args:
        pipeline: The nodes.
        parameters: Plain values, by block.
        folder: Where the encoder keeps its vectors.

    Returns:
        Dataset name (``params:…``) -> value, blocks of options built and checked.

    Raises:
        NextactError: If nothing reads a parameter, or one has a wrong value.
    """
    if unread := unread_parameters(parameters, register_pipelines()):
        raise NextactError("\n".join(unread))
    kinds: dict[str, Any] = TypeExtractor({"frames": pipeline}).extract_types_from_pipelines()
    given = merged({"encoder_cache": str(folder / "encoder_cache")}, parameters)
    names = [name.removeprefix(PARAMETER) for name in pipeline.inputs() if name.startswith(PARAMETER)]
    built = {name: _built(given, name, kinds.get(name)) for name in sorted(names)}
    if problems := parameter_problems(_nested(built)):
        raise NextactError("\n".join(problems))
    return {f"{PARAMETER}{name}": value for name, value in built.items()}


def _built(given: Mapping[str, Any], name: str, kind: Any) -> Any:
    value: Any = given
    for part in name.split("."):
        value = value.get(part, {}) if isinstance(value, Mapping) else {}
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        return value
    if not isinstance(value, Mapping):
        raise NextactError(f"parameters: {name} must be a block of options, got {shorten(value)}")
    return kind(**value)


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Values by block, as the checks read them; names inside a built block stand in it already."""
    found: dict[str, Any] = {}
    for name, value in flat.items():
        *outer, last = name.split(".")
        place: Any = found
        for part in outer:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[last] = value
    return found
