import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from nextact.models.sequence.fitting.sampled import Negatives, draw_negatives, gbce_loss, sampled_softmax_loss

N_ROWS, WIDTH = 9, 4


def example(n_steps=5, seed=0):
    random = torch.Generator().manual_seed(seed)
    states, matrix, bias = (
        torch.randn(*s, generator=random, dtype=torch.float32) for s in ((n_steps, 4), (9, 4), (9,))
    )
    row = torch.arange(n_steps)
    return states, matrix, bias, row, torch.tensor([1, 4, 8, 2, 4])[:n_steps], torch.ones(n_steps)


def every_item_once():
    return Negatives(torch.arange(1, N_ROWS), torch.zeros(N_ROWS), N_ROWS - 1)


def test_with_every_item_as_a_negative_the_sampled_softmax_is_the_full_one():
    states, matrix, bias, row, item, weight = example()
    full = cross_entropy((states @ matrix.T + bias)[:, 1:], item - 1)
    sampled = sampled_softmax_loss(states, matrix, bias, row, item, weight, every_item_once())
    torch.testing.assert_close(sampled, full)


def test_the_corrected_sample_estimates_the_sum_over_the_catalogue():
    states, matrix, bias, row, item, weight = example()
    popularity = torch.tensor([0, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05])
    torch.manual_seed(0)
    negatives = draw_negatives(popularity.log(), item, 60_000, 60_000, 0)
    sampled = sampled_softmax_loss(states, matrix, bias, row, item, weight, negatives)
    full = cross_entropy((states @ matrix.T + bias)[:, 1:], item - 1)
    assert sampled.item() == pytest.approx(full.item(), rel=0.01)


def test_negatives_come_in_the_numbers_asked_for_and_never_padding():
    popularity = torch.tensor([0, 0, 0, 0, 0, 0, 1.0, 0, 0])
    negatives = draw_negatives(popularity.log(), torch.tensor([2]), 50, 3, 2)
    assert len(negatives.items_S) == 55
    assert negatives.items_S.min() >= 1
    assert negatives.items_S[50:].tolist() == [6, 6, 6, 2, 2]
    assert negatives.log_expected_V[6].item() == pytest.approx(math.log(50 / 1 + 5))


def test_an_item_without_a_training_event_is_never_drawn():
    popularity = torch.tensor([0, 0.5, 0, 0.5, 0, 0, 0, 0, 0])
    negatives = draw_negatives(popularity.log(), torch.tensor([1]), 200, 0, 0)
    assert set(negatives.items_S.tolist()) == {1, 3}
    assert negatives.n_items == 2
    assert negatives.log_expected_V[1].item() == pytest.approx(math.log(100))


def test_a_target_among_the_negatives_is_no_negative():
    states, matrix, bias, row, item, weight = example(n_steps=1)
    lone = Negatives(torch.tensor([1, 1, 1]), torch.zeros(N_ROWS), 8)
    assert sampled_softmax_loss(states, matrix, bias, row, item, weight, lone).item() == pytest.approx(0, abs=1e-6)
    positive = (states[0] @ matrix[1] + bias[1]).unsqueeze(0)
    only_positive = binary_cross_entropy_with_logits(positive, torch.ones(1))
    torch.testing.assert_close(gbce_loss(states, matrix, bias, row, item, weight, lone, 0.0), only_positive)


def test_gbce_without_calibration_is_binary_cross_entropy():
    states, matrix, bias, row, item, weight = example()
    negatives = Negatives(torch.tensor([3, 5, 6]), torch.zeros(N_ROWS), 8)
    logits = states @ matrix.T + bias
    wanted = torch.stack(
        [
            binary_cross_entropy_with_logits(
                logits[n, [target, 3, 5, 6]], torch.tensor([1.0, 0, 0, 0]), reduction="sum"
            )
            for n, target in enumerate(item.tolist())
        ]
    ).mean()
    torch.testing.assert_close(gbce_loss(states, matrix, bias, row, item, weight, negatives, 0.0), wanted)


def test_a_calibrated_gbce_weighs_the_positive_by_the_sampled_share():
    states, matrix, bias, row, item, weight = example()
    negatives = Negatives(torch.tensor([3, 5, 6]), torch.zeros(N_ROWS), 8)
    plain = gbce_loss(states, matrix, bias, row, item, weight, negatives, 0.0)
    calibrated = gbce_loss(states, matrix, bias, row, item, weight, negatives, 1.0)
    positive = (states * matrix[item]).sum(1) + bias[item]
    of_positives = binary_cross_entropy_with_logits(positive, torch.ones(5))
    torch.testing.assert_close(plain - calibrated, (1 - 3 / 7) * of_positives)
