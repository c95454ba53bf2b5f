"""The gate between baselines and what costs more, and the choice that follows from it."""

import logging

import numpy as np
import pytest

from nextact.errors import NextactError
from nextact.evaluation.gate import gate, gate_lines, passes
from nextact.metrics.comparison import bootstrap_interval, holm, paired_comparison
from nextact.pipelines.model_training.nodes import ValidationOptions, choose, compare
from nextact.results.horizons import HorizonSection
from nextact.results.models import Candidate, Candidates, Gate

from ...protocols import make_certificate

CERTIFICATE = make_certificate()
RNG = np.random.default_rng(0)
LOW, HIGH = RNG.random(200) / 10, RNG.random(200) / 10 + 0.5
FAMILIES = {"stacked": "hybrid", "gpt2": "sequence", "ease": "baselines", "popularity": "baselines"}


def candidate(name, values, seconds=1.0):
    return Candidate(
        **CERTIFICATE.stamp,
        family=FAMILIES[name],
        name=name,
        options_hash="o",
        item_vectors={},
        options={},
        folder=name,
        refitted_folder=name,
        fit_seconds=seconds,
        users=len(values),
        validation={"ndcg@10": bootstrap_interval(values)},
        validation_values={"ndcg@10": tuple(values.tolist())},
        validation_horizons=HorizonSection(why_not="none"),
    )


def run(*candidates):
    leaderboard = compare(CERTIFICATE, ValidationOptions(draws=100), all=Candidates(models=candidates))
    return leaderboard, choose(leaderboard)


def test_a_network_below_the_best_baseline_is_said_not_to_beat_it_and_the_run_goes_on(caplog):
    caplog.set_level(logging.INFO)
    leaderboard, chosen = run(candidate("gpt2", LOW), candidate("ease", HIGH), candidate("popularity", LOW / 10))
    assert leaderboard.gate.models["gpt2"].not_beaten == ("ease",)
    assert leaderboard.gate.models["gpt2"].beaten == ("popularity",)
    assert chosen.name == "ease"
    assert "gpt2 does not beat ease (-0." in caplog.text
    assert "No network alone beats ease, the best baseline" in caplog.text
    assert "popularity (" not in caplog.text


def test_p_values_are_corrected_for_the_number_of_baselines():
    values = {"gpt2": HIGH, "ease": HIGH + (RNG.random(200) - 0.6) / 20, "popularity": LOW}
    kinds = {name: FAMILIES[name] for name in values}
    found = gate(kinds, values, draws=50).models["gpt2"].against
    plain = {name: paired_comparison(HIGH, values[name], draws=50, seed=0).p_value for name in ("ease", "popularity")}
    assert {name: one.p_value_holm for name, one in found.items()} == holm(plain)


def test_a_model_whose_lead_is_not_shown_gives_way_to_the_cheaper_baseline():
    slightly = HIGH + np.where(np.arange(200) == 7, 0.001, 0.0)
    _, chosen = run(candidate("gpt2", slightly, seconds=900), candidate("ease", HIGH, seconds=2))
    assert chosen.name == "ease"
    assert "gpt2 has 0." in chosen.reason
    assert "takes 900 s to fit beside 2 s" in chosen.reason


def test_the_next_model_that_is_shown_to_be_better_goes_before_the_baseline():
    lucky = HIGH - 0.1 + np.where(np.arange(200) < 3, 20.0, -0.02)  # much for few: a lead that nothing shows
    leaderboard, chosen = run(candidate("stacked", lucky), candidate("gpt2", HIGH + 0.05), candidate("ease", HIGH))
    assert [one.name for one in leaderboard.models] == ["stacked", "gpt2", "ease"]
    assert not passes(leaderboard.gate, "stacked")
    assert chosen.name == "gpt2"
    assert "is not shown to be better than ease" in chosen.reason


def test_a_model_that_beats_every_baseline_is_chosen_and_the_reason_says_by_how_much():
    leaderboard, chosen = run(candidate("stacked", HIGH), candidate("gpt2", HIGH - 0.1), candidate("ease", LOW))
    assert chosen.name == "stacked"
    assert passes(leaderboard.gate, "stacked")
    assert ", 0.1000 above gpt2; shown to be better than ease, the best baseline" in chosen.reason
    assert gate_lines(leaderboard.gate, FAMILIES) == ["stacked beats every baseline", "gpt2 beats every baseline"]


@pytest.mark.parametrize("seconds", [(5.0, 2.0), (2.0, 5.0)])
@pytest.mark.parametrize("turned", [False, True])
def test_of_equal_models_the_first_in_the_registry_is_chosen_whatever_the_clock_said(seconds, turned):
    candidates = [candidate("ease", HIGH, seconds[0]), candidate("popularity", HIGH, seconds[1])]
    leaderboard, chosen = run(*candidates[:: -1 if turned else 1])
    assert [one.name for one in leaderboard.models] == ["popularity", "ease"]
    assert chosen.name == "popularity"
    assert "0.0000 above ease, which is equal and comes later in the list of models" in chosen.reason


def test_of_equal_kinds_the_cheaper_one_stands_first():
    values = {name: candidate(name, HIGH, seconds) for name, seconds in (("stacked", 1), ("gpt2", 2), ("ease", 3))}
    leaderboard, _ = run(*values.values())
    assert [one.name for one in leaderboard.models] == ["ease", "gpt2", "stacked"]


def test_without_baselines_there_is_no_gate():
    leaderboard, chosen = run(candidate("gpt2", LOW))
    assert leaderboard.gate == Gate(best_baseline=None, models={})
    assert chosen.reason.startswith("best ndcg@10")


def test_values_of_users_stay_out_of_the_leaderboard():
    leaderboard, _ = run(candidate("ease", HIGH))
    assert leaderboard.models[0].validation_values == {}


@pytest.mark.parametrize(("metric", "message"), [("ndcg@11", "no metric 'ndcg@11'"), ("mrr@10", "ease was validated")])
def test_a_metric_that_was_not_kept_is_refused(metric, message):
    one = candidate("ease", HIGH)
    one = one.model_copy(update={"validation": one.validation | {"mrr@10": one.validation["ndcg@10"]}})
    with pytest.raises(NextactError, match=message):
        compare(CERTIFICATE, ValidationOptions(metric=metric), all=Candidates(models=(one,)))
