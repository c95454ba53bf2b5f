"""What a block of item vectors adds to models that know behaviour: a stacked ranker and a sequence network.

    python benchmarks/text_models.py mind_zh --data FOLDER --cache FOLDER
    python benchmarks/text_models.py beauty --data FOLDER --cache FOLDER --models stacked

Data sets, blocks and protocol are those of ``text_blocks.py``, the models' settings the same for every block:

- ``stacked``: trees over the transition table, item-kNN and content-kNN on the block, fitted on half of the validation
  users; ``none`` goes without content-kNN.
- ``gpt2``: 64 wide, two blocks; the block beside the item ids, which start from it; ``none`` reads ids alone. On
  MIND-zh at most six epochs, half of the validation users stop the training; on Beauty three epochs, whatever
  validation says.

Every block is compared with tf-idf reduced to as many dimensions (a union: to 384) and with ``none``, by paired tests
over the test users. One line a block, model and group is appended to the results; nothing is chosen here. With
``--resume FOLDER`` the values of each finished block are kept there, and a second run of the same commit goes on from
them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from hybrid import AS_MEASURED
from network_options import options_of
from text_blocks import Blocks, protocols, union
from text_tasks import Task, beauty, commit, cuts, mind_zh, stamp

from nextact.metrics.comparison import bootstrap_intervals, holm, paired_comparison
from nextact.models.baselines.baseline_options import ContentKNNOptions, ItemKNNOptions, TransitionOptions
from nextact.models.baselines.content import ContentKNN
from nextact.models.baselines.item_knn import ItemKNN
from nextact.models.baselines.item_to_item import TransitionTable
from nextact.models.hybrid.hybrid_options import StackedOptions
from nextact.models.hybrid.stacked import StackedRanker
from nextact.models.recommender import FitContext, Training
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.models.storage import FittedModel, ModelFolder, save_fitted
from nextact.results.models import Fit
from nextact.retrieval.scoring import evaluate
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout, make_holdout, training_histories, validation_halves

RESULTS = Path(__file__).parent / "results" / "text_models.jsonl"
METRIC, SEED, NONE = "ndcg@10", 0, "none"
FEWEST_USERS = 100
# As tuned for Beauty by benchmarks/baselines.py, the same on both data sets
TRANSITION = TransitionOptions(
    lags=20, lag_decay=0.8, history_decay=0.5, history_steps=10, reverse_weight=0.1, source_discount=0.5
)
ITEM_KNN = ItemKNNOptions(history_decay=0.6, weighting="tfidf", neighbours=500, shrinkage=3.0)
NETWORK = {"dimensions": 64, "layers": 2, "heads": 2, "dropout": 0.2, "learning_rate": 0.005, "horizon_days": ()}
OF_DATASET: dict[str, dict[str, Any]] = {
    "mind_zh": {"epochs": 6, "patience": 6, "batch_steps": 512, "loss_chunk_steps": 256},
    "beauty": {"epochs": 3, "batch_steps": 1024, "loss_chunk_steps": 512},
}
FIXED_EPOCHS = {"mind_zh": None, "beauty": 3}  # None: half of the validation users stop the training
EVENT_BLOCKS = ("encoder_tuned", "item2vec")


def wanted_blocks(
    made: Blocks, protocol: str, known: Histories, only: list[str] | None, kept: Kept
) -> dict[str, np.ndarray | None]:
    """Blocks by name; None reads no text. Those that learn from events are made where they are asked for."""
    blocks = kept.blocks(f"{made.task.name} text", made.of_text)
    if only is None or set(only) & set(EVENT_BLOCKS):
        blocks |= kept.blocks(f"{made.task.name} {protocol} events", lambda: made.of_events(known))
    names = ("tfidf", "word2vec", "glove", "syntax", "encoder", "encoder_tuned", "item2vec")
    found: dict[str, np.ndarray | None] = {NONE: None}
    found |= {name: blocks[name] for name in names if name in blocks}
    widths = {block.shape[1] for block in found.values() if block is not None} - {blocks["tfidf"].shape[1]}
    found |= {f"tfidf, {width}": blocks["tfidf"][:, :width] for width in sorted(widths)}
    return found | {"encoder + tfidf": union(blocks, ["encoder", "tfidf"])}


def control_of(name: str, block: np.ndarray | None) -> str | None:
    """The tf-idf of the same width; a union is wider than any and stands beside the widest."""
    if block is None or name.startswith("tfidf"):
        return None
    return "tfidf" if block.shape[1] >= 384 else f"tfidf, {block.shape[1]}"


class Models:
    """The two models of a data set, fitted anew for each block."""

    def __init__(self, task: Task, known: Histories, fitting: Holdout, folder: Path) -> None:
        self.task, self.known, self.fitting, self.folder = task, known, fitting, folder

    @cached_property
    def members(self) -> dict[str, ModelFolder]:
        """Of every ranker; they read no block."""
        members = {"transition": TransitionTable(TRANSITION), "item_knn": ItemKNN(ITEM_KNN)}
        return {name: self._kept(name, model, None, self.folder / name) for name, model in members.items()}

    def training(self, block: np.ndarray | None) -> Training:
        """What a model reads."""
        vectors = {} if block is None else {"block": block}
        everything = self.known, self.task.n_items, ("event",), vectors, self.fitting, self.task.exclude_seen
        return Training(*everything, FitContext(SEED, epochs=FIXED_EPOCHS[self.task.name]))

    def stacked(self, name: str, block: np.ndarray | None) -> Any:
        """The ranker over members with and without content."""
        members = dict(self.members)
        if block is not None:
            content = ContentKNN(ContentKNNOptions(block="block", whitening=True))
            members["content_knn"] = self._kept("content_knn", content, block, self.folder / f"content {name}")
        model = StackedRanker(StackedOptions(members=tuple(members), **AS_MEASURED), members)
        model.fit(self.training(None))
        return model

    def gpt2(self, name: str, block: np.ndarray | None) -> Any:
        """The network, with the block or without."""
        model = SequenceRecommender(options_of(text_blocks=("block",), **NETWORK, **OF_DATASET[self.task.name]))
        print(name, model.fit(self.training(block)), flush=True)
        return model

    def _kept(self, name: str, model: Any, block: np.ndarray | None, folder: Path) -> ModelFolder:
        model.fit(self.training(block))
        save_fitted(FittedModel(model, Fit.outside_a_run("baselines", name)), folder)
        return ModelFolder(folder)


def rows(
    values: dict[str, np.ndarray], controls: dict[str, str | None], groups: dict[str, np.ndarray]
) -> Iterator[dict[str, Any]]:
    """One row a block and group, compared with its control and with no block at all."""
    for group, members in groups.items():
        if members.sum() < FEWEST_USERS:
            continue
        of_group = {name: found[members] for name, found in values.items()}
        tests = {
            (name, other): paired_comparison(own, of_group[other])
            for name, own in of_group.items()
            for other in dict.fromkeys((controls[name], NONE))
            if other is not None and other != name and other in of_group
        }
        adjusted = holm({f"{name} {other}": test.p_value for (name, other), test in tests.items()})
        for name, own in of_group.items():
            interval = bootstrap_intervals({METRIC: own})[METRIC]
            row: dict[str, Any] = {"group": group, "block": name, "users": int(members.sum())}
            row |= {METRIC: interval.mean, f"{METRIC}_low": interval.low, f"{METRIC}_high": interval.high}
            for (tested, other), test in tests.items():
                if tested == name:
                    ends = {"": test.difference, "_low": test.low, "_high": test.high}
                    row |= {f"over {other}{end}": value for end, value in ends.items()}
                    row[f"over {other}_p_holm"] = adjusted[f"{name} {other}"]
            yield {key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()}


class Kept:
    """Blocks, and values a user of those that are done, by data set, protocol and model; a folder keeps them.

    Args:
        folder: Where they are; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = None if folder is None else folder / commit()
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)

    def blocks(self, name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Those that are kept under a name, or else what ``make`` makes."""
        if self.folder is None:
            return make()
        path = self.folder / f"{name}.npz"
        if not path.exists():
            _put(path, lambda file: np.savez(file, allow_pickle=False, **make()))
        with np.load(path) as arrays:
            return dict(arrays)

    def values(self, name: str, measure: Callable[[], np.ndarray]) -> np.ndarray:
        """Those that are kept under a name, or else what ``measure`` finds."""
        if self.folder is None:
            return measure()
        path = self.folder / f"{name}.npy"
        if path.exists():
            return np.load(path)
        found = measure()
        _put(path, lambda file: np.save(file, found, allow_pickle=False))
        return found


def _put(path: Path, write: Callable[[Any], None]) -> None:
    """Write beside, then put in place, so that a killed run leaves no half file."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        write(file)
    beside.replace(path)


def run(
    task: Task, cache: Path, models: list[str], only: list[str] | None, withheld: bool, kept: Kept
) -> Iterator[dict[str, Any]]:
    """All blocks by the models asked for."""
    protocol, histories = list(protocols(task))[withheld]
    known = training_histories(histories, cuts(histories, 2))
    fit_half, _ = validation_halves(histories.n_users, SEED)
    fitting, test = (
        make_holdout(histories, cuts(histories, 2), 1, fit_half),
        make_holdout(histories, cuts(histories, 1), 1),
    )
    is_warm = np.bincount(known.item_index, minlength=task.n_items + 1)[test.targets.item_index] > 0
    groups = {"all": np.ones(len(is_warm), np.bool_), "warm": is_warm, "cold": ~is_warm}
    if withheld:
        groups = {"beside withheld": is_warm, "withheld": ~is_warm}
    blocks = wanted_blocks(Blocks(task, cache), protocol, known, only, kept)
    blocks = {name: block for name, block in blocks.items() if only is None or name in only}
    controls = {name: control_of(name, block) for name, block in blocks.items()}
    with tempfile.TemporaryDirectory() as folder:
        made = Models(task, known, fitting, Path(folder))
        for kind in models:
            values = {}
            for name, block in blocks.items():
                started = time.perf_counter()
                fit = partial(getattr(made, kind), name, block)
                values[name] = kept.values(
                    f"{task.name} {protocol} {kind} {name}",
                    lambda fit=fit: evaluate(fit(), test, task.exclude_seen, (10,))[METRIC],
                )
                print(f"{kind} {name}: {values[name].mean():.4f}, {time.perf_counter() - started:.0f} s", flush=True)
            for row in rows(values, controls, groups):
                width = 0 if blocks[row["block"]] is None else blocks[row["block"]].shape[1]
                yield {"dataset": task.name, "model": kind, **row, "dimensions": width}


def main() -> None:
    """Measure one data set and append to the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=["beauty", "mind_zh"])
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--cache", type=Path, required=True, help="folder of the encoder's cache")
    parser.add_argument("--models", nargs="+", choices=["stacked", "gpt2"], default=["stacked", "gpt2"])
    parser.add_argument("--blocks", nargs="+", help="only these; all, if left out")
    parser.add_argument("--withheld", action="store_true", help="take a tenth of the items out of all histories")
    parser.add_argument("--resume", type=Path, help="folder that keeps the values of finished blocks")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    task = {"beauty": beauty, "mind_zh": mind_zh}[asked.dataset](asked.data)
    named = {"protocol": "leave-one-out", "ties": "file", "seed": SEED}
    named |= {"seen_items": "excluded" if task.exclude_seen else "kept"}
    flags = " --withheld" if asked.withheld else ""
    named |= stamp(f"python benchmarks/text_models.py {asked.dataset} --models {' '.join(asked.models)}{flags}")
    for row in run(task, asked.cache, asked.models, asked.blocks, asked.withheld, Kept(asked.resume)):
        with asked.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row | named, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
