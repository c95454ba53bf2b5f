"""Checks for leaks: ways in which a good number may be no merit of the model."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError
from nextact.evaluation.controls import best_for_everybody, metric_for_everybody, rate_by_count
from nextact.evaluation.results import is_known
from nextact.evaluation.slices import HeldOut
from nextact.evaluation.tables import MODEL
from nextact.events import columns as c
from nextact.events.moments import iso_moment, microseconds
from nextact.events.quality.bins import bin_bounds, bin_label
from nextact.metrics.targets import Targets
from nextact.protocol import Split
from nextact.results.evaluation import Check, TestResults
from nextact.sequences.histories import Histories

Numbers = dict[str, Any]

HIDDEN_SHARE = 0.05  # of relevant items that the policy may hide before it is worth a warning
ARTEFACT_RATIO = 2.0  # times as often as the past foretells
FEWEST_TARGETS = 30  # of a bin whose ratio says anything


def check_training_moment(training: Histories, vocabulary: pd.DataFrame, split: Split) -> Check:
    """No training event at or after the validation moment, and none but training events behind the item counts.

    Args:
        training: What the validated models have learnt from.
        vocabulary: ``item_index`` and ``n_training_events``.
        split: The split of the protocol; a split by time names its moments.
    """
    counted = vocabulary.set_index(c.ITEM_INDEX)[c.N_TRAINING_EVENTS].sort_index()
    found = np.bincount(training.item_index, minlength=int(counted.index.max()) + 1)
    n_differ = int((counted.to_numpy() != found[counted.index]).sum())
    moment, n_late, numbers = _late_events(training, split, "validation_from")
    numbers |= {"item_counts_that_differ": n_differ}
    if n_late:
        words = f"{n_late:,} training events lie at or after {moment}, the moment of the split"
    elif n_differ:
        words = f"the counts of {n_differ:,} items are not those of the training events"
    else:
        words = "items are counted on training events only" + (f", all of them before {moment}" if moment else "")
    return Check("training events before the split", not n_late and not n_differ, numbers, words)


def check_refit_moment(training: Histories, split: Split) -> Check:
    """No event that the refitted models have learnt from at or after the test moment."""
    moment, n_late, numbers = _late_events(training, split, "test_from")
    words = "models were fitted again on what came before test" + (f", all of it before {moment}" if moment else "")
    if n_late:
        words = f"{n_late:,} events that the refit learnt from lie at or after {moment}, the moment of test"
    return Check("refit before test", not n_late, numbers, words)


def _late_events(training: Histories, split: Split, name: str) -> tuple[str | None, int, Numbers]:
    """The moment of a split by time (of unseen users it is a share), events at or after it, and both in numbers."""
    moment = str(getattr(split, name)) if split.kind == "global_time" else None
    times = training.timestamp
    n_late = int((times >= microseconds(moment)).sum()) if moment else 0
    numbers: Numbers = {"training_events": len(times), "late_events": n_late}
    if moment:
        newest = iso_moment(int(times.max())) if len(times) else None
        numbers |= {"split_moment": moment, "newest_training_event": newest}
    return moment, n_late, numbers


def check_order(held_out: HeldOut) -> Check:
    """No event of a user's history is later than the target."""
    known, targets = held_out.known, held_out.targets
    position = pd.Series(np.arange(len(held_out.users)), index=held_out.users[c.USER_INDEX])
    first = targets.groupby(c.USER_INDEX)[c.TIMESTAMP].min()
    users = position[first.index].to_numpy()
    has_history = known.lengths[users] > 0
    newest = known.timestamp[np.maximum(known.offsets[1:][users] - 1, 0)]
    n_late = int(((newest > first.to_numpy()) & has_history).sum())
    words = (
        f"the history of {n_late:,} users ends after their target" if n_late else "every history ends before its target"
    )
    return Check("history before target", n_late == 0, {"users": len(users), "late_users": n_late}, words)


def check_repeats(held_out: HeldOut, exclude_seen: bool) -> Check:
    """How many relevant items are in the history: legal where people choose again, hidden where seen items are."""
    relevant = held_out.relevant
    known = is_known(held_out.known, relevant)
    share = float(known.mean()) if len(known) else 0.0
    numbers = {"targets": len(known), "in_history": int(known.sum()), "share": share, "exclude_seen": exclude_seen}
    words = f"{share:.1%} of the relevant items are in their user's history"
    words += ", which this run's policy never recommends" if exclude_seen else ", which this run's policy may recommend"
    return Check("target in history", not exclude_seen or share <= HIDDEN_SHARE, numbers, words)


def check_duplicates(held_out: HeldOut) -> Check:
    """No event stands on both sides of the cut: same user, item, type and time."""
    known = held_out.known
    keys = [c.USER_INDEX, c.ITEM_INDEX, c.EVENT_TYPE, c.TIMESTAMP]
    before = pd.DataFrame(
        {
            c.USER_INDEX: held_out.users[c.USER_INDEX].to_numpy()[known.users_of_events],
            c.ITEM_INDEX: known.item_index,
            c.EVENT_TYPE: known.event_type,
            c.TIMESTAMP: known.timestamp,
        }
    )
    n_both = len(held_out.targets[keys].merge(before.drop_duplicates(), on=keys))
    words = f"{n_both:,} held-out events stand in the history as well" if n_both else "no event stands on both sides"
    return Check("duplicates across the split", n_both == 0, {"targets": len(held_out.targets), "both": n_both}, words)


