"""The model card: what the chosen model is, learnt from and good for, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nextact.reports.evaluation_horizons import NAMES, horizons_lines
from nextact.reports.evaluation_page import energy, fit_seconds
from nextact.reports.evaluation_words import caption, choice, interval, signed_interval, verdict
from nextact.reports.numbers import decimal, whole

Report = Mapping[str, Any]

FEWEST_USERS = 30  # of a group that is named as a weak one


def model_card(results: Report, slices: Report, checks: Report, described: Report) -> str:
    """The card of the chosen model.

    Args:
        results: ``test_results``.
        slices: ``evaluation_slices``.
        checks: ``leak_checks``.
        described: The model's entry in the leaderboard: options and fit report.

    Returns:
        Markdown; text from data is escaped.
    """
    parts = [
        _head(results, described),
        _data(results),
        _protocol(results),
        _results(results),
        *_horizons(results),
        _limits(results, slices, checks),
        _cost(results),
    ]
    return "\n\n".join(parts) + "\n"


def _head(results: Report, described: Report) -> str:
    options = [[f"`{_plain(name)}`", _plain(value)] for name, value in described.get("options", {}).items()]
    return "\n\n".join(
        [
            f"# Model card: {_plain(described['family'])}.{_plain(results['chosen'])}",
            f"Run {results['run_id']}, protocol {results['protocol_hash']}. Ranks the catalogue for a user by the "
            "user's own history; made to recommend the next items, not to judge people.",
            _table(["option", "value"], options) if options else "The model has no options.",
        ]
    )


def _data(results: Report) -> str:
    data = results["protocol"]["data"]
    left_out = [[_plain(why), whole(n)] for why, n in results["left_out"].items()]
    return "\n\n".join(
        [
            "## Data",
            f"{whole(data['users'])} users, {whole(data['items'])} items in the catalogue; fingerprint "
            f"`{data['sha256'][:12]}`. {whole(results['users'])} users in test; the others:",
            _table(["left out of test", "users"], left_out),
        ]
    )


def _protocol(results: Report) -> str:
    leaves = {name: value for name, value in results["protocol"].items() if name != "data"}
    rows = [[f"`{_plain(name)}`", _plain(_in_words(value))] for name, value in leaves.items()]
    parts = ["## Protocol", caption("What was asked", results) + ":", _table(["", ""], rows), _test_readings(results)]
    return "\n\n".join(parts)


def _test_readings(results: Report) -> str:
    if "test_readings" not in results:
        return "Readings of test were not counted."
    return (
        f"Reading {whole(results['test_readings'])} of test under this protocol: the more often it was read before a "
        "choice, the more the choice flatters itself."
    )


def _results(results: Report) -> str:
    chosen = next(model for model in results["models"] if model["name"] == results["chosen"])
    rows = [
        [
            _plain(name),
            interval(chosen["validation"].get(name)),
            interval(found),
            interval(chosen["test_reachable"].get(name)),
        ]
        for name, found in chosen["test"].items()
    ]
    against = [
        [_plain(name), signed_interval(found, "difference"), decimal(found["p_value_holm"], 4)]
        for name, found in results["chosen_against"].items()
    ]
    beyond = [[kind.replace("_", " "), decimal(value, 4)] for kind, value in chosen["catalogue"].items()]
    return "\n\n".join(
        [
            "## Results",
            choice(results),
            verdict(results),
            caption("Means over users with 95 % bootstrap intervals", results) + ":",
            _table(["metric", "validation", "test", "test, reachable targets"], rows),
            caption(f"{results['metric']} of {results['chosen']} minus that of", results) + ":",
            _table(["model", "difference", "p (Holm)"], against) if against else "No other model.",
            caption(f"Lists of {results['list_length']} items", results) + ":",
            _table(["", ""], beyond),
            f"Calibration error of the item probabilities {decimal(chosen['calibration']['error'], 5)}; log loss "
            f"{interval(chosen['calibration']['item_log_loss'], digits=3)} nats.",
        ]
    )


def _horizons(results: Report) -> list[str]:
    """Of the models that say whether an event comes within so many days, whichever model was chosen."""
    told = horizons_lines(results)
    if not told:
        return []
    parts = ["## Horizons", "Whether an event of a type comes within so many days, of every model that says so."]
    for words, rows in told:
        parts.append(_plain(words))
        if rows:
            plain = [[_plain(cell) for cell in row[:3]] + row[3:] for row in rows]
            parts.append(_table(["model", "event type", "within", *NAMES], plain))
    return ["\n\n".join(parts)]


def _limits(results: Report, slices: Report, checks: Report) -> str:
    failed = [f"- Check of {one['name']}: {_plain(one['words'])}." for one in checks["checks"] if not one["passed"]]
    return "\n\n".join(
        [
            "## Limits",
            "\n".join(
                [
                    *failed,
                    *_weak_groups(results, slices),
                    "- Measured offline, on what users did without these recommendations; what they would do with them "
                    "is not known from it.",
                    f"- Refit: {_plain(str(results['protocol']['refit']))}.",
                ]
            ),
        ]
    )


def _weak_groups(results: Report, slices: Report) -> list[str]:
    """Groups of users far below all users, and groups in which the best baseline is better."""
    metric, chosen = slices["metrics"][0], results["chosen"]
    mean = next(model for model in results["models"] if model["name"] == chosen)["test"][metric]["mean"]
    lines = []
    for one in slices["slices"]:
        for group in one["groups"]:
            value, users = group["models"][chosen][metric], group["users"]
            where = f"where {_plain(one['by'])} is {_plain(group['group'])} ({whole(users)} users)"
            if users >= FEWEST_USERS and one["of"] == "users" and value["high"] < mean:
                lines.append(f"- Weak {where}: {metric} {interval(value)} beside {decimal(mean, 4)} of all.")
            if users >= FEWEST_USERS and "difference" in group and group["difference"]["high"] < 0:
                found = signed_interval(group["difference"])
                lines.append(f"- Worse than {_plain(slices['models'][1])} {where}: {metric} {found}.")
    return lines


def _cost(results: Report) -> str:
    chosen = next(model for model in results["models"] if model["name"] == results["chosen"])
    machine = _plain(str(results["provenance"].get("machine", "unknown")))
    together = sum(float(model["fit_seconds"]) for model in results["models"])
    return "\n\n".join(
        [
            "## Cost",
            f"{decimal(fit_seconds(chosen), 1)} s to fit (members of a hybrid included), "
            f"{decimal(chosen['score_seconds'], 1)} s to score {whole(results['users'])} users, on {machine}. All "
            f"models of the run together took {decimal(together, 1)} s to fit. {energy(results)}",
        ]
    )


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_in_words(one)}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _plain(value: object) -> str:
    """Text without what Markdown and HTML would read as marks."""
    words = " ".join(str(value).split())
    for mark in "\\`*_[]|#":
        words = words.replace(mark, f"\\{mark}")
    return words.replace("<", "&lt;").replace(">", "&gt;")
