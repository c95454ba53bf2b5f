"""Figures of the data: the numbers of the report stand in them."""

from itertools import combinations

import pytest

from nextact.reports.figures import quality_figures as figures
from nextact.reports.figures.drawing import as_svg
from nextact.results.quality import SourceRows

from ..reading import EVIL, texts_of, tips


@pytest.fixture(scope="module")
def report(make_report):
    return make_report()


def with_sources(report, rows):
    return report.model_copy(update={"rows": report.rows.model_copy(update={"by_source": rows})})


def test_events_over_time_are_stacked_by_type(report):
    figure = figures.events_over_time(report)
    counts = report.over_time.counts
    axes = figure.axes[0]
    drawn = [[bar.get_height() for bar in bars] for bars in axes.containers]
    assert [tuple(one) for one in drawn] == list(counts.values())
    for first, second in zip(*axes.containers, strict=True):
        assert not first.get_bbox().shrunk(0.99, 0.99).overlaps(second.get_bbox().shrunk(0.99, 0.99))
    assert set(counts) <= set(texts_of(as_svg(figure)))


def test_a_bar_says_its_number(report):
    start, kind = report.over_time.starts[0], next(iter(report.over_time.counts))
    assert f"{start}: {kind} {report.over_time.counts[kind][0]}" in tips(as_svg(figures.events_over_time(report)))


def test_history_lengths_are_those_of_the_report(report):
    bars = report.history_length.histogram
    found = tips(as_svg(figures.history_lengths(report)))
    assert found == [f"{bar.bin}: users {bar.n}" for bar in bars]


def test_popularity_has_two_logarithmic_axes(report):
    axes = figures.item_popularity(report).axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [tuple(point) for point in axes.lines[0].get_xydata()] == [tuple(one) for one in report.popularity.curve]


def test_a_catalogue_without_a_training_event_has_a_figure(report):
    svg = as_svg(
        figures.item_popularity(
            report.model_copy(update={"popularity": report.popularity.model_copy(update={"curve": ()})})
        )
    )
    assert "No item has a training event." in texts_of(svg)


def test_rejected_rows_leave_the_accepted_out_and_the_most_frequent_reason_is_on_top(report):
    figure = figures.rejected_rows(report)
    assert tips(as_svg(figure)) == ["x is missing: shop 2", "repeats: shop 1"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["x is missing", "repeats"]


def test_reasons_of_two_sources_are_stacked(report):
    more = (*report.rows.by_source, SourceRows(source="app", reason="repeats", n=4))
    figure = figures.rejected_rows(with_sources(report, more))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["repeats", "x is missing"]
    svg = as_svg(figure)
    assert sorted(tips(svg)) == ["repeats: app 4", "repeats: shop 1", "x is missing: shop 2"]
    assert {"shop", "app"} <= set(texts_of(svg))
    bars = [bar.get_bbox().shrunk(0.99, 0.99) for bars in figure.axes[0].containers for bar in bars]
    assert not any(one.overlaps(other) for one, other in combinations(bars, 2))


def test_a_run_that_rejected_nothing_says_so(report):
    accepted = tuple(row for row in report.rows.by_source if row.reason == "accepted")
    assert "No row was rejected." in texts_of(as_svg(figures.rejected_rows(with_sources(report, accepted))))


def test_a_log_without_times_says_so(report):
    assert "The log has no times." in texts_of(
        as_svg(figures.events_over_time(report.model_copy(update={"over_time": None})))
    )


def test_held_out_beside_seen_leaves_unseen_items_out_and_marks_the_mean(report):
    axes = figures.held_out_beside_seen(report).axes[0]
    assert report.core[0].bin == "0"
    assert [bar.get_height() for bar in axes.containers[0]] == [row.ratio for row in report.core[1:]]
    assert list(axes.lines[0].get_ydata()) == [1, 1]


def test_markup_in_names_is_written_not_rendered(make_report):
    report = make_report(source=EVIL, kind=EVIL)
    for figure in (figures.events_over_time(report), figures.rejected_rows(report)):
        svg = as_svg(figure)
        assert "<script" not in svg
        assert "&lt;script&gt;" in svg
