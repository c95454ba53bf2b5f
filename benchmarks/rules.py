"""What rules cost beside the same batch without them.

    kedro run
    python benchmarks/rules.py data

opens the models of a run of the sample and lists the best items of every user, with a reason each, without rules and
with a set that has everything: ids that are excluded, a condition, a cap by category, diversity by text vectors and
exploration. Both are timed in turn; of several rounds the best counts. Ratios are of CPU seconds, which other work on
the machine changes less than wall time. ``chosen`` is the model that the run serves, and its ratio must keep to the
target; the others show what rules cost beside models that score in no time.
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
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pandas as pd

from nextact.models.registry import open_model
from nextact.models.storage import ModelFolder
from nextact.retrieval.catalogue import Catalogue
from nextact.retrieval.recommending import recommend_items
from nextact.retrieval.rules.compiled import compile_rules
from nextact.retrieval.rules.rule_options import RuleOptions
from nextact.sequences.histories import Histories
from nextact.serving.packaged import PackagedModel
from nextact.text.blocks import ItemVectors

RESULTS = Path(__file__).parent / "results" / "rules.jsonl"
TARGET = 1.2  # times the batch without rules
K, EXCLUDED = 10, 1_000
RULES = {
    "where": "department != 'DRUG GM' or brand == 'National'",
    "categories": {"column": "department", "at_most": 4},
    "diversity": {"strength": 0.5},
    "exploration": {"epsilon": 0.1},
}
CHOSEN, POPULARITY = "chosen", "baselines.popularity"


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(folder: Path, name: str, rounds: int) -> dict[str, Any]:
    """Seconds of one model's batch without and with rules."""
    inputs, packaged = folder / "05_model_input", PackagedModel.open(folder / "07_model_output" / "packaged_model")
    model = packaged.model if name == CHOSEN else open_model(ModelFolder(folder / "06_models" / f"{name}.refitted"))
    histories = Histories.open(inputs / "histories")
    users = pd.read_parquet(inputs / "users.parquet")["user_id"].to_numpy(dtype=object)
    items, manifest = packaged.catalogue, packaged.manifest
    vectors = ItemVectors.open(inputs / "item_vectors").blocks
    catalogue = Catalogue(items.table, items.one_per_text, items.attributes, vectors)
    log, temperature, seen = packaged.log, manifest.temperature, manifest.exclude_seen

    def batch(options: RuleOptions | None) -> pd.DataFrame:
        newest = int(histories.timestamp.max())
        rules = None if options is None else compile_rules(options, catalogue, seen, manifest.event_types, K, newest)
        return recommend_items(model, histories, users, catalogue, log, temperature, seen, K, rules).items

    excluded = catalogue.table["item_id"].sort_values().head(EXCLUDED).tolist()
    options = RuleOptions(exclude=excluded, **RULES)
    times = [(timed(lambda: batch(None)), timed(lambda: batch(options))) for _ in range(rounds)]
    walls, cpus = ([min(one[side][of] for one in times) for side in (0, 1)] for of in (0, 1))
    return {
        "measure": "CPU seconds to recommend",
        "dataset": "complete_journey",
        "model": f"{CHOSEN}: {manifest.model}" if name == CHOSEN else name,
        "users": len(users),
        "items": len(catalogue.table),
        "ours": round(walls[1], 2),
        "theirs": round(walls[0], 2),
        "reference": "without rules",
        "ours_cpu": round(cpus[1], 2),
        "theirs_cpu": round(cpus[0], 2),
        "ratio_cpu": round(cpus[1] / cpus[0], 3),
        "ms_a_user": round(1_000 * (cpus[1] - cpus[0]) / len(users), 2),
        **({"target": TARGET} if name == CHOSEN else {}),
        "rounds": rounds,
        "command": " ".join(["python", "benchmarks/rules.py", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, numpy {np.__version__}",
    }


def main() -> None:
    """Measure each model and append its line; fail where the chosen one misses the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="data folder of a run")
    parser.add_argument("--models", nargs="*", default=[CHOSEN, "sequence.gpt2", "baselines.tifu_knn", POPULARITY])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dry", action="store_true", help="print, append nothing")
    arguments = parser.parse_args()
    for name in arguments.models:
        row = measure(arguments.folder, name, arguments.rounds)
        print(json.dumps(row, indent=1), flush=True)
        if not arguments.dry:
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        assert name != CHOSEN or row["ratio_cpu"] <= TARGET, f"with rules a batch takes more than {TARGET}"


if __name__ == "__main__":
    main()
