"""A projection of text vectors tuned on items used together."""

import math

import numpy as np
import pytest
import torch

from nextact.errors import NextactError
from nextact.options import OptionsError
from nextact.text.encoder import contrastive
from nextact.text.encoder.contrastive import ContrastiveOptions, info_nce, pairs_within, tuned_block
from nextact.text.encoder.pooling import unit_rows, whiten

OPTIONS = ContrastiveOptions(dimensions=8, window=1, epochs=30, batch_size=64, learning_rate=0.01, seed=3)


def themes(n_items=60, n_users=300):
    """Items with a theme (3 of 8 directions, weak) and noise (strong); users stay within a theme."""
    random = np.random.default_rng(1)
    theme = np.arange(1, n_items + 1) % 3
    vectors = np.zeros((n_items + 1, 8), np.float32)
    vectors[1:, 3:] = random.normal(size=(n_items, 5))
    vectors[np.arange(1, n_items + 1), theme] = 0.5
    users = [random.choice(np.flatnonzero(theme == user % 3) + 1, 4, replace=False) for user in range(n_users)]
    offsets = np.arange(0, 4 * n_users + 1, 4)
    return vectors, theme, offsets, np.concatenate(users).astype(np.int32)


def nearest_share(vectors, theme, rows):
    """Share of items whose nearest other item has their theme."""
    cosines = vectors[rows] @ vectors[1:].T
    cosines[np.arange(len(rows)), rows - 1] = -2
    return float((theme[cosines.argmax(axis=1)] == theme[rows - 1]).mean())


def test_pairs_are_those_of_a_loop():
    random = np.random.default_rng(0)
    lengths = random.integers(0, 6, 20)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    items = random.integers(1, 5, lengths.sum())
    expected = sorted(
        (items[a], items[b])
        for user in range(20)
        for a in range(offsets[user], offsets[user + 1])
        for b in range(a + 1, min(a + 3, offsets[user + 1]))
        if items[a] != items[b]
    )
    assert sorted(map(tuple, pairs_within(offsets, items, window=2).tolist())) == expected


def test_a_log_without_events_has_no_pairs():
    assert pairs_within(np.array([0, 0]), np.zeros(0, np.int32), window=3).shape == (0, 2)


def test_the_loss_is_the_formula_by_hand():
    cosines, log_shares = torch.tensor([[0.5, 0.1], [0.2, 0.4]]), torch.log(torch.tensor([0.8, 0.2]))
    first = math.exp(0.5 / 0.5) / 0.8, math.exp(0.1 / 0.5) / 0.2
    second = math.exp(0.2 / 0.5) / 0.8, math.exp(0.4 / 0.5) / 0.2
    expected = -(math.log(first[0] / sum(first)) + math.log(second[1] / sum(second))) / 2
    found = info_nce(cosines, log_shares, torch.zeros(2, 2, dtype=torch.bool), temperature=0.5)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_a_repeat_of_the_positive_in_the_batch_is_no_negative():
    same = torch.tensor([[False, True], [True, False]])
    assert info_nce(torch.ones(2, 2), torch.zeros(2), same, 1.0).item() == 0


def test_neither_item_of_a_pair_is_its_own_negative():
    """Consecutive pairs of one user share items: the second item of one pair is the first of the next."""
    pairs = torch.tensor([[1, 2], [2, 3], [4, 2]])
    unmasked = contrastive._no_negatives(pairs[:, 0], pairs[:, 1])
    assert unmasked.tolist() == [[False, False, True], [True, False, True], [True, False, False]]


def test_items_used_together_come_near_each_other():
    vectors, theme, offsets, items = themes()
    rows = np.arange(1, len(vectors))
    before = nearest_share(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), theme, rows)
    after = nearest_share(tuned_block(vectors, offsets, items, OPTIONS), theme, rows)
    assert before < 0.7 < 0.95 < after


