"""How far the hybrids get beyond their best member, from the members that a run has fitted.

    kedro run --env beauty --pipelines data_processing,feature_engineering,model_training
    python benchmarks/hybrid.py data/beauty --dataset beauty --text title

Opens histories, cuts and the fitted members of the run, adds a content-kNN on sparse tf-idf of one text column, fits
the stacked ranker on the half of the validation users that fits, and reads every member and hybrid on the other half.
The variant that is best there is read once on test, beside the members, with a paired interval against the best member
(by validation). The results file gets a line a variant; those that were not chosen have no test figures.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from nextact.datasets.arrays import CutsDataset
from nextact.datasets.results import CertificateDataset
from nextact.metrics.comparison import bootstrap_interval, paired_comparison
from nextact.models.baselines.baseline_options import ContentKNNOptions
from nextact.models.baselines.content import ContentKNN
from nextact.models.hybrid.hybrid_options import StackedOptions
from nextact.models.hybrid.stacked import StackedRanker
from nextact.models.recommender import FitContext, Training
from nextact.models.registry import open_model
from nextact.models.storage import FittedModel, ModelFolder, save_fitted
from nextact.results.models import Fit
from nextact.retrieval.scoring import evaluate
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout, make_holdout, training_histories, validation_halves
from nextact.text.cleaning.tokenising import WordRules, tokenise
from nextact.text.words.tfidf import tfidf_vectors

RESULTS = Path(__file__).parent / "results" / "hybrid.jsonl"
METRIC, SEED = "ndcg@10", 0
# as for the committed lines; since then items' repeats and newest weeks are features, and the boosters that choose the
# number of trees are kept, where one was grown from all users (so at least two)
AS_MEASURED: dict[str, Any] = {
    "candidates_by": "ranks",
    "newest_blocks": (),
    "boosters": 2,
    "leaves": 15,
    "min_leaf": 50,
    "max_trees": 150,
    "patience": 30,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "stacked": {},
    "stacked, no popularity": {"popularity": False},
    "stacked, no views": {"views": 0},
}


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run left: training data, the choosing half, test, and handles to fitted members."""

    training: Training
    choosing: Holdout
    test: Holdout
    members: dict[str, ModelFolder]
    protocol_hash: str


def open_run(folder: Path, event_types: tuple[str, ...], wanted: list[str]) -> Run:
    """Open a run's histories and members; the halves are those of the run."""
    inputs = folder / "05_model_input"
    certificate = CertificateDataset(filepath=str(inputs / "certificate.json")).load()
    protocol, seed = certificate.protocol, certificate.provenance.seed
    histories = Histories.open(inputs / "histories")
    validation = CutsDataset(filepath=str(inputs / "validation_cuts.npy")).load()
    test = CutsDataset(filepath=str(inputs / "test_cuts.npy")).load()
    fit_half, choose_half = validation_halves(histories.n_users, seed)
    n_types = len(event_types)
    training = Training(
        training_histories(histories, validation),
        protocol.data.items,
        event_types,
        {},
        make_holdout(histories, validation, n_types, fit_half),
        protocol.exclude_seen,
        FitContext(seed),
    )
    members = {path.name.partition(".")[2]: ModelFolder(path) for path in sorted((folder / "06_models").glob("*.*/"))}
    return Run(
        training,
        make_holdout(histories, validation, n_types, choose_half),
        make_holdout(histories, test, n_types),
        {name: members[name] for name in wanted},
        certificate.protocol_hash,
    )


def add_text_member(run: Run, folder: Path, column: str, into: Path) -> None:
    """Fit content-kNN on sparse tf-idf of one text column, as tuned by ``benchmarks/baselines.py``."""
    vocabulary = pd.read_parquet(folder / "03_primary" / "vocabulary.parquet")[["item_index", "item_id"]]
    items = pd.read_parquet(folder / "03_primary" / "items.parquet")
    texts = vocabulary.merge(items, on="item_id", how="left").sort_values("item_index")[column].fillna("").tolist()
    words, _ = tfidf_vectors(tokenise(texts, WordRules("en", drop_stop_words=False)))
    block: Any = vstack([csr_matrix((1, words.shape[1]), dtype=np.float32), words], format="csr")
    model = ContentKNN(ContentKNNOptions(block=column, history_steps=5, history_decay=0.6))
    model.fit(dataclasses.replace(run.training, item_vectors={column: block}))
    save_fitted(FittedModel(model, Fit.outside_a_run("baselines", "content_knn")), into / "words")
    run.members[f"content_knn_{column}"] = ModelFolder(into / "words")


