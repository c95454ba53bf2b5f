"""The text of the files of an environment."""

from __future__ import annotations

from collections.abc import Sequence

from nextact.events import columns as c
from nextact.start.guess import NEEDED
from nextact.start.proposal import Proposal, Source
from nextact.start.side_tables import Side
from nextact.start.tables import RawTable
from nextact.start.understood import Understood
from nextact.start.write import block, flow, line

SOURCES = "nextact.datasets.sources.SourcesDataset"
DISTINCT = "nextact.datasets.distinct.DistinctDataset"
LAYER = "  metadata: {kedro-viz: {layer: raw}}"
NEW_ITEMS = 0.1  # share of the targets from which on text has to speak for items that are new
FEW_VALUES = 50  # of a column of the events that is to make slices


def written(found: Understood) -> dict[str, str]:
    """File -> text of the environment."""
    return {
        "globals.yml": f"# Results of this environment go here, apart from others'.\ndata: data/{found.wanted.name}\n",
        "catalog.yml": _catalog(found),
        "parameters.yml": _parameters(found),
    }


def _catalog(found: Understood) -> str:
    tables = [source.table for source in found.proposal.sources]
    sides = [side.table for side in (found.items, found.users) if side is not None]
    parts = ["# Where your tables are. Text files are read as text, so that ids keep their leading zeros."]
    if any(_needs_connection(one) for one in [*tables, *sides]):
        parts.append("_connection: &connection ${globals:engines.${globals:engine}.connection}")
    parts += [_of_events(tables, anchored=found.items is None), _of_items(found)]
    if found.users is not None:
        parts.append(_of_side("raw_users", found.users, c.USER_ID))
    return "\n\n".join(parts) + "\n"


def _needs_connection(table: RawTable) -> bool:
    return bool(table.entry["type"] == "ibis.FileDataset")


def _entry(table: RawTable, indent: int) -> list[str]:
    lines = [line(key, value, indent=indent) for key, value in table.entry.items()]
    return [*lines, f"{' ' * indent}connection: *connection"] if _needs_connection(table) else lines


def _of_events(tables: Sequence[RawTable], anchored: bool) -> str:
    if len(tables) == 1:
        anchor = " &events" if anchored else ""
        return "\n".join([f"raw_events:{anchor} # {', '.join(tables[0].columns)}", *_entry(tables[0], 2), LAYER])
    lines = ["raw_events:", f"  type: {SOURCES}", "  sources:"]
    for table in tables:
        anchor = f" &{table.name}" if anchored else ""
        lines += [f"    {flow(table.name)}:{anchor} # {', '.join(table.columns)}", *_entry(table, 6)]
    return "\n".join([*lines, LAYER])


def _of_items(found: Understood) -> str:
    if found.items is not None:
        return _of_side("raw_items", found.items, c.ITEM_ID)
    lines = ["raw_items: # there is no item table: each item of the events once", f"  type: {DISTINCT}", "  tables:"]
    for source in found.proposal.sources:
        anchor = "events" if len(found.proposal.sources) == 1 else source.table.name
        lines.append(f"    - {{table: *{anchor}, id: {flow(source.guesses.column(c.ITEM_ID))}}}")
    if found.describing:
        lines.append(line("columns", list(found.describing)))
    return "\n".join([*lines, LAYER])


def _of_side(name: str, side: Side, contract_name: str) -> str:
    told = f"{name}: # {', '.join(side.table.columns)}"
    if not side.repeats:
        return "\n".join([told, *_entry(side.table, 2), LAYER])
    others = [one for one in side.table.columns if one not in (side.id, contract_name)]
    lines = [
        told,
        f"  type: {DISTINCT} # some ids repeat or are missing: the first row of each",
        line("id", side.id),
        "  tables:",
    ]
    lines += ["    - table:", *_entry(side.table, 8), line("id", side.id, indent=6), line("columns", others)]
    return "\n".join([*lines, LAYER])


