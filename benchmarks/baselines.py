"""How far models without a network get: each baseline tuned on validation, then measured once on test.

    NEXTACT_SHARED_DATA=FOLDER python benchmarks/baselines.py
    python benchmarks/baselines.py --data FOLDER --datasets beauty --models transition ease

FOLDER holds ``amazon_beauty_s3rec``, ``ml1m_sasrec`` and ``yelp_s3rec``. Protocol: leave-one-out in the order of the
file (the last item is the test target, the one before it the validation target), full ranking, items of the history
excluded. Models learn from all but the last two items of each user; test histories include the validation item. Each
user's own favourites are no model here: they are excluded.

Tuning is one pass over the options of ``baselines_search.py``: each is set to its best value by NDCG@10 of validation
users (a fixed sample of ``--tuning-users``) while the others stay. The chosen configuration is scored once on test.
Each model runs in a process of its own, so that peak memory is its own. The results file gets a line a model.
"""

from __future__ import annotations

import argparse
import copy
import csv
import dataclasses
import datetime
import gzip
import io
import json
import multiprocessing
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from baselines_search import SEARCHES, Search
from scipy.sparse import csr_matrix, vstack

from nextact.errors import NextactError
from nextact.metrics.comparison import bootstrap_intervals
from nextact.models.recommender import FitContext, Training
from nextact.retrieval.scoring import evaluate
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, Holdout, make_holdout, training_histories
from nextact.text.cleaning.tokenising import WordRules, tokenise
from nextact.text.words.tfidf import tfidf_vectors

RESULTS = Path(__file__).parent / "results" / "baselines.jsonl"
SEED = 0
METRIC = "ndcg@10"
MICROSECONDS = 1_000_000


@dataclasses.dataclass(frozen=True)
class Log:
    """A data set: histories of single events, and texts of its items by block name."""

    histories: Histories
    texts: dict[str, list[str]]

    @property
    def n_items(self) -> int:
        """Items of the catalogue."""
        return len(next(iter(self.texts.values())))


def beauty(folder: Path) -> Log:
    """Amazon Beauty 2014, the 5-core of S3-Rec; days are known, but the order is the file's."""
    items = _rows(folder / "amazon_beauty_s3rec" / "items.csv.gz", ",")
    events = _rows(folder / "amazon_beauty_s3rec" / "interactions.csv.gz", ",")
    histories = Histories.from_lists(_items_of_users(events))
    times = np.array([int(row["timestamp"]) for row in events], np.int64) * MICROSECONDS
    titles, categories = ([row[name] for row in items] for name in ("title", "categories"))
    return Log(dataclasses.replace(histories, timestamp=times), _texts(titles, categories))


def movielens(folder: Path) -> Log:
    """MovieLens-1M as SASRec reads it: an order without times."""
    lines = (folder / "ml1m_sasrec" / "sequences.txt").read_text(encoding="utf-8").splitlines()
    items = _rows(folder / "ml1m_sasrec" / "items.tsv", "\t")
    histories = Histories.from_lists([[int(item) for item in line.split()[1:]] for line in lines])
    return Log(histories, _texts([row["title"] for row in items], [row["genres"] for row in items]))


def yelp(folder: Path) -> Log:
    """Yelp as S3-Rec reads it: an order without times (six users have none)."""
    items = _rows(folder / "yelp_s3rec" / "items.csv.gz", ",")
    users = _items_of_users(_rows(folder / "yelp_s3rec" / "interactions.csv.gz", ","))
    return Log(
        Histories.from_lists(users), _texts([row["name"] for row in items], [row["categories"] for row in items])
    )


DATASETS = {"beauty": beauty, "movielens": movielens, "yelp": yelp}


def _texts(titles: list[str], categories: list[str]) -> dict[str, list[str]]:
    both = [f"{title} {category}" for title, category in zip(titles, categories, strict=True)]
    return {"title": titles, "title_and_categories": both}


def _items_of_users(events: list[dict[str, str]]) -> list[list[int]]:
    """The items of each user in the order of the file; sorts the events by user and position."""
    events.sort(key=lambda row: (int(row["user_id"]), int(row["position"])))
    users: dict[str, list[int]] = {}
    for row in events:
        users.setdefault(row["user_id"], []).append(int(row["item_id"]))
    return list(users.values())