def ndcg(model: Any, holdout: Holdout, run: Run) -> NDArray[np.float64]:
    """The metric of each user."""
    return evaluate(model, holdout, run.training.exclude_seen, (10,))[METRIC]


def measure(run: Run, variants: list[str], test: bool) -> list[dict[str, Any]]:
    """Fit and validate each variant, then read the chosen one and the members on test."""
    members = {name: open_model(folder) for name, folder in run.members.items()}
    validated = {name: float(ndcg(model, run.choosing, run).mean()) for name, model in members.items()}
    print(validated, flush=True)
    lines, fitted = [], {}
    for name in variants:
        model = StackedRanker(StackedOptions(members=tuple(run.members), **AS_MEASURED, **VARIANTS[name]), run.members)
        started = time.perf_counter()
        report = model.fit(run.training)
        seconds = time.perf_counter() - started
        value = float(ndcg(model, run.choosing, run).mean())
        fitted[name] = model
        lines.append(
            {
                "model": name,
                f"validation_{METRIC}": round(value, 5),
                "members_validation": {member: round(score, 5) for member, score in validated.items()},
                "trees": report["trees"],
                "candidate_recall": report["candidate_recall"],
                "gain_share": dict(sorted(report["gain_share"].items(), key=lambda one: -one[1])[:15]),
                "fit_seconds": round(seconds, 1),
            }
        )
        print(lines[-1], flush=True)
    if test:
        best = max(lines, key=lambda line: line[f"validation_{METRIC}"])
        best |= read_test(run, fitted[best["model"]], members, max(validated, key=lambda name: validated[name]))
    return lines


def read_test(run: Run, model: Any, members: dict[str, Any], best_member: str) -> dict[str, Any]:
    """Test figures of a hybrid, of every member, and of their paired difference to the best member."""
    values = ndcg(model, run.test, run)
    of_members = {name: ndcg(member, run.test, run) for name, member in members.items()}
    interval = bootstrap_interval(values, seed=SEED)
    paired = paired_comparison(values, of_members[best_member], seed=SEED)
    return {
        METRIC: round(interval.mean, 5),
        f"{METRIC}_low": round(interval.low, 5),
        f"{METRIC}_high": round(interval.high, 5),
        "users": len(values),
        "members": {name: round(float(found.mean()), 5) for name, found in of_members.items()},
        "best_member": best_member,
        "difference": round(paired.difference, 5),
        "difference_low": round(paired.low, 5),
        "difference_high": round(paired.high, 5),
        "p_value": round(paired.p_value, 5),
    }


def main() -> None:
    """Measure and append a line a variant."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as made:
        run = open_run(arguments.folder, tuple(arguments.event_types), arguments.members)
        if arguments.text:
            add_text_member(run, arguments.folder, arguments.text, Path(made))
        lines = measure(run, arguments.variants, not arguments.no_test)
    words = [f"--dataset {arguments.dataset}", f"--variants {' '.join(map(repr, arguments.variants))}"]
    words += [f"--text {arguments.text}"] if arguments.text else []
    for line in lines:
        named = {
            "dataset": arguments.dataset,
            "ties": arguments.ties,
            "seen_items": "excluded" if run.training.exclude_seen else "allowed",
            "family": "hybrid",
            "seed": run.training.context.seed,
            "protocol": run.protocol_hash,
            "command": f"python benchmarks/hybrid.py FOLDER {' '.join(words)}",
            "date": datetime.now(UTC).date().isoformat(),
        }
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(named | line) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="data folder of a finished run, e.g. data/beauty")
    parser.add_argument("--dataset", required=True, help="name in the results")
    parser.add_argument("--ties", default="file", help="tie order of the run, for the results")
    parser.add_argument("--event-types", nargs="+", default=["event"], help="in the order of the project")
    members = ["transition", "item_knn", "ease", "tifu_knn", "recent_popularity", "gpt2"]
    parser.add_argument("--members", nargs="+", default=members)
    parser.add_argument("--text", help="text column for a content-kNN on sparse tf-idf")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--no-test", action="store_true", help="leave the test users alone")
    return parser.parse_args()


if __name__ == "__main__":
    main()
