"""Items without a training event, and networks that read items by their text alone."""

import numpy as np
import pytest
import torch

from nextact.errors import CannotFit, NextactError
from nextact.models.device import seeded
from nextact.models.sequence.cold_items import ColdItems
from nextact.models.sequence.fitting.fit_network import start_network
from nextact.models.sequence.fitting.objective import Objective, make_batches
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.sequences.histories import Histories

from .conftest import N_ITEMS, holdout_of, small, training_of

NOBODY = holdout_of(Histories.from_lists([]), [])
# Two circles of four items; items 9 to 12 are in no history.
CIRCLES = Histories.from_lists(
    [[1 + (start + step) % 4 + 4 * (start // 4) for step in range(6)] for start in range(8)] * 3
)
UNSEEN = slice(9, N_ITEMS + 1)
LEARNING = {"epochs": 30, "learning_rate": 0.03, "dropout": 0.0, "patience": 30, "batch_steps": 48}


def twin_vectors():
    """Text of eight items; the unseen ones 9 to 12 have nearly the text of items 1 to 4."""
    vectors = np.zeros((N_ITEMS + 1, 8), np.float32)
    vectors[1:9] = np.eye(8)
    vectors[9:] = vectors[1:5] + np.float32(0.01)
    return vectors


def training(**changes):
    return training_of(CIRCLES, vectors=twin_vectors(), validation=NOBODY, **changes)


@pytest.mark.parametrize(
    "changes", [{"loss": "full"}, {"loss": "sampled", "negatives": 30}, {"loss": "gbce", "negatives": 5}]
)
def test_training_moves_nothing_of_an_item_without_events(changes):
    options = small(**changes)
    with seeded(0):
        network = start_network(options, training())
        objective = Objective(network, options, training())
    batch = next(iter(make_batches(options, training()).epoch(1)))[0]
    objective(batch, 0.0).backward()
    assert not network.item_bias_V.grad[UNSEEN].any()
    assert not network.item_table_VD.grad[UNSEEN].any()
    assert network.item_bias_V.grad[1:9].any()


def test_the_softmax_of_training_leaves_out_items_without_events():
    network = start_network(small(), training())
    assert (network.learnt_bias()[UNSEEN] == -torch.inf).all()
    assert torch.isfinite(network.learnt_bias()[1:9]).all()


def test_an_unseen_item_follows_what_its_twin_follows():
    """The unseen item 10 has the text of item 2, so that whoever is at item 1 may go on to either of them."""
    model = SequenceRecommender(small(**LEARNING))
    model.fit(training())
    best = model.score(Histories.from_lists([[4, 1], [1, 2]])).argsort(axis=1)[:, ::-1][:, :2]
    assert sorted(best[0].tolist()) == [2, 10]
    assert sorted(best[1].tolist()) == [3, 11]


def test_unseen_items_get_the_mean_of_the_nearest_ids_and_the_bias_of_an_average_item():
    network = start_network(small(), training())
    unseen = ColdItems.of(network, twin_vectors())
    assert unseen.with_text.tolist() == [9, 10, 11, 12]
    np.testing.assert_allclose(unseen.weights_UK.sum(dim=1), 1, rtol=1e-6)
    assert (unseen.neighbours_UK[:, :] < 9).all()
    unseen.fill(network)
    wanted = (network.item_table_VD[unseen.neighbours_UK[0]] * unseen.weights_UK[0][:, None]).sum(dim=0)
    torch.testing.assert_close(network.item_table_VD[9], wanted)
    torch.testing.assert_close(network.item_bias_V[9:], network.item_bias_V[1:9].mean().expand(4))


def test_unseen_items_weigh_no_more_than_the_seen_ones_where_they_outnumber_them():
    few = training_of(Histories.from_lists([[1, 2, 1, 2]]), vectors=twin_vectors(), validation=NOBODY)
    network = start_network(small(), few)
    ColdItems.of(network, twin_vectors()).fill(network)
    wanted = network.item_bias_V[1:3].mean() - np.log(10 / 2)
    torch.testing.assert_close(network.item_bias_V[3:], wanted.expand(10))


def test_without_text_an_unseen_item_gets_the_mean_id_and_keeps_the_bias_of_no_event():
    network = start_network(small(text_blocks=()), training())
    ColdItems.of(network, None).fill(network)
    torch.testing.assert_close(network.item_table_VD[12], network.item_table_VD[1:9].mean(dim=0))
    assert network.item_bias_V[12] < network.item_bias_V[1:9].min()


def test_equal_texts_have_no_neighbours():
    vectors = np.ones((N_ITEMS + 1, 3), np.float32)
    assert len(ColdItems.of(start_network(small(), training()), vectors).with_text) == 0


def test_by_text_alone_a_network_learns_no_item_and_says_the_same_of_a_catalogue_in_another_order(tmp_path):
    model = SequenceRecommender(small(**LEARNING, item_ids=False))
    report = model.fit(training())
    assert not model.network.item_table_VD.any()
    assert not model.network.item_bias_V.any()
    history = Histories.from_lists([[4, 1]])
    assert set(model.score(history)[0].argsort()[::-1][:2].tolist()) == {2, 10}
    order = np.array([0, *np.random.default_rng(0).permutation(np.arange(1, N_ITEMS + 1))])
    moved = model.for_catalogue({"encoder": twin_vectors()[order]})
    place = np.argsort(order)
    other = moved.score(Histories.from_lists([place[[4, 1]].tolist()]))
    np.testing.assert_allclose(other, model.score(history)[:, order], rtol=1e-4, atol=1e-5)
    types = moved.event_type_probabilities(Histories.from_lists([place[[4, 1]].tolist()]))
    np.testing.assert_array_equal(types, model.event_type_probabilities(history))
    moved.save(tmp_path)
    np.testing.assert_array_equal(SequenceRecommender.load(tmp_path).score(history), moved.score(history))
    assert report["epochs"] == LEARNING["epochs"]


def test_a_larger_catalogue_is_read_by_its_text():
    model = SequenceRecommender(small(**LEARNING, item_ids=False))
    model.fit(training())
    vectors = np.vstack([twin_vectors(), twin_vectors()[1:]])
    scores = model.for_catalogue({"encoder": vectors}).score(Histories.from_lists([[4, 1]]))
    np.testing.assert_allclose(scores[0, 1 : N_ITEMS + 1], scores[0, N_ITEMS + 1 :], rtol=1e-5)


def test_a_network_with_ids_is_not_moved(fitted):
    with pytest.raises(NextactError, match="fitted with item_ids"):
        fitted.for_catalogue({"encoder": twin_vectors()})


@pytest.mark.parametrize(
    ("vectors", "problem"),
    [({}, "no item vectors 'encoder'"), ({"encoder": np.ones((3, 2), np.float32)}, "2 dimensions, fitted with 8")],
)
def test_a_catalogue_without_the_right_block_is_refused(vectors, problem):
    model = SequenceRecommender(small(item_ids=False, epochs=1))
    model.fit(training())
    with pytest.raises(NextactError, match=problem):
        model.for_catalogue(vectors)


def test_text_alone_without_text_is_refused():
    with pytest.raises(CannotFit, match="item_ids is off and the run has none of the text blocks"):
        SequenceRecommender(small(item_ids=False, text_blocks=("missing",))).fit(training())
