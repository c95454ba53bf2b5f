"""The tables of an evaluation, each made once: the page and the model card show them alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nextact.reports.numbers import decimal, share, whole
from nextact.reports.pages.evaluation_words import in_words, interval, signed
from nextact.reports.pages.tables import Table
from nextact.results.evaluation import (
    BehaviourResults,
    Example,
    LeakChecks,
    Place,
    Slice,
    Slices,
    TestedModel,
    TestResults,
)
from nextact.results.horizons import HorizonRow, HorizonSection

Report = Mapping[str, Any]

METRIC_NAMES = ["validation", "test", "test, reachable targets"]
TITLES = {"log_loss": "log loss, nats", "brier": "Brier", "roc_auc": "ROC-AUC"}  # of metrics; others go by their name


def stamp(protocol_hash: str) -> str:
    """What every table of results names.

    Example:
        >>> stamp("abc")
        'protocol abc'
    """
    return f"protocol {protocol_hash}"


def models(results: TestResults) -> Table:
    """Every model by the metric that chose."""
    rows = [[row.name, *_three(row, results.metric)] for row in results.models]
    return _table(results, f"{results.metric}, best on validation first", ["model", *METRIC_NAMES], rows)


def against(results: TestResults) -> Table:
    """The chosen model minus each other."""
    title = f"{results.metric} of {results.chosen} minus that of the others, paired by user"
    rows = [
        [name, signed(one), decimal(one.p_value, 4), decimal(one.p_value_holm, 4)]
        for name, one in results.chosen_against.items()
    ]
    return _table(results, title, ["model", "difference", "p", "p (Holm)"], rows)


def every_metric(results: TestResults) -> list[Table]:
    """Every model by every metric on test: a table for each length of the list."""
    names = list(results.chosen_model.test)
    lengths = dict.fromkeys(name.rpartition("@")[2] for name in names)
    return [_metrics_at(results, k, [name for name in names if name.endswith(f"@{k}")]) for k in lengths]


def _metrics_at(results: TestResults, k: str, names: Sequence[str]) -> Table:
    rows = [[row.name, *(decimal(row.test[name].mean, 4) for name in names)] for row in results.models]
    return _table(results, f"Every metric at {k} on test, all targets", ["model", *names], rows)


def chosen_metrics(results: TestResults) -> Table:
    """Every metric of the chosen model."""
    rows = [[name, *_three(results.chosen_model, name)] for name in results.chosen_model.test]
    title = f"Every metric of {results.chosen}, means over users with {results.level:.0%} intervals"
    return _table(results, title, ["metric", *METRIC_NAMES], rows)


def of_slice(one: Slice, slices: Slices) -> Table:
    """The chosen model and the best baseline in each group."""
    has_difference = len(slices.models) == 2
    names = [one.by, "users", "targets", *slices.models, *(["difference"] if has_difference else [])]
    rows = [
        [
            group.group,
            whole(group.users),
            whole(group.targets),
            *(interval(found[slices.metric]) for found in group.models.values()),
            *([signed(group.difference)] if has_difference else []),
        ]
        for group in one.groups
    ]
    return Table(f"{slices.metric} by {one.by}", names, rows, stamp=stamp(slices.protocol_hash))


def lists(results: TestResults) -> Table:
    """What the lists of each model are like, and what the model costs."""
    kinds = list(dict.fromkeys(kind for row in results.models for kind in row.catalogue))
    rows = [
        [
            row.name,
            decimal(row.test[results.metric].mean, 4),
            *(decimal(row.catalogue.get(kind), 3) for kind in kinds),
            decimal(row.all_fit_seconds, 1),
            decimal(row.score_seconds, 1),
        ]
        for row in results.models
    ]
    cost = ["seconds to fit", "seconds to score"]
    names = ["model", results.metric, *(kind.replace("_", " ") for kind in kinds), *cost]
    return _table(results, f"Lists of {results.list_length} items, and cost", names, rows)


def chosen_lists(results: TestResults) -> Table:
    """What the lists of the chosen model are like."""
    rows = [[kind.replace("_", " "), decimal(value, 4)] for kind, value in results.chosen_model.catalogue.items()]
    return _table(results, f"Lists of {results.list_length} items", ["", "value"], rows)


def calibration(results: TestResults) -> Table:
    """How right the probabilities of each model are."""
    names = ["model", "temperature", "item log loss, nats", "calibration error", "mean predicted", "mean observed"]
    rows = [
        [
            row.name,
            decimal(row.calibration.temperature, 4),
            interval(row.calibration.item_log_loss, 3),
            decimal(row.calibration.error, 5),
            decimal(row.calibration.mean("predicted"), 5),
            decimal(row.calibration.mean("observed"), 5),
        ]
        for row in results.models
    ]
    return _table(results, "Item probabilities on test", names, rows)


def bins(results: TestResults) -> list[Table]:
    """The bins of the calibration of the models that the figure shows."""
    names = ["from", "to", "places", "predicted", "observed"]
    return [_table(results, f"Bins of {row.name}", names, _bins(row), 0) for row in results.shown]


def behaviour(results: TestResults) -> list[Table]:
    """The predicted event types beside frequencies; none where there is nothing to tell."""
    found = results.behaviour
    if found is None:
        return []
    models = found.models.values()
    means, numbers = _names(one.means for one in models), _names(one.numbers for one in models)
    rows = [
        [
            name,
            *(interval(one.means.get(metric), 3) for metric in means),
            *(decimal(one.numbers.get(metric), 4) for metric in numbers),
        ]
        for name, one in found.models.items()
    ]
    names = ["model", *map(title, (*means, *numbers))]
    first = _table(results, "Predicted event types, beside frequencies", names, rows)
    return [first, _types(results, found), *_behaviour_against(results, found)]


def horizons(results: TestResults, part: str) -> Table | None:
    """Whether an event comes within each horizon, of every model that says so; None where it was not scored."""
    found: HorizonSection = getattr(results.horizons, part)
    if found.why_not is not None:
        return None
    metrics = _names(row.metrics for rows in found.models.values() for row in rows)
    rows = [
        [name, row.event_type, days(row.horizon_days), *_horizon(row, metrics)]
        for name, rows in found.models.items()
        for row in rows
    ]
    counts = ["users", "left out", "predicted", "happened", "log loss beside the share"]
    names = ["model", "event type", "within", *counts, *map(title, metrics)]
    return _table(results, f"Horizons on {part}", names, rows, 3)


def title(metric: str) -> str:
    """A metric as the head of a column.

    Example:
        >>> title("roc_auc"), title("calibration_error")
        ('ROC-AUC', 'calibration error')
    """
    return TITLES.get(metric, metric.replace("_", " "))


def days(number: int) -> str:
    """The horizon in words.

    Example:
        >>> days(1), days(7)
        ('1 day', '7 days')
    """
    return "1 day" if number == 1 else f"{number} days"


def epochs(results: TestResults, curves: Mapping[str, Sequence[Report]]) -> Table:
    """Loss and validation of each network by epoch."""
    rows = [
        [name, whole(one["epoch"]), decimal(one["loss"], 4), decimal(one["validation"], 4), decimal(one["seconds"], 1)]
        for name, curve in curves.items()
        for one in curve
    ]
    return _table(results, "Epochs", ["network", "epoch", "loss", "validation NDCG@10", "seconds"], rows)


def examples(title: str, found: Sequence[Example], protocol_hash: str) -> Table:
    """Users with what they were recommended and what they chose; a line an item."""
    rows = [
        [
            one.user_id,
            "\n".join(one.history),
            "\n".join(_place(place) for place in one.recommended),
            "\n".join([*one.chosen, *_more(one)]),
        ]
        for one in found
    ]
    names = ["user", "newest of the history", "recommended (✓ came next)", "came next"]
    return Table(title, names, rows, 4, stamp(protocol_hash), of_users=True)


def checks(found: LeakChecks) -> Table:
    """Every check with its finding."""
    rows = [[one.name, "passed" if one.passed else "look closer", one.words] for one in found.checks]
    return Table("Checks", ["check", "", "finding"], rows, 3, stamp(found.protocol_hash))


def core(found: Report, protocol_hash: str) -> Table:
    """The numbers behind the check of the k-core artefact."""
    rows = [
        [row["bin"], *(whole(row[name]) for name in ("items", "events", "targets")), decimal(row["ratio"])]
        for row in found["rows"]
    ]
    names = ["training events", "items", "events", "targets", "times the mean"]
    return Table("Targets per training event, by the item's training events", names, rows, 1, stamp(protocol_hash))


def left_out(results: TestResults) -> Table:
    """Why users of the log are not in test."""
    return _table(results, "", ["left out of test", "users"], [[why, whole(n)] for why, n in results.left_out.items()])


def protocol(results: TestResults) -> Table:
    """What was asked."""
    return _table(results, "What was asked", ["", ""], _leaves(results.protocol.as_json()), 2)


def provenance(results: TestResults) -> Table:
    """How it came about, which no hash covers."""
    return Table("How it came about", ["", ""], _leaves(results.provenance.model_dump()), 2, f"run {results.run_id}")


def options(chosen: Report) -> Table:
    """The options of the chosen model."""
    rows = [[name, value or "-"] for name, value in _leaves(chosen)]
    return Table("", ["option", "value"], rows, 2)


def _table(
    results: TestResults, title: str, names: Sequence[str], rows: Sequence[Sequence[str]], n_texts: int = 1
) -> Table:
    return Table(title, names, rows, n_texts, stamp(results.protocol_hash))


def _three(row: TestedModel, metric: str) -> list[str]:
    return [interval(found.get(metric)) for found in (row.validation, row.test, row.test_reachable)]


def _bins(row: TestedModel) -> list[list[str]]:
    return [
        [f"{one.low:.3g}", f"{one.high:.3g}", whole(one.places), f"{one.predicted:.3g}", f"{one.observed:.3g}"]
        for one in row.calibration.bins
    ]


def _types(results: TestResults, found: BehaviourResults) -> Table:
    metrics = _names(one.by_type for one in found.models.values())
    rows = [
        [kind, name, *(decimal(one.by_type.get(metric, {}).get(kind), 3) for metric in metrics)]
        for kind in found.event_types
        for name, one in found.models.items()
    ]
    return _table(results, "Each type against the rest", ["event type", "model", *map(title, metrics)], rows, 2)


def _behaviour_against(results: TestResults, found: BehaviourResults) -> list[Table]:
    rows = [
        [name, other, signed(one), decimal(one.p_value_holm, 4)]
        for name, model in found.models.items()
        for other, one in model.log_loss_against.items()
    ]
    names = ["model", "beside", "difference", "p (Holm)"]
    return [_table(results, "Log loss, paired by user; below 0 is better", names, rows, 2)] if rows else []


def _horizon(row: HorizonRow, metrics: Sequence[str]) -> list[str]:
    """The numbers of one event type and horizon; dashes where nobody was observed so long."""
    return [
        whole(row.users),
        whole(row.censored),
        *("-" if one is None else share(one) for one in (row.predicted, row.happened)),
        signed(row.log_loss_against_share),
        *(interval(row.metrics.get(metric), 3) for metric in metrics),
    ]


def _names(found: Iterable[Mapping[str, object]]) -> list[str]:
    """Of the metrics that any of these has, in the order in which they stand there."""
    return list(dict.fromkeys(name for one in found for name in one))


def _place(place: Place) -> str:
    return f"{place.rank}. {place.item} ({share(place.probability)}{', ✓' if place.is_hit else ''})"


def _more(one: Example) -> list[str]:
    more = one.n_chosen - len(one.chosen)
    return [f"and {more} more"] if more > 0 else []


def _leaves(tree: Mapping[str, Any], place: str = "") -> list[list[str]]:
    rows: list[list[str]] = []
    for key, value in tree.items():
        name = f"{place}{key}"
        rows += _leaves(value, f"{name}.") if isinstance(value, Mapping) else [[name, in_words(value)]]
    return rows
