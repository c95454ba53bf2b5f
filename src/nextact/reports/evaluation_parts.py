"""Sections of the evaluation page below the leaderboard: calibration, curves, examples, checks, protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nextact.reports.evaluation_svg import calibration_chart, line_chart
from nextact.reports.evaluation_words import caption, interval, signed_interval
from nextact.reports.html import section, table, text
from nextact.reports.numbers import decimal, share, whole
from nextact.reports.svg import Axes, legend

Report = Mapping[str, Any]


def calibration_section(results: Report) -> str:
    """Whether items with a probability are chosen that often, of the chosen model and the best baseline."""
    shown = [name for name in (results["chosen"], results["baseline"]) if name]
    models = {model["name"]: model for model in results["models"]}
    series = {
        name: [(row["predicted"], row["observed"]) for row in models[name]["calibration"]["bins"]] for name in shown
    }
    axes = Axes("Calibration of item probabilities", "predicted probability", "observed share")
    rows = [
        [
            model["name"],
            decimal(model["calibration"]["temperature"], 4),
            interval(model["calibration"]["item_log_loss"], digits=3),
            decimal(model["calibration"]["error"], 5),
            decimal(_mean(model["calibration"]["bins"], "predicted"), 5),
            decimal(_mean(model["calibration"]["bins"], "observed"), 5),
        ]
        for model in results["models"]
    ]
    names = ["model", "temperature", "item log loss, nats", "calibration error", "mean predicted", "mean observed"]
    return section(
        "calibration",
        "Are the probabilities right?",
        calibration_chart(series, axes),
        legend(shown),
        text(
            f"Places of the lists of {results['list_length']} items in bins of as many places each; on the dashed line "
            "predicted and observed agree. A probability is the softmax of the masked scores over the temperature, "
            "which was fitted on validation users who did not choose the model. A hit among R relevant items counts "
            "1/R."
        ),
        table(caption("Item probabilities on test", results), names, rows),
        table(caption(f"Bins of {results['chosen']}", results), BIN_NAMES, _bins(models[results["chosen"]]), 0),
    )


BIN_NAMES = ["from", "to", "places", "predicted", "observed"]


def behaviour_section(results: Report) -> str:
    """The predicted event types, beside frequencies."""
    behaviour = results["behaviour"]
    if behaviour is None:
        return section(
            "behaviour",
            "What kind of event comes next",
            text("There is one event type, or no target: nothing to tell."),
        )
    left_out = "; ".join(f"{whole(n)} users: {why}" for why, n in behaviour["users_left_out"].items() if n) or "nobody"
    shares = zip(behaviour["event_types"], behaviour["observed"], strict=True)
    observed = ", ".join(f"{kind} {share(part)}" for kind, part in shares)
    return section(
        "behaviour",
        "What kind of event comes next",
        _behaviour_table(results),
        text(f"Observed: {observed}. {whole(behaviour['users'])} users; left out: {left_out}."),
        _types_table(results),
        _behaviour_against(results),
    )


def _behaviour_table(results: Report) -> str:
    rows = [
        [
            name,
            interval(one["accuracy"], digits=3),
            interval(one["log_loss"], digits=3),
            decimal(one["calibration_error"], 4),
        ]
        for name, one in results["behaviour"]["models"].items()
    ]
    names = ["", "accuracy", "log loss, nats", "calibration error"]
    return table(caption("Predicted event types, beside frequencies", results), names, rows)


def _types_table(results: Report) -> str:
    rows = [
        [kind, name, decimal(one["roc_auc"][kind], 3), decimal(one["average_precision"][kind], 3)]
        for kind in results["behaviour"]["event_types"]
        for name, one in results["behaviour"]["models"].items()
    ]
    names = ["event type", "", "ROC-AUC", "average precision"]
    return table(caption("Each type against the rest", results), names, rows, 2)


def _behaviour_against(results: Report) -> str:
    rows = [
        [name, other, signed_interval(found, "difference"), decimal(found["p_value_holm"], 4)]
        for name, one in results["behaviour"]["models"].items()
        for other, found in one.get("log_loss_against", {}).items()
    ]
    if not rows:
        return text("No model of this run predicts event types.")
    return table(caption("Log loss, paired by user; below 0 is better", results), AGAINST_NAMES, rows, 2)


AGAINST_NAMES = ["model", "beside", "difference", "p (Holm)"]


def curves_section(results: Report, reports: Mapping[str, Report]) -> str:
    """Loss and validation by epoch of the networks; nothing where there are none."""
    curves = {name: report["curve"] for name, report in reports.items() if report.get("curve")}
    if not curves:
        return ""
    losses = {name: [(one["epoch"], one["loss"]) for one in curve] for name, curve in curves.items()}
    tuned = {
        name: [(one["epoch"], one["validation"]) for one in curve if one["validation"] is not None]
        for name, curve in curves.items()
    }
    rows = [
        [name, whole(one["epoch"]), decimal(one["loss"], 4), decimal(one["validation"], 4), decimal(one["seconds"], 1)]
        for name, curve in curves.items()
        for one in curve
    ]
    names = ["network", "epoch", "loss", "validation NDCG@10", "seconds"]
    return section(
        "curves",
        "Training of the networks",
        line_chart(tuned, Axes("Validation by epoch", "epoch", "validation NDCG@10")),
        line_chart(losses, Axes("Training loss by epoch", "epoch", "training loss")),
        legend(list(curves)),
        text("Validation here is the half of the users that stops training, not the half that chooses."),
        table(caption("Epochs", results), names, rows),
    )


def examples_section(examples: Report) -> str:
    """Right and wrong recommendations in words."""
    return section(
        "examples",
        "In words",
        text(f"Users drawn at random from those whom {examples['model']} served right, and from those it did not."),
        _examples("A relevant item is in the list", examples["right"], examples),
        _examples("No relevant item is in the list", examples["wrong"], examples),
    )


def checks_section(checks: Report) -> str:
    """Every check with its finding, and the numbers behind the k-core check."""
    rows = [[one["name"], "passed" if one["passed"] else "look closer", one["words"]] for one in checks["checks"]]
    core = next(one for one in checks["checks"] if one["name"] == "k-core artefact")["numbers"]
    bins = [
        [row["bin"], *(whole(row[name]) for name in ("items", "events", "targets")), decimal(row["ratio"])]
        for row in core["rows"]
    ]
    names = ["training events", "items", "events", "targets", "times the mean"]
    return section(
        "checks",
        "Checks for leaks",
        table(caption("Checks", checks), ["check", "", "finding"], rows, 3),
        table(caption("Targets per training event, by the item's training events", checks), names, bins),
        text(
            f"Knowing an item's training events and nothing else gives {core['metric']} "
            f"{decimal(core['popularity'], 4)} by popularity, and at best {decimal(core['best_by_count'], 4)} where "
            "test itself told how often items of each row are chosen. Where the second is far above the first, the "
            "split can be harvested without knowing anything of users or items."
        ),
    )


def certificate_section(results: Report) -> str:
    """The protocol, hashed, and the provenance, not hashed."""
    names = ["", ""]
    return section(
        "protocol",
        "Protocol",
        text("Only results under the same protocol can be compared; every table names its hash."),
        table(caption("What was asked", results), names, _leaves(results["protocol"]), 2),
        table(f"How it came about · run {results['run_id']}", names, _leaves(results["provenance"]), 2),
    )


def _examples(title: str, found: Sequence[Report], stamped: Report) -> str:
    if not found:
        return f"<h3>{escape(title)}</h3>" + text("There is no such user.", "soft")
    rows = [
        [
            str(one["user_id"]),
            "\n".join(one["history"]),
            "\n".join(_place(place) for place in one["recommended"]),
            "\n".join(one["chosen"]) + (f"\nand {one['n_chosen'] - len(one['chosen'])} more" if _more(one) else ""),
        ]
        for one in found
    ]
    names = ["user", "newest of the history", "recommended (✓ chosen)", "chosen next"]
    shown = table(caption("Users", stamped), names, rows, 4)
    return f'<h3>{escape(title)}</h3><div style="white-space:pre-line">{shown}</div>'


def _place(place: Report) -> str:
    return f"{place['rank']}. {place['item']} ({share(place['probability'])}{', ✓' if place['is_hit'] else ''})"


def _more(one: Report) -> bool:
    return bool(one["n_chosen"] > len(one["chosen"]))


def _bins(model: Report) -> list[list[str]]:
    return [
        [
            *(f"{row[name]:.3g}" for name in ("low", "high")),
            whole(row["places"]),
            *(f"{row[name]:.3g}" for name in ("predicted", "observed")),
        ]
        for row in model["calibration"]["bins"]
    ]


def _mean(bins: Sequence[Report], name: str) -> float | None:
    places = sum(row["places"] for row in bins)
    return sum(row["places"] * row[name] for row in bins) / places if places else None


def _leaves(tree: Mapping[str, Any], place: str = "") -> list[list[str]]:
    rows: list[list[str]] = []
    for key, value in tree.items():
        name = f"{place}{key}"
        if isinstance(value, Mapping):
            rows += _leaves(value, f"{name}.")
        else:
            rows.append([name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)])
    return rows