def _parameters(found: Understood) -> str:
    advice = found.tried.advice
    parts = [
        "# What `kedro start-env` understood of your tables. A wrong guess is one edit; all options there are:\n"
        "# docs/data_contract.md and the classes that conf/base/parameters.yml names.",
        block("events", _events_lines(found)),
    ]
    if found.items is not None and found.items.id != c.ITEM_ID:
        parts.append(block("items", [line("item_id", found.items.id)]))
    parts.append(block("item_text", [line("text_columns", _text_columns(found), "what a text model reads of an item")]))
    kind, why = (advice.kind, advice.why_kind) if advice else ("global_time", "")
    split = [line("kind", kind, why)]
    targets = list(found.proposal.targets)
    if len(found.proposal.event_types) > 1:
        split.append(line("target_event_types", targets, found.proposal.why_targets))
    parts.append(block("split", split))
    if advice and advice.min_item_events > 1:
        parts.append(block("filter", [line("min_item_events", advice.min_item_events, advice.why_core)]))
    if advice and advice.new_items > NEW_ITEMS and _text_columns(found):
        why = f"{advice.new_items:.0%} of the targets are items without a training event: their text can say something"
        parts.append(block("vocabulary", [line("cold_items", True, why)]))
    parts += [block("policy", [_policy(found)]), *_groups(found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _policy(found: Understood) -> str:
    figures = found.tried.figures
    share = (
        f"{figures.seen_again:.0%} of the targets are items that their user had before"
        if figures
        else "nothing was accepted"
    )
    return line("exclude_seen", bool(found.tried.advice and found.tried.advice.exclude_seen), share)


def _events_lines(found: Understood) -> list[str]:
    proposal, lines = found.proposal, []
    if len(proposal.sources) == 1:
        lines += _mapping_lines(proposal, proposal.sources[0], 2)
    lines.append(line("event_types", list(proposal.event_types), "any other value is rejected"))
    if len(proposal.sources) > 1:
        lines.append("  sources:")
        for source in proposal.sources:
            lines += [f"    {flow(source.table.name)}:", *_mapping_lines(proposal, source, 6)]
    if "repeat_columns" in found.events:
        lines.append(line("repeat_columns", [], "times hold the day only, so two equal rows may be two events"))
    if "earliest" in found.events:
        lines.append(line("earliest", found.events["earliest"], "the default is 1970"))
    return lines


def _mapping_lines(proposal: Proposal, source: Source, indent: int) -> list[str]:
    lines = []
    for key, value in proposal.mapping(source).items():
        guess = source.guesses.roles.get(key)
        why = guess.why if guess is not None and guess.column is not None else ""
        if guess is not None and guess.column is not None and guess.others and key in NEEDED:
            why += f"; or {', '.join(guess.others[:2])}"
        lines.append(line(key, value, why or WHY.get(key, ""), indent))
    return lines


WHY = {
    "event_type": "one behaviour only",
    "timezone": "of times that name no zone",
    "timestamp": "no column of times: the order of the rows stands in",
    "value_decimal": "as people write amounts: currencies and grouped thousands are read, too",
}


def _text_columns(found: Understood) -> list[str]:
    if found.items is not None:
        return list(found.items.texts)
    if found.describing:
        return list(found.describing)
    items = [source.of(c.ITEM_ID) for source in found.proposal.sources]
    return [c.ITEM_ID] if all(one is not None and one.is_words for one in items) else []


def _groups(found: Understood) -> list[str]:
    """Slices of the evaluation, and the colours of the catalogue's map."""
    columns = found.proposal.sources[0].columns
    few = tuple(one for one in found.describing if columns[one].n_distinct <= FEW_VALUES)
    groups = few if found.items is None else found.items.groups
    parts, lines = [], []
    if groups:
        parts.append(block("catalogue_map", [line("colour_by", groups[0])]))
        lines += [line("category_column", groups[0]), line("item_columns", list(groups[:3]))]
    if found.users is not None:
        lines += [line("user_id", found.users.id), line("user_columns", list(found.users.groups[:3]))]
    return [*parts, block("evaluation", lines)]
