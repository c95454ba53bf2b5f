"""Neither users x items x members nor the histories of all examples ever stand in memory together."""

import dataclasses
import tracemalloc

import numpy as np
import pytest

from nextact.errors import CannotFit
from nextact.metrics.targets import Targets
from nextact.models.baselines.baseline_options import PersonalPopularityOptions, PopularityOptions, TransitionOptions
from nextact.models.baselines.item_to_item import TransitionTable
from nextact.models.baselines.popularity import PersonalPopularity, Popularity
from nextact.models.hybrid import memory_forecast as module
from nextact.models.hybrid.blend import Blend
from nextact.models.hybrid.candidates import Choice, each_candidates, find_candidates
from nextact.models.hybrid.fusion import fit_fusion
from nextact.models.hybrid.hybrid_options import BlendOptions, StackedOptions
from nextact.models.hybrid.members import Members
from nextact.models.hybrid.memory_forecast import forecast_hybrid
from nextact.models.hybrid.ranking_examples import RankingExamples, examples
from nextact.models.hybrid.stacked import StackedRanker
from nextact.models.hybrid.users_at_once import GIB, AtOnce, bytes_a_user
from nextact.models.recommender import FitContext, Training
from nextact.models.storage import FittedModel, ModelFolder, save_fitted
from nextact.options import OptionsError
from nextact.results.models import Fit
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout, LaterSteps

pytestmark = pytest.mark.slow

NAMES = ("popularity", "transition", "personal_popularity")
BLEND = BlendOptions(members=NAMES, candidates_per_member=4)
STACKED = StackedOptions(members=NAMES, candidates=6, min_leaf=5, max_trees=10, leaves=4, boosters=2)
EVERYONE = 40


def fitted_members(training, folder):
    models = {
        "popularity": Popularity(PopularityOptions()),
        "transition": TransitionTable(TransitionOptions(lags=1)),
        "personal_popularity": PersonalPopularity(PersonalPopularityOptions()),
    }
    for name, model in models.items():
        model.fit(training)
        save_fitted(FittedModel(model, Fit.outside_a_run("baselines", name)), folder / name)
    return {name: ModelFolder(folder / name) for name in models}


def hybrid(options, folders, users):
    """A hybrid in whose memory there is room for so many users."""
    room = (users + 0.5) * bytes_a_user(Members(folders)) / GIB
    kind = Blend if isinstance(options, BlendOptions) else StackedRanker
    return kind(dataclasses.replace(options, memory_gib=room), folders)


@pytest.mark.parametrize("options", [BLEND, STACKED, dataclasses.replace(STACKED, candidates_by="ranks")])
@pytest.mark.parametrize("users", [1, 7])
def test_nothing_depends_on_how_many_users_are_worked_on_at_once(options, users, folders, training):
    whole, parts = hybrid(options, folders, EVERYONE), hybrid(options, folders, users)
    said, of_parts = whole.fit(training), parts.fit(training)
    assert (said.pop("forecast")["users_at_once"], of_parts.pop("forecast")["users_at_once"]) == (EVERYONE, users)
    assert of_parts == said
    scores = whole.score(training.histories)
    np.testing.assert_array_equal(parts.score(training.histories), scores)
    best = np.argsort(-scores[:, 1:], axis=1)[:, :3].astype(np.int32) + 1
    one, other = (model.explain(training.histories, best) for model in (parts, whole))
    np.testing.assert_array_equal(one.item_index, other.item_index)
    np.testing.assert_array_equal(one.ground, other.ground)


def test_nothing_depends_on_how_many_events_are_worked_on_at_once(folders, training):
    few, many = (StackedRanker(dataclasses.replace(STACKED, history_events=n), folders) for n in (3, 10**6))
    said, of_many = few.fit(training), many.fit(training)
    assert said | {"forecast": None} == of_many | {"forecast": None}
    np.testing.assert_array_equal(few.score(training.histories), many.score(training.histories))


def test_more_examples_than_are_drawn_for_together_give_the_same_fusion_by_any_block(folders, training):
    several = training.validation.take(np.tile(np.arange(40), 8))
    one, seven, everyone = (
        fit_fusion(Members(folders), several, False, 3, AtOnce(users=n)).weights for n in (1, 7, 256)
    )
    np.testing.assert_array_equal(one, everyone)
    np.testing.assert_array_equal(seven, everyone)