def test_an_item_without_events_is_brought_near_its_theme_too():
    vectors, theme, offsets, items = themes()
    cold = np.arange(1, 13)
    kept = ~np.isin(items, cold)
    users = np.repeat(np.arange(len(offsets) - 1), 4)[kept]
    new_offsets = np.searchsorted(users, np.arange(len(offsets)))
    tuned = tuned_block(vectors, new_offsets, items[kept], OPTIONS)
    assert nearest_share(tuned, theme, cold) > 0.9


def test_rows_have_length_one_and_an_item_without_text_stays_zero():
    vectors, _, offsets, items = themes()
    vectors[7] = 0
    tuned = tuned_block(vectors, offsets, items, OPTIONS)
    assert np.flatnonzero(~tuned.any(axis=1)).tolist() == [0, 7]
    np.testing.assert_allclose(np.linalg.norm(np.delete(tuned, [0, 7], axis=0), axis=1), 1, rtol=1e-5)


def test_the_same_seed_gives_the_same_vectors_and_sampling_follows_it():
    vectors, _, offsets, items = themes()
    few = ContrastiveOptions(dimensions=8, window=1, epochs=2, max_pairs=100, seed=5)
    other = ContrastiveOptions(dimensions=8, window=1, epochs=2, max_pairs=100, seed=6)
    first = tuned_block(vectors, offsets, items, few)
    assert (tuned_block(vectors, offsets, items, few) == first).all()
    assert (tuned_block(vectors, offsets, items, other) != first).any()


def test_tuning_stops_after_its_patience_and_keeps_the_best_epoch(monkeypatch):
    """Held-out losses of the start and of four epochs: the second epoch is the best, two worse ones follow it."""
    vectors, _, offsets, items = themes()
    losses, seen = iter([5.0, 4.0, 3.0, 3.5, 3.0]), []

    def next_loss(change, *_):
        seen.append(change.detach().numpy().copy())
        return next(losses)

    monkeypatch.setattr(contrastive, "_mean_loss", next_loss)
    tuned = tuned_block(vectors, offsets, items, OPTIONS)
    white = whiten(vectors, dimensions=8).apply(vectors)
    assert len(seen) == 5
    np.testing.assert_allclose(tuned, unit_rows(white + white @ seen[2]), atol=1e-5)


def test_without_any_better_epoch_the_start_is_kept(monkeypatch):
    vectors, _, offsets, items = themes()
    monkeypatch.setattr(contrastive, "_mean_loss", lambda *_: 1.0)
    tuned = tuned_block(vectors, offsets, items, OPTIONS)
    np.testing.assert_allclose(tuned, unit_rows(whiten(vectors, dimensions=8).apply(vectors)), atol=1e-5)


def test_pairs_to_stop_by_name_items_that_are_not_learnt_from(monkeypatch):
    vectors, _, offsets, items = themes()
    learnt, stopped_by = set(), set()
    mean_loss, loss = contrastive._mean_loss, contrastive._loss

    def watch(change, text, shares, pairs, options):
        (learnt if torch.is_grad_enabled() else stopped_by).update(pairs.ravel().tolist())
        return loss(change, text, shares, pairs, options)

    monkeypatch.setattr(contrastive, "_loss", watch)
    monkeypatch.setattr(contrastive, "_mean_loss", mean_loss)
    tuned_block(vectors, offsets, items, ContrastiveOptions(dimensions=8, window=1, epochs=1))
    assert len(stopped_by - learnt) == 6  # a tenth of 60 items
    assert learnt


def test_too_few_pairs_raise():
    vectors, _, _, _ = themes()
    with pytest.raises(NextactError, match=r"1 pair\(s\) of items with text within window=1 are too few"):
        tuned_block(vectors, np.array([0, 2, 3]), np.array([1, 2, 3]), OPTIONS)
    with pytest.raises(NextactError, match=r"0 pair\(s\)"):
        tuned_block(vectors, np.array([0, 1]), np.array([1]), OPTIONS)


@pytest.mark.parametrize(
    "wrong",
    [{"dimensions": 0}, {"batch_size": 1}, {"temperature": 0}, {"held_out_share": 1.0}, {"weight_decay": -1}],
)
def test_options_out_of_range_raise(wrong):
    with pytest.raises(OptionsError, match=next(iter(wrong))):
        ContrastiveOptions(**wrong)
