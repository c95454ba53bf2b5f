"""How much each choice of a protocol changes the numbers of three models that nobody tunes.

    nice -n 10 python benchmarks/protocols.py --datasets complete_journey
    nice -n 10 python benchmarks/protocols.py --datasets beauty --data FOLDER

FOLDER holds the Amazon Beauty files ``interactions.csv.gz`` (``user_id, item_id, position, timestamp`` in seconds) and
``items.csv.gz``. Each data set has a protocol of its own, and one choice at a time is changed. Popularity, the
transition table (one lag) and each user's most bought items are fitted anew and read on test once a variant. Beside
them stand what halves of validation, sampled negatives and pairing by user do to the numbers of the first protocol.
The results file gets a line a model and variant; ``docs/protocols.md`` explains the choices.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.evaluation.leaks import core_rows
from nextact.evaluation.one_pass import ModelReading, metrics_of_part, read_model, shuffle_targets
from nextact.evaluation.results import is_known, reachable
from nextact.events.contract import EventOptions
from nextact.events.filtering import FilterOptions
from nextact.events.labelling import count_rows, label_events
from nextact.events.splitting import SplitOptions
from nextact.metrics.comparison import bootstrap_interval, paired_comparison
from nextact.metrics.ranking import metrics_of_ranks, ranking_metrics
from nextact.models.baselines.baseline_options import PersonalPopularityOptions, PopularityOptions, TransitionOptions
from nextact.models.baselines.item_to_item import TransitionTable
from nextact.models.baselines.popularity import PersonalPopularity, Popularity
from nextact.models.recommender import FitContext, Recommender, Training
from nextact.pipelines.data_processing.nodes import certify
from nextact.protocol import PolicyOptions
from nextact.results.data import EventCounts
from nextact.retrieval.scoring import masked_scores, popular_first
from nextact.sequences.build import BuiltHistories, VocabularyOptions, build_histories, fit_vocabulary
from nextact.sequences.holdout import (
    Holdout,
    learnt_histories,
    make_holdout,
    training_histories,
    validation_halves,
)
from nextact.sequences.user_blocks import score_bytes, user_blocks

RESULTS = Path(__file__).parent / "results" / "protocols.jsonl"
METRIC, K, SEED = "ndcg@10", 10, 0
NEGATIVES = 100
BLENDS, HALVINGS = 40, 500


@dataclasses.dataclass(frozen=True)
class Log:
    """A data set and the protocol that its variants depart from."""

    raw_events: Any
    items: ibis.Table
    events: EventOptions
    split: SplitOptions
    keep: FilterOptions
    exclude_seen: bool
    refit: bool = False


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A protocol carried out."""

    built: BuiltHistories
    tie_order: NDArray[np.int64]
    exclude_seen: bool
    protocol_hash: str
    n_types: int

    @property
    def n_items(self) -> int:
        """Items of the catalogue."""
        return len(self.tie_order) - 1


def complete_journey(folder: Path | None) -> Log:
    """A year of purchases of 2,469 households, from the installed package."""
    from nextact.datasets.complete_journey import CompleteJourneyDataset

    connection = {"backend": "duckdb", "database": ":memory:"}
    events = EventOptions(
        user_id="household_id",
        item_id="product_id",
        event_type="event_type",
        event_types=("purchase", "promotion_purchase", "coupon_purchase"),
        timestamp="transaction_timestamp",
        session_id="basket_id",
    )
    transactions = CompleteJourneyDataset(table="transactions", connection=connection).load()
    ibis.set_backend(transactions.get_backend())
    products = CompleteJourneyDataset(table="products", connection=connection).load()
    items = ibis.memtable(products.execute().rename(columns={"product_id": "item_id"}))
    return Log(transactions, items, events, SplitOptions(), FilterOptions(min_item_events=20), exclude_seen=False)


def beauty(folder: Path | None) -> Log:
    """Amazon Beauty 2014, which somebody cut to its 5-core over the whole log."""
    if folder is None:
        raise SystemExit("beauty needs --data FOLDER")
    rows = pd.read_csv(folder / "interactions.csv.gz", dtype={"user_id": str, "item_id": str})
    items = pd.read_csv(folder / "items.csv.gz", dtype={"item_id": str})[["item_id", "title"]]
    ibis.set_backend(ibis.duckdb.connect())
    events = EventOptions(event_types=("review",), timestamp_unit="s", position="position")
    split = SplitOptions(kind="leave_one_out", baskets=False)
    return Log(rows, ibis.memtable(items), events, split, FilterOptions(), exclude_seen=True)


