"""Whether the forecast before a training says what the training then takes: memory, updates and time.

    python benchmarks/forecast.py

Each size trains two epochs on generated histories in a process of its own. What is measured is the highest resident
memory during the training less that just before it, with freed memory given back first; Linux alone says so. One line a
size is appended to the results.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import psutil
from network_options import options_of
from text_tasks import stamp

from nextact.metrics.targets import Targets
from nextact.models.recommender import FitContext, Training
from nextact.models.sequence.fitting import fit_network as fitting
from nextact.models.sequence.fitting.state import TrainingState
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout

RESULTS = Path(__file__).parent / "results" / "forecast.jsonl"
GIB = 2**30
COMMON = {"layers": 2, "heads": 2, "dropout": 0.1, "epochs": 2, "learning_rate": 0.001, "loss_chunk_steps": 512}
SIZES: dict[str, dict[str, Any]] = {
    "64 wide, 12,000 items": {"items": 12_000, "users": 1_000, "steps": 40, "dimensions": 64, "batch_steps": 512},
    "64 wide, larger updates": {"items": 12_000, "users": 1_000, "steps": 40, "dimensions": 64, "batch_steps": 8_192},
    "256 wide, 12,000 items": {"items": 12_000, "users": 500, "steps": 40, "dimensions": 256, "batch_steps": 4_096},
    "128 wide, long histories": {"items": 3_400, "users": 300, "steps": 200, "dimensions": 128, "batch_steps": 4_096},
    "64 wide, 200,000 items, sampled": {
        "items": 200_000,
        "users": 500,
        "steps": 40,
        "dimensions": 64,
        "batch_steps": 2_048,
        "loss": "sampled",
    },
    "96 wide, 3 layers, 30,000 items": {
        "items": 30_000,
        "users": 500,
        "steps": 60,
        "dimensions": 96,
        "layers": 3,
        "batch_steps": 2_048,
    },
    "256 wide, 3 layers, 3,400 items": {
        "items": 3_400,
        "users": 400,
        "steps": 50,
        "dimensions": 256,
        "layers": 3,
        "batch_steps": 2_048,
    },
    "128 wide, nextact, 5,000 items": {
        "items": 5_000,
        "users": 500,
        "steps": 100,
        "dimensions": 128,
        "backbone": "nextact",
        "batch_steps": 4_096,
    },
    "256 wide, 12,000 items, bf16": {
        "items": 12_000,
        "users": 500,
        "steps": 40,
        "dimensions": 256,
        "batch_steps": 4_096,
        "precision": "bf16",
    },
    "64 wide, larger updates, bf16": {
        "items": 12_000,
        "users": 1_000,
        "steps": 40,
        "dimensions": 64,
        "batch_steps": 8_192,
        "precision": "bf16",
    },
    "64 wide, many lengths, bf16": {
        "items": 12_000,
        "users": 4_000,
        "steps": 40,
        "dimensions": 64,
        "batch_steps": 512,
        "precision": "bf16",
    },
    "64 wide, 60,000 items, bf16": {
        "items": 60_000,
        "users": 1_000,
        "steps": 40,
        "dimensions": 64,
        "batch_steps": 2_048,
        "precision": "bf16",
    },
    "64 wide, bert, 12,000 items, bf16": {
        "items": 12_000,
        "users": 1_000,
        "steps": 40,
        "dimensions": 64,
        "backbone": "bert",
        "objective": "masked",
        "batch_steps": 2_048,
        "precision": "bf16",
    },
    "128 wide, long histories, bf16": {
        "items": 3_400,
        "users": 300,
        "steps": 200,
        "dimensions": 128,
        "batch_steps": 4_096,
        "precision": "bf16",
    },
}


def generated(users: int, items: int, steps: int) -> Training:
    """Histories of random items, of half to all of ``steps`` steps; the same users validate."""
    random = np.random.default_rng(0)
    lengths = random.integers(steps // 2, steps + 1, users)
    histories = Histories.from_lists([random.integers(1, items + 1, length).tolist() for length in lengths])
    targets = Targets.from_lists([[int(item)] for item in random.integers(1, items + 1, users)])
    holdout = Holdout(np.arange(users), histories, targets, np.ones((users, 1)))
    return Training(histories, items, ("event",), {}, holdout, False, FitContext(0))


class PeakMemory:
    """Highest resident memory since ``start``."""

    def start(self) -> None:
        """Give freed memory back, then count anew."""
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self.before = psutil.Process().memory_info().rss

    @property
    def gib(self) -> float:
        """Above what was in use at the start."""
        status = Path("/proc/self/status").read_text(encoding="ascii")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return (int(peak.split()[1]) * 1024 - self.before) / GIB


def measure(name: str) -> dict[str, Any]:
    """Train one size and compare."""
    size = dict(SIZES[name])
    training = generated(size.pop("users"), size.pop("items"), size.pop("steps"))
    memory, train, step, n_updates = PeakMemory(), fitting.train, TrainingState.step, 0

    def measured(*parts: Any) -> Any:
        memory.start()
        return train(*parts)

    def counted(*parts: Any) -> None:
        nonlocal n_updates
        n_updates += 1
        step(*parts)

    fitting.train, TrainingState.step = measured, counted  # type: ignore[method-assign]
    _, report = fitting.fit_network(options_of(max_steps=200, text_blocks=(), **COMMON | size), training)
    forecast = report["forecast"]
    row = {"size": name, "memory_gib": round(memory.gib, 3), "forecast_gib": forecast["memory_gib"]}
    row["memory_ratio"] = round(forecast["memory_gib"] / memory.gib, 3)
    row |= {"updates": n_updates, "forecast_updates": forecast["updates"], "loss": forecast["loss"]}
    row["epoch_seconds"] = round(sum(epoch["seconds"] for epoch in report["curve"]) / len(report["curve"]), 2)
    return row | {"forecast_epoch_seconds": forecast["epoch_seconds"]}


def main() -> None:
    """Measure every size, or one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=list(SIZES), help="one size, in this process, to standard output")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.size:
        print(json.dumps(measure(asked.size)))
    else:
        for name in SIZES:
            done = subprocess.run(
                [sys.executable, __file__, "--size", name], check=True, stdout=subprocess.PIPE, env=os.environ
            )
            row = json.loads(done.stdout.splitlines()[-1]) | {"allocator": "glibc"}
            row |= stamp("python benchmarks/forecast.py")
            print(row, flush=True)
            with asked.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
