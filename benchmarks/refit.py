"""What each refit policy is worth, one window earlier than the test of the environment: test itself stays closed.

    kedro run --pipelines data_processing,feature_engineering,model_training \
        --params split.validation_from=0.7,split.test_from=0.8,policy.refit=continue
    python benchmarks/refit.py data

in a clone of its own. The run's models are read on the users of its test window, which is the validation window of the
environment: as validated (``none``), as they went on (``continue``), and fitted anew here (``anew``) over members that
were. Beside each value stand its paired difference to ``none`` and the seconds that the refit took, those of a hybrid's
members not counted.
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
from numpy.typing import NDArray

from nextact.datasets.arrays import CutsDataset
from nextact.datasets.results import CertificateDataset
from nextact.metrics.comparison import bootstrap_interval, paired_comparison
from nextact.models.recommender import LaunchOptions, Training
from nextact.models.registry import open_model
from nextact.models.storage import FittedModel, ModelFolder, save_fitted
from nextact.pipelines.model_training.fit_nodes import training_of, with_later_steps
from nextact.pipelines.model_training.refit_nodes import until_test
from nextact.protocol import Certificate
from nextact.retrieval.scoring import evaluate
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, make_holdout
from nextact.text.blocks import ItemVectors

RESULTS = Path(__file__).parent / "results" / "refit.jsonl"
METRIC = "ndcg@10"
FAMILIES = {"gpt2": "sequence", "blend": "hybrid", "stacked": "hybrid"}


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run left: histories, the validation cuts, and who is judged by what they did next."""

    folder: Path
    histories: Histories
    cuts: Cuts
    certificate: Certificate
    event_types: list[str]
    first: Training

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Of a data folder."""
        inputs = folder / "05_model_input"
        certificate = CertificateDataset(filepath=str(inputs / "certificate.json")).load()
        if not certificate.is_continued:
            raise SystemExit(f"{folder}: its models did not go on; run it with policy.refit=continue")
        histories = Histories.open(inputs / "histories")
        cuts = CutsDataset(filepath=str(inputs / "validation_cuts.npy")).load()
        event_types = list(certificate.data_options["events"]["event_types"])
        vectors = ItemVectors.open(inputs / "item_vectors")
        first = training_of(histories, cuts, vectors, certificate, event_types, LaunchOptions())
        return cls(folder, histories, cuts, certificate, event_types, first)

    def model(self, name: str, end: str = "") -> ModelFolder:
        """The folder of a model, as validated or ``.refitted``."""
        (found,) = (self.folder / "06_models").glob(f"*.{name}{end}")
        return ModelFolder(found)

    def values(self, model: Any) -> NDArray[np.float64]:
        """The metric of each user of the test window."""
        cuts = CutsDataset(filepath=str(self.folder / "05_model_input" / "test_cuts.npy")).load()
        holdout = make_holdout(self.histories, cuts, len(self.event_types))
        protocol = self.certificate.protocol
        return evaluate(model, holdout, protocol.exclude_seen, (10,), protocol.data.items)[METRIC]

    @property
    def until_test(self) -> Training:
        """What a refit learns from."""
        return until_test(self.first, self.histories, self.cuts, self.certificate)

    @property
    def everybody(self) -> Training:
        """What a hybrid is fitted on once more."""
        holdout = make_holdout(self.histories, self.cuts, len(self.event_types))
        return with_later_steps(dataclasses.replace(self.first, validation=holdout), self.histories, self.cuts)


def anew(run: Run, name: str, of_members: dict[str, ModelFolder]) -> tuple[Any, float]:
    """A model as the policy ``anew`` makes it, and the seconds that takes."""
    validated, started = run.model(name), time.perf_counter()
    model: Any = open_model(validated)
    if FAMILIES[name] == "hybrid":
        members = {member: of_members.get(member, run.model(member, ".refitted")) for member in model.members.names}
        model, _ = model.with_refitted(members, run.until_test, run.everybody)
    else:
        model = type(model)(model.options)
        model.fit(run.until_test.to_epoch(validated.fit().report["best_epoch"]))
    return model, time.perf_counter() - started


def measure(run: Run, names: list[str], into: Path) -> list[dict[str, Any]]:
    """A line a model and policy."""
    lines, of_members = [], {}
    for name in names:
        again, seconds = anew(run, name, of_members)
        if FAMILIES[name] != "hybrid":
            save_fitted(FittedModel(again, run.model(name).fit()), into / name)
            of_members[name] = ModelFolder(into / name)
        continued = run.model(name, ".refitted")
        none = run.values(open_model(run.model(name)))
        gone_on = run.values(open_model(continued))
        for policy, values, took in (
            ("none", none, 0.0),
            ("continue", gone_on, continued.fit().fit_seconds),
            ("anew", run.values(again), seconds),
        ):
            found, paired = bootstrap_interval(values, seed=0), paired_comparison(values, none, seed=0)
            lines.append(
                {
                    "model": name,
                    "policy": policy,
                    METRIC: round(found.mean, 5),
                    f"{METRIC}_low": round(found.low, 5),
                    f"{METRIC}_high": round(found.high, 5),
                    "difference": round(paired.difference, 5),
                    "difference_low": round(paired.low, 5),
                    "difference_high": round(paired.high, 5),
                    "users": len(values),
                    "refit_seconds": round(took, 1),
                }
            )
            print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Measure and append a line a model and policy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="data folder of the run")
    parser.add_argument("--dataset", default="complete_journey")
    parser.add_argument("--models", nargs="+", choices=FAMILIES, default=list(FAMILIES), help="members before hybrids")
    arguments = parser.parse_args()
    run = Run.open(arguments.folder)
    named = {
        "dataset": arguments.dataset,
        "window": "one earlier",
        "seed": run.certificate.provenance.seed,
        "protocol": run.certificate.protocol_hash,
        "command": f"python benchmarks/refit.py FOLDER --dataset {arguments.dataset}",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {os.uname().machine}",
    }
    with tempfile.TemporaryDirectory() as made:
        lines = measure(run, arguments.models, Path(made))
    with RESULTS.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(named | line) + "\n" for line in lines)


if __name__ == "__main__":
    main()
