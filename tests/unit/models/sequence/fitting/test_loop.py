from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from nextact.errors import NextactError
from nextact.models.device import make_accelerator, seeded
from nextact.models.sequence.fitting.loop import train
from nextact.models.sequence.fitting.state import LoopSettings, warmup_cosine


@dataclass(frozen=True)
class Pairs:
    x: Tensor
    y: Tensor

    @property
    def n_steps(self):
        return len(self.x)

    def to(self, device):
        return Pairs(self.x.to(device), self.y.to(device))


class Line:
    """Two batches of y = 2 x, one of them thrice as long."""

    def __init__(self, last_y=2.0):
        self.batches = [
            Pairs(torch.ones(3, 1), torch.full((3, 1), 2.0)),
            Pairs(torch.ones(1, 1), torch.full((1, 1), last_y)),
        ]

    def __len__(self):
        return 2

    def epoch(self, number, skip=0, shards=1):
        return iter([[batch] for batch in self.batches[skip:]])


def fit(batches, validate=None, settings=None, network=None, **kwargs):
    network = network or nn.Linear(1, 1)
    settings = settings or LoopSettings(epochs=20, learning_rate=0.1)

    def loss_of(batch, done):
        return (network(batch.x) - batch.y).square().mean()

    return network, train(network, batches, loss_of, validate, settings, **kwargs)


def test_a_line_is_learnt():
    _, result = fit(Line(), settings=LoopSettings(epochs=60, learning_rate=0.1))
    assert result.curve[-1].loss < 1e-2


def test_the_loss_of_an_epoch_weighs_batches_by_their_steps():
    network = nn.Linear(1, 1)
    nn.init.zeros_(network.weight)
    nn.init.zeros_(network.bias)
    _, result = fit(Line(last_y=0.0), network=network, settings=LoopSettings(epochs=1, learning_rate=1e-9))
    assert result.curve[0].loss == pytest.approx((3 * 4 + 0) / 4, rel=1e-4)


def test_a_non_finite_loss_is_refused_with_its_batch_and_changes_nothing():
    network = nn.Linear(1, 1)
    with pytest.raises(NextactError, match="loss is nan in epoch 1, update 2 of 2"):
        fit(Line(last_y=float("nan")), network=network)
    assert all(torch.isfinite(p).all() for p in network.parameters())


def test_a_non_finite_gradient_is_refused():
    network = nn.Linear(1, 1)
    network.weight.register_hook(lambda grad: grad * float("inf"))
    before = network.weight.detach().clone()
    with pytest.raises(NextactError, match=r"gradient norm is .* in epoch 1, update 1 of 2"):
        fit(Line(), network=network)
    assert torch.equal(network.weight, before)


def test_the_weights_of_the_best_epoch_return_and_patience_stops():
    network, seen = nn.Linear(1, 1), []

    def validate():
        assert not network.training
        seen.append(network.weight.detach().clone())
        return [0.1, 0.5, 0.5, 0.2, 0.9][len(seen) - 1]

    _, result = fit(Line(), validate, LoopSettings(epochs=5, learning_rate=0.1, patience=2), network)
    assert (result.best.epoch, len(result.curve)) == (2, 4)
    assert torch.equal(network.weight, seen[1])
    assert not torch.equal(network.weight, seen[3])
    assert not network.training


def test_without_validation_the_last_epoch_counts_as_best():
    _, result = fit(Line(), settings=LoopSettings(epochs=3, learning_rate=0.1, patience=1))
    assert (result.best.epoch, result.best.validation) == (3, None)


def test_the_step_size_rises_then_falls():
    rates = [warmup_cosine(update, n_updates=10, warmup_share=0.2) for update in range(11)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert 0 < rates[9] < 0.1
    assert rates[10] == pytest.approx(0)


def test_each_fit_has_the_precision_it_asked_for():
    assert make_accelerator("bf16").mixed_precision == "bf16"
    assert make_accelerator("no").mixed_precision == "no"


def test_a_seed_leaves_the_callers_randomness_alone():
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with seeded(9):
        inside = torch.rand(1)
    with seeded(9):
        assert torch.equal(torch.rand(1), inside)
    assert torch.equal(torch.rand(2), expected)