def check_shuffled(results: TestResults, targets: Targets, popularity: NDArray[np.int64]) -> Check:
    """With other users' targets no model does better than the best single ranking for everybody.

    Args:
        results: Of test.
        targets: Relevant items.
        popularity: int64 [n_items + 1]; training events of each item.
    """
    metric = results.metric
    best = best_for_everybody(targets, len(popularity) - 1, int(metric.rpartition("@")[2]))
    level = float(metric_for_everybody(best, targets, metric).mean())
    popular = float(metric_for_everybody(popularity.astype(np.float64), targets, metric).mean())
    found = {one.name: one.shuffled[metric] for one in results.models}
    high = [name for name, one in found.items() if one.low > level]
    chosen = found[results.chosen].mean
    numbers = {
        "metric": metric,
        "best_for_everybody": level,
        "popularity": popular,
        "models": {name: dataclasses.asdict(one) for name, one in found.items()},
        "too_high": high,
    }
    words = (
        f"on other users' targets {results.chosen} has {metric} {chosen:.4f}; popularity has {popular:.4f} and the "
        f"best single ranking {level:.4f}"
    )
    if high:
        words += f"; {', '.join(high)} {'has' if len(high) == 1 else 'have'} more than knowledge of the user could give"
    return Check("shuffled targets", not high, numbers, words)


def check_core(targets: Targets, popularity: NDArray[np.int64], metric: str, window: str) -> Check:
    """Whether items rare in training are held out more often than their training events foretell.

    Args:
        targets: Relevant items.
        popularity: int64 [n_items + 1]; training events of each item.
        metric: For the controls that know an item's training count and nothing else.
        window: The events that the k-core counted: ``training`` or ``all``.
    """
    rows = core_rows(targets, popularity)
    telling = [row for row in rows if row["ratio"] is not None and row["targets"] >= FEWEST_TARGETS]
    rarest = telling[0] if telling else None
    popular = float(metric_for_everybody(popularity.astype(np.float64), targets, metric).mean())
    harvest = float(metric_for_everybody(rate_by_count(popularity, targets), targets, metric).mean())
    numbers = {"metric": metric, "window": window, "rows": rows, "popularity": popular, "best_by_count": harvest}
    if rarest is None:
        return Check("k-core artefact", True, numbers, "too few targets to tell")
    words = (
        f"items of {rarest['bin']} training events are targets {rarest['ratio']:.1f} times as often as the mean "
        f"training event foretells (k-core on the {window} window)"
    )
    return Check("k-core artefact", rarest["ratio"] <= ARTEFACT_RATIO, numbers, words)


def core_rows(targets: Targets, popularity: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Targets per training event by the item's training events.

    Returns:
        A row for each bin with items: ``bin``, ``items``, ``events`` (training), ``targets``, and ``ratio``, the
        targets per training event relative to all items; 1 where the past foretells the future, None at 0 events.
    """
    wanted = np.bincount(targets.item_index, minlength=len(popularity))
    seen = popularity > 0
    mean = wanted[seen].sum() / max(popularity.sum(), 1)
    rows = []
    for low, high in bin_bounds(int(popularity.max(initial=0))):
        inside = (popularity >= low) & (popularity <= high)
        inside[0] = False
        events, n_targets = int(popularity[inside].sum()), int(wanted[inside].sum())
        ratio = float(n_targets / events / mean) if events and mean else None
        row = {"items": int(inside.sum()), "events": events, "targets": n_targets, "ratio": ratio}
        rows += [{"bin": bin_label(low, high), **row}] if inside.any() else []
    return rows


def check_existence(held_out: HeldOut, lists: pd.DataFrame) -> Check:
    """No item is recommended to a user before anybody did anything with it.

    Args:
        held_out: Users and arrays; the first event of an item, of any user and split, is its beginning.
        lists: Of all models: ``model``, ``user_index``, ``item_index``.
    """
    beginning = np.full(len(held_out.popularity), np.iinfo(np.int64).max)
    np.minimum.at(beginning, held_out.histories.item_index, held_out.histories.timestamp)
    moment = held_out.targets.groupby(c.USER_INDEX)[c.TIMESTAMP].min()
    dated = lists[lists[c.USER_INDEX].isin(moment.index)]
    early = beginning[dated[c.ITEM_INDEX]] > moment[dated[c.USER_INDEX]].to_numpy()
    shares = {str(name): float(part.mean()) for name, part in pd.Series(early).groupby(dated[MODEL].to_numpy())}
    n_early = int(early.sum())
    words = (
        f"{n_early:,} of {len(dated):,} recommended places hold an item before its first event"
        if n_early
        else "no item is recommended before its first event"
    )
    return Check("time-valid catalogue", n_early == 0, {"places": len(dated), "early": n_early, "share": shares}, words)


def refuse_outright_leaks(checks: list[Check]) -> None:
    """Stop where training events lie after the split: nothing that follows would mean anything.

    Raises:
        NextactError: Naming how many, and the moment.
    """
    for check in checks:
        if check.numbers.get("late_events"):
            raise NextactError(f"leak: {check.words}; run data_processing and model_training again")
