"""How fast we train and rank beside other libraries and the machine's limit, all in one sitting.

    OMP_WAIT_POLICY=passive python benchmarks/speed.py run --peers PEERS --data FOLDER
    python benchmarks/speed.py run --peers PEERS --data FOLDER --measures baselines

FOLDER holds ``ml1m_sasrec``; PEERS one virtual environment a library and their harness. Each contender runs in a
process of its own, in turn, for some rounds; the median counts. A peer's training is cut to a few updates of 128
windows, ours runs an epoch over every second user; both are counted in targets that are no padding, of all items as
full softmax. Peak memory is the largest resident set of the process.

Multiply-adds a target, padding left out, for D wide, F inside the feed-forward, L layers, V items and P steps that a
state reads on average: ``3 (L (4 D D + 2 D F + 2 D P) + V D)``; forward once, backward twice. Two operations each, they
are set beside ``sgemm`` of 2048 x 2048 matrices with the same threads before and after each round. Lines are appended
to ``--results``. With ``bf16`` our products read numbers of 16 bits and round what they give to 16; their share is of
the same ``sgemm``, of 32 bits.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from speed_rounds import MEASURES, SHALLOW, Sitting
from text_tasks import stamp

RESULTS = Path(__file__).parent / "results" / "speed.jsonl"


def main() -> None:
    """Measure, print and append."""
    asked = _arguments()
    missing = [path for path in (asked.peers / "harness", asked.data / "ml1m_sasrec") if not path.exists()]
    if missing:
        raise SystemExit(f"{missing[0]} is not there: --peers names the folder of the other libraries' environments")
    sitting = Sitting(asked.peers.resolve(), asked.data.resolve(), asked.rounds, asked.threads, tuple(asked.shallow))
    command = f"python benchmarks/speed.py run --measures {' '.join(asked.measures)} --rounds {asked.rounds}"
    if asked.shallow != list(SHALLOW):
        command += f" --shallow {' '.join(asked.shallow)}"
    for name in asked.measures:
        for line in MEASURES[name](sitting):
            append(asked.results, line | {"threads": asked.threads, "cores": os.cpu_count()} | stamp(command))


def append(path: Path, line: dict[str, Any]) -> None:
    """Print and keep one line, numbers to four digits."""
    kept = {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in line.items()}
    print(json.dumps(kept), flush=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(kept) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["run"])
    parser.add_argument("--peers", type=Path, default=Path("../peers"), help="environments and harness of the others")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder that holds ml1m_sasrec")
    parser.add_argument("--measures", nargs="+", choices=MEASURES, default=["training", "baselines"])
    parser.add_argument("--shallow", nargs="+", choices=SHALLOW, default=list(SHALLOW), help="models of ``baselines``")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
