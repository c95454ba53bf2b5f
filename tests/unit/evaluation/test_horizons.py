import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from nextact.evaluation.horizons import NO_COMMON_MOMENT, NO_MODEL, evaluate_horizons, join_sections
from nextact.events.moments import DAY
from nextact.results.horizons import HorizonRow, HorizonSection
from nextact.sequences.histories import Histories

from ...protocols import make_split

NAMES = ("view", "purchase")
SPLIT = make_split(validation_from="1970-01-21", test_from="1970-01-31")  # days 20 and 30


class ByLength:
    """The longer the known history, the surer; records what it was shown."""

    def __init__(self, days=(1, 7, 30)):
        self.days, self.shown = days, []

    def horizons(self):
        return self.days

    def predict_horizons(self, histories, moments):
        self.shown.append((histories, moments))
        surer = 1 - 0.9 / (1 + histories.lengths[:, None, None] / 4)
        return surer * np.array([0.3, 0.6, 0.9])[None, None, : len(self.days)] * np.array([1, 0.5])[None, :, None]


def shop(n_users=60, seed=0):
    """User 0 comes after the validation moment only; user 1 never."""
    random = np.random.default_rng(seed)
    items, types, times = [], [], []
    for user in range(n_users):
        first = 24 * DAY if user == 0 else 0
        n = 3 if user == 0 else 0 if user == 1 else int(random.integers(2, 30))
        moments = np.sort(random.integers(first, 40 * DAY, n))
        if user > 1:
            moments[0] = DAY
            moments.sort()
        items.append([1] * n)
        types.append(random.integers(0, 2, n).tolist())
        times.append(moments.tolist())
    return Histories.from_lists(items, types, times)


@pytest.fixture(scope="module")
def histories():
    return shop()


def test_numbers_are_those_of_scikit_learn_over_a_slow_look(histories):
    model = ByLength()
    found = evaluate_horizons({"net": model}, histories, SPLIT, "validation", NAMES, draws=50)
    known = [user for user in range(60) if any(histories.timestamp[histories.users_of_events == user] < 20 * DAY)]
    assert (found.users, found.users_left_out) == (58, {"no event before the moment": 2})
    assert (found.moment, found.days_observed) == ("1970-01-21T00:00:00+00:00", 10.0)
    predicted = model.predict_horizons(model.shown[0][0], None)
    for row in found.models["net"]:
        if row.horizon_days == 30:
            continue
        code, place = NAMES.index(row.event_type), (1, 7, 30).index(row.horizon_days)
        end = (20 + row.horizon_days) * DAY
        happened = np.array(
            [
                any(
                    (histories.users_of_events == user)
                    & (histories.event_type == code)
                    & (histories.timestamp >= 20 * DAY)
                    & (histories.timestamp <= end)
                )
                for user in known
            ]
        )
        own = predicted[:, code, place]
        assert row.happened == pytest.approx(happened.mean())
        assert row.predicted == pytest.approx(own.mean())
        assert row.metrics["log_loss"].mean == pytest.approx(log_loss(happened, own))
        assert row.metrics["brier"].mean == pytest.approx(brier_score_loss(happened, own))
        assert row.metrics["roc_auc"].mean == pytest.approx(roc_auc_score(happened, own))
        share = model.predict_horizons(Histories.from_lists([[]]), None)[0, code, place]
        difference = log_loss(happened, own) - log_loss(happened, np.full(58, share))
        assert row.log_loss_against_share.difference == pytest.approx(difference)


def test_a_horizon_that_the_window_does_not_observe_has_counts_alone(histories):
    found = evaluate_horizons({"net": ByLength()}, histories, SPLIT, "validation", NAMES, draws=50)
    row = next(one for one in found.models["net"] if one.horizon_days == 30)
    assert (row.users, row.censored, row.metrics) == (0, 58, {})


def test_the_model_is_shown_what_lies_before_the_moment_alone(histories):
    for part, day in (("validation", 20), ("test", 30)):
        model = ByLength()
        evaluate_horizons({"net": model}, histories, SPLIT, part, NAMES, draws=50)
        for shown, moments in model.shown:
            assert (shown.timestamp < day * DAY).all()
            assert set(moments) == {day * DAY}


def test_what_happens_in_test_changes_nothing_of_validation(histories):
    later = histories.timestamp >= 30 * DAY
    changed = Histories(
        histories.offsets,
        histories.item_index,
        np.where(later, 1 - histories.event_type, histories.event_type).astype(np.int8),
        np.where(later, histories.timestamp + 5 * DAY, histories.timestamp),
        histories.starts_step,
    )
    first, second = (
        evaluate_horizons({"net": ByLength()}, one, SPLIT, "validation", NAMES, draws=50)
        for one in (histories, changed)
    )
    assert first == second


def test_test_ends_with_the_newest_event(histories):
    found = evaluate_horizons({"net": ByLength((1, 7))}, histories, SPLIT, "test", NAMES, draws=50)
    assert found.days_observed == round(histories.timestamp.max() / DAY - 30, 2)
    assert found.users == 59  # user 0 is known by now


def test_only_the_users_asked_for_are_scored(histories):
    some = np.array([0, 5, 9, 11, 30])
    found = evaluate_horizons({"net": ByLength((1,))}, histories, SPLIT, "validation", NAMES, 50, some)
    assert (found.users, found.users_left_out) == (4, {"no event before the moment": 1})


def test_users_are_looked_at_in_blocks(histories, monkeypatch):
    whole = evaluate_horizons({"net": ByLength()}, histories, SPLIT, "test", NAMES, draws=50)
    monkeypatch.setattr("nextact.evaluation.horizons.user_blocks", lambda n: np.array_split(np.arange(n), 7))
    model = ByLength()
    assert evaluate_horizons({"net": model}, histories, SPLIT, "test", NAMES, draws=50) == whole
    assert len(model.shown) == 7 + 1  # and once for a user without a past


@pytest.mark.parametrize("users", [[], [1]])
def test_nobody_with_a_past_leaves_counts_alone(histories, users):
    found = evaluate_horizons({"net": ByLength()}, histories, SPLIT, "test", NAMES, 50, np.array(users, np.int64))
    assert (found.users, found.users_left_out) == (0, {"no event before the moment": len(users)})
    assert all(row.metrics == {} for row in found.models["net"])


def test_under_leave_one_out_one_sentence_says_why_nothing_is_scored(histories):
    model = ByLength()
    found = evaluate_horizons({"net": model}, histories, make_split("leave_one_out"), "test", NAMES, draws=50)
    assert found == HorizonSection(why_not=NO_COMMON_MOMENT)
    assert not model.shown


def test_without_a_model_that_has_horizons_nothing_is_scored(histories):
    found = evaluate_horizons({"net": ByLength(())}, histories, SPLIT, "test", NAMES, draws=50)
    assert found == HorizonSection(why_not=NO_MODEL)


def test_sections_of_several_models_are_one():
    first, second = (HorizonRow(event_type=name, horizon_days=7, users=9, censored=0) for name in NAMES)
    told = HorizonSection(moment="m", models={"net": (first,)})
    other = HorizonSection(moment="m", models={"gpt2": (second,)})
    joined = join_sections([HorizonSection(why_not=NO_MODEL), told, other])
    assert joined == HorizonSection(moment="m", models={"net": (first,), "gpt2": (second,)})
    nothing = HorizonSection(why_not=NO_COMMON_MOMENT)
    assert join_sections([nothing]) == nothing
