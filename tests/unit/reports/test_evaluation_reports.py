"""The evaluation written down: page, model card and figures of a small made-up run."""

import copy
import re
from html.parser import HTMLParser

import pytest

from nextact.reports.evaluation_card import model_card
from nextact.reports.evaluation_figures import calibration_figure, slices_figure, trade_off_figure
from nextact.reports.evaluation_page import evaluation_page
from nextact.reports.evaluation_words import verdict

HASH = "abc123def456"
EVIL = "<script>alert('x')</script>"


def interval(mean):
    return {"mean": mean, "low": mean - 0.02, "high": mean + 0.02, "level": 0.95, "n_users": 50}


def model(name, family, mean):
    metrics = {f"{kind}@{k}": interval(mean) for k in (5, 10) for kind in ("hit_rate", "ndcg")}
    return {
        "name": name,
        "family": family,
        "fit_seconds": 2.0,
        "validation": metrics,
        "test": metrics,
        "test_reachable": metrics,
        "shuffled": {"ndcg@10": interval(0.03)},
        "catalogue": {"coverage": mean, "gini": 0.5, "novelty": 7.0, "popularity_lift": 2.0, "diversity_text": 0.4},
        "calibration": {
            "temperature": 1.5,
            "item_log_loss": interval(6.0),
            "users_left_out": {"no relevant item that may be recommended": 0},
            "error": 0.01,
            "bins": [
                {"low": 0.01, "high": 0.02, "places": 5, "predicted": 0.015, "observed": 0.0},
                {"low": 0.02, "high": 0.2, "places": 5, "predicted": 0.1, "observed": 0.12},
            ],
        },
        "score_seconds": 0.4,
    }


RESULTS = {
    "run_id": "run-1",
    "protocol_hash": HASH,
    "protocol": {
        "data": {"sha256": "f" * 64, "users": 60, "items": 24},
        "split": {"kind": "global_time"},
        "filter": {"window": "training"},
        "exclude_seen": True,
        "refit": "none",
        "metrics": "full ranking",
    },
    "provenance": {"seed": 0, "machine": "x86_64 Linux"},
    "metric": "ndcg@10",
    "users": 50,
    "users_left_out": 10,
    "left_out": {"no target in the test window": 10, "no history before the target": 0},
    "list_length": 10,
    "diversity_block": "encoder",
    "chosen": "net",
    "reason": "best ndcg@10 there",
    "gate": ["net does not beat ease"],
    "baseline": "popularity",
    "models": [model("net", "sequence", 0.3), model("popularity", "baselines", 0.1)],
    "chosen_against": {
        "popularity": {
            "difference": 0.2,
            "low": 0.1,
            "high": 0.3,
            "p_value": 0.001,
            "p_value_holm": 0.001,
            "n_users": 50,
        }
    },
    "behaviour": {
        "users": 48,
        "users_left_out": {"no catalogue item in the target": 2},
        "event_types": ["view", "purchase"],
        "observed": [0.7, 0.3],
        "models": {
            "net": {
                "accuracy": interval(0.7),
                "log_loss": interval(0.5),
                "calibration_error": 0.05,
                "roc_auc": {"view": 0.8, "purchase": None},
                "average_precision": {"view": 0.9, "purchase": None},
                "log_loss_against": {
                    "own frequencies": {
                        "difference": -0.1,
                        "low": -0.2,
                        "high": 0.0,
                        "p_value": 0.03,
                        "p_value_holm": 0.06,
                    }
                },
            }
        },
    },
}
SLICES = {
    "run_id": "run-1",
    "protocol_hash": HASH,
    "metrics": ["ndcg@10", "hit_rate@10"],
    "models": ["net", "popularity"],
    "users": 50,
    "left_out": {},
    "slices": [
        {
            "by": "item: brand",
            "of": "targets",
            "groups": [
                {
                    "group": "plain",
                    "users": 40,
                    "targets": 44,
                    "models": {
                        name: {"ndcg@10": interval(mean), "hit_rate@10": interval(mean)}
                        for name, mean in (("net", 0.1), ("popularity", 0.2))
                    },
                    "difference": {"mean": -0.1, "low": -0.15, "high": -0.05, "level": 0.95, "n_users": 40},
                }
            ],
            "left_out": {"no relevant item in the catalogue": 3},
        },
        {"by": "nothing", "of": "users", "groups": [], "left_out": {}},
    ],
}
CORE = {
    "metric": "ndcg@10",
    "popularity": 0.1,
    "best_by_count": 0.2,
    "rows": [{"bin": "1", "items": 3, "events": 3, "targets": 6, "ratio": 2.5}],
}
CHECKS = {
    "run_id": "run-1",
    "protocol_hash": HASH,
    "checks": [
        {"name": "target in history", "passed": True, "numbers": {}, "words": "none is"},
        {"name": "k-core artefact", "passed": False, "numbers": CORE, "words": "rare items are asked for too often"},
    ],
}
PLACE = {"rank": 1, "item": "tea", "probability": 0.25, "is_hit": True}
EXAMPLES = {
    "run_id": "run-1",
    "protocol_hash": HASH,
    "model": "net",
    "right": [{"user_id": "ann", "history": ["milk"], "recommended": [PLACE], "chosen": ["tea"], "n_chosen": 3}],
    "wrong": [],
}
CURVE = [{"epoch": n, "loss": 8.0 - n, "validation": 0.1 * n if n > 1 else None, "seconds": 1.0} for n in (1, 2, 3)]


