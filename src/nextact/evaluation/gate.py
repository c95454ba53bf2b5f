"""Which models failed to beat which baselines, by paired test on the users who choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nextact.metrics.comparison import PerUser, corrected, paired_comparison
from nextact.results.models import Gate, GateRow, LeftOut

BASELINES, NETWORKS = "baselines", "sequence"
SURE = 0.05  # corrected p-value below which a difference counts as shown


def gate(families: Mapping[str, str], values: Mapping[str, PerUser], draws: int) -> Gate:
    """Compare every model with every baseline.

    Args:
        families: Model -> family, best on validation first.
        values: Model -> float64 [users] of the choosing metric, the same users in the same order.
        draws: Bootstrap draws of the intervals.

    Returns:
        Each model of another family against every baseline, p-values by Holm's correction over these.
    """
    baselines = [name for name, family in families.items() if family == BASELINES]
    others = [name for name, family in families.items() if family != BASELINES]
    return Gate(
        best_baseline=baselines[0] if baselines else None,
        models={name: _against(values, name, baselines, draws) for name in others} if baselines else {},
    )


def _against(values: Mapping[str, PerUser], name: str, baselines: Sequence[str], draws: int) -> GateRow:
    mine = np.asarray(values[name])
    found = corrected({one: paired_comparison(mine, np.asarray(values[one]), draws=draws, seed=0) for one in baselines})
    shown = {one for one, paired in found.items() if paired.difference > 0 and paired.p_value_holm < SURE}
    return GateRow(
        against=found,
        beaten=tuple(one for one in baselines if one in shown),
        not_beaten=tuple(one for one in baselines if one not in shown),
    )


def passes(found: Gate, name: str) -> bool:
    """Whether a model is shown to be better than the best baseline; a baseline need not be.

    Example:
        >>> lost = GateRow(against={}, beaten=(), not_beaten=("ease",))
        >>> passes(Gate(best_baseline="ease", models={"gpt2": lost}), "gpt2")
        False
    """
    return name not in found.models or found.best_baseline not in found.models[name].not_beaten


def gate_lines(found: Gate, families: Mapping[str, str]) -> list[str]:
    """The verdicts as lines of text: one a model, and a plain word where no network is worth its cost.

    Example:
        >>> from nextact.metrics.comparison import CorrectedComparison
        >>> against = {"ease": CorrectedComparison(-0.01, -0.02, 0.0, p_value=0.01, n_users=9, p_value_holm=0.01)}
        >>> one = GateRow(against=against, beaten=(), not_beaten=("ease",))
        >>> for line in gate_lines(Gate(best_baseline="ease", models={"gpt2": one}), {"gpt2": "sequence"}):
        ...     print(line)
        gpt2 does not beat ease (-0.0100 [-0.0200, +0.0000], p 0.0100)
        No network alone beats ease, the best baseline
    """
    lines = [_line(name, one) for name, one in found.models.items()]
    networks = [name for name in found.models if families[name] == NETWORKS]
    if networks and not any(passes(found, name) for name in networks):
        lines.append(f"No network alone beats {found.best_baseline}, the best baseline")
    return lines


def left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """Which models could not be fitted on this data, and why, as lines of text such as ``demand is left out: …``."""
    return [f"{one.name} is left out: {one.left_out}" for one in left_out]


def _line(name: str, one: GateRow) -> str:
    if not one.not_beaten:
        return f"{name} beats every baseline"
    said = [
        f"{baseline} ({paired.difference:+.4f} [{paired.low:+.4f}, {paired.high:+.4f}], p {paired.p_value_holm:.4f})"
        for baseline, paired in one.against.items()
        if baseline in one.not_beaten
    ]
    return f"{name} does not beat {', '.join(said)}"
