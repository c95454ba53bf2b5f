"""The measures of ``speed.py``: rounds of child processes, medians, and the line of each result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

HERE, GIB = Path(__file__).parent, 2**30
ITEMS, LAYERS, DATASET = 3_416, 2, "movielens"
VERSIONS = {"replay": "replay 0.22.0", "rectools": "rectools 0.19.0", "lenskit": "lenskit 2025.8.1"} | {
    "implicit": "implicit 0.7.3"
}
TRAINING_TARGETS = {"replay": 4.0, "rectools": 5.0}  # times as fast as they are
SHARE_TARGETS = {64: 0.35, 256: 0.75}
TRAINERS = {
    "replay": ("run_replay", "--throughput", "--dropout", "0.2"),
    "rectools": ("run_rectools", "--model", "sasrec", "--throughput", "--dropout", "0.2"),
}
SHALLOW = {  # ours: who fits the same, and by which name
    "ease": {"rectools": "ease", "lenskit": "ease"},
    "item_knn": {"rectools": "itemknn", "implicit": "cosine"},
}
OURS: dict[str, dict[str, Any]] = {  # which width and what else: how it is fitted
    f"{width} wide{kind}": {"dimensions": width} | more
    for kind, more in (("", {}), (", bf16", {"precision": "bf16"}))
    for width in SHARE_TARGETS
}
BESIDE = "64 wide"  # the peers' size
EVERY = 2  # of fewer users' windows fewer are of like length, and more is padded
ONCE = ("lenskit",)  # its lists take minutes
UPDATES, WARM = 10, 2
GOAL, OUR_EPOCHS, CAP_MINUTES = 0.05, 4, 5.0
SGEMM = """
import time, torch
a, best = torch.rand(2048, 2048), 9.0
for _ in range(8):
    started = time.perf_counter(); a @ a; best = min(best, time.perf_counter() - started)
print('{"gflops": %f}' % (2 * 2048**3 / best / 1e9))
"""


@dataclass(frozen=True)
class Sitting:
    """Where the contenders are, and how often each runs.

    Attributes:
        peers: Folder of the other libraries.
        data: Folder of the data sets.
        rounds: Runs of each contender.
        threads: Of each process.
        shallow: Models without a network that are measured.
    """

    peers: Path
    data: Path
    rounds: int
    threads: int
    shallow: tuple[str, ...] = tuple(SHALLOW)

    def installed(self, others: dict[str, str]) -> dict[str, str]:
        """Those of the contenders that are there; the others are named."""
        absent = [name for name in others if not (self.peers / f"venv-{name}").exists()]
        if absent:
            print(f"goes without {', '.join(absent)}: not installed in {self.peers}", file=sys.stderr)
        return {name: model for name, model in others.items() if name not in absent}

    def child(self, command: list[str]) -> dict[str, Any]:
        """The last line of a process as JSON, and its peak memory in GiB."""
        environ = os.environ | {"DATA": str(self.data), "DATASET": "ml1m", "OMP_WAIT_POLICY": "passive"}
        environ |= {f"{name}_NUM_THREADS": str(self.threads) for name in ("OMP", "MKL", "OPENBLAS")}
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode or not lines:
            raise SystemExit(f"failed with {process.returncode}: {' '.join(command)[:300]}")
        found: dict[str, Any] = json.loads(lines[-1])
        return found | {"peak_gib": usage.ru_maxrss * 1024 / GIB}

    def ours(self, measure: str, *rest: str) -> dict[str, Any]:
        """One measure of ours."""
        sequences = str(self.data / "ml1m_sasrec" / "sequences.txt")
        return self.child([sys.executable, str(HERE / "speed_ours.py"), measure, "--sequences", sequences, *rest])

    def peer(self, name: str, harness: str, *rest: str) -> dict[str, Any]:
        """One harness of a peer."""
        python = str(self.peers / f"venv-{name}" / "bin" / "python")
        cut = ["--updates", str(UPDATES), "--warm", str(WARM)]
        return self.child([python, str(HERE / "speed_peer.py"), str(self.peers), harness, *cut, "--", *rest])

    def sgemm(self) -> float:
        """What the machine multiplies right now, in operations a second."""
        return float(self.child([sys.executable, "-c", SGEMM])["gflops"]) * 1e9


def multiply_adds(dimensions: int, mean_pairs: float) -> float:
    """Multiply-adds a target, forward and backward, padding left out; the feed-forward is as wide as the network.

    Example:
        >>> multiply_adds(64, 100.0)
        880128.0
    """
    block = 6 * dimensions**2 + 2 * dimensions * mean_pairs
    return 3 * (LAYERS * block + ITEMS * dimensions)


def training(sitting: Sitting) -> Iterator[dict[str, Any]]:
    """Targets a second and peak memory at 64 wide beside the peers; at both widths and precisions beside ``sgemm``."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in (*OURS, *TRAINERS)}
    limits = [sitting.sgemm()]
    for _ in range(sitting.rounds):
        for name, own in OURS.items():
            options = [f"{option}={value}" for option, value in own.items()]
            runs[name].append(sitting.ours("training", "--every", str(EVERY), "--set", *options))
        for name, harness in TRAINERS.items():
            runs[name].append(sitting.peer(name, *harness))
        limits.append(sitting.sgemm())
    speeds = {name: median(run["targets"] / _sum(run["seconds"]) for run in found) for name, found in runs.items()}
    peaks = {name: median(run["peak_gib"] for run in found) for name, found in runs.items()}
    limit = median(limits)
    done = {
        name: 2 * multiply_adds(own["dimensions"], runs[name][0]["mean_pairs"]) * speeds[name]
        for name, own in OURS.items()
    }
    for name in TRAINERS:
        line = beside(f"training targets a second, {BESIDE}", "1/s", speeds[BESIDE], speeds[name], VERSIONS[name])
        yield line | {
            "target": TRAINING_TARGETS[name],
            "limit_share": done[BESIDE] / limit,
            "sgemm_gflops": limit / 1e9,
        }
        yield beside(f"peak memory of training, {BESIDE}", "GiB", peaks[BESIDE], peaks[name], VERSIONS[name]) | {
            "target": 0.5
        }
    for name, own in OURS.items():
        line = beside(f"training arithmetic, {name}", "GFLOP/s", done[name] / 1e9, limit / 1e9, "sgemm") | {
            "target": None if "precision" in own else SHARE_TARGETS[own["dimensions"]],  # it is one of 32 bits
            "limit_share": done[name] / limit,
            "targets_a_second": speeds[name],
        }
        yield line | {"peak_gib": peaks[name]}


