"""Whether the same input gives the same numbers: whole runs again, on fewer threads, an older processor, other seeds.

    python benchmarks/same_numbers.py --env sample

Each run works in a copy of the project. An older processor is played by the libraries' own switches: PyTorch, oneDNN,
MKL, OpenBLAS and NumPy then leave out AVX-512, as they would on a machine without it. Ends with 1 if a second run
differs from the first in any digit.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "same_numbers.jsonl"
METRIC = "ndcg@10"
PIPELINES = "data_processing,feature_engineering,model_training,model_evaluation"
NO_AVX512 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL",
}
VARIANTS: dict[str, tuple[dict[str, str], int]] = {  # environment variables and seed
    "first": ({}, 0),
    "again": ({}, 0),
    "one thread": ({"OMP_NUM_THREADS": "1"}, 0),
    "without AVX-512": (NO_AVX512, 0),
    "seed 1": ({}, 1),
    "seed 2": ({}, 2),
}


def run(env: str, variables: dict[str, str], seed: int) -> dict[str, dict[str, float]]:
    """Model -> its values on the choosing half and on test, every digit.

    Raises:
        SystemExit: If the run fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        for part in ("conf", "src"):
            shutil.copytree(ROOT / part, project / part, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
        shutil.copy(ROOT / "pyproject.toml", project)
        command = ["-m", "kedro", "run", "--env", env, "--pipelines", PIPELINES, "--params", f"seed={seed}"]
        paths = {"PYTHONPATH": str(project / "src"), "OMP_WAIT_POLICY": "passive"}
        subprocess.run([sys.executable, *command], cwd=project, env=os.environ | paths | variables, check=True)
        found = next(project.glob("data/**/test_results.json"))
        models = json.loads(found.read_text(encoding="utf-8"))["models"]
    return {
        one["name"]: {"validation": one["validation"][METRIC]["mean"], "test": one["test"][METRIC]["mean"]}
        for one in models
    }


def main() -> None:
    """Run each variant, append a line, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="sample")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in asked.variants:
        variables, seed = VARIANTS[name]
        found[name] = run(asked.env, variables, seed)
        line: dict[str, Any] = {
            "env": asked.env,
            "variant": name,
            "models": found[name],
            "command": f"python benchmarks/same_numbers.py --env {asked.env}",
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        }
        with asked.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    if "first" in found and "again" in found:
        raise SystemExit(found["first"] != found["again"])


if __name__ == "__main__":
    main()
