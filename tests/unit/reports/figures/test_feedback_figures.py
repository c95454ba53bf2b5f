"""The figure of the feedback: rates stand at their ranks."""

import pytest

from nextact.reports.figures.drawing import as_svg
from nextact.reports.figures.feedback_figures import response_by_rank
from nextact.results.feedback import Examination, FeedbackReport, RankExamined, RateWithin

from ..reading import texts_of

RATES = tuple(
    RateWithin(value=rank, shown=9, answered=3, users=3, rate=0.4 / rank, low=0.3 / rank, high=0.5 / rank)
    for rank in (1, 2, 3)
)
EXAMINED = RankExamined(rank=2, examination=0.6, low=0.5, high=0.7, pairs=9, method="rates")


def report(rates=(), examined=()):
    """A report with these parts alone."""
    return FeedbackReport.model_construct(by_rank=rates, examination=Examination(ranks=examined, assumptions={}))


def test_responses_stand_at_their_ranks_with_their_intervals():
    rates, examined = response_by_rank(report(RATES, (EXAMINED,))).axes[0].containers
    assert list(rates.lines[0].get_xdata()) == [1, 2, 3]
    assert list(rates.lines[0].get_ydata()) == [0.4, 0.2, 0.4 / 3]
    ends = rates.lines[2][0].get_segments()[0]
    assert ends[:, 1] == pytest.approx([0.3, 0.5])
    assert list(examined.lines[0].get_ydata()) == pytest.approx([0.4, 0.4 * 0.6])


def test_responses_without_rank_1_are_rates_alone():
    assert len(response_by_rank(report(RATES[1:])).axes[0].containers) == 1


def test_no_feedback_yet_is_said():
    assert "no feedback yet" in texts_of(as_svg(response_by_rank(report())))
