"""What a command takes, and where: time and peak memory of the whole and of each step, from the run's own records.

    python benchmarks/run.py make run
    python benchmarks/run.py make test

Starts the command at the project's root and appends a line to ``benchmarks/results/run.jsonl``: seconds, the peak
memory of its largest process, how many cores worked, and, where it ran pipelines, the steps of ``records/steps.json``.
``python benchmarks/report.py`` makes table and picture of the newest line beside the one before it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "run.jsonl"
GIB_OF_KIB = 2**20


def measure(command: list[str], records: Path) -> dict[str, Any]:
    """Run a command and tell what it took.

    Raises:
        SystemExit: If the command fails: what it took then says nothing.
    """
    started, clock = time.time(), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"OMP_WAIT_POLICY": "passive"}, check=False)
    seconds, used = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return {
        "seconds": round(seconds, 1),
        "cores": round((used.ru_utime + used.ru_stime) / seconds, 2),
        "peak_gib": round(used.ru_maxrss / GIB_OF_KIB, 2),
        "steps": steps(records / "steps.json", started),
    }


def steps(file: Path, since: float) -> dict[str, list[float]]:
    """Step -> seconds and peak GiB of those that the run recorded; none where it ran no pipeline."""
    if not file.exists() or file.stat().st_mtime < since:
        return {}
    found = json.loads(file.read_text(encoding="utf-8"))["steps"]
    return {name: [one["seconds"], one["peak_gib"]] for name, one in found.items()}


def main() -> None:
    """Measure and append a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=Path, default=ROOT / "data" / "records", help="of the environment that runs")
    parser.add_argument("--state", default="", help="words on what else the machine was doing")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    named = {
        "measure": " ".join(arguments.command),
        "commit": commit.stdout.strip(),
        "command": f"python benchmarks/run.py {' '.join(arguments.command)}",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}{arguments.state and ', ' + arguments.state}",
    }
    line = named | measure(arguments.command, arguments.records)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print({name: value for name, value in line.items() if name != "steps"})


if __name__ == "__main__":
    main()
