import json

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.evaluation.compare import RunResults, compare_runs, comparison_lines, main, read_run, values_of_tables
from nextact.metrics.comparison import Interval
from nextact.results.evaluation import Calibration, TestedModel, TestResults
from nextact.results.horizons import Horizons, HorizonSection

from ...protocols import make_certificate


def results(means, seed=0, protocol=None, run_id="r", metric="ndcg@10"):
    certificate = make_certificate(seed=seed, **protocol or {})
    models = tuple(
        model_on_test(name).model_copy(update={"test": {"ndcg@10": Interval(mean, mean - 0.1, mean + 0.1, 0.95, 9)}})
        for name, mean in means.items()
    )
    unscored = HorizonSection(why_not="none")
    return TestResults(
        run_id=run_id,
        protocol_hash=certificate.protocol_hash,
        protocol=certificate.protocol,
        provenance=certificate.provenance,
        metric=metric,
        users=9,
        users_left_out=0,
        left_out={},
        list_length=10,
        diversity_block=None,
        chosen=models[0].name,
        reason="",
        gate=(),
        models_left_out=(),
        baseline=None,
        models=models,
        chosen_against={},
        behaviour=None,
        horizons=Horizons(validation=unscored, test=unscored),
    )


def model_on_test(name):
    return TestedModel(
        family="sequence",
        name=name,
        fit_seconds=1.0,
        members_fit_seconds=0.0,
        score_seconds=1.0,
        validation={},
        test={},
        test_reachable={},
        shuffled={},
        catalogue={},
        calibration=Calibration(temperature=1.0, item_log_loss=None, users_left_out={}, error=0.0, bins=()),
    )


def runs(*means, **changed):
    return [RunResults(f"run {at}", results(one, seed=at, **changed)) for at, one in enumerate(means)]


def test_runs_of_one_protocol_stand_beside_each_other():
    found = compare_runs(runs({"net": 0.2, "old": 0.1}, {"net": 0.4}))
    assert set(found.models) == {"net"}
    assert found.left_out == ("old",)
    assert found.seeds == (0, 1)
    assert found.models["net"].mean == pytest.approx(0.3)
    assert found.models["net"].training_std == pytest.approx(np.std([0.2, 0.4], ddof=1))
    assert found.models["net"].interval is None


def test_runs_of_different_protocols_are_refused_with_the_difference():
    one, other = runs({"net": 0.2}), runs({"net": 0.2}, protocol={"kind": "leave_one_out"})
    with pytest.raises(NextactError, match=r"split\.kind: 'global_time' != 'leave_one_out'"):
        compare_runs([*one, RunResults("other", other[0].results)])


def test_users_pair_the_runs_where_their_values_are_at_hand():
    rng = np.random.default_rng(0)
    first, second = rng.random(100), rng.random(100) + 0.5
    pair = [
        RunResults(name, results({"net": values.mean()}), {"net": values})
        for name, values in (("one", first), ("two", second))
    ]
    net = compare_runs(pair).models["net"]
    assert net.last_minus_first.difference == pytest.approx((second - first).mean())
    assert net.last_minus_first.p_value < 0.001
    assert net.interval.mean == pytest.approx(((first + second) / 2).mean())


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (runs({"net": 0.1}), "needs two runs, got 1"),
        (runs({"net": 0.1}, {"old": 0.1}), "share no model"),
        (runs({"net": 0.1}, {"net": 0.1}, metric="ndgc@10"), "no metric 'ndgc@10'; did you mean 'ndcg@10'?"),
    ],
)
def test_what_cannot_be_compared_is_said(asked, message):
    with pytest.raises(NextactError) as caught:
        compare_runs(asked)
    assert message in str(caught.value)


def test_values_of_tables_are_the_metric_of_each_user():
    users = pd.DataFrame({"user_index": [0, 1], "n_missing": [0, 0]})
    targets = pd.DataFrame({"user_index": [0, 1], "item_index": [4, 5]})
    ranks = pd.DataFrame(
        {
            "model": "net",
            "user_index": [0, 1],
            "item_index": [4, 5],
            "n_greater": [0, 10],
            "n_equal": [1, 1],
            "allowed": True,
            "depth": 10,
        }
    )
    assert values_of_tables(users, targets, ranks, "mrr@10")["net"].tolist() == [1.0, 0.0]


def write(folder, content):
    path = folder / "08_reporting" / "test_results.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content if isinstance(content, dict) else content.as_json()))
    return path


def test_the_command_prints_the_comparison(tmp_path, capsys):
    paths = [write(tmp_path / name, results({"net": mean})) for name, mean in (("a", 0.25), ("b", 0.5))]
    assert main([str(path) for path in paths]) == 0
    printed = capsys.readouterr().out
    assert "0.2500 [0.1500, 0.3500]  0.5000 [0.4000, 0.6000]  mean 0.3750" in printed


def test_the_command_refuses_other_protocols_in_words(tmp_path, capsys):
    one = write(tmp_path / "a", results({"net": 0.25}))
    other = write(tmp_path / "b", results({"net": 0.25}, protocol={"exclude_seen": False}))
    assert main([str(one), str(other)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "exclude_seen: True != False" in error


def test_a_file_that_holds_no_test_results_is_refused(tmp_path):
    with pytest.raises(NextactError, match=r"states no version, .* of TestResults"):
        read_run(write(tmp_path, {"models": []}))
    with pytest.raises(NextactError, match=r"nothing\.json does not exist"):
        read_run(tmp_path / "nothing.json")


def test_tables_of_another_run_are_refused(tmp_path):
    path = write(tmp_path, results({"net": 0.1}, run_id="new"))
    tables = tmp_path / "07_model_output"
    tables.mkdir()
    for name in ("test_users", "test_targets", "test_ranks"):
        pd.DataFrame({"run_id": ["old"]}).to_parquet(tables / f"{name}.parquet")
    with pytest.raises(NextactError, match=r"belongs to run old, test_results\.json to run new"):
        read_run(path)


def test_lines_name_runs_seeds_and_what_is_left_out():
    lines = comparison_lines(compare_runs(runs({"net": 0.2, "old": 0.1}, {"net": 0.4})))
    assert lines[1:3] == ["  1. run 0 (seed 0)", "  2. run 1 (seed 1)"]
    assert lines[-1] == "not in all runs: old"
