"""One peer's harness in the peer's own Python, cut short; prints a line of JSON. Started by ``speed.py``.

    PEERS/venv-replay/bin/python benchmarks/speed_peer.py PEERS run_replay --updates 12 --warm 2 -- --throughput

The harness builds data and model as it always does. Only what lasts long is changed from outside: a training ends
after ``--updates`` updates, of which the first ``--warm`` are not timed; a search over options takes the first of them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
import types
from pathlib import Path
from typing import Any

TARGETS = {"run_replay": "target_padding_mask", "run_rectools": "y"}  # entries that are not 0 are targets
LIGHTNING = {"run_replay": "lightning", "run_rectools": "pytorch_lightning"}


def main() -> None:
    """Run one harness."""
    asked, rest = _arguments()
    sys.path.insert(0, str(asked.peers / "harness"))
    sys.argv = [asked.harness, *rest]
    if "--throughput" in rest:
        cut_short(LIGHTNING[asked.harness], TARGETS[asked.harness], asked.updates, asked.warm)
    harness = importlib.import_module(asked.harness)
    harness.itertools = types.SimpleNamespace(product=_first_of_each)
    harness.main()
    print(_newest_result())


def cut_short(library: str, target: str, updates: int, warm: int) -> None:
    """Let every trainer of a library stop after some updates, say how fast they were, and end the process."""
    lightning: Any = importlib.import_module(library)

    class Timer(lightning.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.n_targets, self.started, self.spent = 0, 0.0, 0.0

        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, number: int) -> None:
            if number == warm:
                self.started = time.perf_counter()
            if number >= warm:
                self.n_targets += int((batch[target] != 0).sum())

        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, number: int) -> None:
            self.spent = time.perf_counter() - self.started

        def __deepcopy__(self, memo: Any) -> Any:
            return self  # RecTools trains with a copy of its trainer

    trainer, timer = lightning.Trainer, Timer()
    begin, fit = trainer.__init__, trainer.fit

    def short(self: Any, **settings: Any) -> None:
        settings["callbacks"] = [*settings.get("callbacks", []), timer]
        begin(self, **(settings | {"max_epochs": 1, "limit_train_batches": updates, "limit_val_batches": 0}))

    def fit_and_end(self: Any, *parts: Any, **named: Any) -> None:
        fit(self, *parts, **named)
        print(json.dumps({"targets": timer.n_targets, "seconds": timer.spent}), flush=True)
        os._exit(0)

    trainer.__init__, trainer.fit = short, fit_and_end


def _first_of_each(*grids: Any) -> list[tuple[Any, ...]]:
    """In place of all combinations of a search."""
    return [tuple(next(iter(grid)) for grid in grids)]


def _newest_result() -> str:
    """What the harness wrote last, on one line."""
    common = importlib.import_module("common")
    newest: Path = max(common.OUT.glob("*.json"), key=lambda path: path.stat().st_mtime)
    return json.dumps(json.loads(newest.read_text(encoding="utf-8")))


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", type=Path)
    parser.add_argument("harness")
    parser.add_argument("--updates", type=int, default=12)
    parser.add_argument("--warm", type=int, default=2)
    own = sys.argv[1:]
    end = own.index("--") if "--" in own else len(own)
    return parser.parse_args(own[:end]), own[end + 1 :]


if __name__ == "__main__":
    main()
