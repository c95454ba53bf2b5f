"""Numbers and verdicts of an evaluation as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nextact.metrics.comparison import Comparison, CorrectedComparison, Interval
from nextact.reports.numbers import decimal, share, whole
from nextact.results.evaluation import TestResults

SURE = 0.05  # corrected p-value below which a difference counts as shown


def interval(found: Interval | None, digits: int = 4) -> str:
    """A mean and its interval; a dash for none.

    Example:
        >>> interval(Interval(0.5, 0.25, 0.75, 0.95, n_users=9)), interval(None)
        ('0.5000 [0.2500, 0.7500]', '-')
    """
    return "-" if found is None else f"{found.mean:.{digits}f} {ends(found, digits)}"


def ends(found: Interval, digits: int = 4) -> str:
    """The interval alone.

    Example:
        >>> ends(Interval(0.5, 0.25, 0.75, 0.95, n_users=9), 2)
        '[0.25, 0.75]'
    """
    return f"[{found.low:.{digits}f}, {found.high:.{digits}f}]"


def signed(found: Interval | Comparison | None) -> str:
    """A difference, its sign always written; a dash for none.

    Example:
        >>> signed(Comparison(0.01, -0.02, 0.04, p_value=0.3, n_users=9))
        '+0.0100 [-0.0200, +0.0400]'
    """
    if found is None:
        return "-"
    mean = found.difference if isinstance(found, Comparison) else found.mean
    return f"{mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


def counts(left_out: Mapping[str, int]) -> str:
    """Who is left out and why; nobody where there is none.

    Example:
        >>> counts({"no history": 1200, "no target": 0}), counts({})
        ('1,200 users: no history', 'nobody')
    """
    return "; ".join(f"{whole(n)} users: {why}" for why, n in left_out.items() if n) or "nobody"


def joined(words: Sequence[str]) -> str:
    """A list in words.

    Example:
        >>> joined(["a", "b", "c"])
        'a, b and c'
    """
    return " and ".join([", ".join(words[:-1]), *words[-1:]] if len(words) > 1 else list(words))


def level(results: TestResults) -> str:
    """Of the intervals, such as 95 %."""
    return f"{results.level:.0%}"


def asked(results: TestResults) -> str:
    """The data and what was asked of it, in two sentences."""
    types, data = results.protocol.target_event_types, results.protocol.data
    split = results.protocol.split
    since = f", test from {split.test_from}" if split.test_from else ""
    of_types = f" ({joined(types)})" if types else ""
    return (
        f"{whole(data.users)} users and {whole(data.items)} items. Asked of each of "
        f"{whole(results.users)} users in test: the next items{of_types}, ranked over the whole catalogue; split by "
        f"{split.kind.replace('_', ' ')}{since}."
    )


def beyond(results: TestResults) -> str:
    """What the lists of the chosen model hold and what the model costs, in a sentence."""
    coverage = results.chosen_model.catalogue.get("coverage")
    shown = "" if coverage is None else f"recommends {share(coverage)} of the catalogue to anybody, "
    return (
        f"{results.chosen} {shown}takes {decimal(results.chosen_model.all_fit_seconds, 1)} s to fit and "
        f"{decimal(results.chosen_model.score_seconds, 1)} s to score {whole(results.users)} users."
    )


def predicts_types(results: TestResults) -> bool:
    """Whether a model of the run predicts event types, beside mere frequencies."""
    return results.behaviour is not None and any(one.log_loss_against for one in results.behaviour.models.values())


def beside_baseline(results: TestResults) -> str:
    """The chosen model beside the best baseline in one sentence."""
    metric, against, baseline = results.metric, results.against_baseline, results.baseline_model
    if baseline is None or against is None:
        return f"On test {results.chosen} reaches {metric} {interval(results.chosen_model.test[metric])}."
    if against.p_value_holm >= SURE:
        said = "is not shown to differ from"
    else:
        said = "is better than" if against.difference > 0 else "is worse than"
    return (
        f"On test {results.chosen} {said} the best baseline, {baseline.name}: {metric} "
        f"{interval(results.chosen_model.test[metric])} beside {interval(baseline.test[metric])}, difference "
        f"{signed(against)}, p {decimal(against.p_value_holm, 4)} (Holm)."
    )


def verdict(chosen: str, metric: str, against: Mapping[str, CorrectedComparison]) -> str:
    """What the paired tests say of the chosen model, plainly.

    Example:
        >>> better = CorrectedComparison(0.1, 0.05, 0.15, p_value=0.01, n_users=9, p_value_holm=0.02)
        >>> unsure = CorrectedComparison(0.1, -0.05, 0.25, p_value=0.2, n_users=9, p_value_holm=0.2)
        >>> verdict("c", "ndcg@10", {"a": better, "b": unsure})
        "On test c is better than a by ndcg@10; no difference is shown to b (paired tests, Holm's correction, 5 %)."
    """
    shown = {name: one for name, one in against.items() if one.p_value_holm < SURE}
    better = [name for name, one in shown.items() if one.difference > 0]
    worse = [name for name, one in shown.items() if one.difference < 0]
    open_ones = [name for name in against if name not in shown]
    said = [
        f"is better than {joined(better)} by {metric}" if better else "",
        f"is worse than {joined(worse)}" if worse else "",
    ]
    first = " and ".join(part for part in said if part)
    parts = [f"On test {chosen} {first}"] if first else []
    if open_ones:
        start = "no difference is shown" if parts else f"On test no difference of {chosen} is shown"
        parts.append(f"{start} to {joined(open_ones)}")
    if not parts:
        return f"{chosen} is the only model of this run: there is nothing to compare it with."
    return "; ".join(parts) + " (paired tests, Holm's correction, 5 %)."


def general_words(results: TestResults) -> list[str]:
    """Of the gate the lines that are about no single model, such as that no network is worth its cost."""
    return [line for line in results.gate if not any(line.startswith(f"{row.name} ") for row in results.models)]


def in_words(value: object) -> str:
    """A value of the protocol as text.

    Example:
        >>> in_words({"item": 1, "types": ["view", "buy"]})
        'item 1, types view, buy'
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {in_words(one)}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