DATASETS = {"complete_journey": complete_journey, "beauty": beauty}

VARIANTS: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "complete_journey": [
        ("protocol", "as it is", {}),
        ("split", "leave_one_out", {"split": {"kind": "leave_one_out"}}),
        ("baskets", "false", {"split": {"baskets": False}}),
        ("exclude_seen", "true", {"exclude_seen": True}),
        ("k-core window", "all", {"keep": {"window": "all"}}),
        ("k-core", "1", {"keep": {"min_item_events": 1}}),
        ("refit", "until test", {"refit": True}),
    ],
    "beauty": [
        ("protocol", "as it is", {}),
        ("split", "global_time", {"split": {"kind": "global_time"}}),
        ("refit", "leave_one_out, until test", {"refit": True}),
        ("refit", "global_time, none", {"split": {"kind": "global_time"}}),
        ("refit", "global_time, until test", {"split": {"kind": "global_time"}, "refit": True}),
        ("ties", "shuffled", {"split": {"ties": "shuffled"}}),
        ("baskets", "true", {"split": {"baskets": True}}),
        ("exclude_seen", "false", {"exclude_seen": False}),
        ("k-core window", "training, 5", {"keep": {"min_item_events": 5}}),
    ],
}


def vary(log: Log, changes: dict[str, Any]) -> Log:
    """The data set under another protocol."""
    blocks = {
        name: dataclasses.replace(getattr(log, name), **changes[name]) for name in ("split", "keep") if name in changes
    }
    policies = {name: changes[name] for name in ("exclude_seen", "refit") if name in changes}
    return dataclasses.replace(log, **blocks, **policies)


def prepare(log: Log) -> Prepared:
    """Clean, split, index."""
    labelled = label_events(log.raw_events, log.items, log.events, log.split, log.keep)
    accepted = labelled.accepted.cache()
    vocabulary = fit_vocabulary(accepted, log.items, VocabularyOptions())
    built = build_histories(accepted, vocabulary, log.events.event_types)
    counts = EventCounts(**count_rows(labelled), moments=labelled.moments)
    policy = PolicyOptions(exclude_seen=log.exclude_seen, refit=log.refit)
    certificate = certify(built.histories, vocabulary, counts, log.events, log.split, log.keep, policy, SEED)
    tie_order = popular_first(vocabulary["n_training_events"].to_numpy())
    return Prepared(built, tie_order, log.exclude_seen, certificate.protocol_hash, len(log.events.event_types))


def fit_models(log: Log, prepared: Prepared) -> dict[str, Recommender]:
    """Three models that have next to nothing to tune."""
    built = prepared.built
    fit_half, _ = validation_halves(built.histories.n_users, SEED)
    training = Training(
        learnt_histories(built.histories, built.validation, log.refit),
        prepared.n_items,
        log.events.event_types,
        {},
        make_holdout(built.histories, built.validation, prepared.n_types, fit_half),
        prepared.exclude_seen,
        FitContext(SEED),
    )
    models: dict[str, Recommender] = {
        "popularity": Popularity(PopularityOptions()),
        "transition": TransitionTable(TransitionOptions(lags=1)),
        "personal_popularity": PersonalPopularity(PersonalPopularityOptions()),
    }
    for model in models.values():
        model.fit(training)
    return models


def measure(log: Log, prepared: Prepared, models: dict[str, Recommender]) -> Iterator[dict[str, Any]]:
    """Test of each model by all and by reachable targets, and what the split looks like."""
    built = prepared.built
    holdout = make_holdout(built.histories, built.test, prepared.n_types)
    shape = describe(prepared, holdout)
    for name, model in models.items():
        reading = read(model, prepared, holdout)
        values = metrics_of_ranks(reading.ranks, holdout.targets, (K,))
        allowed = reachable(holdout, prepared.exclude_seen)
        users, of_reachable = metrics_of_part(reading.ranks, holdout.targets, allowed, (K,))
        found = bootstrap_interval(values[METRIC], seed=SEED)
        yield {
            "model": name,
            METRIC: round(found.mean, 5),
            f"{METRIC}_low": round(found.low, 5),
            f"{METRIC}_high": round(found.high, 5),
            "hit_rate@10": round(float(values["hit_rate@10"].mean()), 5),
            f"reachable_{METRIC}": round(float(of_reachable[METRIC].mean()), 5),
            "users": len(holdout.users),
            "users_reachable": len(users),
            **shape,
            "protocol": prepared.protocol_hash,
        }


