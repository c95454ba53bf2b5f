"""The page of data quality: what stands on it, and that it asks nothing of anybody."""

import pytest

from nextact.reports.pages.quality_page import draw_quality, quality_page

from ..reading import EVIL, Page, assert_it_stands_alone, outside_folds


def page_of(report):
    return quality_page(report, draw_quality(report))


@pytest.fixture(scope="module")
def report(make_report):
    return make_report()


@pytest.fixture(scope="module")
def html(report):
    return page_of(report)


def test_the_page_is_well_formed_and_asks_nothing_of_the_network(html):
    assert_it_stands_alone(html)


def test_every_part_that_a_warning_may_lead_to_is_there(html):
    anchors = {value for _, name, value in Page(html).attributes if name == "id"}
    assert {"rows", "overview", "history_length", "ties", "text", "targets", "drift", "core"} <= anchors


def test_the_page_is_small(html):
    assert len(html.encode()) < 150_000


def test_names_from_data_are_escaped_wherever_they_stand(make_report):
    page = Page(page_of(make_report(source=EVIL, kind=EVIL, column=EVIL)))
    assert "script" not in page.tags
    assert EVIL in page.words


def test_the_page_names_its_run_and_says_that_test_stays_closed(html, report):
    words = Page(html).words
    assert report.run_id in words
    n_rows = report.rows.by_split["test"]
    assert f"The {n_rows} rows of the test split are counted; nothing else is read of them." in words


def test_every_warning_stands_with_its_advice_above_all_numbers(html, report):
    assert report.warnings
    first = html.index('class="tile"')
    for warning in report.warnings:
        for words in (warning.message, warning.advice):
            found = Page(html[: html.index("</ul>") + 5].partition("<body>")[2].replace("\xa0", " ")).words
            assert words[1:] in found
    assert html.index('class="warnings"') < first


def test_the_numbers_of_the_report_stand_in_the_tables(html, report):
    cells = Page(html).cells
    assert f"{report.targets.all:,}" in cells
    assert f"{report.history_length.events.max:,}" in cells
    assert f"{report.rows.by_split['train']:,}" in cells
    assert all(f"{row.ratio:.2f}" in cells for row in report.core if row.ratio is not None)
    for start, n in zip(report.over_time.starts, report.over_time.counts["view"], strict=True):
        assert cells[cells.index(start) + 1] == str(n)


def test_tables_stand_in_folds_and_figures_do_not(html):
    shown = outside_folds(html)
    assert "<table" not in shown
    assert shown.count("<svg") == html.count("<svg") == 5


def test_a_log_without_times_text_or_warnings_has_a_page(make_report):
    words = Page(page_of(make_report(has_times=False).model_copy(update={"text": None, "warnings": ()}))).words
    assert "The log has no times" in words
    assert "names no text columns" in words
    assert "Nothing found" in words
