import pytest
import torch
from torch.nn.functional import silu, softmax

from nextact.models.device import seeded
from nextact.models.sequence.own_backbone import NextactBackbone, RelativeBias

SECOND = 1_000_000


def backbone(causal=True, layers=2, heads=2):
    with seeded(0):
        made = NextactBackbone(8, layers, heads, 0.0, 6, causal=causal)
        for weight in made.parameters():
            weight.data = torch.randn_like(weight) * 0.5 if weight.ndim > 1 else weight.data
    return made.eval()


def run(made, steps, time=None, is_real=None):
    shape = steps.shape[:2]
    time = torch.arange(shape[1]).expand(shape) * SECOND * 3600 if time is None else time
    is_real = torch.ones(shape, dtype=torch.bool) if is_real is None else is_real
    with torch.no_grad():
        return made(steps, is_real, time)


def test_a_later_step_changes_no_earlier_state_of_a_causal_backbone():
    steps = torch.randn(1, 5, 8)
    changed = steps.clone()
    changed[0, 3] += 1
    before, after = run(backbone(), steps), run(backbone(), changed)
    torch.testing.assert_close(before[0, :3], after[0, :3])
    assert not torch.allclose(before[0, 4], after[0, 4], atol=1e-4)


def test_without_causality_both_sides_are_read_and_padding_is_not():
    steps = torch.randn(1, 4, 8)
    real = torch.tensor([[True, True, True, False]])
    changed_last, changed_pad = steps.clone(), steps.clone()
    changed_last[0, 2] += 1
    changed_pad[0, 3] += 1
    made = backbone(causal=False)
    before = run(made, steps, is_real=real)
    assert not torch.allclose(before[0, 0], run(made, changed_last, is_real=real)[0, 0], atol=1e-4)
    torch.testing.assert_close(before[0, :3], run(made, changed_pad, is_real=real)[0, :3])


def test_only_differences_of_time_matter_and_they_do():
    steps, time = torch.randn(1, 3, 8), torch.tensor([[0, 5, 9]]) * SECOND
    made = backbone()
    torch.testing.assert_close(run(made, steps, time), run(made, steps, time + 10**15))
    assert not torch.allclose(run(made, steps, time), run(made, steps, time * 10**5), atol=1e-4)


def test_time_distances_fall_into_buckets_that_double():
    bias = RelativeBias(heads=1, max_steps=2)
    with torch.no_grad():
        bias.time_QH.copy_(torch.arange(81.0)[:, None] - 40)
    found = bias(torch.tensor([[0, 1, 2, 3, 1_000_000_000]]) * SECOND)[0, 0]
    assert found[:, 0].tolist() == [0, 1, 1, 2, 29]  # floor(log2(1 + seconds)), earlier steps are positive
    assert found[0, 3].item() == -2


def test_a_block_equals_the_formula_written_out():
    made = backbone(layers=1, heads=1)
    steps, time = torch.randn(1, 3, 8), torch.tensor([[0, 60, 3600]]) * SECOND
    block, x = made.blocks[0], steps[0]
    with torch.no_grad():
        normed = x / (x.square().mean(1, keepdim=True) + torch.finfo(torch.float32).eps).sqrt()
        query, key, value, gate = (normed @ block.attention.project_in.weight.T).split(8, dim=1)
        scores = query @ key.T / 8**0.5 + made.bias(time)[0, 0]
        weights = softmax(scores.masked_fill(torch.ones(3, 3).triu(1).bool(), -torch.inf), dim=1)
        x = x + (weights @ value * torch.sigmoid(gate)) @ block.attention.project_out.weight.T
        normed = x / (x.square().mean(1, keepdim=True) + torch.finfo(torch.float32).eps).sqrt()
        gate, value = (normed @ block.mixing.project_in.weight.T).chunk(2, dim=1)
        x = x + (silu(gate) * value) @ block.mixing.project_out.weight.T
        wanted = x / (x.square().mean(1, keepdim=True) + torch.finfo(torch.float32).eps).sqrt()
    torch.testing.assert_close(run(made, steps, time)[0], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_states_of_a_window_do_not_depend_on_the_batch(causal):
    made, steps = backbone(causal), torch.randn(3, 4, 8)
    torch.testing.assert_close(run(made, steps)[1:2], run(made, steps[1:2]))
