import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nextact.events.moments import microseconds
from nextact.feedback.contract import empty_feedback
from nextact.feedback.rates import ReportOptions, rates_by, rates_of_outcomes, response_rate
from nextact.feedback.report import report
from nextact.options import OptionsError
from nextact.reports.figures.drawing import as_svg
from nextact.reports.figures.feedback_figures import response_by_rank
from nextact.results.feedback import FeedbackCounts, FeedbackReport, Span

from ...protocols import make_certificate

OPTIONS = ReportOptions(draws=100)
COUNTS = FeedbackCounts(table=True, rows_read=120, rows_by_reason={"accepted": 120}, not_mapped=())
EVENT_TYPES = ["view", "purchase"]
CATALOGUE = pd.DataFrame({"item_id": ["001", "002", "004", "005"], "n_training_events": [5, 0, 1, 1]})
CURRENT = pd.DataFrame(
    {"user_id": ["u0", "u0", "u1"], "item_id": ["001", "003", "004"], "rank": [1, 1, 2], "run_id": "new"}
)


def report_of(shown):
    until = microseconds("2024-03-11")
    return report(shown, COUNTS, CURRENT, CATALOGUE, until, make_certificate(), EVENT_TYPES, OPTIONS)


@pytest.fixture
def made(raw, shown):
    """A month of feedback with every column."""
    rng = np.random.default_rng(0)
    table = raw(n_users=40, model="ease", run_id=np.where(np.arange(120) < 30, "new", "old"))
    table["outcome"] = pd.Series(rng.choice(["view", "purchase", "none"], 120, p=[0.3, 0.2, 0.5])).replace("none", None)
    table["shown_at"] += pd.to_timedelta(pd.Series(np.arange(120) % 30), unit="D")
    table["responded_at"] = (table["shown_at"] + pd.Timedelta("90min")).where(table["outcome"].notna())
    return table, report_of(shown(table))


def test_rates_are_those_of_pandas(made):
    table, found = made
    answered = table["outcome"].notna()
    assert found.response_rate.rate == pytest.approx(answered.mean())
    assert found.by_outcome["purchase"].rate == pytest.approx((table["outcome"] == "purchase").mean())
    by_rank = answered.groupby(table["rank"]).agg(["size", "sum", "mean"])
    assert [(one.shown, one.answered) for one in found.by_rank] == list(
        zip(by_rank["size"], by_rank["sum"], strict=True)
    )
    assert [one.rate for one in found.by_rank] == pytest.approx(by_rank["mean"])
    assert all(one.low < one.rate < one.high for one in found.by_rank)


def test_rates_by_outcome_sum_to_the_response_rate(made):
    _, found = made
    assert sum(one.rate for one in found.by_outcome.values()) == pytest.approx(found.response_rate.rate)


def test_items_are_warm_cold_or_unknown_to_the_catalogue(made):
    _, found = made
    assert {one.value: one.shown for one in found.by_item_kind} == {
        "warm": 40,
        "cold": 40,
        "not in the catalogue": 40,
    }
    assert dict(found.catalogue) == {"items": 4, "shown": 2, "coverage": 0.5}


def test_users_who_never_answer_are_counted(made):
    table, found = made
    never = int((table["outcome"].notna().groupby(table["user_id"]).sum() == 0).sum())
    assert never > 0
    assert dict(found.users) == {"shown": 40, "never_answered": never, "never_answered_share": never / 40}


def test_shown_rows_are_held_against_the_current_recommendations(made):
    _, found = made
    against = found.recommendations
    # u0 was shown 001 at rank 1 and 003 at rank 3; u1 never 004
    assert (against.recommended, against.same_rank, against.of_this_run) == (2, 1, 30)
    assert against.recommended_share == pytest.approx(2 / 120)


def test_the_lag_is_from_the_newest_event_that_the_recommendations_know(made):
    _, found = made
    against = found.recommendations
    assert against.events_until == "2024-03-11T00:00:00+00:00"
    assert against.shown_before_that == 44  # four showings on each of the days 0 to 10
    assert against.days_after_that == Span(min=-10.0, median=4.5, max=19.0)
    assert found.hours_to_response == Span(min=1.5, median=1.5, max=1.5)


def test_groups_without_a_name_come_last_under_none(raw, shown):
    table = raw(model=["b", "a", None] * 10)
    assert [one.value for one in rates_by(shown(table), "model", OPTIONS)] == ["a", "b", None]


def test_a_declared_event_type_that_never_followed_has_rate_0(raw, shown):
    found = rates_of_outcomes(shown(raw()), EVENT_TYPES, OPTIONS)
    assert found["purchase"].rate == 0.0
    assert found["purchase"].high > 0


def test_the_report_of_no_feedback_is_whole_and_empty():
    found = report_of(empty_feedback())
    assert dict(found.shown) == {"rows": 0, "answered": 0, "users": 0, "items": 0, "first": None, "last": None}
    assert found.response_rate is None
    assert found.by_rank == found.by_model == found.by_item_kind == ()
    assert dict(found.examination) == {"ranks": (), "assumptions": {}}
    assert found.users.never_answered_share is None
    assert found.recommendations.recommended_share is None
    assert "no feedback yet" in as_svg(response_by_rank(found))


def test_the_report_is_plain_json_without_nan(made):
    text = json.dumps(made[1].as_json(), allow_nan=False)
    assert FeedbackReport.of_json(json.loads(text), Path("report.json")) == made[1]


def test_the_picture_shows_the_rates_with_their_intervals(made):
    _, found = made
    rates, examined = (lines.lines[0].get_xydata() for lines in response_by_rank(found).axes[0].containers)
    assert rates.tolist() == [[one.value, one.rate] for one in found.by_rank]
    spread = response_by_rank(found).axes[0].containers[0].lines[2][0].get_segments()[0]
    assert spread[:, 1] == pytest.approx([found.by_rank[0].low, found.by_rank[0].high])
    share = found.examination.ranks[0].examination
    assert examined[1, 1] == pytest.approx(found.by_rank[0].rate * share)


def test_the_picture_of_a_log_without_rank_1_has_rates_alone(raw, shown):
    table = raw()
    table["rank"] += 1
    found = report_of(shown(table))
    assert len(response_by_rank(found).axes[0].containers) == 1


def test_the_overall_rate_of_nothing_is_none():
    assert response_rate(empty_feedback(), OPTIONS) is None


@pytest.mark.parametrize("wrong", [{"draws": 0}, {"level": 0.0}, {"min_pairs": 0}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(OptionsError, match=next(iter(wrong))):
        ReportOptions(**wrong)