def read(model: Recommender, prepared: Prepared, holdout: Holdout) -> ModelReading:
    """One pass over the held-out users; the temperature means nothing here."""
    shuffled = shuffle_targets(holdout.targets, SEED)
    return read_model(model, holdout, shuffled, prepared.exclude_seen, prepared.tie_order, None, K, temperature=1.0)


def describe(prepared: Prepared, holdout: Holdout) -> dict[str, Any]:
    """Targets that are missing from the catalogue or in the history, and how often rare items are targets."""
    built, targets = prepared.built, holdout.targets
    training = training_histories(built.histories, built.validation)
    popularity = np.bincount(training.item_index, minlength=prepared.n_items + 1)
    ratios = {row["bin"]: round(row["ratio"], 2) for row in core_rows(targets, popularity) if row["ratio"] is not None}
    return {
        "users_left_out": built.histories.n_users - len(holdout.users),
        "items": prepared.n_items,
        "targets": int(targets.n_relevant.sum()),
        "missing_share": round(float(targets.n_missing.sum() / targets.n_relevant.sum()), 4),
        "in_history_share": round(float(is_known(holdout.histories, targets).sum() / targets.n_relevant.sum()), 4),
        "targets_per_training_event": dict(list(ratios.items())[:4]),
    }


def sampled(prepared: Prepared, models: dict[str, Recommender]) -> Iterator[dict[str, Any]]:
    """One relevant item a user among a hundred items drawn at random: what this project never reports."""
    built = prepared.built
    holdout = make_holdout(built.histories, built.test, prepared.n_types)
    allowed = reachable(holdout, prepared.exclude_seen)
    rng = np.random.default_rng(SEED)
    users, entries = np.unique(holdout.targets.users_of_items[allowed], return_index=True)
    items = holdout.targets.item_index[allowed][entries]
    drawn = rng.integers(1, prepared.n_items + 1, (len(users), NEGATIVES))
    for name, model in models.items():
        values = {"full": [], f"{NEGATIVES} sampled": []}
        for which in user_blocks(len(users), score_bytes(prepared.n_items)):
            scores = masked_scores(model, holdout.histories.take(users[which]), prepared.exclude_seen)
            own = scores[np.arange(len(which)), items[which]][:, None]
            for kind, rows in (("full", scores), (f"{NEGATIVES} sampled", _others(scores, drawn[which], items[which]))):
                above = (rows > own).sum(axis=1)
                beside = (rows == own).sum(axis=1) - (kind == "full")  # without the item itself
                values[kind].append(_ndcg(above, np.maximum(beside, 0)))
        for kind, parts in values.items():
            yield {
                "choice": "candidates",
                "value": kind,
                "model": name,
                METRIC: round(float(np.concatenate(parts).mean()), 5),
                "users": len(users),
                "protocol": prepared.protocol_hash,
            }


def _others(scores: NDArray[np.float32], drawn: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.float32]:
    rows = np.take_along_axis(scores, drawn, axis=1)
    return np.where(drawn == items[:, None], -np.inf, rows).astype(np.float32)


def _ndcg(above: NDArray[np.int64], beside: NDArray[np.int64]) -> NDArray[np.float64]:
    """NDCG@10 of one relevant item, ties by expectation."""
    gains = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, K + 2)))])
    start, end = np.minimum(above, K), np.minimum(above + beside + 1, K)
    return np.asarray((gains[end] - gains[start]) / (beside + 1))


