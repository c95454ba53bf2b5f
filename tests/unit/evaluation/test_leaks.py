import dataclasses

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.evaluation import leaks
from nextact.evaluation.slices import HeldOut
from nextact.metrics.comparison import Interval
from nextact.metrics.targets import Targets
from nextact.results.evaluation import TestedModel, TestResults
from nextact.sequences.histories import Histories

from ...protocols import make_split

DAY = 86_400_000_000
SPLIT = make_split(validation_from="1970-01-03T00:00:00+00:00")


def held_out(items=((1, 2, 3), (2, 4)), days=((0, 1, 4), (0, 5)), ends=(2, 1), n_items=5, training_ends=None):
    """Users whose newest event is the target; training ends where the history does unless said."""
    histories = Histories.from_lists(
        [list(user) for user in items], timestamps=[[DAY * day for day in user] for user in days]
    )
    history_end = histories.offsets[:-1] + np.array(ends)
    training = histories.between(histories.offsets[:-1], histories.offsets[:-1] + np.array(training_ends or ends))
    users = pd.DataFrame({"user_index": range(len(items)), "history_end": history_end, "n_missing": 0})
    rows = [
        (user, item, 0, DAY * day)
        for user, (own, when, end) in enumerate(zip(items, days, ends, strict=True))
        for item, day in zip(own[end:], when[end:], strict=True)
    ]
    targets = pd.DataFrame(rows, columns=["user_index", "item_index", "event_type", "timestamp"])
    popularity = np.bincount(training.item_index, minlength=n_items + 1)
    return HeldOut(users, targets, histories, training, popularity)


def vocabulary_of(data, changed=None):
    counts = data.popularity[1:].copy()
    for item, count in (changed or {}).items():
        counts[item - 1] = count
    return pd.DataFrame({"item_index": np.arange(1, len(data.popularity)), "n_training_events": counts})


def results(shuffled, chosen="net"):
    models = tuple(
        TestedModel.model_construct(name=name, shuffled={"ndcg@10": Interval(mean, mean - 0.01, mean + 0.01, 0.95, 9)})
        for name, mean in shuffled.items()
    )
    return TestResults.model_construct(metric="ndcg@10", chosen=chosen, models=models)


def test_training_before_the_split_passes():
    data = held_out()
    check = leaks.check_training_moment(data.training, vocabulary_of(data), SPLIT)
    assert check.passed
    assert check.numbers["newest_training_event"] == "1970-01-02T00:00:00+00:00"


def test_a_training_event_after_the_split_fails_and_stops_the_run():
    data = held_out(training_ends=(3, 1))
    check = leaks.check_training_moment(data.training, vocabulary_of(data), SPLIT)
    assert not check.passed
    assert check.numbers["late_events"] == 1
    with pytest.raises(NextactError, match="1 training events lie at or after 1970-01-03"):
        leaks.refuse_outright_leaks([check])


def test_a_training_event_at_the_very_moment_is_late():
    data = held_out(days=((0, 2, 4), (0, 5)))
    assert leaks.check_training_moment(data.training, vocabulary_of(data), SPLIT).numbers["late_events"] == 1


def test_a_refit_that_reaches_into_test_stops_the_run():
    moments = make_split(validation_from="1970-01-02", test_from="1970-01-03T00:00:00+00:00")
    assert leaks.check_refit_moment(held_out().training, moments).passed
    late = leaks.check_refit_moment(held_out(training_ends=(3, 1)).training, moments)
    with pytest.raises(NextactError, match="1 events that the refit learnt from lie at or after 1970-01-03"):
        leaks.refuse_outright_leaks([late])


def test_a_vocabulary_that_counted_held_out_events_fails_without_stopping_the_run():
    data = held_out()
    check = leaks.check_training_moment(data.training, vocabulary_of(data, {3: 1}), make_split("leave_one_out"))
    assert not check.passed
    assert check.numbers["item_counts_that_differ"] == 1
    leaks.refuse_outright_leaks([check])


@pytest.mark.parametrize("split", [make_split("leave_one_out"), make_split("unseen_users", validation_from=0.8)])
def test_a_split_without_a_moment_is_checked_by_counts_alone(split):
    data = held_out(training_ends=(3, 1))
    assert leaks.check_training_moment(data.training, vocabulary_of(data), split).passed


def test_a_history_that_ends_after_its_target_fails():
    assert leaks.check_order(held_out()).passed
    late = leaks.check_order(held_out(days=((0, 5, 4), (0, 5))))
    assert not late.passed
    assert late.numbers["late_users"] == 1


def test_a_history_may_end_at_the_moment_of_the_target():
    assert leaks.check_order(held_out(days=((0, 4, 4), (0, 5)))).passed


