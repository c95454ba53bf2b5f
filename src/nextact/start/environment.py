"""An environment of one's own tables: looked at, understood, tried, written down and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ibis

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.events import reasons
from nextact.events.reading import read_id
from nextact.start.file_texts import written
from nextact.start.page import report
from nextact.start.preview import Preview, preview
from nextact.start.proposal import Ask, Proposal, propose
from nextact.start.side_tables import Side, understand_side
from nextact.start.tables import RawTable, open_table
from nextact.start.understood import Understood, Wanted
from nextact.start.write import require_name, write_environment

OLDEST = "1000-01-01"
DEPENDS = 1.02  # different values an item, on average, of a column that describes it


def start_environment(wanted: Wanted, project: Path, conf: Path, ask: Ask | None) -> str:
    """Write ``conf/NAME`` for one's tables; what was understood, in words.

    Args:
        wanted: What the user asks for.
        project: Root of the project.
        conf: Its folder of environments.
        ask: Asks the user; ``None`` where nobody answers.

    Raises:
        NextactError: If something cannot be read or told, with what was seen and what to say; nothing is written then.
    """
    require_name(wanted.name, conf)
    if not wanted.events:
        raise NextactError("name your events, as in --events FILE; several files at once, or URL#TABLE of a database")
    before = ibis.options.default_backend
    ibis.set_backend(ibis.duckdb.connect())
    try:
        understood = understand_all(wanted, project, ask)
        write_environment(conf, wanted.name, written(understood))
        return report(understood, conf)
    finally:
        ibis.options.default_backend = before


def understand_all(wanted: Wanted, project: Path, ask: Ask | None) -> Understood:
    """Look at all tables and try the rows."""
    tables = _named_apart([open_table(one, project, wanted.header, wanted.columns) for one in wanted.events])
    proposal = propose(tables, wanted.given, ask)
    events, tried = _try(proposal)
    sides: dict[str, Side | None] = {}
    for what, place, said, role in (
        ("items", wanted.items, wanted.items_id, c.ITEM_ID),
        ("users", wanted.users, wanted.users_id, c.USER_ID),
    ):
        table = None if place is None else open_table(place, project, wanted.header)
        name = proposal.sources[0].guesses.column(role) or role
        sides[what] = None if table is None else understand_side(table, _ids(proposal, role), name, said, what)
    describing = () if sides["items"] is not None else _describing(proposal)
    return Understood(wanted, proposal, tried, sides["items"], sides["users"], describing, events)


def _named_apart(tables: Sequence[RawTable]) -> list[RawTable]:
    """Tables whose files have one name in different folders are numbered."""
    found: dict[str, RawTable] = {}
    for table in tables:
        name, at = table.name, 1
        while name in found:
            at += 1
            name = f"{table.name}_{at}"
        found[name] = replace(table, name=name)
    return list(found.values())


def _try(proposal: Proposal) -> tuple[dict[str, Any], Preview]:
    """The block ``events``, and what becomes of the rows under it."""
    events = events_block(proposal)
    raw = _raw(proposal)
    tried = preview(raw, events, proposal.targets, proposal.days_only)
    if tried.counts.get(reasons.TOO_EARLY) and all(
        one.time and one.time.unit in ("iso", "text", "native") for one in proposal.times()
    ):
        older = preview(raw, events | {"earliest": OLDEST}, proposal.targets, proposal.days_only)
        if older.figures is not None:
            events["earliest"] = f"{older.figures.first[:4]}-01-01"
            tried = older
    return events, tried


def _raw(proposal: Proposal) -> Any:
    if len(proposal.sources) == 1:
        return proposal.sources[0].table.rows
    return {source.table.name: source.table.rows for source in proposal.sources}


def events_block(proposal: Proposal) -> dict[str, Any]:
    """The block ``events`` of the parameters."""
    sources = proposal.sources
    found: dict[str, Any] = proposal.mapping(sources[0]) if len(sources) == 1 else {}
    found["event_types"] = list(proposal.event_types)
    if len(sources) > 1:
        found["sources"] = {source.table.name: proposal.mapping(source) for source in sources}
    if proposal.days_only:
        found["repeat_columns"] = []
    return found


def _ids(proposal: Proposal, role: str) -> ibis.Table:
    """The different ids of the events, as one column ``id``."""
    parts = []
    for source in proposal.sources:
        name = source.guesses.column(role)
        rows = source.table.rows
        parts.append(rows.select(id=read_id(rows[name], role, str(name)).values))
    whole = parts[0].union(*parts[1:]) if len(parts) > 1 else parts[0]
    return whole.filter(whole["id"].notnull() & (whole["id"].strip() != "")).distinct().cache()


def _describing(proposal: Proposal) -> tuple[str, ...]:
    """Columns of words in the one table of events that have one value an item."""
    if len(proposal.sources) > 1:
        return ()
    source = proposal.sources[0]
    item, rows = source.guesses.column(c.ITEM_ID), source.table.rows
    roles = {guess.column for guess in source.guesses.roles.values()}
    found = []
    for name, column in source.columns.items():
        if name in roles or not column.is_words or column.n_distinct < 2:
            continue
        pairs = rows.select(item=rows[item], cell=rows[name]).filter(lambda t: t.cell.notnull()).distinct()
        counted = pairs.aggregate(pairs=pairs.count(), items=pairs["item"].nunique()).to_pyarrow().to_pylist()[0]
        if counted["pairs"] <= DEPENDS * max(counted["items"], 1):
            found.append(name)
    return tuple(found)
