"""Numbers and verdicts of an evaluation as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Report = Mapping[str, Any]

SURE = 0.05  # corrected p-value below which a difference counts as shown


def interval(found: Report | None, mean: bool = True, digits: int = 4) -> str:
    """A mean and its interval; a dash for none.

    Example:
        >>> interval({"mean": 0.5, "low": 0.25, "high": 0.75}), interval(None)
        ('0.5000 [0.2500, 0.7500]', '-')
    """
    if found is None:
        return "-"
    ends = f"[{found['low']:.{digits}f}, {found['high']:.{digits}f}]"
    return f"{found['mean']:.{digits}f} {ends}" if mean else ends


def signed_interval(found: Report, key: str = "mean") -> str:
    """A difference, its sign always written.

    Example:
        >>> signed_interval({"mean": 0.01, "low": -0.02, "high": 0.04})
        '+0.0100 [-0.0200, +0.0400]'
    """
    return f"{found[key]:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]"


def caption(words: str, stamped: Report) -> str:
    """A caption that names the protocol.

    Example:
        >>> caption("Models", {"protocol_hash": "abc"})
        'Models · protocol abc'
    """
    return f"{words} · protocol {stamped['protocol_hash']}"


def choice(results: Report) -> str:
    """Why the model was chosen, and which models fail to beat which baselines, on validation.

    Example:
        >>> choice({"chosen": "ease", "reason": "best there", "gate": ["gpt2 does not beat ease"]})
        'On validation ease was chosen: best there. gpt2 does not beat ease.'
    """
    said = [f"On validation {results['chosen']} was chosen: {results['reason']}", *results["gate"]]
    return " ".join(f"{one}." for one in said)


def verdict(results: Report) -> str:
    """What the paired tests say of the chosen model, plainly.

    Example:
        >>> against = {"a": {"difference": 0.1, "p_value_holm": 0.01}, "b": {"difference": 0.1, "p_value_holm": 0.3}}
        >>> verdict({"chosen": "c", "metric": "ndcg@10", "chosen_against": against})
        "On test c is better than a by ndcg@10; no difference is shown to b (paired tests, Holm's correction, 5 %)."
    """
    against = results["chosen_against"]
    shown = {name: one for name, one in against.items() if one["p_value_holm"] < SURE}
    better = [name for name, one in shown.items() if one["difference"] > 0]
    worse = [name for name, one in shown.items() if one["difference"] < 0]
    open_ones = [name for name in against if name not in shown]
    said = [
        f"is better than {', '.join(better)} by {results['metric']}" if better else "",
        f"is worse than {', '.join(worse)}" if worse else "",
    ]
    first = " and ".join(part for part in said if part)
    parts = [f"On test {results['chosen']} {first}"] if first else []
    if open_ones:
        start = "no difference is shown" if parts else f"On test no difference of {results['chosen']} is shown"
        parts.append(f"{start} to {', '.join(open_ones)}")
    if not parts:
        return f"{results['chosen']} is the only model of this run: there is nothing to compare it with."
    return "; ".join(parts) + " (paired tests, Holm's correction, 5 %)."
