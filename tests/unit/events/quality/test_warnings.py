import copy
from pathlib import Path

import pytest

from nextact.events import reasons
from nextact.events.quality.warnings import QualityOptions, find_warnings, percent
from nextact.options import OptionsError
from nextact.results.quality import QualityReport

NUMBERS = dict.fromkeys(("n", "mean", "min", "q25", "median", "q75", "q90", "q99", "max"), 12)
SHIFT = {"classes": ["view", "buy"], "train": [0.5, 0.5], "validation": [0.5, 0.5]}
ONCE = {"bin": "1", "items": 50, "events": 50, "targets": 60, "targets_per_item": 1.2, "ratio_per_item": 1.0}
CALM = {
    "version": 1,
    "run_id": "r",
    "protocol_hash": "p",
    "split": {"kind": "global_time", "baskets": False, "min_history": 1, "exclude_seen": True, "window": "training"},
    "rows": {"read": 1_000, "accepted": 1_000, "rejected": 0, "by_split": {}, "by_reason": {}, "by_source": []},
    "overview": {
        "events": 1_000,
        "users": 900,
        "items": 100,
        "catalogue_items": 100,
        "event_types": {},
        "first": None,
        "last": None,
        "resolution": "second",
        "busiest_user_share": 0.001,
    },
    "over_time": None,
    "history_length": {"events": NUMBERS, "steps": NUMBERS, "histogram": []},
    "popularity": {"events": NUMBERS, "histogram": [], "top_shares": {}, "curve": []},
    "repeats": {"events": 1_000, "n": 0, "share": 0.0},
    "ties": {"neighbours": 100, "n": 1, "share": 0.01},
    "text": {"items": 100, "without_text": 0, "not_in_item_table": 0, "filled": {}},
    "targets": {
        "users": 900,
        "users_without_history": 0,
        "all": 1_000,
        "reachable": 1_000,
        "seen": 0,
        "unreachable_share": 0.0,
        "seen_share": 0.0,
    },
    "drift": {
        "validation_events": 100,
        "unseen_items": 0.0,
        "new_users": 0.0,
        "event_types": SHIFT | {"stability_index": 0.01, "jensen_shannon": 0.0},
        "popularity": SHIFT | {"stability_index": 0.01, "jensen_shannon": 0.0},
    },
    "core": [ONCE | {"targets_per_event": 1.2, "ratio": 1.1}],
}


def core(ratio, **changed):
    """Items seen once, held out so many times as often as others."""
    return [ONCE | {"targets_per_event": 1.2, "ratio": ratio} | changed]


def changed(**places):
    """The calm report with other values at some places."""
    report = copy.deepcopy(CALM)
    for place, value in places.items():
        *path, last = place.split("__")
        part = report
        for name in path:
            part = part[name]
        part[last] = value
    return QualityReport.of_json(report, Path("report.json"))


def messages(report, **limits):
    return [warning.message for warning in find_warnings(report, QualityOptions(**limits))]


def test_calm_data_warns_of_nothing():
    assert messages(changed()) == []


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ({"ties__share": 0.44}, "44 % of neighbouring events tie: their order is not known"),
        ({"text__without_text": 23}, "23 % of the catalogue items have no text (23 of 100)"),
        ({"text__without_text": 7, "text__not_in_item_table": 2}, "2 of them because they are not in the item table"),
        (
            {"targets__unreachable_share": 0.15, "targets__reachable": 850},
            "15 % of the validation targets are not in the catalogue: no model can name them (150 of 1,000)",
        ),
        ({"targets__seen_share": 0.07}, "7 % of the validation targets are items that the user had before"),
        ({"targets__users_without_history": 857}, "only 43 users can be validated"),
        ({"overview__busiest_user_share": 0.031}, "one user makes 3.1 % of all events"),
        ({"history_length__events__median": 2}, "the median history is 2 training events long"),
        ({"history_length__events__median": 1}, "the median history is 1 training event long"),
        ({"drift__unseen_items": 0.21}, "21 % of validation events are on items without accepted training events"),
        ({"drift__new_users": 0.4}, "40 % of the users of validation have no training event"),
        (
            {"drift__event_types__stability_index": 0.3},
            "event types shift between training and validation: stability index 0.30",
        ),
        ({"drift__popularity__stability_index": 0.3}, "item popularity shift"),
        ({"drift__event_types__train": [1.0, 0.0]}, "declared event types without a training event: buy"),
        ({"core": core(3.6)}, "held out 3.6 times as often"),
        (
            {"rows__by_reason": {reasons.NO_TIME: 60, reasons.REPEAT: 30}},
            f"9 % of the rows break the contract (90), most of them (60): {reasons.NO_TIME}",
        ),
        ({"rows__by_reason": {reasons.TOO_RARE: 130}}, "the filter leaves out 13 % of the rows (130)"),
    ],
)
def test_each_finding_is_one_warning_in_words_with_numbers(places, words):
    found = messages(changed(**places))
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    "places",
    [
        {"ties__share": 0.9, "split__baskets": True},  # events of a moment are one step
        {"targets__seen_share": 0.5, "split__exclude_seen": False},
        {"drift__new_users": 1.0, "split__kind": "unseen_users"},  # by design
        {"core": core(9.0, items=5, targets=8)},  # too few to tell
        {"core": core(9.0, bin="3-5", items=500, targets=800)},
        {"text": None},
        {"history_length__events__median": None},
        {"rows__by_reason": {reasons.TOO_RARE: 40, reasons.NO_TIME: 40}},  # each below the limit
    ],
)
def test_what_is_no_problem_is_no_warning(places):
    assert messages(changed(**places)) == []


def test_a_day_as_resolution_with_baskets_is_named():
    found = messages(changed(split__baskets=True, overview__resolution="day", ties__share=0.44))
    assert found == [
        "times hold the day only, so all events of a user's day are one step (44 % of neighbouring events)"
    ]


def test_the_cause_of_the_core_artefact_is_named_where_the_filter_made_it():
    ours = find_warnings(changed(core=core(3.6), split__window="all"), QualityOptions())
    theirs = find_warnings(changed(core=core(3.6)), QualityOptions())
    assert "filter.window: all" in ours[0].advice
    assert "before the data came here" in theirs[0].advice


def test_limits_are_options():
    assert messages(changed(ties__share=0.44), tie_share=0.5) == []
    with pytest.raises(OptionsError, match=r"QualityOptions.tie_share must be in \[0, 1\], got 5"):
        QualityOptions(tie_share=5)
    with pytest.raises(OptionsError, match="did you mean 'tie_share'"):
        QualityOptions(ties_share=0.5)


@pytest.mark.parametrize("share", [1e-5, 1e-4, 0.003, 0.0099, 0.01, 0.1, 0.5, 0.9949, 0.9951, 0.99999])
def test_a_percentage_never_rounds_something_to_nothing_or_part_to_all(share):
    number = float(percent(share).removesuffix(" %"))
    assert 0 < number < 100
    assert number == pytest.approx(100 * share, rel=0.05)
