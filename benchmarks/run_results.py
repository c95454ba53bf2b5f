"""What a whole run of the project measured, a line a model.

    kedro run --env beauty --params split.ties=shuffled --pipelines \
        data_processing,feature_engineering,model_training,model_evaluation
    python benchmarks/run_results.py data/beauty --dataset beauty --setup "ties shuffled" --command "kedro run …"

Reads ``test_results.json``: every model that the run validated, its value on the half of the validation users that
chose, and test with its interval. Lines are appended to ``--results``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "runs.jsonl"
METRIC = "ndcg@10"


def lines(results: dict[str, Any], named: dict[str, Any]) -> list[dict[str, Any]]:
    """A line a model, best on validation first."""
    found = []
    for model in results["models"]:
        tested, validated = model["test"][METRIC], model["validation"][METRIC]
        found.append(
            named
            | {
                "family": model["family"],
                "model": model["name"],
                "chosen": model["name"] == results["chosen"],
                f"validation_{METRIC}": round(validated["mean"], 5),
                METRIC: round(tested["mean"], 5),
                f"{METRIC}_low": round(tested["low"], 5),
                f"{METRIC}_high": round(tested["high"], 5),
                "users": results["users"],
                "fit_seconds": round(float(model["fit_seconds"]), 1),
                "protocol": results["protocol_hash"],
            }
        )
    return sorted(found, key=lambda line: -line[f"validation_{METRIC}"])


def main() -> None:
    """Append the lines of a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="data folder of the run")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--setup", required=True)
    parser.add_argument("--command", required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    path = asked.folder / "08_reporting" / "test_results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    named = {
        "dataset": asked.dataset,
        "setup": asked.setup,
        "seed": results["provenance"]["seed"],
        "command": asked.command,
        "date": datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
    }
    with asked.results.open("a", encoding="utf-8") as file:
        for line in lines(results, named):
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
