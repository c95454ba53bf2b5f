"""The evaluation of a run as one page that stands alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nextact.reports.evaluation_horizons import horizons_section
from nextact.reports.evaluation_parts import (
    behaviour_section,
    calibration_section,
    certificate_section,
    checks_section,
    curves_section,
    examples_section,
)
from nextact.reports.evaluation_svg import interval_chart, named_points_chart
from nextact.reports.evaluation_words import caption, choice, interval, signed_interval, verdict
from nextact.reports.html import page, section, table, text, tiles
from nextact.reports.numbers import decimal, whole
from nextact.reports.svg import Axes, legend

Report = Mapping[str, Any]

TITLE = "Evaluation"


def evaluation_page(
    results: Report, slices: Report, checks: Report, examples: Report, reports: Mapping[str, Report]
) -> str:
    """The page of one run.

    Args:
        results: ``test_results``.
        slices: ``evaluation_slices``.
        checks: ``leak_checks``.
        examples: ``evaluation_examples``.
        reports: Fit report of each model; those of networks hold a ``curve``.
    """
    parts = [
        _head(results, checks),
        _leaderboard(results),
        _slices(slices),
        _beyond_accuracy(results),
        calibration_section(results),
        behaviour_section(results),
        horizons_section(results),
        curves_section(results, reports),
        examples_section(examples),
        checks_section(checks),
        certificate_section(results),
    ]
    return page(f"{TITLE} · run {results['run_id']}", "\n".join(part for part in parts if part))


def _head(results: Report, checks: Report) -> str:
    metric, chosen = results["metric"], _row(results, results["chosen"])
    found = chosen["test"][metric]
    numbers = [
        (chosen["name"], "chosen on validation"),
        (decimal(found["mean"], 4), f"{metric} on test, {found['level']:.0%} interval {interval(found, mean=False)}"),
        (whole(results["users"]), "users in test"),
    ]
    against = results["chosen_against"].get(results["baseline"])
    if against:
        words = f"{metric} above {results['baseline']}, the best baseline"
        numbers.insert(2, (f"{against['difference']:+.4f}", words))
    if results.get("test_readings"):
        n_readings = results["test_readings"]
        words = "reading of test" if n_readings == 1 else "readings of test"
        numbers.append((whole(n_readings), f"{words} under this protocol"))
    failed = [check for check in checks["checks"] if not check["passed"]]
    return (
        f"<h1>{TITLE}</h1>"
        + text(
            f"Run {results['run_id']}, protocol {results['protocol_hash']}. Full ranking over the whole catalogue, "
            "means over users.",
            "soft",
        )
        + tiles(numbers)
        + _warnings(failed)
        + text(choice(results))
        + text(verdict(results))
    )


def _warnings(failed: Sequence[Report]) -> str:
    if not failed:
        return text("All checks for leaks passed.", "soft")
    lines = (
        f'<li><a href="#checks">Check of {escape(one["name"])}</a><span>{escape(one["words"])}</span></li>'
        for one in failed
    )
    return f'<ul class="warnings">{"".join(lines)}</ul>'


def _leaderboard(results: Report) -> str:
    metric = results["metric"]
    chart = [
        (model["name"], {"validation": model["validation"][metric], "test": model["test"][metric]})
        for model in results["models"]
    ]
    rows = [
        [
            model["name"],
            interval(model["validation"][metric]),
            interval(model["test"][metric]),
            interval(model["test_reachable"].get(metric)),
        ]
        for model in results["models"]
    ]
    left_out = "; ".join(f"{whole(n)} users: {why}" for why, n in results["left_out"].items() if n) or "nobody"
    return section(
        "leaderboard",
        "Models",
        interval_chart(chart, metric, f"Models by {metric}, with intervals"),
        legend(["validation", "test"]),
        table(
            caption(f"{metric}, best on validation first", results),
            ["model", "validation", "test", "test, reachable targets"],
            rows,
        ),
        text(
            "Intervals are percentile bootstraps over users. Reachable targets are those that the catalogue holds and "
            f"the policy allows. Left out of test: {left_out}."
        ),
        _against(results),
        *_all_metrics(results),
    )


def _against(results: Report) -> str:
    rows = [
        [name, signed_interval(found, "difference"), decimal(found["p_value"], 4), decimal(found["p_value_holm"], 4)]
        for name, found in results["chosen_against"].items()
    ]
    if not rows:
        return ""
    words = f"{results['metric']} of {results['chosen']} minus that of the others, paired by user"
    return table(caption(words, results), ["", "difference", "p", "p (Holm)"], rows) + text(
        f"p-values are from sign flips; the last column is corrected for {len(rows)} comparisons."
    )


def _all_metrics(results: Report) -> list[str]:
    """A table for each length of the list."""
    names = list(results["models"][0]["test"])
    lengths = dict.fromkeys(name.rpartition("@")[2] for name in names)
    return [_metrics_at(results, k, [name for name in names if name.endswith(f"@{k}")]) for k in lengths]


def _metrics_at(results: Report, k: str, names: Sequence[str]) -> str:
    rows = [
        [model["name"], *(decimal(model["test"][name]["mean"], 4) for name in names)] for model in results["models"]
    ]
    return table(caption(f"Every metric at {k} on test, all targets", results), ["model", *names], rows)


def _slices(slices: Report) -> str:
    metric = slices["metrics"][0]
    of_items = text(
        "In a group of items only the relevant items of the group count; a user without any is not in it. Means are "
        "over users."
    )
    return section(
        "slices",
        "Slices",
        legend(slices["models"]),
        of_items,
        *(_slice(one, metric, slices) for one in slices["slices"]),
    )


def _slice(one: Report, metric: str, slices: Report) -> str:
    if not one["groups"]:
        return f"<h3>{escape(one['by'])}</h3>" + text("No user is in a group.", "soft")
    chart = [
        (group["group"], {name: found[metric] for name, found in group["models"].items()}) for group in one["groups"]
    ]
    names = ["", "users", "targets", *slices["models"], *(["difference"] if len(slices["models"]) == 2 else [])]
    rows = [
        [
            group["group"],
            whole(group["users"]),
            whole(group["targets"]),
            *(interval(found[metric]) for found in group["models"].values()),
            *([signed_interval(group["difference"])] if "difference" in group else []),
        ]
        for group in one["groups"]
    ]
    left_out = "; ".join(f"{whole(n)} users: {why}" for why, n in one["left_out"].items())
    return (
        f"<h3>By {escape(one['by'])}</h3>"
        + interval_chart(chart, metric, f"{metric} by {one['by']}")
        + table(caption(metric, slices), names, rows)
        + (text(f"Left out: {left_out}.", "soft") if left_out else "")
    )


def _beyond_accuracy(results: Report) -> str:
    metric, k = results["metric"], results["list_length"]
    kinds = list(results["models"][0]["catalogue"])
    rows = [
        [
            model["name"],
            decimal(model["test"][metric]["mean"], 4),
            *(decimal(model["catalogue"].get(kind), 3) for kind in kinds),
        ]
        for model in results["models"]
    ]
    seconds = [
        [model["name"], decimal(fit_seconds(model), 1), decimal(model["score_seconds"], 1)]
        for model in results["models"]
    ]
    names = ["model", metric, *(kind.replace("_", " ") for kind in kinds)]
    return section(
        "beyond",
        "Beside accuracy: diversity, novelty and cost",
        _cloud(results, "coverage", "share of the catalogue recommended to anybody"),
        _cloud(results, "diversity_text", "mean distance of two items of a list, by text"),
        _cost(results),
        table(caption(f"Lists of {k} items", results), names, rows),
        text(
            "Coverage: 1 when everybody together is recommended every item. Gini: 0 when all items are "
            "recommended equally often, near 1 when few take all places. Novelty: mean bits of surprise by training "
            "popularity. Popularity lift: how much more popular the lists are than their users' histories. Diversity: "
            "mean distance of two items of a list, 1 - cosine of their texts' vectors"
            + (f" (block {results['diversity_block']})." if results["diversity_block"] else ".")
        ),
        table(
            caption(f"Cost, {whole(results['users'])} users scored", results),
            ["model", "seconds to fit, members of a hybrid included", "seconds to score"],
            seconds,
        ),
        text(energy(results)),
    )


def _cloud(results: Report, kind: str, words: str) -> str:
    points = [
        (model["name"], model["catalogue"][kind], model["test"][results["metric"]]["mean"])
        for model in results["models"]
        if model["catalogue"].get(kind) is not None
    ]
    title = f"{results['metric']} beside {kind.replace('_', ' ')}"
    return named_points_chart(points, Axes(title, words, results["metric"])) if points else ""


def _cost(results: Report) -> str:
    points = [
        (model["name"], max(fit_seconds(model), 0.01), model["test"][results["metric"]]["mean"])
        for model in results["models"]
    ]
    return named_points_chart(
        points, Axes(f"{results['metric']} beside cost", "seconds to fit", results["metric"]), log_x=True
    )


def energy(results: Report) -> str:
    """What fitting all models took of the processors, or that nobody counted it, in a sentence."""
    joules = [model.get("fit_joules") for model in results["models"]]
    if any(used is None for used in joules):
        return "Energy was not measured: this machine shows no counter of it."
    watt_hours = decimal(sum(joules) / 3600, 2)
    return f"While all models were fitted the processors used {watt_hours} Wh, other work on the machine included."


def fit_seconds(model: Report) -> float:
    """Seconds to fit a model, its members included."""
    return float(model["fit_seconds"]) + float(model.get("members_fit_seconds", 0.0))


def _row(results: Report, name: str) -> Report:
    return next(model for model in results["models"] if model["name"] == name)
