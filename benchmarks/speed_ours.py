"""Our side of ``speed.py``: the library's own fit and top-k in a process of their own; prints a line of JSON.

python benchmarks/speed_ours.py training --sequences ml1m_sasrec/sequences.txt --set dimensions=64
python benchmarks/speed_ours.py ease --sequences ml1m_sasrec/sequences.txt
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from network_options import options_of
from text_tasks import cuts

from nextact.models.recommender import FitContext, Training
from nextact.models.registry import MODELS
from nextact.models.top_items import top_k
from nextact.retrieval.scoring import masked_scores
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, make_holdout, training_histories
from nextact.sequences.user_blocks import score_bytes, user_blocks

EVENT_TYPES = ("watch",)
# The peers' own sizes: 2 layers, 2 heads, length 200, feed-forward as wide as the network; 128 of their windows hold
# about 14,000 targets.
SAME_SIZES: dict[str, Any] = {
    "dimensions": 64,
    "layers": 2,
    "heads": 2,
    "dropout": 0.2,
    "max_steps": 200,
    "batch_steps": 14_000,
    "learning_rate": 0.001,
    "loss_chunk_steps": 512,
    "loss": "full",
    "text_blocks": (),
    "horizon_days": (),
}
PLAIN: dict[str, dict[str, Any]] = {  # as the peers fit them: no fading by age or place, the same neighbours
    "ease": {"half_life_days": None, "history_decay": 1.0, "history_steps": None, "regularisation": 50.0},
    "item_knn": {"half_life_days": None, "history_decay": 1.0, "history_steps": None, "neighbours": 50},
}
TOP = 20


def main() -> None:
    """Measure one thing."""
    asked = _arguments()
    histories, n_items = read(asked.sequences, asked.every)
    validation, test = cuts(histories, 2), cuts(histories, 1)
    if asked.measure == "training":
        found = training(histories, n_items, validation, asked)
    else:
        found = baseline(asked.measure, histories, n_items, validation, test)
    print(json.dumps(found))


def read(path: Path, every: int) -> tuple[Histories, int]:
    """Histories of a file with a user and then the items of its sequence a line, and the number of all items."""
    lines = [np.array(line.split(), np.int64)[1:] for line in path.read_text(encoding="utf-8").splitlines()]
    ids, codes = np.unique(np.concatenate(lines), return_inverse=True)
    bounds = np.cumsum([len(line) for line in lines])[:-1]
    return Histories.from_lists([part.tolist() for part in np.split(codes + 1, bounds)[::every]]), len(ids)


def training(histories: Histories, n_items: int, validation: Cuts, asked: argparse.Namespace) -> dict[str, Any]:
    """Targets a second over whole epochs, with the time of each; or the curve up to a validation NDCG."""
    wide = dict(asked.set).get("dimensions", SAME_SIZES["dimensions"])
    options = SAME_SIZES | {"feed_forward": wide, "epochs": asked.epochs} | dict(asked.set)
    entry = MODELS["sequence"]["gpt2"]
    known = training_histories(histories, validation)
    nobody = None if asked.validate else np.zeros(0, np.int64)
    holdout = make_holdout(histories, validation, 1, nobody)
    model = entry.recommender(options_of(**options))
    report = model.fit(Training(known, n_items, EVENT_TYPES, {}, holdout, exclude_seen=True, context=FitContext(1)))
    targets = int((known.lengths - 1).sum())
    return {
        "targets": targets,
        "seconds": [epoch["seconds"] for epoch in report["curve"]],
        "curve": [epoch["validation"] for epoch in report["curve"]],
        "mean_pairs": mean_pairs(known, options["max_steps"]),
        "parameters": report["parameters"],
    }


def mean_pairs(histories: Histories, max_steps: int) -> float:
    """Earlier steps that a target's state reads, itself included, on average over all windows."""
    n_inputs = histories.lengths - 1
    full, rest = np.divmod(n_inputs, max_steps)
    pairs = full * max_steps * (max_steps + 1) / 2 + rest * (rest + 1) / 2
    return float(pairs.sum() / n_inputs.sum())


def baseline(name: str, histories: Histories, n_items: int, validation: Cuts, test: Cuts) -> dict[str, Any]:
    """Seconds of the fit, and of the top 20 of all users from all that came before the test."""
    entry = MODELS["baselines"][name]
    model = entry.recommender(entry.options(**PLAIN[name]))
    known = training_histories(histories, validation)
    holdout = make_holdout(histories, validation, 1, np.zeros(0, np.int64))
    started = time.perf_counter()
    model.fit(Training(known, n_items, EVENT_TYPES, {}, holdout, exclude_seen=True, context=FitContext(1)))
    fitted = time.perf_counter()
    asked = histories.between(histories.offsets[:-1], test.history_end)
    for which in user_blocks(asked.n_users, score_bytes(n_items)):
        top_k(masked_scores(model, asked.take(which), exclude_seen=True), TOP)
    return {"fit_seconds": fitted - started, "recommend_seconds": time.perf_counter() - fitted}


def setting(text: str) -> tuple[str, Any]:
    """An option from NAME=VALUE."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measure", choices=["training", *PLAIN])
    parser.add_argument("--sequences", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="train on every n-th user alone")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--validate", action="store_true", help="validate after each epoch; its time counts")
    parser.add_argument("--set", nargs="+", type=setting, default=[], metavar="NAME=VALUE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
