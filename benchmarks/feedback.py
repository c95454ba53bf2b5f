"""What the feedback pipeline finds in a log whose truth is known: position bias, and what policies would earn.

    python benchmarks/feedback.py

Runs ``kedro run --env test`` and then its pipeline ``feedback`` in a copy of the project in a temporary folder. The
generated shop knows how often each place is looked at and what each user likes; both stand beside what was found. A
line a place and a line a policy and place are appended to the results.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from environments import copy_project
from text_tasks import stamp

from nextact.datasets.generated import EXAMINATION, GeneratedShopDataset

RESULTS = Path(__file__).parent / "results" / "feedback.jsonl"
RUNS = (["run", "--env", "test"], ["run", "--env", "test", "--pipelines", "feedback"])


def places(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """How often each place was answered, and how often it is looked at beside the first one."""
    examined = {1: {"examination": 1.0}} | {one["rank"]: one for one in found["examination"]["ranks"]}
    for rate in found["by_rank"]:
        one = examined[rate["value"]]
        yield {
            "measure": "place",
            "rank": rate["value"],
            "truth": EXAMINATION[rate["value"] - 1],
            **_interval("answered", rate, "rate"),
            **_interval("examination", one, "examination"),
            "method": one.get("method"),
        }


def policies(found: dict[str, Any], greedy: float) -> Iterator[dict[str, Any]]:
    """What each policy would earn at each place, or why that is not said."""
    for one in found["policies"]:
        line = {"measure": "policy", "policy": one["policy"], "rank": one["rank"], "rows": one["rows"]}
        if one["policy"] == "greedy" and one["rank"] == 1:
            line["truth"] = round(greedy, 4)
        if one["mean_reward"]:
            line |= _interval("earned", one["mean_reward"], "mean")
        if one["effective_rows"] is not None:
            line["effective_rows"] = round(one["effective_rows"], 1)
        for name, estimate in one["estimates"].items():
            line |= _interval(name, estimate, "mean")
        yield line | ({"refused": one["refused"]} if one["refused"] else {})


def _interval(name: str, found: dict[str, Any], value: str) -> dict[str, float]:
    kept = {name: value, f"{name}_low": "low", f"{name}_high": "high"}
    return {key: round(found[field], 4) for key, field in kept.items() if field in found}


def earned_by_greedy(recommendations: pd.DataFrame) -> float:
    """How often the first recommendation of each user would be answered at the first place."""
    first = recommendations[recommendations["rank"] == 1]
    users, items = (first[name].str[1:].astype(int).to_numpy() for name in ("user_id", "item_id"))
    return float(GeneratedShopDataset(table="feedback").simulated_shop().liking_UI[users, items].mean())


def measured(project: Path) -> list[dict[str, Any]]:
    """Run both commands and read what they wrote."""
    for arguments in RUNS:
        command = [sys.executable, "-m", "kedro", *arguments]
        done = subprocess.run(
            command, cwd=project, capture_output=True, text=True, env=os.environ | {"DO_NOT_TRACK": "1"}, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(arguments)}: {done.stderr.strip().splitlines()[-1]}")
    data = project / "data" / "test"
    greedy = earned_by_greedy(pd.read_parquet(data / "07_model_output" / "recommendations.parquet"))
    reports = [
        json.loads((data / "08_reporting" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("feedback_report", "off_policy_report")
    ]
    return [*places(reports[0]), *policies(reports[1], greedy)]


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = measured(copy_project(Path(folder)))
    with asked.results.open("a", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line | stamp("python benchmarks/feedback.py")) + "\n")


if __name__ == "__main__":
    main()
