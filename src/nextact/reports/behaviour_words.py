"""Whether what a run says of behaviours is better than counting, in a sentence each."""

from __future__ import annotations

from collections.abc import Iterator

from nextact.results.evaluation import TestResults

SURE = 0.05  # corrected p-value below which a difference counts as shown
MOST_NAMED = 3


def behaviour_verdict(results: TestResults) -> Iterator[str]:
    """What test says of the next event type and of horizons; none where nothing was predicted or could be checked."""
    yield from _next_type(results)
    yield from _horizons(results)


def _next_type(results: TestResults) -> Iterator[str]:
    models = results.behaviour.models if results.behaviour is not None else {}
    for model, row in models.items():
        if row.log_loss_against:
            counting = max(row.log_loss_against, key=lambda name: row.log_loss_against[name].difference)
            found = row.log_loss_against[counting]
            by = f"{found.difference:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
            better = "better" if found.difference < 0 else "worse"
            shown = found.p_value_holm < SURE
            said = f"is {better} than" if shown else "is not shown to differ from"
            yield f"Which event type comes next: {model} {said} {counting}, log loss {by}."


def _horizons(results: TestResults) -> Iterator[str]:
    for model, rows in results.horizons.test.models.items():
        occurred = [row for row in rows if row.happened]  # of what nobody did there is nothing to tell apart
        compared = [(row, row.log_loss_against_share) for row in occurred if row.log_loss_against_share is not None]
        if not compared:
            continue
        better = sum(found.high < 0 for _, found in compared)
        worse = [f"{row.event_type} within {row.horizon_days}" for row, found in compared if found.low > 0]
        named = ", ".join([*worse[:MOST_NAMED], *(["…"] if len(worse) > MOST_NAMED else [])])
        days = ", ".join(map(str, dict.fromkeys(row.horizon_days for row, _ in compared)))
        unit = "day" if days == "1" else "days"
        yield (
            f"What comes within {days} {unit}: by log loss {model} is better than one probability for everybody in "
            f"{better} of {len(compared)} cases that occurred, worse in {len(worse)}{f' ({named})' if named else ''}."
        )
