"""Whether the ready-made environments give the counts that their data sets are known by.

    NEXTACT_SHARED_DATA=FOLDER python benchmarks/environments.py
    NEXTACT_SHARED_DATA=FOLDER python benchmarks/environments.py beauty yelp

Each runs ``kedro run --env NAME --pipelines data_processing`` in a copy of the project in a temporary folder, so that
no data of the project is touched. Prints a table; ends with status 1 where a count is another one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
KNOWN = {  # users, items, accepted events; the descriptions of the data sets state them
    "beauty": (22_363, 12_101, 198_502),
    "movielens": (6_040, 3_416, 999_611),
    "yelp": (30_431, 20_033, 316_354),
    "online_retail": (4_363, 3_676, 404_909),
    "mind_zh": (4_114, 15_414, 139_896),
    "bank": (1_229, 94, 48_269),
    "clinic": (1_461, 413, 69_682),
    "social": (1_896, 3_055, 73_075),  # of 75,359 rows 2,284 repeat an earlier one
    "marketplace": (982, 30_315, 63_103),  # of 99,918 rows 36,815 are training events on an item that has one alone
    "purchases": (23_570, 1, 69_659),
}


def main() -> int:
    """Run the environments asked for; 1 if any count differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(KNOWN)}; all, if none is given")
    names = parser.parse_args().names or list(KNOWN)
    all_agree = True
    print(f"{'environment':<14} {'users':>15} {'items':>15} {'events':>19}   rejected")
    for name in names:
        found, rejected = count(name)
        agree = [one == known for one, known in zip(found, KNOWN[name], strict=True)]
        all_agree &= all(agree)
        cells = [f"{one:,} {'=' if same else '≠'}" for one, same in zip(found, agree, strict=True)]
        print(f"{name:<14} {cells[0]:>15} {cells[1]:>15} {cells[2]:>19}   {rejected or 'none'}")
    return 0 if all_agree else 1


def count(environment: str) -> tuple[tuple[int, int, int], dict[str, int]]:
    """``(users, items, accepted events)`` and rejected rows by reason."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder))
        run(project, environment)
        primary = project / "data" / environment / "03_primary"
        events = pd.read_parquet(primary / "events.parquet", columns=["user_id", "item_id"])
        reasons = json.loads((primary / "event_counts.json").read_text())["rows_by_reason"]
    counts = events["user_id"].nunique(), events["item_id"].nunique(), len(events)
    return counts, {reason: n for reason, n in reasons.items() if reason != "accepted"}


def copy_project(folder: Path) -> Path:
    """Configuration and source, without data."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return folder


def run(project: Path, environment: str) -> None:
    """Run data_processing; its output is shown where it fails."""
    command = [sys.executable, "-m", "kedro", "run", "--env", environment, "--pipelines", "data_processing"]
    environ = os.environ | {"DO_NOT_TRACK": "1"}
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, env=environ, check=False)
    if done.returncode:
        sys.exit(f"{environment}: {done.stderr.strip().splitlines()[-1]}")


if __name__ == "__main__":
    sys.exit(main())
