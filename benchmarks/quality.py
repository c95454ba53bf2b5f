"""How good the sequence networks are: each on its data set and protocol, a line a seed.

    NEXTACT_SHARED_DATA=FOLDER python benchmarks/quality.py --setups beauty_file --models gpt2 --seeds 1 2 --test
    python benchmarks/quality.py --setups beauty_file --models gpt2 --set dropout=0.3 dimensions=128

FOLDER holds the data sets that the environments name. A setup is one of these environments and what its protocol
changes. Its data is made by ``kedro run --env NAME --pipelines data_processing,feature_engineering`` in a copy of the
project below ``--work``, and kept there. Options come from that environment's parameters; ``--set`` changes them.

Without ``--test`` the line holds validation alone: that is how options are chosen. The validation users are halved as
in a run: one half stops the training, the other is what ``validation_ndcg@10`` reports. With ``--test`` the
network is read on test once; where the protocol refits, by one that was fitted again until test, to the epoch that
validation found best. Lines are appended to ``--results``.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from network_options import in_blocks

from nextact.metrics.comparison import bootstrap_intervals
from nextact.models.recommender import FitContext, Training
from nextact.models.registry import MODELS
from nextact.pipelines.model_training.refit_nodes import until_test
from nextact.protocol import Certificate
from nextact.retrieval.scoring import evaluate
from nextact.sequences.holdout import Cuts, make_holdout, training_histories, validation_halves

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "quality.jsonl"
METRIC, HALVES_SEED = "ndcg@10", 0

TIME_SPLIT = {
    "split.kind": "global_time",
    "split.validation_from": 0.8,
    "split.test_from": 0.9,
    "policy.refit": "true",
}
SETUPS: dict[str, tuple[str, dict[str, Any]]] = {  # name -> environment, parameters that its protocol changes
    "beauty_file": ("beauty", {}),
    "beauty_shuffled": ("beauty", {"split.ties": "shuffled"}),
    "beauty_time": ("beauty", TIME_SPLIT),
    "beauty_time_core": ("beauty", TIME_SPLIT | {"filter.min_item_events": 5, "filter.min_user_events": 5}),
    "movielens_file": ("movielens", {}),
    "yelp_file": ("yelp", {}),
    "complete_journey": ("sample", {}),
    "online_retail": ("online_retail", {}),
}


def main() -> None:
    """Fit what was asked for and append a line each."""
    arguments = _arguments()
    for setup in arguments.setups:
        data = open_data(prepare(setup, arguments.work))
        for name in arguments.models:
            for seed in arguments.seeds:
                line = measure(setup, name, seed, data, arguments)
                with arguments.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                print(json.dumps({key: value for key, value in line.items() if key != "options"}), flush=True)


def prepare(setup: str, work: Path) -> Path:
    """The project copy of a setup, its histories and item vectors made where they are not there yet."""
    environment, changed = SETUPS[setup]
    project = work.resolve() / setup
    done = project / "prepared"
    if not done.exists():
        shutil.rmtree(project, ignore_errors=True)
        project.mkdir(parents=True)
        shutil.copytree(ROOT / "conf", project / "conf", ignore=shutil.ignore_patterns("local"))
        (project / "conf" / "local").mkdir()
        shutil.copy(ROOT / "pyproject.toml", project)
        shutil.copytree(ROOT / "src", project / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        command = [sys.executable, "-m", "kedro", "run", "--env", environment]
        command += ["--pipelines", "data_processing,feature_engineering"]
        if changed:
            command += ["--params", ",".join(f"{name}={value}" for name, value in changed.items())]
        environ = os.environ | {"DO_NOT_TRACK": "1", "PYTHONPATH": str(project / "src")}
        subprocess.run(command, cwd=project, env=environ, check=True)
        done.touch()
    return project


@dataclasses.dataclass(frozen=True)
class Data:
    """What the nodes of ``model_training`` read."""

    histories: Any
    validation_cuts: Cuts
    test_cuts: Cuts
    blocks: dict[str, Any]
    certificate: Certificate
    event_types: tuple[str, ...]
    options: dict[str, dict[str, Any]]


def open_data(project: Path) -> Data:
    """The catalog's data sets of a prepared project."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    environment = SETUPS[project.name][0]
    bootstrap_project(project)
    with KedroSession.create(project_path=project, env=environment) as session:
        catalog = session.load_context().catalog
        options = catalog.load("params:sequence")
        return Data(
            catalog.load("histories"),
            catalog.load("validation_cuts"),
            catalog.load("test_cuts"),
            catalog.load("item_vectors").blocks,
            catalog.load("certificate"),
            tuple(catalog.load("params:events.event_types")),
            {name: _plain(entry["options"]) for name, entry in options.items()},
        )


