"""What a baseline is said to take, against what its fit takes and leaves out."""

import tracemalloc

import numpy as np
import pytest

from nextact.models.baselines import forecast as module
from nextact.models.baselines.forecast import GIB, LogSize, forecast, forecast_baselines
from nextact.models.baselines.options import (
    EASEOptions,
    ItemKNNOptions,
    OwnMostBoughtOptions,
    PopularityOptions,
    SLIMOptions,
    TransitionOptions,
)
from nextact.models.registry import MODELS

N_ITEMS = 700
CHECKED = {
    "popularity": {},
    "own_most_bought": {},
    "tifu_knn": {},
    "transition": {"lags": 2},
    "item_knn": {},
    "ease": {},
    "slim": {},
}


@pytest.fixture
def training(training_of):
    rng = np.random.default_rng(0)
    return training_of(rng.integers(1, N_ITEMS + 1, (600, 25)).tolist(), n_items=N_ITEMS)


@pytest.fixture(params=[600, 6_000], ids="{} users".format)
def small_or_large(training_of, request):
    rng = np.random.default_rng(0)
    return training_of(rng.integers(1, N_ITEMS + 1, (request.param, 25)).tolist(), n_items=N_ITEMS)


@pytest.mark.parametrize("name", CHECKED)
def test_a_fit_takes_no_more_than_the_forecast_and_not_far_less(name, small_or_large):
    training = small_or_large
    entry = MODELS["baselines"][name]
    options = entry.options(**CHECKED[name])
    said = forecast(options, LogSize.of(training.histories, N_ITEMS), 64 * GIB).memory_gib * GIB
    tracemalloc.start()
    entry.recommender(options).fit(training)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * said + 2**20
    assert peak > said / 4 - 2**20


@pytest.mark.parametrize("options_class", [EASEOptions, SLIMOptions])
def test_the_cut_off_of_a_linear_model_is_foretold(options_class, training):
    options = options_class(memory_gib=4 * 60**2 / GIB)
    said = forecast(options, LogSize.of(training.histories, N_ITEMS), GIB)
    name = "ease" if options_class is EASEOptions else "slim"
    report = MODELS["baselines"][name].recommender(options).fit(training)
    assert said.items == report["items"] == 60
    assert said.items_left_out == N_ITEMS - 60
    assert said.instead.startswith("60 most frequent items of 700 are fitted, the others score 0")


def test_a_large_catalogue_is_compared_by_blocks_and_never_whole():
    size = LogSize(users=10**6, items=10**6, occurring=10**6, events=10**7, followers=10**7, pairs=10**9)
    said = forecast(ItemKNNOptions(neighbours=50), size, 8 * GIB)
    assert said.instead == "similarities are computed for 11 items at a time, 50 each kept"
    assert said.memory_gib < 4 * 10**12 / GIB / 100


def test_with_a_pretended_memory_limit_what_does_not_fit_is_named(training):
    options = {"ease": EASEOptions(), "popularity": PopularityOptions(), "own": OwnMostBoughtOptions()}
    found = forecast_baselines(options, training.histories, N_ITEMS, free_bytes=5 * 2**20)
    assert {name: one.fits for name, one in found.items()} == {"ease": False, "popularity": True, "own": True}
    assert "which does NOT fit" in found["ease"].in_words()
    assert "GiB of 0.0 GiB free" in found["popularity"].in_words()


def test_more_lags_and_both_directions_take_more():
    size = LogSize(users=10, items=10**5, occurring=10**5, events=10**7, followers=10**7, pairs=10**9)
    plain, more = (forecast(TransitionOptions(lags=n, reverse_weight=w), size, GIB) for n, w in ((1, 0.0), (3, 0.5)))
    assert more.memory_gib > 2 * plain.memory_gib


def test_every_baseline_has_options_that_can_be_forecast(training):
    options = {name: entry.options() for name, entry in MODELS["baselines"].items()}
    found = forecast_baselines(options, training.histories, N_ITEMS, 64 * GIB)
    assert set(found) == set(MODELS["baselines"])
    assert all(one.memory_gib >= 0 and one.fits for one in found.values())
    assert set(module._NEEDS) < {type(one) for one in options.values()}
