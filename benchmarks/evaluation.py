"""What evaluation costs beside the bare matrix product and top-k of the same sizes.

``python benchmarks/evaluation.py`` appends one line to ``benchmarks/results/evaluation.jsonl``. Scores are products of
random factors, so that the model costs nothing but its product; the sizes are those of Amazon Beauty. "Ours" is the
one pass of the evaluation and every number made of it: six ranking metrics at three lengths over all and over reachable
targets, catalogue metrics with text vectors, item log loss and calibration, the shuffled control, each with intervals
of 1,000 bootstrap draws. "Bare" is the product and ``argpartition`` in the same blocks.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from numpy.typing import NDArray

from nextact.evaluation.one_pass import read_model, shuffle_targets
from nextact.evaluation.results import EvaluationSet, evaluated_model
from nextact.metrics.targets import Targets
from nextact.results.horizons import HorizonSection
from nextact.results.models import Candidate, Fit
from nextact.retrieval.scoring import popular_first
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout
from nextact.sequences.user_blocks import score_bytes, user_blocks

RESULTS = Path(__file__).parent / "results" / "evaluation.jsonl"
N_USERS, N_ITEMS, DIMENSIONS, TEXT_DIMENSIONS = 22_363, 12_101, 64, 384
HISTORY, K, DRAWS = 8, 20, 1_000


class Factors:
    """Scores are products; a history's first timestamp says whose it is."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.users = rng.normal(size=(N_USERS, DIMENSIONS)).astype(np.float32)
        self.items = np.ascontiguousarray(rng.normal(size=(N_ITEMS + 1, DIMENSIONS)).astype(np.float32).T)

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """float32 [users, items + 1]."""
        return self.product(histories.timestamp[histories.offsets[:-1]])

    def product(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        """The same of user numbers."""
        scores: NDArray[np.float32] = self.users[users] @ self.items
        return scores


def make_set(seed: int) -> EvaluationSet:
    """Random histories of eight events and one target a user."""
    rng = np.random.default_rng(seed)
    n_events = N_USERS * HISTORY
    histories = Histories(
        np.arange(0, n_events + 1, HISTORY),
        rng.integers(1, N_ITEMS + 1, n_events).astype(np.int32),
        np.zeros(n_events, np.int8),
        np.repeat(np.arange(N_USERS), HISTORY),
        np.ones(n_events, np.bool_),
    )
    items = rng.integers(1, N_ITEMS + 1, N_USERS).astype(np.int32)
    targets = Targets(np.arange(N_USERS + 1), items, np.zeros(N_USERS, np.int64))
    return EvaluationSet(
        holdout=Holdout(np.arange(N_USERS), histories, targets, np.ones((N_USERS, 1))),
        shuffled_targets=shuffle_targets(targets, seed),
        popularity=(counts := np.bincount(histories.item_index, minlength=N_ITEMS + 1)),
        tie_order=popular_first(counts[1:]),
        alike=None,
        vectors=rng.normal(size=(N_ITEMS + 1, TEXT_DIMENSIONS)).astype(np.float32),
        categories=None,
        exclude_seen=True,
        ks=(5, 10, K),
        metric="ndcg@10",
        list_length=10,
        draws=DRAWS,
        calibration_bins=10,
    )


CANDIDATE = Candidate(
    **dict(Fit.outside_a_run("baselines", "factors")),
    folder="",
    users=N_USERS,
    validation={},
    validation_horizons=HorizonSection(),
)


def bare(model: Factors) -> None:
    """The product and the top-k, in the blocks of the evaluation."""
    for users in user_blocks(N_USERS, score_bytes(N_ITEMS)):
        np.argpartition(model.product(users), -K, axis=1)[:, -K:]


def ours(model: Factors, held_out: EvaluationSet) -> None:
    """One pass and every number of it."""
    reading = read_model(
        model,
        held_out.holdout,
        held_out.shuffled_targets,
        held_out.exclude_seen,
        held_out.tie_order,
        held_out.alike,
        held_out.depth,
        temperature=1.0,
    )
    evaluated_model(CANDIDATE, reading, held_out, temperature=1.0)


def timed(action: Callable[[], None]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Run both in turn and append the ratio of their best times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="print, append nothing")
    arguments = parser.parse_args()
    model, held_out = Factors(seed=0), make_set(seed=0)
    times = [(timed(lambda: bare(model)), timed(lambda: ours(model, held_out))) for _ in range(arguments.repeats)]
    walls = [min(one[side][0] for one in times) for side in (0, 1)]
    cpus = [min(one[side][1] for one in times) for side in (0, 1)]
    row = {
        "measure": "seconds to evaluate",
        "dataset": f"random factors, {N_USERS} users x {N_ITEMS} items x {DIMENSIONS}",
        "draws": DRAWS,
        "ours": round(walls[1], 2),
        "reference": "numpy product and argpartition",
        "theirs": round(walls[0], 2),
        "ratio": round(walls[1] / walls[0], 2),
        "ours_cpu": round(cpus[1], 2),
        "theirs_cpu": round(cpus[0], 2),
        "ratio_cpu": round(cpus[1] / cpus[0], 2),
        "repeats": arguments.repeats,
        "unit": "s",
        "command": " ".join(["python", "benchmarks/evaluation.py", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, numpy {np.__version__}",
    }
    print(json.dumps(row, indent=1))
    if not arguments.dry:
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