def measure(setup: str, name: str, seed: int, data: Data, arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit one network with one seed; validation, and test where it is asked for."""
    entry = MODELS["sequence"][name]
    options = entry.options(**in_blocks(dict(arguments.set), data.options[name]))
    protocol, n_types = data.certificate.protocol, len(data.event_types)
    fitting, choosing = validation_halves(data.histories.n_users, HALVES_SEED)
    training = Training(
        training_histories(data.histories, data.validation_cuts),
        protocol.data.items,
        data.event_types,
        {} if arguments.no_text else data.blocks,
        make_holdout(data.histories, data.validation_cuts, n_types, fitting),
        protocol.exclude_seen,
        FitContext(seed),
    )
    model = entry.recommender(options)
    started = time.perf_counter()
    report = model.fit(training)
    seconds = time.perf_counter() - started
    chosen = make_holdout(data.histories, data.validation_cuts, n_types, choosing)
    line = {
        "dataset": SETUPS[setup][0],
        "setup": setup,
        "protocol": protocol.split.kind.replace("_", "-"),
        "ties": "shuffled" if "shuffled" in setup else "file",
        "seen_items": "excluded" if protocol.exclude_seen else "allowed",
        "model": name,
        "family": "sequence",
        "text": not arguments.no_text,
        "seed": seed,
        "validation_ndcg@10": _mean(model, chosen, protocol.exclude_seen),
        "stopping_ndcg@10": report["validation_ndcg@10"],
        "epochs": report["epochs"],
        "best_epoch": report["best_epoch"],
        "parameters": report["parameters"],
    }
    if arguments.test:
        tested_model, refit_seconds = refit(model, report["best_epoch"], training, data)
        holdout = make_holdout(data.histories, data.test_cuts, n_types)
        tested = bootstrap_intervals(evaluate(tested_model, holdout, protocol.exclude_seen, (10,)), seed=0)
        line |= {
            "refit": protocol.refit,
            "refit_seconds": refit_seconds,
            "hit_rate@10": round(tested["hit_rate@10"].mean, 5),
            "ndcg@10": round(tested[METRIC].mean, 5),
            "ndcg@10_low": round(tested[METRIC].low, 5),
            "ndcg@10_high": round(tested[METRIC].high, 5),
            "users": tested[METRIC].n_users,
        }
    return line | {
        "fit_seconds": round(seconds),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "options": dataclasses.asdict(options),
        "certificate": data.certificate.protocol_hash,
        "command": f"python benchmarks/quality.py {' '.join(sys.argv[1:])}",
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def refit(model: Any, best_epoch: int, training: Training, data: Data) -> tuple[Any, int | None]:
    """The network that meets test, and the seconds that it took; the one at hand where the protocol does not refit."""
    if not data.certificate.is_refitted:
        return model, None
    again = until_test(training, data.histories, data.validation_cuts, data.certificate)
    started = time.perf_counter()
    second = type(model)(model.options)
    second.fit(dataclasses.replace(again.to_epoch(best_epoch), observed_until=None))  # no heads of horizons, as before
    return second, round(time.perf_counter() - started)


def _mean(model: Any, holdout: Any, exclude_seen: bool) -> float:
    return round(float(np.mean(evaluate(model, holdout, exclude_seen, (10,))[METRIC])), 5)


def _plain(options: Any) -> dict[str, Any]:
    """Options as they stand in the parameters; Kedro has already checked those that a node names."""
    return options if isinstance(options, dict) else dataclasses.asdict(options)


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _setting(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("data/benchmarks"), help="where prepared data is kept")
    parser.add_argument("--setups", nargs="+", choices=SETUPS, default=["beauty_file"])
    parser.add_argument("--models", nargs="+", choices=MODELS["sequence"], default=["gpt2"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--set", nargs="+", type=_setting, default=[], metavar="NAME=VALUE", help="changed options")
    parser.add_argument("--no-text", action="store_true", help="train without item vectors")
    parser.add_argument("--test", action="store_true", help="read test, once, with the options that are final")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