def walk_of(n_users, n_items, n_steps, seed=0):
    random = np.random.default_rng(seed)
    return Histories.from_lists([random.integers(1, n_items + 1, n_steps).tolist() for _ in range(n_users)])


def training_on(histories, n_items):
    users = np.arange(histories.n_users)
    targets = Targets.from_lists([[1 + int(user) % n_items] for user in users])
    holdout = Holdout(users, histories, targets, np.ones((len(users), 1)))
    return Training(histories, n_items, ("click",), {}, holdout, False, FitContext(0))


def peak_of(work):
    """Bytes that work took at most, beside what was there."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    work()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return peak


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    training = training_on(walk_of(120, 30_000, 8), 30_000)
    return training, fitted_members(training, tmp_path_factory.mktemp("wide"))


@pytest.mark.parametrize("options", [BLEND, dataclasses.replace(STACKED, candidates=100, boosters=2)])
def test_a_hybrid_of_many_items_takes_no_more_than_a_block_of_users(options, wide):
    training, folders = wide
    model = hybrid(options, folders, users=6)
    model.members.width  # noqa: B018 - found out before memory is measured
    foretold = forecast_of(model, training)
    peak = peak_of(lambda: model.fit(training))
    assert 0.4 * foretold < peak < foretold + 2**20
    result = 4 * 120 * 30_001
    room = model.options.memory_gib * GIB
    assert peak_of(lambda: model.score(training.histories)) < result + room + 2**20
    lists = np.ones((120, 10), np.int32)
    assert peak_of(lambda: model.explain(training.histories, lists)) < room + 2**20


def forecast_of(model, training):
    report = model.fit(training)
    return report["forecast"]["memory_gib"] * GIB


def test_a_user_of_many_events_takes_no_more_than_a_block_of_events(folders, training):
    """Four thousand later steps of one user, each after tens of thousands of events: 2 GB, if all stood together."""
    log = walk_of(1, 9, 40_000)
    starts = np.arange(36_000, 40_000)
    later = LaterSteps(np.zeros(len(starts), np.int64), log, starts, starts + 1, 1)
    one = dataclasses.replace(training, later_steps=later)
    learnt = examples(one, later_steps=True, most=4_000, most_of_user=300)
    assert np.bincount(learnt.users)[0] == 300 + 1
    members, choice = Members(folders), Choice(False, 5, 9, views=1)

    def work():
        return [part for _, part in each_candidates(members, learnt, choice, AtOnce(events=200_000))]

    assert peak_of(work) < 160 * 200_000 + 2**21


def test_where_little_is_free_blocks_are_smaller_and_what_does_not_fit_is_refused_with_what_would_help(folders):
    members, learnt = Members(folders), RankingExamples.of(training_on(walk_of(50, 9, 4), 9).validation)
    of_user = bytes_a_user(members)
    kept = 50 * 9 * 100 + module.EVENT * 200
    at_once, said = forecast_hybrid(BLEND, members, learnt, 100, free_bytes=kept + 5 * of_user)
    assert at_once.users == said.users_at_once == 5
    assert (said.examples, said.candidates) == (50, 9)
    assert "50 examples of at most 9 candidates, 5 users at once" in said.in_words()
    with pytest.raises(CannotFit, match=r"GiB are free; try max_users: 1,000 or candidates_per_member: 1"):
        forecast_hybrid(BLEND, members, learnt, 100, free_bytes=kept + of_user // 2)


def test_many_candidates_of_a_member_are_no_more_than_the_items(folders, training):
    found = find_candidates(Members(folders), training.validation, Choice(False, 100_000, 300_000))
    assert found.item_index.shape[1] == 9
    model = StackedRanker(dataclasses.replace(STACKED, candidates=10_000), folders)
    assert model.fit(training)["forecast"]["candidates"] == 9


@pytest.mark.parametrize("options", [BlendOptions, StackedOptions])
@pytest.mark.parametrize("wrong", [{"memory_gib": 0.0}, {"examples_per_user": 0}, {"history_events": 0}])
def test_limits_that_leave_nothing_are_refused(options, wrong):
    with pytest.raises(OptionsError, match=next(iter(wrong))):
        options(**wrong)


def test_more_candidates_than_a_list_of_lightgbm_holds_are_refused_before_anything_is_fitted():
    assert StackedOptions(candidates=10_000).candidates == 10_000
    with pytest.raises(OptionsError, match=r"candidates must be in \[1, 10000\], got 12000"):
        StackedOptions(candidates=12_000)
