"""Numbers and verdicts of an evaluation as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nextact.reports.numbers import decimal, share, whole
from nextact.reports.pages.evaluation_results import Difference, EvaluationResults, Interval

SURE = 0.05  # corrected p-value below which a difference counts as shown


def interval(found: Interval | None, digits: int = 4) -> str:
    """A mean and its interval; a dash for none.

    Example:
        >>> interval(Interval(0.5, 0.25, 0.75, 0.95)), interval(None)
        ('0.5000 [0.2500, 0.7500]', '-')
    """
    return "-" if found is None else f"{found.mean:.{digits}f} {ends(found, digits)}"


def ends(found: Interval, digits: int = 4) -> str:
    """The interval alone.

    Example:
        >>> ends(Interval(0.5, 0.25, 0.75, 0.95), 2)
        '[0.25, 0.75]'
    """
    return f"[{found.low:.{digits}f}, {found.high:.{digits}f}]"


def signed(found: Interval | None) -> str:
    """A difference, its sign always written; a dash for none.

    Example:
        >>> signed(Interval(0.01, -0.02, 0.04, 0.95))
        '+0.0100 [-0.0200, +0.0400]'
    """
    return "-" if found is None else f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


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


def level(results: EvaluationResults) -> str:
    """Of the intervals, such as 95 %."""
    return f"{results.level:.0%}"


def asked(results: EvaluationResults) -> str:
    """The data and what was asked of it, in two sentences."""
    types = results.protocol.get("target_event_types", [])
    split = results.protocol["split"]
    since = f", test from {split['test_from']}" if split.get("test_from") else ""
    of_types = f" ({joined(types)})" if types else ""
    return (
        f"{whole(results.n_data_users)} users and {whole(results.n_items)} items. Asked of each of "
        f"{whole(results.n_users)} users in test: the next items{of_types}, ranked over the whole catalogue; split by "
        f"{str(split['kind']).replace('_', ' ')}{since}."
    )


def beyond(results: EvaluationResults) -> str:
    """What the lists of the chosen model hold and what the model costs, in a sentence."""
    coverage = results.chosen.catalogue.get("coverage")
    shown = "" if coverage is None else f"recommends {share(coverage)} of the catalogue to anybody, "
    return (
        f"{results.chosen.name} {shown}takes {decimal(results.chosen.fit_seconds, 1)} s to fit and "
        f"{decimal(results.chosen.score_seconds, 1)} s to score {whole(results.n_users)} users."
    )


def predicts_types(results: EvaluationResults) -> bool:
    """Whether a model of the run predicts event types, beside mere frequencies."""
    models = (results.behaviour or {}).get("models", {})
    return any(one.get("log_loss_against") for one in models.values())


def beside_baseline(results: EvaluationResults) -> str:
    """The chosen model beside the best baseline in one sentence."""
    metric, against = results.metric, results.against_baseline
    if results.baseline is None or against is None:
        return f"On test {results.chosen.name} reaches {metric} {interval(results.chosen.test[metric])}."
    if against.p_holm >= SURE:
        said = "is not shown to differ from"
    else:
        said = "is better than" if against.interval.mean > 0 else "is worse than"
    return (
        f"On test {results.chosen.name} {said} the best baseline, {results.baseline.name}: {metric} "
        f"{interval(results.chosen.test[metric])} beside {interval(results.baseline.test[metric])}, difference "
        f"{signed(against.interval)}, p {decimal(against.p_holm, 4)} (Holm)."
    )


def verdict(chosen: str, metric: str, against: Iterable[Difference]) -> str:
    """What the paired tests say of the chosen model, plainly.

    Example:
        >>> better = Interval(0.1, 0.05, 0.15, 0.95)
        >>> verdict("c", "ndcg@10", [Difference("a", better, 0.01, 0.01), Difference("b", better, 0.2, 0.3)])
        "On test c is better than a by ndcg@10; no difference is shown to b (paired tests, Holm's correction, 5 %)."
    """
    against = list(against)
    shown = [one for one in against if one.p_holm < SURE]
    better = [one.other for one in shown if one.interval.mean > 0]
    worse = [one.other for one in shown if one.interval.mean < 0]
    open_ones = [one.other for one in against if one not in shown]
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


def general_words(results: EvaluationResults) -> list[str]:
    """Of the gate the lines that are about no single model, such as that no network is worth its cost."""
    return [line for line in results.gate if not any(line.startswith(f"{row.name} ") for row in results.rows)]


def energy(results: EvaluationResults) -> str:
    """What fitting all models took of the processors, or that nobody counted it, in a sentence."""
    if results.fit_joules is None:
        return "Energy was not measured: this machine shows no counter of it."
    watt_hours = decimal(results.fit_joules / 3600, 2)
    return f"While all models were fitted the processors used {watt_hours} Wh, other work on the machine included."


def in_words(value: object) -> str:
    """A value of the protocol as text.

    Example:
        >>> in_words({"item": 1, "types": ["view", "buy"]})
        'item 1, types view, buy'
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {in_words(one)}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
