"""Which models failed to beat which baselines, by paired test on the users who choose."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nextact.metrics.comparison import PerUser, holm, paired_comparison

BASELINES, NETWORKS = "baselines", "sequence"
SURE = 0.05  # corrected p-value below which a difference counts as shown

Gate = dict[str, Any]


def gate(families: Mapping[str, str], values: Mapping[str, PerUser], draws: int) -> Gate:
    """Compare every model with every baseline.

    Args:
        families: Model -> family, best on validation first.
        values: Model -> float64 [users] of the choosing metric, the same users in the same order.
        draws: Bootstrap draws of the intervals.

    Returns:
        ``best_baseline`` (None where there is none), and ``models``: each model of another family with its paired
        ``against`` every baseline, p-values by Holm's correction over these, and the baselines that it has ``beaten``
        and ``not_beaten``.
    """
    baselines = [name for name, family in families.items() if family == BASELINES]
    others = [name for name, family in families.items() if family != BASELINES]
    return {
        "best_baseline": baselines[0] if baselines else None,
        "models": {name: _against(values, name, baselines, draws) for name in others} if baselines else {},
    }


def _against(values: Mapping[str, PerUser], name: str, baselines: Sequence[str], draws: int) -> dict[str, Any]:
    mine = np.asarray(values[name])
    found = {
        one: dataclasses.asdict(paired_comparison(mine, np.asarray(values[one]), draws=draws, seed=0))
        for one in baselines
    }
    adjusted = holm({one: paired["p_value"] for one, paired in found.items()})
    shown = {one for one, paired in found.items() if paired["difference"] > 0 and adjusted[one] < SURE}
    return {
        "against": {one: paired | {"p_value_holm": adjusted[one]} for one, paired in found.items()},
        "beaten": [one for one in baselines if one in shown],
        "not_beaten": [one for one in baselines if one not in shown],
    }


def passes(found: Gate, name: str) -> bool:
    """Whether a model is shown to be better than the best baseline; a baseline need not be.

    Example:
        >>> passes({"best_baseline": "ease", "models": {"gpt2": {"not_beaten": ["ease"]}}}, "gpt2")
        False
    """
    return found["best_baseline"] not in found["models"].get(name, {}).get("not_beaten", [])


def gate_lines(found: Gate, families: Mapping[str, str]) -> list[str]:
    """The verdicts as lines of text: one a model, and a plain word where no network is worth its cost.

    Example:
        >>> against = {"ease": {"difference": -0.01, "low": -0.02, "high": 0.0, "p_value_holm": 0.01}}
        >>> one = {"against": against, "beaten": [], "not_beaten": ["ease"]}
        >>> for line in gate_lines({"best_baseline": "ease", "models": {"gpt2": one}}, {"gpt2": "sequence"}):
        ...     print(line)
        gpt2 does not beat ease (-0.0100 [-0.0200, +0.0000], p 0.0100)
        No network beats the best baseline: of these, serve ease
    """
    lines = [_line(name, one) for name, one in found["models"].items()]
    networks = [name for name in found["models"] if families[name] == NETWORKS]
    if networks and not any(passes(found, name) for name in networks):
        lines.append(f"No network beats the best baseline: of these, serve {found['best_baseline']}")
    return lines


def left_out_lines(left_out: Sequence[Mapping[str, str]]) -> list[str]:
    """Which models could not be fitted on this data, and why, as lines of text.

    Example:
        >>> left_out_lines([{"family": "baselines", "name": "demand", "left_out": "there is none"}])
        ['demand is left out: there is none']
    """
    return [f"{one['name']} is left out: {one['left_out']}" for one in left_out]


def _line(name: str, one: Mapping[str, Any]) -> str:
    if not one["not_beaten"]:
        return f"{name} beats every baseline"
    said = [
        f"{baseline} ({paired['difference']:+.4f} [{paired['low']:+.4f}, {paired['high']:+.4f}], "
        f"p {paired['p_value_holm']:.4f})"
        for baseline, paired in one["against"].items()
        if baseline in one["not_beaten"]
    ]
    return f"{name} does not beat {', '.join(said)}"
