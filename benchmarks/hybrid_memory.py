"""What hybrids take in memory on inputs that once took the machine, beside what they say before.

    python benchmarks/hybrid_memory.py
    python benchmarks/hybrid_memory.py --case "300,000 items" --hybrid blend

``a user of 200,000 events`` beside 60 ordinary ones, who go on through the validation window: each later step is a
example after all that came before it. ``300,000 items`` and 300 users of 40 events each: scores of all users by all
members. Six baselines are fitted and saved first; then a process of its own fits the hybrid, scores all users in one
call, and says the highest resident memory of each beside what was in use before. One line a hybrid is appended to the
results. ``--one`` prints the line alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from forecast import GIB, PeakMemory
from text_tasks import stamp

from nextact.models.hybrid.blend import Blend
from nextact.models.hybrid.hybrid_options import BlendOptions, StackedOptions
from nextact.models.hybrid.stacked import StackedRanker
from nextact.models.recommender import FitContext, Training
from nextact.models.registry import MODELS
from nextact.models.storage import FittedModel, ModelFolder, save_fitted
from nextact.results.models import Fit
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, later_steps, make_holdout

RESULTS = Path(__file__).parent / "results" / "hybrid_memory.jsonl"
MEMBERS = ("personal_popularity", "tifu_knn", "transition", "item_knn", "recent_popularity", "popularity_forecast")
HYBRIDS = {"blend": (Blend, BlendOptions), "stacked": (StackedRanker, StackedOptions)}
DAY = 86_400_000_000  # microseconds
WINDOW_FROM = 97 * DAY


def users_of(case: str) -> tuple[list[int], int]:
    """Events of each user, and items."""
    return ([200_000, *[12] * 60], 24) if case == "a user of 200,000 events" else ([40] * 300, 300_000)


CASES = ("a user of 200,000 events", "300,000 items")


def training_of(case: str) -> Training:
    """Random events in a hundred days, of which the last three are the window; its users have later steps in it."""
    random, (lengths, n_items) = np.random.default_rng(0), users_of(case)
    times = [np.sort(random.integers(100 * DAY, size=length)) for length in lengths]
    items = [np.minimum((random.pareto(1.0, length) * n_items / 50).astype(int), n_items - 1) + 1 for length in lengths]
    log = Histories.from_lists([one.tolist() for one in items], None, [one.tolist() for one in times])
    starts = log.offsets[:-1]
    known = starts + [int((one < WINDOW_FROM).sum()) for one in times]
    cuts = Cuts(
        known, np.minimum(known + 1, log.offsets[1:]), np.zeros(len(lengths), np.int64), window_end=log.offsets[1:]
    )
    validation = make_holdout(log, cuts, 1)
    later = later_steps(log, cuts, 1, validation.users, np.array([0]))
    return Training(
        log.between(starts, known), n_items, ("event",), {}, validation, False, FitContext(0), later_steps=later
    )


def fit_members(case: str, folder: Path) -> None:
    """Fit and save the members."""
    training = training_of(case)
    for name in MEMBERS:
        entry = MODELS["baselines"][name]
        model = entry.recommender(entry.options())
        model.fit(training)
        save_fitted(FittedModel(model, Fit.outside_a_run("baselines", name)), folder / name)


def measure(case: str, hybrid: str, folder: Path) -> dict[str, Any]:
    """Fit a hybrid of saved members and score everybody."""
    training, (kind, options) = training_of(case), HYBRIDS[hybrid]
    model = kind(options(members=MEMBERS), {name: ModelFolder(folder / name) for name in MEMBERS})
    memory, started = PeakMemory(), time.perf_counter()
    memory.start()
    report = model.fit(training)
    row = {
        "case": case,
        "hybrid": hybrid,
        "fit_gib": round(memory.gib, 3),
        "fit_seconds": time.perf_counter() - started,
    }
    row["fit_seconds"] = round(row["fit_seconds"], 1)
    said = report.get("forecast", {})
    row |= {f"forecast_{name}": value for name, value in said.items() if name != "free_gib"}
    memory.start()
    scores = model.score(training.validation.histories)
    result = scores.nbytes / GIB
    return row | {"score_gib": round(memory.gib, 3), "result_gib": round(result, 3), "users": len(scores)}


def main() -> None:
    """Measure each case and hybrid in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--hybrid", choices=list(HYBRIDS))
    parser.add_argument("--one", type=Path, help="folder of saved members: measure here, print the line")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.case, asked.hybrid, asked.one)))
        return
    for case in [asked.case] if asked.case else CASES:
        with tempfile.TemporaryDirectory() as folder:
            fit_members(case, Path(folder))
            for hybrid in [asked.hybrid] if asked.hybrid else HYBRIDS:
                command = [sys.executable, __file__, "--case", case, "--hybrid", hybrid, "--one", folder]
                done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
                row = json.loads(done.stdout.splitlines()[-1]) | stamp("python benchmarks/hybrid_memory.py")
                print(row, flush=True)
                with asked.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
