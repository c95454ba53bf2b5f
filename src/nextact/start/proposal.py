"""What an environment will say of one's tables, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ibis

from nextact.errors import NextactError, shorten, suggest
from nextact.events.contract import MOST_EVENT_TYPES
from nextact.start.guess import NEEDED, Guess, Guesses, guess, target_types
from nextact.start.profile import Column, profile
from nextact.start.tables import RawTable

Ask = Callable[[str, Sequence[str], str | None], str]  # question, answers to choose from (none: any), default -> answer

NO_COLUMN = "none"
WHAT = {"user_id": "the user", "item_id": "the item", "timestamp": "the time of an event"}
INTERACTION = "interaction"
CODE = re.compile(r"[\d.]{1,4}|.")  # event types that say nothing


@dataclass(frozen=True)
class Given:
    """What the user said; ``None`` or empty where nothing.

    Attributes:
        roles: Contract column -> raw column, ``None`` for no column.
        timezone: Zone of local times.
        timestamp_format: Format of times.
        event_type_map: Code -> event type.
        targets: Event types that are worth predicting.
    """

    roles: Mapping[str, str | None] = field(default_factory=dict)
    timezone: str | None = None
    timestamp_format: tuple[str, ...] = ()
    event_type_map: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """One table of events with what is understood of it.

    Attributes:
        table: The table.
        columns: What its columns look like.
        guesses: Which column is what.
        event_types: Its event types, the most frequent first.
    """

    table: RawTable
    columns: Mapping[str, Column]
    guesses: Guesses
    event_types: tuple[str, ...]

    def of(self, role: str) -> Column | None:
        """What the column of a role looks like."""
        name = self.guesses.column(role)
        return None if name is None else self.columns[name]


def understand(table: RawTable, given: Given, ask: Ask | None) -> Source:
    """Guess what the columns of a table of events are; ask where two could be it and there is somebody to ask.

    Raises:
        NextactError: If the user, the item or the time cannot be told, with what was seen and what to say.
    """
    columns = profile(table.rows)
    roles = {role: name for role, name in given.roles.items() if name is None or name in columns}
    guesses = guess(columns, roles)
    for role in WHAT:
        guesses = _settled(role, guesses, columns, table, ask)
    name = guesses.column("event_type")
    types = _values(table.rows, name) if name is not None else (_type_of(table.name),)
    if len(types) > MOST_EVENT_TYPES:
        raise NextactError(
            f"{table.name}: {name!r} has more than {MOST_EVENT_TYPES} values and cannot be the event type; say another "
            "column, or --event-type none"
        )
    mapped = tuple(dict.fromkeys(given.event_type_map.get(one, one) for one in types)) if name else types
    return Source(table, columns, guesses, mapped)


def _settled(role: str, guesses: Guesses, columns: Mapping[str, Column], table: RawTable, ask: Ask | None) -> Guesses:
    found = guesses.roles[role]
    if role in guesses.given or (found.column is not None and not found.doubtful):
        return guesses
    if found.column is None and role not in NEEDED:
        return guesses
    option = f"--{role.replace('_', '-')}"
    could_be = [one for one in (found.column, *found.others) if one is not None]
    seen = "; ".join(f"{one} ({_seen(role, columns[one])})" for one in could_be[:3])
    if ask is None:
        first = could_be[0] if could_be else "COLUMN"
        problem = f"could be {seen}" if could_be else f"is none of {', '.join(columns)} as far as names and cells tell"
        raise NextactError(f"{table.name}: {WHAT[role]} {problem}; say which, as in {option} {first}")
    said = ask(f"{table.name}: which column is {WHAT[role]}? {seen}", list(columns), could_be[0] if could_be else None)
    roles = {**guesses.roles, role: Guess(said, "as you said")}
    for other, one in roles.items():
        if other != role and one.column == said:
            roles[other] = Guess(None, "its column is another thing")
    return replace(guesses, roles=roles)


def _seen(role: str, column: Column) -> str:
    if role == "timestamp" and column.time is not None:
        return f"{column.time.in_words}, e.g. {shorten(column.texts[0])}"
    return f"{column.n_distinct:,} different, e.g. {shorten(column.texts[0] if column.texts else None)}"


def _values(rows: ibis.Table, name: str) -> tuple[str, ...]:
    counted = rows.group_by(value=rows[name].cast("string")).aggregate(n=rows.count()).filter(lambda t: t.value != "")
    ordered = counted.order_by(ibis.desc("n"), "value").limit(MOST_EVENT_TYPES + 1)
    return tuple(str(one) for one in ordered.value.to_pyarrow().to_pylist())


def _type_of(table: str) -> str:
    """An event type for a table of one behaviour: its name, where that is one."""
    singular = re.sub(r"(?<=[a-z]{3})s$", "", table)
    return (
        INTERACTION
        if singular in ("event", "interaction", "log", "data", "table", "trans", "user_interaction")
        else singular
    )


@dataclass(frozen=True)
class Proposal:
    """All that an environment says of one's tables.

    Attributes:
        sources: Tables of events.
        event_types: Of all sources.
        targets: Those worth predicting.
        why_targets: In words.
        given: What the user said.
        timezone: Zone of local times.
    """

    sources: tuple[Source, ...]
    event_types: tuple[str, ...]
    targets: tuple[str, ...]
    why_targets: str
    given: Given
    timezone: str

    @property
    def has_local_times(self) -> bool:
        """Whether any cell says a time without its zone."""
        return not self.days_only and any(one.time is not None and "" in one.time.zones for one in self.times())

    def times(self) -> list[Column]:
        """The columns of time of all sources."""
        return [column for source in self.sources if (column := source.of("timestamp")) is not None]

    @property
    def has_times(self) -> bool:
        """Whether all events have times."""
        return len(self.times()) == len(self.sources)

    @property
    def days_only(self) -> bool:
        """Whether times name no hour."""
        return bool(self.times()) and all(one.time is not None and one.time.days_only for one in self.times())

    def mapping(self, source: Source) -> dict[str, Any]:
        """The options of a source: those of :class:`~nextact.events.contract.ColumnMap` that it needs."""
        found: dict[str, Any] = {
            "user_id": source.guesses.column("user_id"),
            "item_id": source.guesses.column("item_id"),
        }
        found["event_type"] = source.guesses.column("event_type")
        if found["event_type"] is None and len(self.event_types) > 1:
            found["event_type_value"] = source.event_types[0]
        if found["event_type"] is not None and self.given.event_type_map:
            found["event_type_map"] = dict(self.given.event_type_map)
        found |= self._time(source)
        value = source.of("value")
        if value is not None:
            found["value"] = value.name
            if value.decimal:
                found["value_decimal"] = value.decimal
        if (session := source.guesses.column("session_id")) is not None:
            found["session_id"] = session
        return found

    def _time(self, source: Source) -> dict[str, Any]:
        column = source.of("timestamp")
        if column is None:
            return {"timestamp": None}
        form = column.time
        found: dict[str, Any] = {"timestamp": column.name}
        if self.given.timestamp_format:
            found["timestamp_format"] = _one_or_all(self.given.timestamp_format)
        elif form is not None and form.unit == "text":
            found["timestamp_format"] = _one_or_all(form.formats)
        elif form is not None and form.unit != "native":
            found["timestamp_unit"] = form.unit
        elif form is None:
            raise NextactError(
                f"{source.table.name}: no known form reads the times of {column.name!r}, "
                f"e.g. {shorten(column.texts[0])}; say it, as in --timestamp-format '%d.%m.%Y %H:%M'"
            )
        if form is None or "" in form.zones:
            found["timezone"] = "UTC" if self.days_only else self.timezone  # midnight elsewhere is another date in UTC
        return found


def _one_or_all(formats: Sequence[str]) -> Any:
    return formats[0] if len(formats) == 1 else list(formats)


def propose(tables: Sequence[RawTable], given: Given, ask: Ask | None) -> Proposal:
    """What an environment says of tables of events.

    Raises:
        NextactError: See :func:`understand`; or if a target is no event type.
    """
    _require_named(tables, given)
    sources = tuple(understand(one, given, ask) for one in tables)
    event_types = tuple(dict.fromkeys(one for source in sources for one in source.event_types))
    _require_types(given.targets, event_types)
    targets, why = (given.targets, "as you said") if given.targets else target_types(event_types)
    proposal = Proposal(sources, event_types, targets, why, given, given.timezone or "UTC")
    if ask is None:
        return proposal
    if proposal.has_local_times and given.timezone is None:
        zone = ask("The times name no zone. Which one is it, as in Europe/Berlin?", (), "UTC")
        proposal = replace(proposal, timezone=zone)
    if len(event_types) > 1 and not given.targets:
        said = ask(f"Which event types are worth predicting, of {', '.join(event_types)}?", (), ",".join(targets))
        chosen = tuple(one.strip() for one in said.split(",") if one.strip())
        _require_types(chosen, event_types)
        proposal = replace(proposal, targets=chosen, why_targets="as you said")
    return proposal


def _require_types(targets: Sequence[str], event_types: Sequence[str]) -> None:
    for one in targets:
        if one not in event_types:
            raise NextactError(f"--targets: no event type {one!r}; event types: {', '.join(event_types)}")


def _require_named(tables: Sequence[RawTable], given: Given) -> None:
    """Of several tables, one has to have the column."""
    known = list(dict.fromkeys(name for table in tables for name in table.columns))
    for role, name in given.roles.items():
        if name is not None and name not in known:
            option = f"--{role.replace('_', '-')}"
            raise NextactError(f"{option}: no column {name!r} in the events; {suggest(name, known)}")


def doubts(proposal: Proposal) -> list[str]:
    """What should be looked at, each with what to say instead."""
    found = [note for source in proposal.sources for note in source.table.notes]
    if proposal.days_only and proposal.given.timezone not in (None, "UTC"):
        found.append(f"times hold the day only and keep their date: {proposal.given.timezone} is not read")
    for source in proposal.sources:
        name = source.table.name
        if source.table.is_cut:
            found.append(f"{name}: only its first {source.table.n_rows:,} rows were looked at ({source.table.size})")
        if source.of("timestamp") is None:
            found.append(
                f"{name}: no column of times, so the order of the rows stands in; if one is, say --timestamp COLUMN"
            )
        found += _doubts_of_time(name, source.of("timestamp"), proposal)
    if len(proposal.event_types) > 1 and all(CODE.fullmatch(one) for one in proposal.event_types):
        first = proposal.event_types[0]
        found.append(f"event types are codes: name them with --event-type-map {first}=view,…")
    return found


def _doubts_of_time(name: str, column: Column | None, proposal: Proposal) -> list[str]:
    if column is None or column.time is None:
        return []
    found = []
    if column.time.either is not None:
        found.append(
            f"{name}: {shorten(column.texts[0])} is read as {column.time.formats[0]}; if day and month stand the "
            f"other way round, say --timestamp-format '{column.time.either}'"
        )
    zones = [one for one in column.time.zones if one]
    if "" in column.time.zones and zones:
        found.append(
            f"{name}: times of {column.name!r} with a zone ({', '.join(zones[:4])}) stand beside times without one, "
            f"which are read in {proposal.timezone}; say --timezone if that is wrong"
        )
    elif "" in column.time.zones and proposal.given.timezone is None and not column.time.days_only:
        found.append(
            f"{name}: the times name no zone and are read in {proposal.timezone}; if they are local times, say "
            "so, as in --timezone Europe/Berlin"
        )
    elif len(zones) > 2:  # summer and winter make two
        found.append(
            f"{name}: times of {column.name!r} have {len(zones)} offsets ({', '.join(zones[:4])}…), each read as said"
        )
    return found
