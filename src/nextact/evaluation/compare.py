"""Two or more runs beside each other: ``python -m nextact.evaluation.compare one/test_results.json other/…``.

Runs of different protocols are refused with the difference. Runs of one protocol that differ in their seed show how
much of a number is training, beside how much of it is the draw of users.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError, suggest
from nextact.evaluation.tables import MODEL, ranks_of, targets_of
from nextact.metrics.comparison import Comparison, Interval, paired_comparison, summarise_seeds
from nextact.metrics.ranking import metrics_of_ranks
from nextact.printing import printable
from nextact.protocol import require_same_protocol
from nextact.results.evaluation import TestedModel, TestResults
from nextact.stored import read_json, reading

TABLES = ("test_users", "test_targets", "test_ranks")
TABLE_FOLDER = "07_model_output"
RUN_ID = "run_id"
PerUser = NDArray[np.float64]


@dataclass(frozen=True)
class RunResults:
    """One run.

    Attributes:
        name: How it is called in tables.
        results: Its ``test_results``.
        values: Model -> float64 [users] of one metric, of all users of test in the same order for all runs of a
            protocol; None where the run's tables are not at hand.
    """

    name: str
    results: TestResults
    values: Mapping[str, PerUser] | None = None


@dataclass(frozen=True)
class ModelInRuns:
    """One model, run beside run.

    Attributes:
        by_run: On test.
        mean: Over the runs.
        training_std: Between them.
        interval: Over users, of each user's mean over the runs; None where the tables of a run are not at hand.
        last_minus_first: Paired by user; None likewise.
    """

    by_run: tuple[Interval, ...]
    mean: float
    training_std: float
    interval: Interval | None = None
    last_minus_first: Comparison | None = None


@dataclass(frozen=True)
class RunComparison:
    """Runs of one protocol.

    Attributes:
        metric: On test.
        protocol_hash: Of all of them.
        seeds: One a run.
        runs: Their names.
        models: Those that all runs share.
        left_out: Those that some runs lack.
    """

    metric: str
    protocol_hash: str
    seeds: tuple[int, ...]
    runs: tuple[str, ...]
    models: dict[str, ModelInRuns]
    left_out: tuple[str, ...]


def read_run(path: Path, metric: str | None = None) -> RunResults:
    """Read a ``test_results.json``, and the tables of the run where they stand beside its folder.

    Args:
        path: The file, in its ``08_reporting``.
        metric: Of the values of each user; the one that chose, if left out.

    Raises:
        NextactError: If the file cannot be read or holds no test results.
    """
    results = TestResults.of_json(read_json(path), path)
    files = [path.parent.parent / TABLE_FOLDER / f"{name}.parquet" for name in TABLES]
    if not all(file.exists() for file in files):
        return RunResults(str(path), results)
    users, targets, ranks = map(_read_table, files)
    if set(ranks[RUN_ID]) != {results.run_id}:
        raise NextactError(
            f"{files[-1]} belongs to run {ranks[RUN_ID].iloc[0]}, {path.name} to run {results.run_id}: keep each "
            "run's folders together"
        )
    return RunResults(str(path), results, values_of_tables(users, targets, ranks, metric or results.metric))


def _read_table(file: Path) -> pd.DataFrame:
    with reading(file):
        return pd.read_parquet(file)


def values_of_tables(
    users: pd.DataFrame, targets: pd.DataFrame, ranks: pd.DataFrame, metric: str
) -> dict[str, PerUser]:
    """One metric of each user and model from the tables of a reading."""
    relevant, k = targets_of(users, targets), int(metric.rpartition("@")[2])
    return {
        str(model): metrics_of_ranks(ranks_of(ranks, model), relevant, (k,))[metric] for model in ranks[MODEL].unique()
    }


def compare_runs(runs: Sequence[RunResults], metric: str | None = None) -> RunComparison:
    """Every model that the runs share, run beside run.

    Args:
        runs: At least two, of one protocol.
        metric: Compared on test; the one by which the first run chose, if left out.

    Raises:
        NextactError: If protocols differ (each difference is named), or there is nothing to compare.
    """
    if len(runs) < 2:
        raise NextactError(f"compare: needs two runs, got {len(runs)}")
    require_same_protocol({run.name: run.results for run in runs})
    metric = metric or runs[0].results.metric
    rows = [{model.name: model for model in run.results.models} for run in runs]
    shared = [name for name in rows[0] if all(name in row for row in rows)]
    if not shared:
        raise NextactError("compare: the runs share no model")
    known = rows[0][shared[0]].test
    if metric not in known:
        raise NextactError(f"compare: no metric {metric!r}; {suggest(metric, known)}")
    return RunComparison(
        metric=metric,
        protocol_hash=runs[0].results.protocol_hash,
        seeds=tuple(run.results.provenance.seed for run in runs),
        runs=tuple(run.name for run in runs),
        models={name: _model(name, metric, rows, runs) for name in shared},
        left_out=tuple(sorted({name for row in rows for name in row} - set(shared))),
    )


def comparison_lines(found: RunComparison) -> list[str]:
    """The comparison as lines of text."""
    lines = [f"{found.metric} on test, protocol {found.protocol_hash}"]
    seeded = zip(found.runs, found.seeds, strict=True)
    lines += [f"  {at}. {run} (seed {seed})" for at, (run, seed) in enumerate(seeded, 1)]
    for name, model in found.models.items():
        each = "  ".join(f"{one.mean:.4f} [{one.low:.4f}, {one.high:.4f}]" for one in model.by_run)
        lines.append(f"{name:<20}{each}  mean {model.mean:.4f}, between runs ±{model.training_std:.4f}")
        if (paired := model.last_minus_first) is not None:
            lines.append(
                f"{'':<20}last minus first {paired.difference:+.4f} [{paired.low:+.4f}, {paired.high:+.4f}], "
                f"p {paired.p_value:.4f}"
            )
    if found.left_out:
        lines.append(f"not in all runs: {', '.join(found.left_out)}")
    return lines


def _model(
    name: str, metric: str, rows: Sequence[Mapping[str, TestedModel]], runs: Sequence[RunResults]
) -> ModelInRuns:
    by_run = tuple(row[name].test[metric] for row in rows)
    means = [one.mean for one in by_run]
    found = ModelInRuns(by_run, float(np.mean(means)), float(np.std(means, ddof=1)))
    values = [run.values[name] for run in runs if run.values is not None and name in run.values]
    if len(values) < len(runs):
        return found
    paired = paired_comparison(values[-1], values[0])
    return replace(found, interval=summarise_seeds(values).interval, last_minus_first=paired)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison; 1 and the reason where it is refused."""
    parser = argparse.ArgumentParser(prog="python -m nextact.evaluation.compare", description=__doc__)
    parser.add_argument("results", nargs="+", type=Path, help="test_results.json of two runs or more")
    parser.add_argument("--metric", help="for example ndcg@10; the one that chose, if left out")
    asked = parser.parse_args(arguments)
    try:
        found = compare_runs([read_run(path, asked.metric) for path in asked.results], asked.metric)
    except NextactError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(map(printable, comparison_lines(found))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
