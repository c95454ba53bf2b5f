"""Dropout from cheap random bits, and attention in blocks, against torch's own."""

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from nextact.models.device import seeded
from nextact.models.dropout import Dropout, Kept, replace_dropout
from nextact.models.sequence.backbones import make_backbone
from nextact.models.sequence.kernels import attention

from .conftest import options_of


def ones(self, shape):
    return torch.ones(shape, dtype=torch.bool)


def parts(n_windows, heads, n_steps, width):
    shape = n_windows, n_steps, heads, width
    return [torch.randn(shape, dtype=torch.float64).transpose(1, 2).requires_grad_() for _ in range(3)]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_drops_the_share_asked_for_and_keeps_the_mean(share):
    with seeded(0):
        dropped = Dropout(share)(torch.ones(1_000, 1_001))
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.002)
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    assert len(dropped.unique()) == 2


def test_dropped_elements_of_neighbouring_places_and_calls_are_independent():
    layer, ones = Dropout(0.5), torch.ones(400_000)
    with seeded(3):
        first, second = layer(ones), layer(ones)
    for one, other in ((first, second), (first[1:], first[:-1]), (first[4:], first[:-4])):
        assert torch.corrcoef(torch.stack([one, other]))[0, 1].abs() < 0.01


def test_the_same_seed_drops_the_same():
    drops = []
    for seed in (1, 1, 2):
        with seeded(seed):
            drops.append(Dropout(0.3)(torch.ones(500)))
    assert torch.equal(drops[0], drops[1])
    assert not torch.equal(drops[0], drops[2])


def test_gradients_pass_where_values_did():
    values = torch.randn(50, 7, requires_grad=True)
    with seeded(0):
        dropped = Dropout(0.4)(values)
    (gradient,) = torch.autograd.grad(dropped.sum(), values)
    torch.testing.assert_close(gradient * values, dropped)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_dropout_of_nothing_or_all_is_that_of_torch(share):
    values = torch.randn(20)
    torch.testing.assert_close(Dropout(share)(values), nn.Dropout(share)(values))


def test_evaluation_drops_nothing():
    values = torch.randn(20)
    assert torch.equal(Dropout(0.5).eval()(values), values)


def test_every_dropout_of_a_network_is_replaced_at_its_own_rate():
    network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.1), nn.Dropout(0.2)))
    replace_dropout(network)
    assert [module.p for module in network.modules() if type(module) is Dropout] == [0.1, 0.2]
    assert not [module for module in network.modules() if type(module) is nn.Dropout]


@pytest.mark.parametrize(("n_windows", "n_steps"), [(1, 1), (3, 64), (5, 65), (4, 200)])
def test_blocked_attention_is_that_of_torch_with_its_gradients(monkeypatch, n_windows, n_steps):
    monkeypatch.setattr(Kept, "draw", ones)
    monkeypatch.setattr(Kept, "scale", 1.0, raising=False)
    monkeypatch.setattr(Kept, "__init__", lambda self, share: None)
    monkeypatch.setattr(attention, "GROUP_WEIGHTS", 2 * 2 * attention.BLOCK_STEPS * n_steps)  # two windows a group
    query, key, value = parts(n_windows, 2, n_steps, 4)
    ours, _ = attention.causal_attention(nn.Identity(), query, key, value, None, dropout=0.5)
    wanted = scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2)
    torch.testing.assert_close(ours, wanted)
    weight = torch.randn_like(wanted)
    for got, want in zip(
        torch.autograd.grad(ours, (query, key, value), weight),
        torch.autograd.grad(wanted, (query, key, value), weight),
        strict=True,
    ):
        torch.testing.assert_close(got, want)


def test_gradients_of_attention_with_dropout_are_those_of_what_it_computes():
    inputs = parts(2, 1, 5, 3)

    def attend(*parts):
        with seeded(7):
            return attention.causal_attention(nn.Identity(), *parts, None, dropout=0.4)[0]

    assert torch.autograd.gradcheck(attend, inputs)


def test_attention_with_dropout_keeps_the_mean():
    query, key, value = parts(1, 1, 8, 2)
    wanted = scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2)
    with seeded(0), torch.no_grad():
        runs = [attention.causal_attention(nn.Identity(), query, key, value, None, 0.3)[0] for _ in range(4_000)]
    torch.testing.assert_close(torch.stack(runs).mean(dim=0), wanted.detach(), atol=0.06, rtol=0)


def test_a_step_in_training_sees_no_later_one():
    backbone = make_backbone(options_of(dimensions=8, max_steps=70, dropout=0.3))
    steps = torch.randn(2, 70, 8)
    changed = steps.clone()
    changed[:, 66:] = torch.randn(2, 4, 8)  # a constant would be lost in the norm
    states = []
    for inputs in (steps, changed):
        with seeded(5):
            states.append(backbone(inputs_embeds=inputs).last_hidden_state)
    torch.testing.assert_close(states[0][:, :66], states[1][:, :66])
    assert not torch.allclose(states[0][:, 66:], states[1][:, 66:])


@pytest.mark.parametrize("autocast", [False, True])
def test_attention_in_bf16_is_that_of_float32_rounded_at_its_ends(autocast):
    low = [part.detach().bfloat16().requires_grad_() for part in parts(3, 2, 150, 16)]
    wide = [part.detach().float().requires_grad_() for part in low]
    weight = torch.randn(3, 150, 2, 16).bfloat16()
    found = []
    for inputs in (low, wide):
        with seeded(2), torch.autocast("cpu", torch.bfloat16, enabled=autocast and inputs is low):  # drops the same
            read, _ = attention.causal_attention(nn.Identity(), *inputs, None, dropout=0.1)
        found.append((read, *torch.autograd.grad(read, inputs, weight.to(read.dtype))))
    for got, wanted in zip(*found, strict=True):
        assert torch.equal(got, wanted.bfloat16())


def test_dropout_of_bf16_rounds_what_stays_once():
    values = torch.linspace(1, 2, 1_000).bfloat16()
    with seeded(0):
        dropped = Dropout(0.1)(values)
    kept = dropped != 0
    assert torch.equal(dropped[kept], (values.float() * Kept(0.1).scale).bfloat16()[kept])


def test_gradients_of_dropout_of_bf16_are_rounded_once():
    values = torch.ones(1_000, dtype=torch.bfloat16, requires_grad=True)
    weight = torch.linspace(1, 2, 1_000).bfloat16()
    with seeded(0):
        dropped = Dropout(0.1)(values)
    (gradient,) = torch.autograd.grad(dropped, values, weight)
    kept = dropped != 0
    assert torch.equal(gradient[kept], (weight.float() * Kept(0.1).scale).bfloat16()[kept])
