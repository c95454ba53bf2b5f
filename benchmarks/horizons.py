"""Whether horizon heads and the event-type head beat logistic regressions on recency and frequency.

    python benchmarks/horizons.py --setups complete_journey --seeds 0
    NEXTACT_SHARED_DATA=FOLDER python benchmarks/horizons.py --setups online_retail --seeds 0 --parts test
    python benchmarks/horizons.py --setups complete_journey --next-type

The reference of the horizons is a logistic regression for each event type and horizon, on the recency-frequency
features that the heads read, at the same landmarks, its penalty chosen on held-out users; that of the next event type a
multinomial one on the newest steps of the training window. Differences are the model minus the reference in the same
users, with 95 % bootstrap intervals over users: below 0 is better of a log loss, above 0 of an area. ``event_type``
``all`` is the mean over types and horizons. The heads of the next event type read no network: ``--next-type`` fits and
compares them alone, in a minute, beside a regression that reads all that they do; with ``--no-shares`` beside one on
recency and frequency alone, as for the horizons. With ``--plain`` the regressions of the horizons read neither tenure
(but for a type that a user never had) nor gaps nor the time of the week; with ``--rhythm`` they read the days of the
week, too, so that all that the heads have above them is the network's state and a hidden layer. On validation the users
are those on whom the network did not stop.

Data is prepared as by ``benchmarks/quality.py``. Lines are appended to ``--results``.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import platform
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import next_type
import numpy as np
import quality

from nextact.events.moments import DAY
from nextact.metrics import behaviour
from nextact.metrics.comparison import paired_comparison, resample_counts
from nextact.metrics.horizon import auc_interval, horizon_values, log_loss
from nextact.models.behaviour.event_types.model import fit_event_types
from nextact.models.behaviour.event_types.rows import type_features
from nextact.models.behaviour.horizons.activity import activity_features, activity_names, rhythm_features
from nextact.models.behaviour.horizons.model import LandmarkChoice, horizon_rows
from nextact.models.behaviour.horizons.reference import TunedLogistic, fit_horizon_reference, predict_reference
from nextact.models.recommender import FitContext, Training
from nextact.models.registry import MODELS
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import make_holdout, training_histories, validation_halves
from nextact.sequences.moments import days_to_first, holdout_window, known_before, observed_until

RESULTS = Path(__file__).parent / "results" / "horizons.jsonl"
TIME_SPLIT = {"split.kind": "global_time", "split.validation_from": 0.8, "split.test_from": 0.9}
SETUPS: dict[str, tuple[str, dict[str, Any]]] = {
    "complete_journey": ("sample", {}),
    "online_retail": ("online_retail", TIME_SPLIT),
    "purchases": ("purchases", {}),
}
SEVERAL_TYPES = ("complete_journey",)  # elsewhere all targets are of one event type
AREA_DRAWS = 300
PLAIN = re.compile(r"days since (?!any in gaps).*|.* in (\d+ days|all)|never .*")  # recency and frequency, nothing more
Line = dict[str, Any]


def main() -> None:
    """Fit what was asked for and append a line a comparison."""
    arguments = _arguments()
    quality.SETUPS.update(SETUPS)
    for setup in arguments.setups:
        data = quality.open_data(quality.prepare(setup, arguments.work))
        for name in arguments.models:
            for seed in arguments.seeds:
                comparing = compare_next_type if arguments.next_type else compare
                shared, lines = comparing(setup, name, seed, data, arguments)
                with arguments.results.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(shared | line) + "\n" for line in lines)
                for line in lines:
                    print(_told(setup, name, line), flush=True)


def compare(
    setup: str, name: str, seed: int, data: quality.Data, arguments: argparse.Namespace
) -> tuple[Line, list[Line]]:
    """What all lines of one network share, and the lines."""
    training = _training(data, seed)
    entry = MODELS["sequence"][name]
    model = entry.recommender(entry.options(**data.options[name]))
    started = time.perf_counter()
    report = model.fit(training)
    seconds = time.perf_counter() - started
    references = fit_references(model, training, arguments)
    lines = [
        {"part": part} | line
        for part in arguments.parts
        for line in [
            *of_horizons(model, references, data, part),
            *(
                of_next_type(model.event_type_probabilities, references.next_type, data, part)
                if setup in SEVERAL_TYPES
                else []
            ),
        ]
    ]
    return _shared(setup, name, seed, data, arguments, seconds) | {"landmark_rows": report["horizons"]["rows"]}, lines


def compare_next_type(
    setup: str, name: str, seed: int, data: quality.Data, arguments: argparse.Namespace
) -> tuple[Line, list[Line]]:
    """The same of the heads of the next event type alone, which any network of the data would have."""
    training = _training(data, seed)
    started = time.perf_counter()
    model, report = fit_event_types(training)
    seconds = time.perf_counter() - started
    if model is None:
        raise SystemExit(f"{setup}: no heads of the next event type: {report['skipped']}")
    reference = next_type.fit_reference(training.histories, training.event_types, seed, not arguments.no_shares)
    lines = [
        {"part": part} | line for part in arguments.parts for line in of_next_type(model.predict, reference, data, part)
    ]
    return _shared(setup, name, seed, data, arguments, seconds) | {"rows": report["rows"]}, lines


def _shared(
    setup: str, name: str, seed: int, data: quality.Data, arguments: argparse.Namespace, seconds: float
) -> Line:
    """What all lines of a comparison have."""
    names = ("plain", "rhythm", "next_type", "no_shares")
    flags = [f"--{flag.replace('_', '-')}" for flag in names if getattr(arguments, flag)]
    return {
        "dataset": setup,
        "protocol": data.certificate.protocol.split.kind.replace("_", "-"),
        "model": name,
        "seed": seed,
        "fit_seconds": round(seconds),
        "certificate": data.certificate.protocol_hash,
        "command": " ".join(
            [
                f"python benchmarks/horizons.py --setups {setup} --models {name} --seeds {seed}",
                f"--parts {' '.join(arguments.parts)}",
                *flags,
            ]
        ),
        "reference": _reference(arguments),
        "commit": quality._commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
    }


def _reference(arguments: argparse.Namespace) -> str:
    if arguments.rhythm:
        return "recency, frequency, days of the week"
    return "recency, frequency alone" if arguments.plain else "recency, frequency"


@dataclasses.dataclass(frozen=True)
class References:
    """What the heads have to beat: a regression for each type and horizon, and one for the next event type."""

    horizons: list[list[TunedLogistic]]
    next_type: TunedLogistic
    rhythm: bool
    columns: np.ndarray  # of the activity, that the regressions of the horizons read


def fit_references(model: Any, training: Training, arguments: argparse.Namespace) -> References:
    """The regressions, from training alone."""
    options = model.options
    choice = LandmarkChoice(
        model.horizons(), options.horizons.landmark_days, options.horizons.landmarks, options.horizons.rows
    )
    rows, _, _ = horizon_rows(training, choice, None)
    if arguments.rhythm:
        rows = dataclasses.replace(rows, activity=rows.inputs())  # without states: no network was asked
    columns = np.arange(rows.activity.shape[1])
    if arguments.plain:
        names = activity_names(training.event_types)
        columns = np.array([place for place, name in enumerate(names) if PLAIN.fullmatch(name)])
        rows = dataclasses.replace(rows, activity=rows.activity[:, columns])
    next_step = next_type.fit_reference(training.histories, training.event_types, training.context.seed, True)
    return References(fit_horizon_reference(rows, training.context.seed), next_step, arguments.rhythm, columns)


def users_of(data: quality.Data, part: str) -> np.ndarray | None:
    """All users on test; on validation those on whom the network did not stop."""
    return None if part == "test" else validation_halves(data.histories.n_users, quality.HALVES_SEED)[1]


def of_horizons(model: Any, references: References, data: quality.Data, part: str) -> list[Line]:
    """The heads beside the regressions."""
    n_types, split, users = len(data.event_types), data.certificate.protocol.split, users_of(data, part)
    moment, until = holdout_window(split, part, data.histories)
    asked = data.histories if users is None else data.histories.take(users)
    asked = asked.take(np.flatnonzero(known_before(asked, np.full(asked.n_users, moment)).lengths > 0))
    moments = np.full(asked.n_users, moment)
    days = days_to_first(asked, moments, n_types, until)
    observed = np.full(asked.n_users, (until - moment) / DAY)
    ours = model.predict_horizons(asked, moments)
    known, reference = known_before(asked, moments), references.horizons
    inputs = activity_features(known, moments, n_types)
    if references.rhythm:
        inputs = np.concatenate([inputs, rhythm_features(known, moments)], axis=1)
    theirs = predict_reference(reference, inputs[:, references.columns])
    lines, told = [], []
    for code, kind in enumerate(data.event_types):
        for place, horizon in enumerate(model.horizons()):
            pair = [one[:, code, place] for one in (ours, theirs)]
            values = [horizon_values(one, days[:, code], observed, horizon) for one in pair]
            if not len(values[0].users):
                continue
            told.append((pair, values))
            line = {"task": "horizon", "event_type": kind, "horizon_days": horizon}
            line |= {"happened": float(values[0].happened.mean()), "penalty": reference[code][place].chosen}
            lines.append(line | _of_pair(pair, values))
    return [*lines, {"task": "horizon", "event_type": "all", "horizon_days": None} | _of_all(told)]


def _of_pair(pair: list[np.ndarray], values: list[Any]) -> Line:
    happened, kept = values[0].happened, values[0].users
    areas = [auc_interval(one[kept], happened) for one in pair]
    between = auc_interval(pair[0][kept], happened, pair[1][kept])
    line = {"users": len(kept), "predicted": float(pair[0].mean()), "reference_predicted": float(pair[1].mean())}
    line |= _losses(log_loss(values[0]), log_loss(values[1]))
    if between is not None:
        line |= {"roc_auc": areas[0].mean, "reference_roc_auc": areas[1].mean}
        line |= {f"roc_auc_{key}": getattr(between, end) for key, end in ENDS.items()}
    return line


ENDS = {"difference": "mean", "low": "low", "high": "high"}


def _losses(ours: np.ndarray, theirs: np.ndarray) -> Line:
    found = paired_comparison(ours, theirs, draws=2000)
    line = {"log_loss": float(ours.mean()), "reference_log_loss": float(theirs.mean())}
    return line | {f"log_loss_{key}": getattr(found, key) for key in ("difference", "low", "high")}


def _of_all(told: list[tuple[list[np.ndarray], list[Any]]]) -> Line:
    """Means over all types and horizons; all have the same users, since all share the moment."""
    losses = [np.mean([log_loss(values[side]) for _, values in told], axis=0) for side in (0, 1)]
    outcomes = np.stack([values[0].happened for _, values in told], axis=1).astype(float)
    sides = [np.stack([pair[side][values[side].users] for pair, values in told], axis=1) for side in (0, 1)]
    return {"users": len(losses[0])} | _losses(*losses) | _mean_areas(sides, outcomes, _binary_areas)


def of_next_type(
    predict: Callable[[Histories], np.ndarray], reference: TunedLogistic, data: quality.Data, part: str
) -> list[Line]:
    """The event-type heads beside the multinomial regression, over users with a catalogue item in the target."""
    n_types = len(data.event_types)
    cuts = data.test_cuts if part == "test" else data.validation_cuts
    holdout = make_holdout(data.histories, cuts, n_types, users_of(data, part))
    holdout = holdout.take(np.flatnonzero(holdout.next_types.sum(axis=1) > 0))
    sides = [
        predict(holdout.histories),
        reference.predict(type_features(holdout.histories, n_types)[:, : len(reference.mean)], n_types),
    ]
    losses = [behaviour.log_loss(one, holdout.next_types) for one in sides]
    shares = len(reference.mean) == type_features(holdout.histories.take(np.arange(1)), n_types).shape[1]
    line = {"task": "next event type", "event_type": "all", "users": len(holdout.users), "penalty": reference.chosen}
    line |= {"reference": f"recency, frequency{', recent shares' if shares else ''}"}
    areas = _mean_areas(sides, holdout.next_types, lambda one, seen: behaviour.roc_auc(one, seen).values)
    return [line | _losses(*losses) | areas]


def _mean_areas(sides: list[np.ndarray], outcomes: np.ndarray, areas_of: Any) -> Line:
    """The mean area over columns, and the interval of the paired difference."""
    n_users = len(outcomes)
    means = [float(np.nanmean(areas_of(one, outcomes))) for one in sides]
    drawn = []
    for counts in resample_counts(n_users, AREA_DRAWS, 0):
        for one in counts:
            who = np.repeat(np.arange(n_users), one.astype(int))
            drawn.append(np.nanmean(areas_of(sides[0][who], outcomes[who]) - areas_of(sides[1][who], outcomes[who])))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    line = {"roc_auc": means[0], "reference_roc_auc": means[1], "roc_auc_difference": means[0] - means[1]}
    return line | {"roc_auc_low": float(low), "roc_auc_high": float(high)}


def _binary_areas(scores: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    from sklearn.metrics import roc_auc_score

    columns = [column for column in range(outcomes.shape[1]) if 0 < outcomes[:, column].mean() < 1]
    found = np.full(outcomes.shape[1], np.nan)
    found[columns] = [roc_auc_score(outcomes[:, column], scores[:, column]) for column in columns]
    return found


def _training(data: quality.Data, seed: int) -> Training:
    protocol, n_types = data.certificate.protocol, len(data.event_types)
    known = training_histories(data.histories, data.validation_cuts)
    fitting, _ = validation_halves(data.histories.n_users, quality.HALVES_SEED)
    return Training(
        known,
        protocol.data.items,
        data.event_types,
        data.blocks,
        make_holdout(data.histories, data.validation_cuts, n_types, fitting),
        protocol.exclude_seen,
        FitContext(seed),
        target_event_types=protocol.target_event_types,
        observed_until=observed_until(protocol.split, known),
    )


def _told(setup: str, name: str, line: Line) -> str:
    words = f"{setup} {name} {line['part']} {line['task']} {line['event_type']} {line.get('horizon_days') or ''}".ljust(
        60
    )
    loss = f"log loss {line['log_loss']:.4f} ({line['log_loss_difference']:+.4f}"
    loss += f" [{line['log_loss_low']:+.4f}, {line['log_loss_high']:+.4f}])"
    if "roc_auc" not in line:
        return f"{words} {loss}"
    area = f"AUC {line['roc_auc']:.4f} ({line['roc_auc_difference']:+.4f}"
    return f"{words} {loss} {area} [{line['roc_auc_low']:+.4f}, {line['roc_auc_high']:+.4f}])"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("data/benchmarks"), help="where prepared data is kept")
    parser.add_argument("--setups", nargs="+", choices=SETUPS, default=["complete_journey"])
    parser.add_argument("--models", nargs="+", choices=MODELS["sequence"], default=["gpt2"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--parts", nargs="+", choices=["validation", "test"], default=["validation"])
    reading = parser.add_mutually_exclusive_group()
    reading.add_argument("--plain", action="store_true", help="let the regressions read recency and frequency alone")
    reading.add_argument("--rhythm", action="store_true", help="let the regressions read the days of the week, too")
    parser.add_argument("--next-type", action="store_true", help="the next event type alone, without a network")
    parser.add_argument("--no-shares", action="store_true", help="with it, a regression on recency and frequency alone")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.next_type and (asked.plain or asked.rhythm):
        parser.error("--plain and --rhythm are of the horizons; with --next-type there is --no-shares")
    return asked


if __name__ == "__main__":
    main()
