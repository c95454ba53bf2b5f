import pytest

from nextact.tracking.entries import (
    MAX_NAME,
    MAX_TEXT,
    chunks,
    curve_points,
    entity_name,
    flatten,
    number_metrics,
    param_text,
)
from nextact.tracking.tracking_options import TrackingOptions


def test_names_become_ones_that_mlflow_takes():
    from mlflow.utils.validation import _validate_metric_name, _validate_param

    for name in ("ndcg@10", "a/b", "price €", "x" * 400, "weights.personal_popularity"):
        _validate_metric_name(entity_name(name))
        _validate_param(entity_name(name), param_text("y" * 9_000))
    assert len(entity_name("x" * 400)) == MAX_NAME


def test_long_texts_that_differ_at_the_end_stay_different():
    one, other = param_text("a" * 9_000 + "1"), param_text("a" * 9_000 + "2")
    assert len(one) == len(other) == MAX_TEXT
    assert one != other


def test_options_blocks_are_flattened_with_their_defaults():
    flat = flatten({"tracking": TrackingOptions(experiment="shop")})
    assert flat["tracking.experiment"] == "shop"
    assert flat["tracking.enabled"] is True


def test_numbers_that_are_not_finite_are_left_out():
    report = {
        "loss": float("nan"),
        "best": 2,
        "stopped": True,
        "curve": [{"epoch": 2, "loss": float("inf"), "seconds": 1.0}],
    }
    assert number_metrics("report", report) == {"report_best": 2.0}
    assert curve_points(report) == [("epoch_seconds", 1.0, 2, 1.0)]


def test_nothing_makes_no_chunk():
    assert list(chunks([], 3)) == []


@pytest.mark.parametrize("uri", ["sqlite:////data/mlflow.db", "postgresql://host/db", "http://host:5000"])
def test_an_address_that_is_absolute_stays(uri, tmp_path):
    assert TrackingOptions(tracking_uri=uri).at(tmp_path).tracking_uri == uri


def test_relative_paths_start_at_the_root_wherever_one_works(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    options = TrackingOptions(tracking_uri="sqlite:///data/mlflow.db", artifacts="data/mlruns").at(tmp_path)
    assert options.database == tmp_path / "data/mlflow.db"
    assert options.artifacts == str(tmp_path / "data/mlruns")
    assert TrackingOptions(artifacts="s3://bucket/runs").at(tmp_path).artifacts == "s3://bucket/runs"
