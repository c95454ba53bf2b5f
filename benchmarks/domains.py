"""What the run of a domain found on test: the next item, the next event type, and behaviours within so many days.

    kedro run --env bank
    python benchmarks/domains.py bank

Reads ``test_results.json`` and the slices of ``data/NAME/08_reporting``: each model with its difference to the chosen
one, the chosen one where the user had the item before and where not, and what the network's heads say of behaviours
beside counting. Lines are appended to ``benchmarks/results/domains.jsonl``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from run_results import METRIC

ROOT = Path(__file__).parents[1]
HAD_BEFORE = "item in the user's history"  # a slice of the report
RESULTS = ROOT / "benchmarks" / "results" / "domains.jsonl"

Found = dict[str, Any]


def next_items(results: Found) -> Iterator[Found]:
    """A line a model, best on validation first, with the chosen model minus it."""
    for model in sorted(results["models"], key=lambda one: -one["validation"][METRIC]["mean"]):
        name = model["name"]
        line = {
            "task": "next item",
            "model": name,
            "family": model["family"],
            "chosen": name == results["chosen"],
            "best_baseline": name == results["baseline"],
            f"validation_{METRIC}": round(model["validation"][METRIC]["mean"], 7),
            "users": results["users"],
            f"reachable_{METRIC}": round(model["test_reachable"][METRIC]["mean"], 7),
        }
        yield line | interval(METRIC, model["test"][METRIC]) | compared(results["chosen_against"].get(name))


def returns(slices: Found) -> Iterator[Found]:
    """A line a model for targets that the user had before, and for those that are new to the user."""
    for group in next(one for one in slices["slices"] if one["by"] == HAD_BEFORE)["groups"]:
        for model, values in group["models"].items():
            line = {"task": HAD_BEFORE, "group": group["group"], "model": model, "users": group["users"]}
            yield line | interval(METRIC, values[METRIC])


def next_types(results: Found) -> Iterator[Found]:
    """A line a model and a way of counting, with the model minus counting."""
    behaviour = results["behaviour"] or {"models": {}}
    for model, row in behaviour["models"].items():
        line = {"task": "next event type", "model": model, "users": behaviour["users"]}
        line |= interval("log_loss", row["means"]["log_loss"])
        yield from (line | {"beside": name} | compared(one) for name, one in row["log_loss_against"].items())


def horizons(results: Found) -> Iterator[Found]:
    """A line a model, event type and horizon that the test window is long enough for."""
    for model, rows in results["horizons"]["test"]["models"].items():
        for row in rows:
            if row["users"]:
                line = {"task": "horizon", "model": model, "beside": "one share for all"}
                line |= {name: row[name] for name in ("event_type", "horizon_days", "users")}
                line |= {name: round(row[name], 7) for name in ("happened", "predicted")}
                line |= interval("log_loss", row["metrics"]["log_loss"])
                yield line | compared(row["log_loss_against_share"])


def interval(name: str, found: Found) -> Found:
    """A mean with the ends of its interval."""
    ends = {name: "mean", f"{name}_low": "low", f"{name}_high": "high"}
    return {key: round(found[part], 7) for key, part in ends.items()}


def compared(found: Found | None) -> Found:
    """A paired difference with its ends; nothing where there is none."""
    ends = {"difference": "difference", "difference_low": "low", "difference_high": "high"}
    return {} if found is None else {key: round(found[part], 7) for key, part in ends.items()}


def main() -> None:
    """Append the lines of a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment")
    name = parser.parse_args().environment
    path = ROOT / "data" / name / "08_reporting" / "test_results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    slices = json.loads(path.with_name("evaluation_slices.json").read_text(encoding="utf-8"))
    named = {
        "environment": name,
        "seed": results["provenance"]["seed"],
        "command": f"kedro run --env {name}",
        "date": datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "protocol": results["protocol_hash"],
    }
    with RESULTS.open("a", encoding="utf-8") as file:
        for found in (next_items, next_types, horizons):
            file.writelines(json.dumps(named | line) + "\n" for line in found(results))
        file.writelines(json.dumps(named | line) + "\n" for line in returns(slices))


if __name__ == "__main__":
    main()
