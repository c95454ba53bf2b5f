import numpy as np
import pytest

from nextact.evaluation import list_metrics as room
from nextact.evaluation.list_metrics import LIST_METRICS, ListMetric, ServedLists, list_metrics
from nextact.metrics.errors import MetricsError
from nextact.sequences.histories import Histories


def served(lists, **changed):
    known = {
        "histories": Histories.from_lists([[1], [2]]),
        "popularity": np.array([0, 4, 2, 1], np.int64),
        "vectors": None,
        "categories": None,
    }
    return ServedLists(np.array(lists, np.int32), **(known | changed))


def test_the_metrics_are_those_by_hand():
    vectors, categories = np.array([[0, 0], [1, 0], [0, 1], [0, 2]], float), np.array([-1, 0, 1, 1])
    found = list_metrics(served([[1, 2], [2, 3]], vectors=vectors, categories=categories))
    assert list(found) == list(LIST_METRICS)
    assert found["coverage"] == 1.0
    assert found["gini"] == pytest.approx((-2 * 1 + 0 * 1 + 2 * 2) / (3 * 4))  # counts 1, 1, 2
    assert found["popularity_lift"] == pytest.approx(((4 + 2) / 2 + (2 + 1) / 2) / 2 / ((4 + 2) / 2))
    assert found["diversity_text"] == pytest.approx(0.5)  # orthogonal in one list, parallel in the other
    assert found["diversity_category"] == pytest.approx(0.5)


def test_what_a_metric_reads_may_be_missing_and_what_is_undefined_is_none():
    found = list_metrics(served([[1], [1]], vectors=np.ones((4, 2))))
    assert "diversity_category" not in found
    assert found["diversity_text"] is None
    assert found["coverage"] == pytest.approx(1 / 3)


def test_what_is_wrong_is_an_error_and_never_none():
    vectors = np.full((4, 2), np.nan)
    with pytest.raises(MetricsError, match="not finite"):
        list_metrics(served([[1, 2], [2, 3]], vectors=vectors))
    with pytest.raises(MetricsError, match="an item repeated"):
        list_metrics(served([[1, 1], [2, 3]]))


def test_a_metric_is_one_function_and_one_registration(monkeypatch):
    def first_place_share(lists, n_items):
        return len(set(lists[:, 0].tolist())) / n_items

    monkeypatch.setattr(
        room, "LIST_METRICS", LIST_METRICS | {"first": ListMetric(first_place_share, ("lists", "n_items"))}
    )
    assert list_metrics(served([[1, 2], [1, 3]]))["first"] == pytest.approx(1 / 3)