def page(results=RESULTS, slices=SLICES, checks=CHECKS, examples=EXAMPLES, reports=None):
    return evaluation_page(results, slices, checks, examples, {"net": {"curve": CURVE}} if reports is None else reports)


def card(results=RESULTS, slices=SLICES, checks=CHECKS, described=None):
    return model_card(results, slices, checks, described or {"family": "sequence", "options": {"layers": 2}})


class Reader(HTMLParser):
    """Collects tags, attributes, captions of tables and the texts of cells."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.captions, self.texts, self.open = [], [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attrs]
        self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1][1].get("class") == "caption":
            self.captions.append(data)


def test_the_page_asks_nothing_of_the_network_and_runs_no_script():
    read = Reader(page())
    assert "script" not in read.tags
    assert not [
        one for one in read.attributes if one[1] in ("src", "srcset") or (one[1] == "href" and one[2][0] != "#")
    ]
    assert "http" not in re.sub(r"http-equiv", "", page())
    assert "prefers-color-scheme: dark" in page()


def test_every_table_names_the_protocol():
    read = Reader(page())
    assert len(read.captions) == read.tags.count("table")
    without = [words for words in read.captions if HASH not in words]
    assert without == ["How it came about · run run-1"]  # provenance is no result


def test_failed_checks_stand_above_the_leaderboard():
    html = page()
    assert html.index("rare items are asked for too often") < html.index('id="leaderboard"')
    passed = copy.deepcopy(CHECKS)
    passed["checks"][1]["passed"] = True
    assert "All checks for leaks passed." in page(checks=passed)


@pytest.mark.parametrize("write", [page, card])
def test_text_from_data_is_escaped_wherever_it_stands(write):
    results, slices, examples = (copy.deepcopy(one) for one in (RESULTS, SLICES, EXAMPLES))
    slices["slices"][0]["by"] = slices["slices"][0]["groups"][0]["group"] = EVIL
    results["protocol"]["target_event_types"] = [EVIL]
    results["behaviour"]["event_types"] = [EVIL, "purchase"]
    results["behaviour"]["models"]["net"]["roc_auc"] = {EVIL: 0.5, "purchase": None}
    results["behaviour"]["models"]["net"]["average_precision"] = {EVIL: 0.5, "purchase": None}
    examples["right"][0] |= {
        "user_id": EVIL,
        "history": [EVIL],
        "chosen": [EVIL],
        "recommended": [PLACE | {"item": EVIL}],
    }
    text = page(results, slices, CHECKS, examples) if write is page else card(results, slices)
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_numbers_of_the_leaderboard_are_those_of_the_results():
    texts = Reader(page()).texts
    assert "0.3000 [0.2800, 0.3200]" in texts
    assert "+0.2000 [+0.1000, +0.3000]" in texts


def test_readings_of_test_are_shown_where_they_are_counted():
    assert "readings of test" not in page()
    assert "readings of test" in page(RESULTS | {"test_readings": 3})
    assert "reading of test" in page(RESULTS | {"test_readings": 1})
    assert "Readings of test were not counted." in card()
    assert "Reading 3 of test under this protocol" in card(RESULTS | {"test_readings": 3})


def test_networks_without_a_curve_have_no_section_of_curves():
    assert 'id="curves"' in page()
    assert 'id="curves"' not in page(reports={"net": {}})


def test_a_run_of_one_model_without_baseline_has_a_page_and_a_card():
    alone = RESULTS | {"models": RESULTS["models"][:1], "chosen_against": {}, "baseline": None, "behaviour": None}
    slices = copy.deepcopy(SLICES) | {"models": ["net"]}
    del slices["slices"][0]["groups"][0]["difference"], slices["slices"][0]["groups"][0]["models"]["popularity"]
    assert "there is nothing to compare it with" in page(alone, slices)
    assert "No other model." in card(alone, slices)


HORIZONS = {
    "validation": {"why_not": "No common moment."},
    "test": {
        "moment": "2024-01-01",
        "days_observed": 8.5,
        "users": 40,
        "users_left_out": {"no event before the moment": 3},
        "models": {
            "net": [
                {
                    "event_type": EVIL,
                    "horizon_days": 7,
                    "users": 40,
                    "censored": 0,
                    "predicted": 0.25,
                    "happened": 0.2,
                    "log_loss": interval(0.4),
                    "brier": interval(0.15),
                    "roc_auc": None,
                    "log_loss_against_share": {"difference": -0.05, "low": -0.09, "high": -0.01},
                },
                {"event_type": "buy", "horizon_days": 30, "users": 0, "censored": 40},
            ]
        },
    },
}


def test_horizons_are_told_where_they_were_scored_and_the_reason_where_not():
    of_page, of_card = page(RESULTS | {"horizons": HORIZONS}), card(RESULTS | {"horizons": HORIZONS})
    for written in (of_page, of_card):
        assert "No common moment." in written
        assert "observed for 8.5 days; 40 users. Left out: 3 users: no event before the moment." in written
        assert "-0.0500 [-0.0900, -0.0100]" in written
        assert EVIL not in written
    assert "| net | buy | 30 days | 0 | 40 | - |" in of_card
    assert 'id="horizons"' not in page()
    assert "## Horizons" not in card()


def test_what_a_model_failed_to_beat_is_said():
    against = {
        "a": {"difference": -0.1, "p_value_holm": 0.01},
        "b": {"difference": 0.01, "p_value_holm": 0.4},
    }
    said = verdict({"chosen": "net", "metric": "ndcg@10", "chosen_against": against})
    assert said == "On test net is worse than a; no difference is shown to b (paired tests, Holm's correction, 5 %)."
    open_only = verdict({"chosen": "net", "metric": "ndcg@10", "chosen_against": {"b": against["b"]}})
    assert open_only.startswith("On test no difference of net is shown to b")


def test_the_card_names_data_protocol_results_limits_and_cost():
    text = card()
    for part in ("## Data", "## Protocol", "## Results", "## Limits", "## Cost"):
        assert part in text
    assert "2.0 s to fit" in text
    assert "Energy was not measured" in text
    assert "Check of k-core artefact: rare items are asked for too often." in text
    assert "Worse than popularity where item: brand is plain (40 users): ndcg@10 -0.1000 [-0.1500, -0.0500]." in text
    assert "| layers | 2 |" in text.replace("`", "")


def test_energy_is_told_where_every_model_was_counted():
    results = copy.deepcopy(RESULTS)
    for one in results["models"]:
        one["fit_joules"] = 7_200.0
    wanted = f"processors used {2 * len(results['models'])}.00 Wh"
    assert wanted in page(results)
    assert wanted in card(results)
    results["models"][0]["fit_joules"] = None
    assert "Energy was not measured" in page(results)
    assert "Energy was not measured" in card(results)


def test_members_of_a_hybrid_count_as_cost():
    results = copy.deepcopy(RESULTS)
    results["models"][0]["members_fit_seconds"] = 40.0
    assert "42.0 s to fit" in card(results)


def test_figures_show_every_group_and_model_and_name_the_protocol():
    slices = slices_figure(SLICES)
    assert [trace.name for trace in slices.data] == ["net", "popularity"]
    assert list(slices.data[0].y) == ["item: brand: plain"]
    calibration = calibration_figure(RESULTS)
    assert [trace.name for trace in calibration.data] == ["net", "popularity", "calibrated"]
    assert list(calibration.data[0].x) == [0.1]  # a bin without a hit has no place on a logarithmic axis
    trade_off = trade_off_figure(RESULTS)
    assert list(trade_off.data[0].text) == ["net", "popularity"]
    assert all(HASH in figure.layout.title.text for figure in (slices, calibration, trade_off))


def test_labels_of_figures_hold_no_markup():
    slices = copy.deepcopy(SLICES)
    slices["slices"][0]["groups"][0]["group"] = EVIL
    assert list(slices_figure(slices).data[0].y) == ["item: brand: &lt;script&gt;alert('x')&lt;/script&gt;"]