def baselines(sitting: Sitting) -> Iterator[dict[str, Any]]:
    """Fit and top 20 of all users of EASE and item-kNN."""
    for ours in sitting.shallow:
        others = sitting.installed(SHALLOW[ours])
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ("ours", *others)}
        for _ in range(sitting.rounds):
            runs["ours"].append(sitting.ours(ours))
            for name, model in others.items():
                if name in ONCE and runs[name]:
                    continue
                runs[name].append(sitting.peer(name, f"run_{name}", "--model", model))
        for part, words in (("fit_seconds", "fit"), ("recommend_seconds", "top 20 of all users")):
            spent = {name: median(run[part] for run in found) for name, found in runs.items()}
            for name in others:
                line = beside(f"{ours}: {words}", "s", spent["ours"], spent[name], VERSIONS[name])
                yield line | {"ratio": spent[name] / spent["ours"], "target": 1.0}


def time_to(sitting: Sitting) -> Iterator[dict[str, Any]]:
    """Seconds of training, validation after each epoch included, until NDCG@10 of the validation users is reached."""
    ours = sitting.ours("training", "--validate", "--epochs", str(OUR_EPOCHS), "--set", "batch_steps=2048")
    spent = [sum(ours["seconds"][: place + 1]) for place in range(len(ours["seconds"]))]
    curve = list(zip(ours["curve"], spent, strict=True))
    fit = ("--maxlen", "200", "--batch", "32", "--dropout", "0.2", "--cap-minutes", str(CAP_MINUTES))
    theirs = [(point["val_ndcg10"], point["s"]) for point in sitting.peer("replay", "run_replay", *fit)["curve"]]
    line = beside(f"training to validation NDCG@10 of {GOAL}", "s", _first(curve), _first(theirs), VERSIONS["replay"])
    yield line | {"our_curve": curve, "their_curve": theirs, "load": os.getloadavg()[0]}


def beside(measure: str, unit: str, ours: float | None, theirs: float | None, reference: str) -> dict[str, Any]:
    """One result line; the ratio is ours to theirs."""
    ratio = ours / theirs if ours is not None and theirs else None
    return {"measure": measure, "dataset": DATASET, "ours": ours, "theirs": theirs, "reference": reference} | {
        "ratio": ratio,
        "limit_share": None,
        "unit": unit,
    }


def _first(curve: list[tuple[float, float]]) -> float | None:
    return next((seconds for value, seconds in curve if value >= GOAL), None)


def _sum(seconds: float | list[float]) -> float:
    return sum(seconds) if isinstance(seconds, list) else seconds


MEASURES: dict[str, Callable[[Sitting], Iterator[dict[str, Any]]]] = {
    "training": training,
    "baselines": baselines,
    "time_to": time_to,
}
