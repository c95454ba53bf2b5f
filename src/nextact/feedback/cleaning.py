"""Name the feedback rows that break the contract; none is dropped, each keeps its reason."""

from __future__ import annotations

from collections.abc import Sequence

import ibis

from nextact.errors import TableError
from nextact.events import columns as c
from nextact.events import reasons
from nextact.events.cleaning import count_reasons, shown
from nextact.events.erase import ErasedUsers, reject_erased
from nextact.events.reading import UNITS_PER_SECOND
from nextact.events.tables import as_table
from nextact.events.units import other_reading
from nextact.feedback import columns as f
from nextact.feedback.contract import FEEDBACK, FeedbackOptions, empty_feedback
from nextact.feedback.rows import ODD_SHOWN_AT, to_contract

SECOND_OUTCOME = "shows what an earlier row shows, with another outcome"


def clean_feedback(
    raw: object | None, options: FeedbackOptions, event_types: Sequence[str], erased: ErasedUsers | None = None
) -> ibis.Table:
    """Every raw row in the contract's columns, with ``rejected_reason`` null where the row is good.

    Args:
        raw: One row per shown item; an Ibis table or a frame, or None where nothing was logged yet.
        options: Column mapping and limits.
        event_types: Declared behaviours; an outcome must be one of them.
        erased: Users who asked to be erased; their rows are emptied, see :func:`~nextact.events.erase.reject_erased`.

    Returns:
        The columns of :data:`~nextact.feedback.contract.SCHEMA`, ``rejected_reason`` and ``rejected_cells``; no rows
        for None or a table without rows. What is wrong with a row alone comes first, see
        :func:`~nextact.feedback.rows.to_contract`, then repeats, see :func:`mark_repeats`.

    Raises:
        TableError: If more than ``stop_above_rejected_share`` of the rows are rejected.
        NextactError: If a mapped column is missing or holds the wrong kind of values.
    """
    if raw is None:
        return empty_feedback().mutate(**dict.fromkeys((c.REJECTED_REASON, c.REJECTED_CELLS), ibis.null("string")))
    rows = mark_repeats(to_contract(raw, options, event_types).cache()).cache()
    _stop_if_mostly_rejected(rows, options, raw)
    return rows if erased is None else reject_erased(rows, erased)


def mark_repeats(rows: ibis.Table) -> ibis.Table:
    """Give good rows a reason that show what an earlier good row shows.

    One row is one item shown once: same user, item, rank, moment, slot and request. The first row in the table stays;
    a later one repeats it, or reports :data:`SECOND_OUTCOME` of the same showing, which would count it as shown twice.
    """
    shown = [c.USER_ID, c.ITEM_ID, f.RANK, f.SHOWN_AT, f.SLOT, f.REQUEST_ID, c.REJECTED_REASON]
    in_order = ibis.window(group_by=shown, order_by=c.SOURCE_ROW)
    outcome = rows[f.OUTCOME].fill_null("")
    rows = rows.mutate(_nth=ibis.row_number().over(in_order), _first=outcome.first().over(in_order))
    why = (rows[f.OUTCOME].fill_null("") == rows["_first"]).ifelse(reasons.REPEAT, SECOND_OUTCOME)
    reason = rows[c.REJECTED_REASON]
    marked = rows.mutate(**{c.REJECTED_REASON: (reason.isnull() & (rows["_nth"] > 0)).ifelse(why, reason)})
    return marked.drop("_nth", "_first")


def _stop_if_mostly_rejected(rows: ibis.Table, options: FeedbackOptions, raw: object) -> None:
    limit = options.stop_above_rejected_share
    counts = count_reasons(rows)
    n_rows = sum(counts.values())
    n_rejected = n_rows - counts.pop("accepted", 0)
    if n_rejected <= limit * n_rows:
        return
    worst = max(counts, key=lambda reason: counts[reason])
    example = rows.filter(rows[c.REJECTED_REASON] == worst).order_by(c.SOURCE_ROW).limit(1).to_pyarrow().to_pylist()[0]
    raise TableError(
        FEEDBACK,
        f"{n_rejected / n_rows:.1%} of the rows are rejected, more than the {limit:.1%} allowed "
        "(feedback.table.stop_above_rejected_share): "
        + "; ".join(f"{reason}: {n:,}" for reason, n in counts.items())
        + (_other_reading(rows, options, raw) if worst == ODD_SHOWN_AT else "")
        + f"; the most frequent, {worst!r},",
        counts[worst],
        f"row {example[c.SOURCE_ROW]}: {shown(example, EXAMPLE_COLUMNS, worst)}",
    )


def _other_reading(rows: ibis.Table, options: FeedbackOptions, raw: object) -> str:
    numbers = rows[f.SHOWN_AT].cast("float64")
    if options.timestamp_unit in UNITS_PER_SECOND:
        numbers = as_table(raw, FEEDBACK, options.columns())[options.shown_at].try_cast("float64")
    found = other_reading(numbers, options.timestamp_unit, "feedback.table.timestamp_unit")
    return f"; {found}" if found else ""


EXAMPLE_COLUMNS = (c.USER_ID, c.ITEM_ID, f.RANK, f.SHOWN_AT, f.OUTCOME, f.PROPENSITY)
