"""What was understood of one's tables, what would become of their rows, and how to go on: one page of text."""

from __future__ import annotations

from pathlib import Path

from nextact.events.cleaning import ACCEPTED
from nextact.start.preview import Preview, pause_in_words
from nextact.start.proposal import Source, doubts
from nextact.start.side_tables import in_words, require_ids
from nextact.start.understood import Understood

STOPS_ABOVE = 0.05  # events.stop_above_rejected_share, where nothing else is stated
FEW_ITEMS = 5
WIDEST = 30  # characters of a cell


def report(found: Understood, conf: Path) -> str:
    """The page."""
    parts = [_tables(found), _guesses(found), _rows(found.tried), _advice(found), _doubts(found), _next(found, conf)]
    return "\n\n".join(part for part in parts if part)


def _tables(found: Understood) -> str:
    lines = ["Tables"]
    for source in found.proposal.sources:
        table = source.table
        more = "the first " if table.is_cut else ""
        lines.append(f"  events {table.name}: {more}{table.n_rows:,} rows, {len(table.columns)} columns ({table.size})")
    if found.items is not None:
        lines.append(f"  {in_words(found.items, 'items')}")
    else:
        described = f", described by {', '.join(found.describing)}" if found.describing else ""
        lines.append(f"  items: no table, so each item of the events once{described}")
    if found.users is not None:
        lines.append(f"  {in_words(found.users, 'users')}")
    return "\n".join(lines)


def _guesses(found: Understood) -> str:
    lines = ["Columns"]
    for source in found.proposal.sources:
        prefix = f"{source.table.name}: " if len(found.proposal.sources) > 1 else ""
        lines += [f"  {prefix}{told}" for told in _of_source(source)]
    proposal = found.proposal
    if len(proposal.event_types) > 1:
        lines.append(f"  event types: {', '.join(proposal.event_types)}")
    lines.append(f"  targets: {', '.join(proposal.targets)}: {proposal.why_targets}")
    return "\n".join(lines)


def _of_source(source: Source) -> list[str]:
    lines = []
    for role, guess in source.guesses.roles.items():
        if guess.column is None:
            lines.append(
                f"{role}: none" + (f" ({', '.join(guess.others)}?)" if guess.others and role == "event_type" else "")
            )
            continue
        column = source.columns[guess.column]
        others = (
            f"; or {', '.join(guess.others)}" if guess.others and role in ("user_id", "item_id", "timestamp") else ""
        )
        example = f", e.g. {column.texts[0]!r}" if column.texts else ""
        lines.append(f"{role}: {guess.column} ({guess.why}{example}{others})")
    return lines


def _rows(tried: Preview) -> str:
    n = sum(tried.counts.values())
    lines = [f"Rows: {tried.counts.get(ACCEPTED, 0):,} of {n:,} would be accepted"]
    for reason, count in sorted(tried.counts.items(), key=lambda one: -one[1]):
        if reason != ACCEPTED:
            lines.append(f"  rejected: {reason}: {count:,}, e.g. {tried.examples[reason]}")
    if tried.rejected_share > STOPS_ABOVE:
        lines.append(
            f"  {tried.rejected_share:.1%} are more than the 5 % at which a run stops: put the column right, or raise "
            "events.stop_above_rejected_share"
        )
    return "\n".join([*lines, *_first_rows(tried)])


def _first_rows(tried: Preview) -> list[str]:
    if not tried.rows:
        return []
    names = list(tried.rows[0])
    cells = [names, *([_cut(row[name]) for name in names] for row in tried.rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(names))]
    padded = (
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )
    return ["  as understood:", *padded]


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _advice(found: Understood) -> str:
    figures, advice = found.tried.figures, found.tried.advice
    if figures is None or advice is None:
        return ""
    when = f", {figures.first[:10]} to {figures.last[:10]}" if figures.first else ""
    seen = "may be recommended again" if not advice.exclude_seen else "are left out of the lists"
    lines = [
        "What suits",
        f"  {figures.users:,} users, {figures.items:,} items, {figures.events:,} events{when}",
        f"  split.kind: {advice.kind}: {advice.why_kind}",
        f"  policy.exclude_seen: {str(advice.exclude_seen).lower()}: {figures.seen_again:.0%} of the targets are items "
        f"that their user had before, so these {seen}",
        f"  {figures.ties:.0%} of the events share their moment with another one of their user, and are one step with "
        f"it; {pause_in_words(figures)}",
    ]
    if advice.new_items > 0:
        lines.append(f"  {advice.new_items:.0%} of the targets are items without a training event before the split")
    if advice.min_item_events > 1:
        lines.append(f"  filter.min_item_events: {advice.min_item_events}: {advice.why_core}")
    return "\n".join(lines)


def _doubts(found: Understood) -> str:
    lines = doubts(found.proposal)
    if found.tried.figures is not None and found.tried.figures.items < FEW_ITEMS:
        lines.append(_few_items(found.tried.figures.items))
    for side, what in ((found.items, "items"), (found.users, "users")):
        if side is not None:
            lines += [*side.table.notes, *filter(None, [require_ids(side, what)])]
    return "\n".join(["To check", *(f"  {one}" for one in lines)]) if lines else ""


def _few_items(n: int) -> str:
    there = f"there are {n} items: little to choose from"
    one = "there is one item: a run can say when users come back, but there is nothing to choose from"
    return f"{one if n == 1 else there}; is --item-id another column?"


def _next(found: Understood, conf: Path) -> str:
    name = found.wanted.name
    files = f"{conf.name}/{name}/{{globals,catalog,parameters}}.yml"
    return (
        f"Written: {files}. Go on with\n"
        f"  kedro run --env {name} --pipelines data_processing   # the contract over all rows, with a quality report\n"
        f"  kedro run --env {name}                               # models, evaluation, recommendations"
    )