def halves(prepared: Prepared, models: dict[str, Recommender]) -> Iterator[dict[str, Any]]:
    """The best of forty random blends, chosen on some users of validation: its value there and on as many others."""
    built = prepared.built
    holdout = make_holdout(built.histories, built.validation, prepared.n_types)
    weights = np.random.default_rng(SEED).dirichlet(np.ones(len(models)), BLENDS).astype(np.float32)
    values = np.concatenate(
        [
            _blends(models, holdout.take(which), prepared.exclude_seen, weights)
            for which in user_blocks(len(holdout.users), score_bytes(prepared.n_items))
        ]
    )
    for n_users in (20, 100, len(values) // 2):
        there, elsewhere = _chosen_and_others(values, n_users)
        yield {
            "choice": "validation halves",
            "value": f"best of {BLENDS} blends on {n_users} users",
            "model": "blend",
            "chosen_on": round(there, 5),
            "others": round(elsewhere, 5),
            "users": n_users,
            "draws": HALVINGS,
            "protocol": prepared.protocol_hash,
        }


def _chosen_and_others(values: NDArray[np.float64], n_users: int) -> tuple[float, float]:
    """Mean over random draws of users: the best blend on them, and the same blend on as many others."""
    rng = np.random.default_rng(SEED)
    there, elsewhere = [], []
    for _ in range(HALVINGS):
        order = rng.permutation(len(values))
        one, other = (values[order[at : at + n_users]].mean(axis=0) for at in (0, n_users))
        best = int(one.argmax())
        there.append(one[best])
        elsewhere.append(other[best])
    return float(np.mean(there)), float(np.mean(elsewhere))


def _blends(
    models: dict[str, Recommender], block: Holdout, exclude_seen: bool, weights: NDArray[np.float32]
) -> NDArray[np.float64]:
    """float64 [users, blends]: NDCG@10 of weighted sums of standardised scores."""
    parts = []
    for model in models.values():
        scores = masked_scores(model, block.histories, exclude_seen)
        allowed = np.where(np.isfinite(scores), scores, np.nan)
        spread = np.nanstd(allowed, axis=1, keepdims=True)
        parts.append((scores - np.nanmean(allowed, axis=1, keepdims=True)) / np.maximum(spread, 1e-6))
    columns = []
    for one in weights:
        blended = sum(weight * part for weight, part in zip(one, parts, strict=True))
        columns.append(ranking_metrics(np.asarray(blended, np.float32), block.targets, (K,))[METRIC])
    return np.stack(columns, axis=1)


def pairing(prepared: Prepared, models: dict[str, Recommender]) -> Iterator[dict[str, Any]]:
    """The interval of a difference, paired and not, for all users and for a few."""
    built = prepared.built
    holdout = make_holdout(built.histories, built.test, prepared.n_types)
    names = ("transition", "popularity")
    readings = [read(models[name], prepared, holdout) for name in names]
    one, other = (metrics_of_ranks(reading.ranks, holdout.targets, (K,))[METRIC] for reading in readings)
    order = np.random.default_rng(SEED).permutation(len(one))
    for n_users in (100, 500, len(one)):
        users = order[:n_users]
        paired = paired_comparison(one[users], other[users], seed=SEED)
        apart = [bootstrap_interval(values[users], seed=SEED) for values in (one, other)]
        width = float(np.hypot(*(interval.high - interval.low for interval in apart)))
        yield {
            "choice": "intervals",
            "value": f"{n_users} users",
            "model": " minus ".join(names),
            "difference": round(paired.difference, 5),
            "paired_low": round(paired.low, 5),
            "paired_high": round(paired.high, 5),
            "paired_width": round(paired.high - paired.low, 5),
            "unpaired_width": round(width, 5),
            "p_value": round(paired.p_value, 5),
            "users": n_users,
            "protocol": prepared.protocol_hash,
        }


EXTRAS = {"candidates": sampled, "validation halves": halves, "intervals": pairing}  # of the first protocol alone


def run(dataset: str, folder: Path | None, wanted: list[str] | None) -> Iterator[dict[str, Any]]:
    """Every variant of a data set, or the choices wanted."""
    log = DATASETS[dataset](folder)
    for choice, value, changes in VARIANTS[dataset]:
        extras = [extra for name, extra in EXTRAS.items() if choice == "protocol" and (not wanted or name in wanted)]
        if wanted and choice not in wanted and not extras:
            continue
        started = time.perf_counter()
        variant = vary(log, changes)
        prepared = prepare(variant)
        models = fit_models(variant, prepared)
        if not wanted or choice in wanted:
            yield from ({"choice": choice, "value": value, **row} for row in measure(variant, prepared, models))
        for extra in extras:
            yield from extra(prepared, models)
        logging.info("%s %s %s: %.0f s", dataset, choice, value, time.perf_counter() - started)


def main() -> None:
    """Measure the data sets asked for and append a line a result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=["complete_journey"])
    parser.add_argument("--data", type=Path, help="folder of the Amazon Beauty files")
    parser.add_argument("--choices", nargs="+", help="only these, for example ties")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for dataset in arguments.datasets:
        command = f"python benchmarks/protocols.py --datasets {dataset}" + (" --data FOLDER" * (dataset == "beauty"))
        for row in run(dataset, arguments.data, arguments.choices):
            line = {"dataset": dataset, **row, "command": command, "date": datetime.now(UTC).date().isoformat()}
            print(
                {key: line[key] for key in line if key in ("dataset", "choice", "value", "model", METRIC)}, flush=True
            )
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
