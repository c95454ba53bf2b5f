"""``nextact.fit``: from two data frames to a model that recommends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import pandas as pd

from nextact.errors import NextactError
from nextact.events.clock_text import require_formats
from nextact.events.erase import ErasedUsers
from nextact.events.timezones import require_timezone
from nextact.frames.fitted import Fitted, rows_of
from nextact.frames.frame_model import FrameModel
from nextact.frames.line import line_of, run_line, wanted_models, with_members
from nextact.frames.parameters import BASE, inputs_of, merged
from nextact.frames.tables import own_engine, read_tables
from nextact.models.registry import HYBRID, MODELS
from nextact.pipelines.feature_engineering.nodes import ItemTextOptions
from nextact.processes.scratch import scratch_folder
from nextact.retrieval.rules.rule_options import DiversityOptions
from nextact.start.proposal import NO_COLUMN, Given


def fit(
    events: pd.DataFrame,
    items: pd.DataFrame | None = None,
    model: str | Collection[str] | None = None,
    *,
    user_id: str | None = None,
    item_id: str | None = None,
    timestamp: str | None = None,
    event_type: str | None = None,
    value: str | None = None,
    session_id: str | None = None,
    items_id: str | None = None,
    timestamp_format: str | None = None,
    timezone: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> FrameModel:
    """Fit models on the events of frames, choose one on validation and make it ready to recommend.

    The frames are read, cleaned, split and learnt from by the nodes of the pipelines. What an environment would state
    of such tables is guessed as ``kedro start-env`` does, and :attr:`FrameModel.parameters` shows it.

    Args:
        events: A row an event: user, item, time, perhaps a type, an amount and a session. It is not changed.
        items: A row an item: its id, and columns of words that describe it.
        model: A name (``"ease"``) fits that one and lets it serve; several names or a family (``"baselines"``,
            ``["baselines", "gpt2", "stacked"]``) are compared on validation, which chooses. Without, the baselines are
            compared, which takes seconds to minutes; networks and hybrids take longer. A hybrid's members are fitted
            with it.
        user_id: Column of the user; guessed, if left out, as are the others. ``"none"`` says that there is no such
            column.
        item_id: Column of the item.
        timestamp: Column of the time; with ``"none"`` the order of the rows stands in.
        event_type: Column of the behaviour.
        value: Column of an amount or rating.
        session_id: Column of a basket or session.
        items_id: Column of the id in ``items``.
        timestamp_format: How times are written, as ``strptime`` has it.
        timezone: Zone of times that name none, as in ``"Europe/Berlin"``; UTC, if left out.
        parameters: Blocks of options as ``parameters.yml`` has them, over what is guessed, as in
            ``{"policy": {"exclude_seen": True}, "filter": {"min_item_events": 5}}``.

    Returns:
        The model that serves, with the leaderboard and every user's history.

    Raises:
        NextactError: If a frame cannot be read, a column cannot be told, an option or a model is unknown, too few users
            are left to choose on, or the one model asked for could not be fitted; with place, problem, count, example.
    """
    said = {
        "user_id": user_id,
        "item_id": item_id,
        "timestamp": timestamp,
        "event_type": event_type,
        "value": value,
        "session_id": session_id,
    }
    given = Given(
        roles={role: None if name == NO_COLUMN else name for role, name in said.items() if name is not None},
        timezone=_checked(require_timezone, timezone),
        timestamp_format=() if _checked(require_formats, timestamp_format) is None else (str(timestamp_format),),
    )
    asked = wanted_models(model)
    with scratch_folder("frames") as folder, own_engine():
        raw = read_tables(events, items, given, items_id, folder)
        stated = merged(BASE, raw.parameters, _plain(parameters))
        names = with_members(asked, stated)
        stated = merged({"item_text": {"blocks": _blocks(names, stated)}}, stated)
        chosen = asked[0] if isinstance(model, str) and len(asked) == 1 else None
        pipeline = line_of(names, chosen)
        inputs = inputs_of(pipeline, stated, folder)
        tables = {"raw_events": raw.events, "raw_items": raw.items, "erased_users": ErasedUsers.from_json({})}
        made = run_line(pipeline, inputs | tables, folder, chosen)
        fitted = Fitted(
            parameters=merged(raw.parameters, _plain(parameters)),
            rows=made["event_counts"].rows_by_reason,
            leaderboard=rows_of(made["leaderboard"]),
            left_out={one.name: one.left_out for one in made["leaderboard"].left_out},
            reason=made["chosen_model"].reason,
        )
        return FrameModel.of(fitted, made["packaged_model"], made["users"], made["histories"])


def _checked(check: Callable[[str], object], value: str | None) -> str | None:
    try:
        if value is not None:
            check(value)
    except ValueError as error:
        raise NextactError(str(error)) from None
    return value


def _plain(parameters: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if parameters is not None and not isinstance(parameters, Mapping):
        raise NextactError(f"parameters: a mapping of blocks is needed, got {type(parameters).__name__}")
    return parameters or {}


def _blocks(models: Collection[str], parameters: Mapping[str, Any]) -> list[str]:
    """Of the blocks of item vectors that a run makes by default those that one of the models, or a rule, reads."""
    diversity = (parameters.get("rules") or {}).get("diversity")
    read = set() if diversity is None else {DiversityOptions(**diversity).block}
    for family, entries in MODELS.items():
        for name in set(entries) & set(models):
            options = entries[name].options(**parameters.get(family, {}).get(name, {}).get("options", {}))
            read |= {*entries[name].blocks_read(options)}
            read |= {*getattr(options, "newest_blocks", ())} if family == HYBRID else set()
    return [name for name in ItemTextOptions(text_columns=()).blocks if name in read]