def test_repeats_pass_where_they_may_be_recommended():
    data = held_out(items=((1, 2, 1), (2, 4)))
    allowed, hidden = leaks.check_repeats(data, exclude_seen=False), leaks.check_repeats(data, exclude_seen=True)
    assert allowed.numbers["share"] == hidden.numbers["share"] == 0.5
    assert (allowed.passed, hidden.passed) == (True, False)


def test_an_event_on_both_sides_of_the_cut_is_found():
    assert leaks.check_duplicates(held_out(items=((1, 2, 2), (2, 4)))).passed  # bought again on another day
    both = leaks.check_duplicates(held_out(items=((1, 2, 2), (2, 4)), days=((0, 4, 4), (0, 5))))
    assert not both.passed
    assert both.numbers["both"] == 1


def test_the_same_event_of_another_user_is_no_duplicate():
    assert leaks.check_duplicates(held_out(items=((1, 4, 3), (2, 4)), days=((0, 5, 6), (0, 5)))).passed


def test_a_model_above_the_best_single_ranking_on_shuffled_targets_is_suspicious():
    targets, popularity = Targets.from_lists([[item] for item in (1, 2, 3, 4, 5, 6, 7, 8)] * 5), np.arange(31)
    level = leaks.check_shuffled(results({"net": 0.1}), targets, popularity).numbers["best_for_everybody"]
    fine = leaks.check_shuffled(results({"net": level, "popularity": 0.1}), targets, popularity)
    assert fine.passed
    cheat = leaks.check_shuffled(results({"net": level + 0.02, "popularity": 0.1}), targets, popularity)
    assert not cheat.passed
    assert cheat.numbers["too_high"] == ["net"]
    assert "net has more than knowledge of the user could give" in cheat.words


def test_an_evaluation_that_lets_models_see_the_targets_is_caught():
    """A scorer that puts whatever it is asked for on top: perfect on shuffled targets, too."""
    targets = Targets.from_lists([[item] for item in range(1, 31)])
    assert not leaks.check_shuffled(results({"net": 1.0}), targets, np.ones(31, np.int64)).passed


def test_popularity_of_the_control_is_that_of_training():
    targets, popularity = Targets.from_lists([[1], [2]]), np.array([0, 5, 3, 1])
    found = leaks.check_shuffled(results({"net": 0.5}), targets, popularity).numbers
    assert found["popularity"] == pytest.approx((1 + 1 / np.log2(3)) / 2)


def test_items_held_out_as_often_as_training_foretells_show_no_artefact():
    popularity = np.array([0, *[1] * 400, *[10] * 40])
    wanted = np.repeat(np.arange(1, 441), popularity[1:])[::4]
    check = leaks.check_core(Targets.from_lists([[item] for item in wanted]), popularity, "ndcg@10", "training")
    assert check.passed
    assert [row["ratio"] for row in check.numbers["rows"]] == pytest.approx([1, 1], abs=0.01)


def test_rare_items_that_stay_because_they_are_held_out_show_the_artefact():
    popularity = np.array([0, *[1] * 100, *[10] * 40])
    wanted = [*range(1, 101), *range(101, 141)] * 2
    check = leaks.check_core(Targets.from_lists([[item] for item in wanted]), popularity, "ndcg@10", "all")
    assert not check.passed
    assert check.numbers["rows"][0]["ratio"] == pytest.approx((200 / 100) / (280 / 500))
    assert check.numbers["best_by_count"] > 0
    assert "k-core on the all window" in check.words


def test_too_few_targets_tell_nothing_of_an_artefact():
    check = leaks.check_core(Targets.from_lists([[1]]), np.array([0, 1, 50]), "ndcg@10", "training")
    assert check.passed
    assert check.words == "too few targets to tell"


def test_an_item_recommended_before_its_first_event_is_found():
    data = held_out(items=((1, 2, 3), (2, 4)), days=((0, 1, 4), (0, 5)))
    lists = pd.DataFrame({"model": ["net", "net", "old"], "user_index": [0, 1, 0], "item_index": [4, 3, 1]})
    check = leaks.check_existence(data, lists)  # item 4 begins on day 5, user 0 is served on day 4
    assert not check.passed
    assert check.numbers["early"] == 1
    assert check.numbers["share"] == {"net": 0.5, "old": 0.0}


def test_a_catalogue_that_existed_passes():
    data = held_out()
    lists = pd.DataFrame({"model": ["net"] * 2, "user_index": [0, 1], "item_index": [2, 3]})
    assert leaks.check_existence(data, lists).passed


def test_an_item_without_any_event_has_not_begun():
    data = held_out(n_items=6)
    lists = pd.DataFrame({"model": ["net"], "user_index": [0], "item_index": [6]})
    assert not leaks.check_existence(data, lists).passed


def test_checks_are_json():
    check = leaks.check_core(Targets.from_lists([[1]] * 40), np.array([0, 1, 50]), "ndcg@10", "training")
    assert dataclasses.asdict(check)["numbers"]["rows"][0]["bin"] == "1"
