"""The evaluation written down: page, model card and figures of a small made-up run."""

import copy
from functools import cache

import pytest

from nextact.metrics.comparison import CorrectedComparison
from nextact.reports.figures import evaluation_figures as figures
from nextact.reports.figures.drawing import as_svg
from nextact.reports.pages.evaluation_card import model_card
from nextact.reports.pages.evaluation_page import draw_evaluation, evaluation_page
from nextact.reports.pages.evaluation_words import beside_baseline, verdict
from nextact.reports.pages.weaknesses import weaknesses
from nextact.results.evaluation import Examples, LeakChecks, Slices, TestResults

from ..reading import EVIL, HASH, Page, assert_it_stands_alone, outside_folds, texts_of, tips

pytestmark = pytest.mark.slow


def interval(mean):
    return {"mean": mean, "low": mean - 0.02, "high": mean + 0.02, "level": 0.95, "n_users": 50}


def model(name, family, mean):
    metrics = {f"{kind}@{k}": interval(mean) for k in (5, 10) for kind in ("hit_rate", "ndcg")}
    return {
        "name": name,
        "family": family,
        "fit_seconds": 2.0,
        "members_fit_seconds": 0.0,
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
        "split": {"kind": "global_time", "baskets": True, "min_history": 1},
        "ties": {"order": "file"},
        "target_event_types": [],
        "filter": {"item": 1, "user": 1, "window": "training"},
        "exclude_seen": True,
        "refit": "none",
        "metrics": "full ranking",
    },
    "provenance": {
        "started_at": "2026-01-01T00:00:00.000+00:00",
        "seed": 0,
        "versions": {},
        "python": "3.12.0",
        "machine": "x86_64 Linux",
    },
    "metric": "ndcg@10",
    "users": 50,
    "users_left_out": 10,
    "left_out": {"no target in the test window": 10, "no history before the target": 0},
    "list_length": 10,
    "diversity_block": "encoder",
    "chosen": "net",
    "reason": "best ndcg@10 there",
    "gate": ["net does not beat ease"],
    "models_left_out": ["demand is left out: there is none"],
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
                "means": {"accuracy": interval(0.7), "log_loss": interval(0.5)},
                "numbers": {"calibration_error": 0.05},
                "by_type": {
                    "roc_auc": {"view": 0.8, "purchase": None},
                    "average_precision": {"view": 0.9, "purchase": None},
                },
                "log_loss_against": {
                    "own frequencies": {
                        "difference": -0.1,
                        "low": -0.2,
                        "high": 0.0,
                        "p_value": 0.03,
                        "p_value_holm": 0.06,
                        "n_users": 48,
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


NO_HORIZONS = {part: {"why_not": "No model says."} for part in ("validation", "test")}
REPORTS = {"net": {"curve": CURVE}}


def read_results(results=RESULTS):
    return TestResults.model_validate({"horizons": NO_HORIZONS} | results)


@cache
def drawn():
    return draw_evaluation(read_results(), Slices.model_validate(SLICES), REPORTS)


def page(results=RESULTS, slices=SLICES, checks=CHECKS, examples=EXAMPLES, reports=REPORTS, figures_too=False):
    """The page; its figures are drawn anew where they matter."""
    found, groups = read_results(results), Slices.model_validate(slices)
    shown = draw_evaluation(found, groups, reports) if figures_too else drawn()
    of_checks, of_examples = LeakChecks.model_validate(checks), Examples.model_validate(examples)
    return evaluation_page(found, groups, of_checks, of_examples, reports, shown)


def card(results=RESULTS, slices=SLICES, checks=CHECKS, options=None):
    found, groups = read_results(results), Slices.model_validate(slices)
    return model_card(found, groups, LeakChecks.model_validate(checks), options or {"layers": 2})


def changed(results=RESULTS, **changes):
    return copy.deepcopy(results) | changes


def test_the_page_asks_nothing_of_the_network_and_runs_no_script():
    html = page()
    assert_it_stands_alone(html)
    assert "prefers-color-scheme: dark" in html


def test_what_matters_most_stands_first_and_outside_of_folds():
    html = page()
    words = Page(outside_folds(html)).words
    in_order = (
        "60 users and 24 items.",
        "net chosen on validation",
        "0.3000 ndcg@10 on test, 95% interval [0.2800, 0.3200]",
        "0.1000 of popularity, the best baseline [0.0800, 0.1200]",
        "On test net is better than the best baseline, popularity: ndcg@10 0.3000 [0.2800, 0.3200] beside 0.1000",
        "net was chosen on validation: best ndcg@10 there.",
        "rare items are asked for too often",
        "Models",
    )
    places = [words.index(one) for one in in_order]
    assert places == sorted(places)
    assert "<table" not in outside_folds(html)


def test_the_first_figure_shows_every_model_best_on_top():
    html = outside_folds(page(many_models(18), SLICES | {"slices": []}, figures_too=True))
    svg = html[html.index("<svg") : html.index("</svg>")]
    written = [one for one in texts_of(svg) if one.startswith("model ")]
    assert written[0] == "model 00 (chosen)"
    assert written[1:] == [f"model {at:02}" for at in range(1, 18)]


def many_models(n):
    models = [model(f"model {at:02}", "baselines", 0.5 - at / 50) for at in range(n)]
    against = {one["name"]: RESULTS["chosen_against"]["popularity"] for one in models[1:]}
    return changed(models=models, chosen="model 00", baseline="model 01", chosen_against=against, behaviour=None)


def test_every_table_names_the_protocol():
    read = Page(page())
    assert len(read.captions) == read.tags.count("table")
    without = [words for words in read.captions if HASH not in words]
    assert without == ["How it came about · run run-1"]  # provenance is no result


def test_every_figure_names_the_protocol():
    for figure in drawn().values():
        assert HASH in "".join(texts_of(as_svg(figure)))


def test_failed_checks_stand_above_the_leaderboard():
    html = page()
    assert html.index("rare items are asked for too often") < html.index('id="leaderboard"')
    passed = copy.deepcopy(CHECKS)
    passed["checks"][1]["passed"] = True
    assert "All checks for leaks passed." in page(checks=passed)


def evil_results():
    results = copy.deepcopy(RESULTS)
    results["protocol"]["target_event_types"] = [EVIL]
    results["left_out"] = {EVIL: 3}
    results["reason"] = results["diversity_block"] = results["provenance"]["machine"] = EVIL
    results["gate"] = [EVIL]
    behaviour = results["behaviour"]
    behaviour["event_types"] = [EVIL, "purchase"]
    behaviour["users_left_out"] = {EVIL: 2}
    for name in ("roc_auc", "average_precision"):
        behaviour["models"]["net"]["by_type"][name] = {EVIL: 0.5, "purchase": None}
    return results


@pytest.mark.parametrize("write", [page, card])
def test_text_from_data_is_escaped_wherever_it_stands(write):
    slices, examples, checks = (copy.deepcopy(one) for one in (SLICES, EXAMPLES, CHECKS))
    slices["slices"][0]["by"] = slices["slices"][0]["groups"][0]["group"] = EVIL
    slices["slices"][0]["left_out"] = {EVIL: 1}
    checks["checks"][1] |= {"words": EVIL}
    place = PLACE | {"item": EVIL}
    examples["right"][0] |= {"user_id": EVIL, "history": [EVIL], "chosen": [EVIL], "recommended": [place]}
    reports = {EVIL: {"curve": CURVE}}
    if write is page:
        text = page(evil_results(), slices, checks, examples, reports, figures_too=True)
        assert_it_stands_alone(text)
        assert Page(text).words.count(EVIL) >= 14
    else:
        text = card(evil_results(), slices, checks, {EVIL: EVIL})
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_models_with_odd_names_are_escaped():
    odd = "<b>|net_*"
    models = [model(odd, "sequence", 0.3), *RESULTS["models"][1:]]
    results = changed(models=models, chosen=odd, behaviour=None)
    slices = copy.deepcopy(SLICES)
    groups = slices["slices"][0]["groups"][0]["models"]
    groups[odd] = groups.pop("net")
    slices["models"] = [odd, "popularity"]
    html, markdown = page(results, slices, figures_too=True), card(results, slices)
    assert "<b>|" not in html
    assert odd in Page(html).words
    assert "# Model card: sequence.&lt;b&gt;\\|net\\_\\*" in markdown


def test_numbers_of_the_leaderboard_are_those_of_the_results():
    cells = Page(page()).cells
    assert "0.3000 [0.2800, 0.3200]" in cells
    assert "+0.2000 [+0.1000, +0.3000]" in cells


def test_page_and_card_say_the_same_numbers():
    cells, text = Page(page()).cells, card()
    for words in ("0.3000 [0.2800, 0.3200]", "+0.2000 [+0.1000, +0.3000]", "0.4000"):
        assert words in text
    assert "| popularity | +0.2000 [+0.1000, +0.3000] | 0.0010 | 0.0010 |" in text
    assert cells[cells.index("+0.2000 [+0.1000, +0.3000]") + 1] == "0.0010"


def test_every_metric_of_every_model_is_kept_in_a_fold():
    read = Page(page())
    for k in (5, 10):
        assert f"Every metric at {k} on test, all targets · protocol {HASH}" in read.captions
    assert {"hit_rate@5", "ndcg@5", "hit_rate@10", "ndcg@10"} <= set(read.cells)


def test_the_calibration_table_has_the_means_over_places():
    results = copy.deepcopy(RESULTS)
    results["models"][0]["calibration"]["bins"][1]["places"] = 15
    cells = Page(page(results)).cells
    at = cells.index("1.5000")
    assert cells[at + 1 : at + 5] == ["6.000 [5.980, 6.020]", "0.01000", "0.07875", "0.09000"]


def test_bins_of_the_baseline_are_told_as_those_of_the_chosen_model():
    captions = Page(page()).captions
    assert [words for words in captions if words.startswith("Bins of")] == [
        f"Bins of {name} · protocol {HASH}" for name in ("net", "popularity")
    ]


def test_page_and_card_say_where_everybody_gets_one_list():
    for write in (page, card):
        assert "one and the same list" not in write()
        assert "All users get one and the same list" in write(RESULTS | {"one_list": True})


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
    assert "there is nothing to compare it with" in page(alone, slices, figures_too=True)
    assert "On test net reaches ndcg@10 0.3000" in Page(page(alone, slices)).words
    assert "No other model." in card(alone, slices)


def test_a_model_that_can_recommend_nothing_has_a_page():
    results = copy.deepcopy(RESULTS)
    results["models"][0] |= {"catalogue": {"coverage": 0.0}, "test_reachable": {}}
    results["models"][0]["calibration"] |= {"item_log_loss": None, "bins": []}
    assert "log loss - nats" in Page(page(results, figures_too=True)).words
    assert "gini" in Page(page(results)).cells  # of the other model


HORIZONS = {
    "validation": {"why_not": "No common moment."},
    "test": {
        "moment": "2024-01-01",
        "until": "2024-01-09",
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
                    "metrics": {"log_loss": interval(0.4), "brier": interval(0.15), "roc_auc": None},
                    "log_loss_against_share": {
                        "difference": -0.05,
                        "low": -0.09,
                        "high": -0.01,
                        "p_value": 0.01,
                        "n_users": 40,
                    },
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
        assert "<script" not in written
    assert "| net | buy | 30 days | 0 | 40 | - |" in of_card
    assert "No model says." in page()
    assert "No model says." in card()


def difference(mean, p):
    return CorrectedComparison(mean, mean - 0.1, mean + 0.1, p, n_users=50, p_value_holm=p)


def test_what_a_model_failed_to_beat_is_said():
    open_one = difference(0.01, 0.4)
    said = verdict("net", "ndcg@10", {"a": difference(-0.1, 0.01), "b": open_one})
    assert said == "On test net is worse than a; no difference is shown to b (paired tests, Holm's correction, 5 %)."
    assert verdict("net", "ndcg@10", {"b": open_one}).startswith("On test no difference of net is shown to b")


@pytest.mark.parametrize(
    ("mean", "p", "said"),
    [(0.2, 0.001, "is better than"), (-0.2, 0.001, "is worse than"), (0.2, 0.2, "is not shown to differ from")],
)
def test_the_verdict_on_the_best_baseline_follows_the_corrected_p_value(mean, p, said):
    against = {"difference": mean, "low": mean - 0.1, "high": mean + 0.1, "p_value": 0.001, "p_value_holm": p}
    against |= {"n_users": 50}
    results = read_results(changed(chosen_against={"popularity": against}))
    assert f"On test net {said} the best baseline, popularity" in beside_baseline(results)


def test_a_plain_word_on_networks_stands_in_the_verdict_and_lines_of_models_do_not():
    gate = ["net does not beat ease", "No network alone beats popularity, the best baseline"]
    shown = Page(outside_folds(page(changed(gate=gate)))).words
    assert "No network alone beats popularity, the best baseline" in shown
    assert "net does not beat ease" not in shown
    assert "net does not beat ease." in Page(page(changed(gate=gate))).words


def test_weak_groups_are_named_on_page_and_card():
    slices = copy.deepcopy(SLICES)
    group = slices["slices"][0]["groups"][0]
    slices["slices"].append(
        {
            "by": "age",
            "of": "users",
            "left_out": {},
            "groups": [group | {"group": "old", "users": 30}, group | {"users": 29}],
        }
    )
    found = [
        (one.by, one.group, one.worse_than) for one in weaknesses(read_results(), Slices.model_validate(slices), 30)
    ]
    assert found == [("item: brand", "plain", "popularity"), ("age", "old", None), ("age", "old", "popularity")]
    for words in (Page(outside_folds(page(slices=slices))).words, card(slices=slices)):
        assert "Worse than popularity for item: brand: plain (40 users): ndcg@10 -0.1000 [-0.1500, -0.0500]." in words
        assert "Below all users for age: old (30 users): ndcg@10 0.1000 [0.0800, 0.1200]." in words


def test_the_card_names_data_protocol_results_limits_and_cost():
    text = card()
    for part in ("## Data", "## Protocol", "## Results", "## Limits", "## Cost"):
        assert part in text
    assert "2.0 s to fit" in text
    assert "Check of k-core artefact: rare items are asked for too often." in text
    assert "| layers | 2 |" in text


def test_tables_of_the_card_are_read_as_tables():
    lines = card(RESULTS | {"horizons": HORIZONS}).split("\n")
    heads = [at for at, line in enumerate(lines) if line.startswith("| --- |")]
    assert len(heads) >= 6
    for at in heads:
        assert lines[at - 2] == ""
        assert lines[at - 1].count(" |") == lines[at].count(" |") == lines[at + 1].count(" |")


def test_members_of_a_hybrid_count_as_cost():
    results = copy.deepcopy(RESULTS)
    results["models"][0]["members_fit_seconds"] = 40.0
    assert "42.0 s to fit" in card(results)
    assert "All models of the run together took 4.0 s" in card(results)
    assert "42.0" in Page(page(results)).cells


def test_the_leaderboard_shows_both_parts_of_every_model_with_its_interval():
    found = tips(as_svg(figures.leaderboard(read_results())))
    assert found == [
        f"{name}: {part} {mean}"
        for name, mean in (("net", "0.3000 [0.2800, 0.3200]"), ("popularity", "0.1000 [0.0800, 0.1200]"))
        for part in ("validation", "validation", "test", "test")
    ]


def test_a_dot_lies_within_its_interval_beside_the_name_of_its_model():
    axes = figures.leaderboard(read_results()).axes[0]
    whiskers, dots = axes.lines[::2], axes.lines[1::2]
    assert len(whiskers) == len(dots) == 4
    for whisker, dot in zip(whiskers, dots, strict=True):
        low, high = whisker.get_xdata()
        assert low < dot.get_xdata()[0] < high
        assert set(dot.get_ydata()) == set(whisker.get_ydata())
    names = dict(zip(axes.get_yticks(), (one.get_text() for one in axes.get_yticklabels()), strict=True))
    beside = [names[min(names, key=lambda row, dot=dot: abs(row - dot.get_ydata()[0]))] for dot in dots]
    assert beside == ["net (chosen)", "net (chosen)", "popularity", "popularity"]
    assert len({dot.get_ydata()[0] for dot in dots}) == 4  # none hides another
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first row is on top
    assert axes.get_xlim()[0] == 0


def test_slices_show_every_group():
    svg = as_svg(figures.slices(Slices.model_validate(SLICES)))
    assert {"item: brand: plain", "net", "popularity"} <= set(texts_of(svg))
    assert "item: brand: plain: net 0.1000 [0.0800, 0.1200]" in tips(svg)
    nobody = SLICES | {"slices": SLICES["slices"][1:]}
    assert "No user is in a group." in texts_of(as_svg(figures.slices(Slices.model_validate(nobody))))


def test_a_bin_without_a_hit_is_drawn_on_the_lower_edge_and_says_0():
    figure = figures.calibration(read_results())
    assert "net: predicted 0.015, 0" in tips(as_svg(figure))
    heights = figure.axes[0].lines[0].get_ydata()
    low, high = figure.axes[0].get_ylim()
    assert low <= heights[0] <= min(heights) < high
    ideal = figure.axes[0].lines[-1].get_xydata()
    assert (ideal[:, 0] == ideal[:, 1]).all()


def test_tiny_probabilities_do_not_stretch_the_axes():
    results = copy.deepcopy(RESULTS)
    results["models"][0]["calibration"]["bins"][0]["predicted"] = 1e-40
    figure = figures.calibration(read_results(results))
    assert figure.axes[0].get_xlim()[0] > 1e-8


def test_the_trade_off_has_a_row_for_each_model_and_no_panel_without_numbers():
    results = copy.deepcopy(RESULTS)
    assert len(figures.trade_off(read_results(results)).axes) == 4
    for one in results["models"]:
        one["catalogue"]["diversity_text"] = None
    figure = figures.trade_off(read_results(results))
    assert [axes.get_title() for axes in figure.axes] == ["ndcg@10", "coverage", "seconds\nto fit"]
    assert "popularity: coverage 0.1" in tips(as_svg(figure))


def test_training_curves_leave_out_epochs_without_validation():
    figure = figures.training_curves(read_results(), {"net": CURVE})
    above, below = figure.axes
    assert above.lines[0].get_xdata().tolist() == [2, 3]
    assert below.lines[0].get_ydata().tolist() == [7.0, 6.0, 5.0]
    none = figures.training_curves(read_results(), {})
    assert "No network of this run tells of its training." in texts_of(as_svg(none))


def test_models_that_could_not_be_fitted_are_named_with_their_reason_on_page_and_card():
    left_out = ["demand is left out: nobody came back", "words_knn is left out: no words"]
    results = changed(models_left_out=left_out)
    assert all(line in Page(page(results)).words for line in left_out)
    assert all(line in card(results).replace("\\_", "_") for line in left_out)
    assert "Left out of this run" not in Page(page(changed(models_left_out=[]))).words
