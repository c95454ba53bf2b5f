import pandas as pd
import pytest

from nextact.metrics.comparison import Comparison, CorrectedComparison, Interval
from nextact.reports.behaviour_words import behaviour_verdict
from nextact.reports.cautions import cautions
from nextact.reports.summary import WIDTH, columns, fitted, leaderboard_lines, user_lines, verdict
from nextact.results.evaluation import BehaviourResults, TestedModel, TestResults, TypeRow
from nextact.results.horizons import HorizonRow, Horizons, HorizonSection

from ...protocols import make_protocol

INTERVAL = Interval(0.25, 0.2, 0.3, 0.95, 9)
NO_HORIZONS = Horizons(validation=HorizonSection(why_not="no"), test=HorizonSection(why_not="no"))


def results(names, chosen, difference=0.1, p=0.01, left_out=(), one_list=False, exclude_seen=False):
    models = tuple(
        TestedModel.model_construct(name=name, family=family, test={"ndcg@10": INTERVAL}, validation={})
        for name, family in names
    )
    others = [name for name, family in names if family == "baselines" and name != chosen]
    against = CorrectedComparison(difference, difference - 0.05, difference + 0.05, p, 9, p)
    return TestResults.model_construct(
        metric="ndcg@10",
        users=2_083,
        chosen=chosen,
        baseline=others[0] if others else None,
        models=models,
        chosen_against=dict.fromkeys(others, against),
        models_left_out=tuple(left_out),
        one_list=one_list,
        protocol=make_protocol(exclude_seen=exclude_seen),
        behaviour=None,
        horizons=NO_HORIZONS,
    )


STACKED = [("stacked", "hybrid"), ("ease", "baselines"), ("popularity", "baselines")]


def test_a_model_that_leads_serves_and_is_said_to_be_better():
    assert verdict(results(STACKED, "stacked")) == [
        "stacked serves: best on validation, and shown to be better there than ease, the best baseline.",
        "On test it is better than ease, the best baseline, by +0.1000 [+0.0500, +0.1500].",
    ]


@pytest.mark.parametrize(
    ("difference", "p", "said"),
    [(-0.1, 0.01, "On test it is worse than ease"), (0.1, 0.2, "On test no difference is shown between it and ease")],
)
def test_what_test_says_otherwise_is_not_hidden(difference, p, said):
    assert verdict(results(STACKED, "stacked", difference, p))[1].startswith(said)


def test_a_baseline_that_serves_in_place_of_the_leader_says_so_without_contradiction():
    why, on_test = verdict(results(STACKED, "ease"))
    assert why.startswith("ease serves: stacked stands higher on validation, but is not shown to be better")
    assert "the best other baseline" in on_test


def test_the_only_model_is_compared_with_nothing():
    assert verdict(results([("gpt2", "sequence")], "gpt2")) == [
        "gpt2 serves: nothing is better on validation.",
        "On test it reaches ndcg@10 0.2500 [0.2000, 0.3000].",
    ]


def test_the_table_names_the_model_that_serves_and_no_line_is_wider_than_a_terminal():
    left_out = [f"popularity_forecast is left out: {'no user came back after any of the landmarks ' * 4}"]
    lines = leaderboard_lines(results(STACKED, "stacked", left_out=left_out))
    assert lines[0].split() == ["model", "ndcg@10", "on", "test", "hit_rate@10", "on", "test"]
    assert lines[1].startswith("stacked (serves)")
    assert "0.2500 [0.2000, 0.3000]" in lines[2]
    assert max(map(len, lines)) <= WIDTH
    assert " ".join(" ".join(lines).split()).count("no user came back after any of the landmarks") == 4


@pytest.mark.parametrize(
    ("exclude_seen", "start"),
    [
        (False, "All users get one and the same list: popularity does not tell them apart."),
        (True, "All users get one and the same list, less what each had before: popularity does"),
    ],
)
def test_one_list_for_everybody_is_said_with_what_would_help(exclude_seen, start):
    names = [("popularity", "baselines"), ("transition", "baselines")]
    found = leaderboard_lines(results(names, "popularity", one_list=True, exclude_seen=exclude_seen))
    said = " ".join(" ".join(found).split())
    assert start in said
    assert "What helps: more events a user, or a model that reads the history, as transition does." in said
    assert max(map(len, found)) <= WIDTH
    assert "one and the same list" not in " ".join(leaderboard_lines(results(names, "popularity")))


def test_a_filter_is_blamed_where_it_leaves_something_out():
    found = results([("popularity", "baselines")], "popularity", one_list=True)
    protocol = found.protocol.model_copy(
        update={"filter": found.protocol.filter.model_copy(update={"item": 5, "user": 1})}
    )
    (said,) = cautions(found.model_copy(update={"protocol": protocol}))
    assert "more events a user, lower filter.min_item_events, or a model that reads the history." in said