def _rows(path: Path, delimiter: str) -> list[dict[str, str]]:
    """Rows of a table; those of items in the order of their ids, which must run 1 .. n."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""), delimiter=delimiter))
    if path.name.startswith("items"):
        rows.sort(key=lambda row: int(row["item_id"]))
        if [int(row["item_id"]) for row in rows] != list(range(1, len(rows) + 1)):
            raise NextactError(f"{path.name}: item ids must run 1 .. {len(rows):,}")
    return rows


@dataclasses.dataclass(frozen=True)
class Task:
    """What a model learns from and is measured on."""

    training: Training
    tuning: Holdout
    validation: Holdout
    test: Holdout


def make_task(log: Log, blocks: tuple[str, ...], tuning_users: int) -> Task:
    """Leave-one-out: targets are the last item (test) and the one before it (validation)."""
    ends = log.histories.offsets[1:]
    none_missing = np.zeros(log.histories.n_users, np.int64)
    validation_cuts, test_cuts = Cuts(ends - 2, ends - 1, none_missing), Cuts(ends - 1, ends, none_missing)
    validation = make_holdout(log.histories, validation_cuts, 1)
    chance = np.random.default_rng(SEED).permutation(len(validation.users))
    tuning = validation.take(np.sort(chance[:tuning_users]))
    training = Training(
        training_histories(log.histories, validation_cuts),
        log.n_items,
        ("event",),
        {block: tfidf_block(log.texts[block]) for block in blocks},
        tuning,
        exclude_seen=True,
        context=FitContext(SEED),
    )
    return Task(training, tuning, validation, make_holdout(log.histories, test_cuts, 1))


def tfidf_block(texts: list[str]) -> Any:
    """Sparse tf-idf of the words of each text, [n_items + 1, words]; row 0 is padding."""
    matrix, _ = tfidf_vectors(tokenise(texts, WordRules("en", drop_stop_words=False)))
    return vstack([csr_matrix((1, matrix.shape[1]), dtype=np.float32), matrix], format="csr")


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A model with its validation score and the time its fit took."""

    model: Any
    value: float
    fit_seconds: float


def tune(search: Search, task: Task) -> Fitted:
    """One pass over the options, each set to its best value while the others stay."""
    best = attempt(search, task, search.options(**search.start), None)
    for name, values in search.values.items():
        current = best.model.options
        for value in values:
            if value != getattr(current, name):
                changed = dataclasses.replace(current, **{name: value})
                tried = attempt(search, task, changed, best if name in search.read_when_scoring else None)
                print(f"  {name}={value}: {tried.value:.5f} (best {best.value:.5f})", flush=True)
                best = max(best, tried, key=lambda one: one.value)
    return best


def attempt(search: Search, task: Task, options: Any, fitted: Fitted | None) -> Fitted:
    """Fit with these options, or take a fitted model where they only matter in scoring; then validate."""
    if fitted is None:
        model = search.model(options)
        started = time.perf_counter()
        model.fit(task.training)
        seconds = time.perf_counter() - started
    else:
        model, seconds = copy.copy(fitted.model), fitted.fit_seconds
        model.options = options
    return Fitted(model, mean_of(model, task.tuning), seconds)


def mean_of(model: Any, holdout: Holdout) -> float:
    """Mean of the choosing metric."""
    return float(evaluate(model, holdout, exclude_seen=True, ks=(10,))[METRIC].mean())


def measure(dataset: str, name: str, folder: Path, tuning_users: int, command: str) -> dict[str, Any]:
    """Tune one model, validate the chosen configuration on all users and test it once."""
    search = SEARCHES[name]
    task = make_task(DATASETS[dataset](folder), search.blocks, tuning_users)
    chosen = tune(search, task)
    tested = bootstrap_intervals(evaluate(chosen.model, task.test, exclude_seen=True, ks=(10,)), seed=SEED)
    return {
        "dataset": dataset,
        "protocol": "leave-one-out",
        "ties": "file",
        "seen_items": "excluded",
        "model": name,
        "family": "baseline",
        "text": bool(search.blocks),
        "seed": SEED,
        "hit_rate@10": round(tested["hit_rate@10"].mean, 5),
        "validation_ndcg@10": round(mean_of(chosen.model, task.validation), 5),
        "ndcg@10": round(tested[METRIC].mean, 5),
        "ndcg@10_low": round(tested[METRIC].low, 5),
        "ndcg@10_high": round(tested[METRIC].high, 5),
        "users": tested[METRIC].n_users,
        "fit_seconds": round(chosen.fit_seconds, 2),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "options": dataclasses.asdict(chosen.model.options),
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def main() -> None:
    """Measure the models asked for and append a line each."""
    arguments = _arguments()
    context = multiprocessing.get_context("spawn")
    for dataset in arguments.datasets:
        for name in arguments.models:
            command = f"python benchmarks/baselines.py --datasets {dataset} --models {name}"
            task = (dataset, name, arguments.data, arguments.tuning_users, command)
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                line = pool.submit(measure, *task).result()
            print(f"{dataset} {name}: {METRIC} {line[METRIC]:.4f}, validation {line[f'validation_{METRIC}']:.4f}")
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = os.environ.get("NEXTACT_SHARED_DATA")
    parser.add_argument("--data", type=Path, default=folder, required=folder is None, help="folder of the data sets")
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--models", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    parser.add_argument("--tuning-users", type=int, default=8_000, help="validation users that choose the options")
    return parser.parse_args()


if __name__ == "__main__":
    main()
