import re
from html.parser import HTMLParser

import pytest

from nextact.reports.quality_page import quality_page

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Checker(HTMLParser):
    """Collects tags, attributes and text, and checks that what opens is closed in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def report(make_report):
    return make_report()


@pytest.fixture(scope="module")
def html(report):
    return quality_page(report)


def test_the_page_is_well_formed_and_asks_nothing_of_the_network(html):
    checked = Checker(html)
    assert "script" not in checked.tags
    assert not {"link", "img", "iframe", "object"} & set(checked.tags)
    links = [value for _, name, value in checked.attributes if name in ("src", "href", "xlink:href")]
    assert links
    assert all(value.startswith("#") for value in links)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_every_link_leads_to_a_part_of_the_page(html):
    checked = Checker(html)
    anchors = {value for _, name, value in checked.attributes if name == "id"}
    assert {value[1:] for tag, name, value in checked.attributes if (tag, name) == ("a", "href")} <= anchors
    assert {"rows", "overview", "history_length", "ties", "text", "targets", "drift", "core"} <= anchors


def test_the_page_is_small(html):
    assert len(html.encode()) < 100_000


def test_names_from_data_are_escaped_wherever_they_stand(make_report):
    evil = "<script>alert('x')</script>"
    html = quality_page(make_report(source=evil, kind=evil, column=evil))
    checked = Checker(html)
    assert "script" not in checked.tags
    assert evil in "".join(checked.words)
    assert not any(name.startswith("on") for _, name, _ in checked.attributes)


def test_the_page_names_its_run_and_says_that_test_stays_closed(html, report):
    words = " ".join(Checker(html).words)
    assert report["run_id"] in words
    assert f"{report['rows']['by_split']['test']} rows of the test split are counted; nothing else" in words


def test_every_warning_is_written_with_its_advice(html, report):
    words = " ".join(Checker(html).words).replace("\xa0", " ")
    assert report["warnings"]
    for warning in report["warnings"]:
        assert warning["message"][1:] in words
        assert warning["advice"][1:] in words


def test_the_numbers_of_the_report_stand_in_the_tables(html, report):
    cells = re.findall(r'<td class="n">([^<]*)</td>', html)
    assert f"{report['targets']['all']:,}" in cells
    assert f"{report['history_length']['events']['max']:,}" in cells
    assert f"{report['rows']['by_split']['train']:,}" in cells
    assert all(f"{row['ratio']:.2f}" in cells for row in report["core"] if row["ratio"] is not None)


def test_a_log_without_times_text_or_warnings_has_a_page(make_report):
    report = make_report(has_times=False) | {"text": None, "warnings": []}
    words = " ".join(Checker(quality_page(report)).words)
    assert "The log has no times" in words
    assert "names no text columns" in words
    assert "Nothing found" in words