def test_of_one_item_nothing_is_said_to_help():
    found = results([("popularity", "baselines"), ("transition", "baselines")], "popularity", one_list=True)
    one = found.protocol.model_copy(update={"data": found.protocol.data.model_copy(update={"items": 1})})
    (said,) = cautions(found.model_copy(update={"protocol": one}))
    assert said.startswith("The catalogue holds one item: every list is right")
    assert "What helps" not in said


def of_types(**differences):
    """gpt2 beside ways of counting: name -> (difference, corrected p)."""
    against = {
        name.replace("_", " "): CorrectedComparison(value, value - 0.1, value + 0.1, p, 9, p)
        for name, (value, p) in differences.items()
    }
    models = {"gpt2": TypeRow(means={}, numbers={}, by_type={}, log_loss_against=against),
              "own frequencies": TypeRow(means={}, numbers={}, by_type={})}  # fmt: skip
    return BehaviourResults(users=9, users_left_out={}, event_types=("view", "buy"), observed=(0.9, 0.1), models=models)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ((-0.2, 0.01), "gpt2 is better than own frequencies, log loss -0.2000 [-0.3000, -0.1000]."),
        ((0.2, 0.01), "gpt2 is worse than own frequencies, log loss +0.2000 [+0.1000, +0.3000]."),
        ((-0.05, 0.5), "gpt2 is not shown to differ from own frequencies, log loss -0.0500 [-0.1500, +0.0500]."),
    ],
)
def test_the_next_type_is_held_against_the_better_way_of_counting(own, said):
    found = results(STACKED, "stacked").model_copy(
        update={"behaviour": of_types(training_frequencies=(-0.9, 0.01), own_frequencies=own)}
    )
    assert list(behaviour_verdict(found)) == [f"Which event type comes next: {said}"]
    lines = leaderboard_lines(found)
    assert said in " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= WIDTH


def test_horizons_are_counted_and_those_in_which_counting_is_better_are_named():
    ends = {("view", 1): (-0.2, -0.1), ("view", 30): (-0.1, 0.1), ("buy", 1): (0.1, 0.2)}
    rows = [
        HorizonRow(event_type=name, horizon_days=days, users=9, censored=0, happened=0.2,
                   log_loss_against_share=Comparison((low + high) / 2, low, high, 0.5, 9))
        for (name, days), (low, high) in ends.items()
    ]  # fmt: skip
    rows.append(rows[0].model_copy(update={"happened": 0.0}))
    rows.append(HorizonRow(event_type="buy", horizon_days=90, users=0, censored=9))
    test = HorizonSection(users=9, models={"gpt2": tuple(rows)})
    horizons = Horizons(validation=HorizonSection(why_not="no"), test=test)
    found = results(STACKED, "stacked").model_copy(update={"horizons": horizons})
    assert list(behaviour_verdict(found)) == [
        "What comes within 1, 30 days: by log loss gpt2 is better than one probability for everybody in 1 of 3 cases "
        "that occurred, worse in 1 (buy within 1)."
    ]
    of_a_day = test.model_copy(update={"models": {"gpt2": tuple(row for row in rows if row.horizon_days == 1)}})
    one_day = found.model_copy(update={"horizons": horizons.model_copy(update={"test": of_a_day})})
    assert next(behaviour_verdict(one_day)).startswith("What comes within 1 day: by log loss gpt2 is better")
    assert not list(behaviour_verdict(results(STACKED, "stacked")))


@pytest.mark.parametrize(("users", "said"), [(1, ["One user on"]), (29, ["29 users on"]), (30, [])])
def test_a_choice_of_few_users_is_called_chance(users, said):
    of_few = Interval(0.25, 0.2, 0.3, 0.95, users)
    found = results(STACKED, "stacked")
    models = tuple(one.model_copy(update={"validation": {"ndcg@10": of_few}}) for one in found.models)
    told = list(cautions(found.model_copy(update={"models": models})))
    assert [one[: len(start)] for one, start in zip(told, said, strict=True)] == said
    assert not list(cautions(found.model_copy(update={"models": models[:1]})))  # there was nothing to choose


@pytest.mark.parametrize("name", ["a cup of very green tea from somewhere far away " * 4, "茶" * 90])
def test_users_fit_a_terminal_whatever_the_items_are_called(name):
    past = pd.DataFrame({"event_type": ["buy"], "item_text": [name]})
    row = {"rank": 1, "item_text": name, "probability": 0.0853, "reason": f"because of {name[:40]}"}
    lines = user_lines("u1", past, pd.DataFrame([row]))
    assert all(columns(line) <= WIDTH for line in lines)
    assert lines[2].startswith("   1. ")
    assert "… (8.53%; because of" in lines[2]


def test_a_text_that_fits_stays_as_it_is():
    assert fitted("x" * WIDTH, WIDTH) == "x" * WIDTH
