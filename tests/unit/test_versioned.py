import dataclasses
from pathlib import Path

import pytest

from nextact.metrics.comparison import Interval
from nextact.results.data import EventCounts
from nextact.results.models import ChosenModel, Gate, Leaderboard
from nextact.stored import StoredError
from nextact.versioned import Versioned

PLACE = Path("counts.json")
COUNTS = EventCounts(rows_by_reason={"accepted": 3}, rows_by_source={}, rows_by_split={"train": 3}, moments={})


class Newer(Versioned):
    version: int = 2
    mean: Interval


def test_what_is_written_is_read():
    assert EventCounts.of_json(COUNTS.as_json(), PLACE) == COUNTS
    newer = Newer(mean=Interval(0.5, 0.4, 0.6, 0.95, 10))
    assert Newer.of_json(newer.as_json(), PLACE) == newer


def test_what_an_earlier_version_wrote_is_refused_by_name_and_version():
    found = COUNTS.as_json()
    del found["version"]
    with pytest.raises(StoredError, match=r"counts.json states no version, .* reads version 1 of EventCounts"):
        EventCounts.of_json(found, PLACE)
    old = {"version": 1, "mean": {}}
    with pytest.raises(StoredError, match=r"counts.json has version 1, .* reads version 2 of Newer"):
        Newer.of_json(old, PLACE)


@pytest.mark.parametrize("found", [[], "text", None, 3])
def test_what_is_no_object_is_refused(found):
    with pytest.raises(StoredError, match=r"counts\.json is no object but"):
        EventCounts.of_json(found, PLACE)


def test_a_missing_or_unknown_field_is_named():
    found = COUNTS.as_json() | {"mean": 1}
    del found["moments"]
    with pytest.raises(StoredError, match=r"is no EventCounts: moments: Field required; mean: Extra inputs"):
        EventCounts.of_json(found, PLACE)


def test_a_result_stays_as_it_is():
    board = Leaderboard(
        run_id="r", protocol_hash="p", metric="m", models=(), gate=Gate(best_baseline=None, models={}), left_out=()
    )
    with pytest.raises(ValueError, match="frozen"):
        board.metric = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        Interval(0.5, 0.4, 0.6, 0.95, 10).mean = 1


def test_a_chosen_model_prints_as_its_name_and_why():
    named = {"run_id": "r", "protocol_hash": "p", "family": "baselines", "name": "ease"}
    chosen = ChosenModel(**named, folder="a", refitted_folder="b", reason="best ndcg@10 there")
    assert str(chosen) == "ease is chosen: best ndcg@10 there"


class More(Newer):
    version: int = 3
    also: int


def test_the_fields_of_a_result_go_into_another_without_its_version():
    newer = Newer(mean=Interval(0.5, 0.4, 0.6, 0.95, 10))
    assert More(**newer.fields, also=1).version == 3
    with pytest.raises(ValueError, match="a More of today has version 3, not 2"):
        More(**dict(newer), also=1)
