"""From raw rows to histories: seconds and peak memory at 10 and 100 million rows, beside pandas by hand.

    python benchmarks/events.py --rows 10_000_000 --work FOLDER            # data_processing as it is
    python benchmarks/events.py --rows 10_000_000 --work FOLDER --compare  # its part that pandas can do, and pandas

The log is generated (``events_log.py``) into the folder, once for each number of rows and seed. Each run is a process
of its own: ``kedro run --env local --pipelines data_processing`` in a copy of the project that is told of the log,
with DuckDB held to ``--threads`` and ``--memory``. ``peak_gib`` is the largest resident memory of that process. With
``--compare`` the pipeline ends at the histories (no quality report), ``events_pandas.py`` does the same by hand, and
counts, users, catalogue, histories and cuts of both must be equal. A line a run goes to ``results/events.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import yaml
from events_log import EVENT_TYPES, Log, write_log

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "events.jsonl"
GIB = 2**30


def main() -> None:
    """Write the log, run, check and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--memory", default="4GB", help="what DuckDB may take; the rest of the process comes on top")
    parser.add_argument("--work", type=Path, help="folder for logs and results; a temporary one, if left out")
    parser.add_argument("--compare", action="store_true", help="stop at the histories, and do the same in pandas")
    parser.add_argument("--dry", action="store_true", help="print, append nothing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        rows = measure(Path(folder), arguments)
    for row in rows:
        print(json.dumps(row))
        if not arguments.dry:
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


def measure(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The lines of one call."""
    log = write_log(
        (arguments.work or folder) / f"log_{arguments.rows}_{arguments.seed}", arguments.rows, arguments.seed
    )
    project = copy_project(folder, log, arguments.threads, arguments.memory)
    command = [sys.executable, "-m", "kedro", "run", "--env", "local", "--pipelines", "data_processing"]
    if not arguments.compare:
        return [line("data_processing", "duckdb", project / "data", run(command, project), arguments)]
    ours = run([*command, "--to-nodes", "build_histories"], project)
    script = [
        sys.executable,
        str(Path(__file__).with_name("events_pandas.py")),
        str(log.folder),
        str(folder / "pandas"),
    ]
    theirs = run(script, folder)
    require_equal(project / "data", folder / "pandas")
    part = "cleaning, split, histories"
    return [
        line(part, "duckdb", project / "data", ours, arguments),
        line(part, "pandas by hand", folder / "pandas", theirs, arguments),
    ]


def copy_project(folder: Path, log: Log, threads: int, memory: str) -> Path:
    """Configuration and source, pointed at the log."""
    project = folder / "project"
    shutil.copytree(ROOT / "conf", project / "conf")
    shutil.copytree(ROOT / "src", project / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", project)
    engine = {"threads": threads, "memory_limit": memory, "temp_directory": str(project / "spilled")}
    written = {
        "globals": {"engines": {"duckdb": {"connection": engine}}},
        "catalog": catalog(log),
        "parameters": PARAMETERS,
    }
    for name, content in written.items():
        (project / "conf" / "local" / f"{name}.yml").write_text(yaml.safe_dump(content))
    return project


def catalog(log: Log) -> dict[str, Any]:
    """The entries of the two raw tables."""
    common = {
        "type": "ibis.FileDataset",
        "file_format": "parquet",
        "connection": "${globals:engines.duckdb.connection}",
    }
    return {"raw_events": common | {"filepath": str(log.events)}, "raw_items": common | {"filepath": str(log.items)}}


PARAMETERS = {
    "events": {
        "user_id": "visitor",
        "item_id": "product",
        "event_type": "kind",
        "event_types": [name for name in EVENT_TYPES if name != "scroll"],
        "timestamp": "millis",
        "timestamp_unit": "ms",
        "value": "amount",
        "unknown_items": "reject",
        "latest": "2025-01-02",
    },
    "items": {"item_id": "product"},
    "item_text": {"text_columns": ["title"]},
    "filter": {"min_item_events": 5},
    "policy": {"exclude_seen": False},
}


def run(command: list[str], folder: Path) -> dict[str, float]:
    """Seconds and peak GiB of a process; its output is shown where it fails."""
    environ = os.environ | {"DO_NOT_TRACK": "1"}
    load, started = os.getloadavg()[0], time.perf_counter()
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env=environ)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        sys.exit((folder / "output.txt").read_text()[-3000:])
    seconds = time.perf_counter() - started
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_gib": round(usage.ru_maxrss * 1024 / GIB, 2),
        "load_before": round(load, 2),
    }


def line(part: str, engine: str, data: Path, used: dict[str, float], arguments: argparse.Namespace) -> dict[str, Any]:
    """What is kept of a run."""
    counts = json.loads((data / "03_primary" / "event_counts.json").read_text())["rows_by_reason"]
    return {
        "rows": arguments.rows,
        "engine": engine,
        "part": part,
        **used,
        "us_per_row": round(1e6 * used["seconds"] / arguments.rows, 2),
        "accepted": counts["accepted"],
        "rejected": sum(counts.values()) - counts["accepted"],
        "threads": arguments.threads if engine == "duckdb" else 1,
        "memory_limit": arguments.memory if engine == "duckdb" else None,
        "seed": arguments.seed,
        "command": " ".join(["python", "benchmarks/events.py", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, duckdb {duckdb.__version__}",
    }


def require_equal(ours: Path, theirs: Path) -> None:
    """End the benchmark unless both found the same counts, users, catalogue, histories and cuts."""
    counts = [json.loads((side / "03_primary" / "event_counts.json").read_text()) for side in (ours, theirs)]
    for key in ("rows_by_reason", "rows_by_source", "rows_by_split", "moments"):
        if counts[0][key] != counts[1][key]:
            sys.exit(f"{key} differ: {counts[0][key]} here, {counts[1][key]} by hand")
    for name in ("03_primary/vocabulary.parquet", "05_model_input/users.parquet"):
        pd.testing.assert_frame_equal(*(pd.read_parquet(side / name) for side in (ours, theirs)), check_dtype=False)
    arrays = sorted((ours / "05_model_input").rglob("*.npy"))
    for path in arrays:
        name = path.relative_to(ours)
        if not np.array_equal(np.load(path, mmap_mode="r"), np.load(theirs / name, mmap_mode="r")):
            sys.exit(f"{name} differs")
    print(f"equal: counts, moments, vocabulary, users and {len(arrays)} arrays", file=sys.stderr)


if __name__ == "__main__":
    main()
