import pytest
import torch
from torch.nn.functional import cross_entropy

from nextact.models.sequence.fitting import losses
from nextact.models.sequence.fitting.losses import next_items_loss

N_STEPS, N_ROWS, WIDTH = 7, 6, 4


def example(seed=0):
    random = torch.Generator().manual_seed(seed)
    tensors = [torch.randn(*shape, generator=random, dtype=torch.float64) for shape in ((7, 4), (6, 4), (6,))]
    row = torch.tensor([0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 6])
    item = torch.tensor([1, 3, 2, 1, 4, 5, 3, 5, 5, 2, 4])
    weight = (1 / torch.bincount(row).double())[row]
    return [t.requires_grad_() for t in tensors], (row, item, weight)


def dense_loss(states, matrix, bias, row, item, weight):
    """Soft targets over all real items, the slow way."""
    logits = (states @ matrix.T + bias)[:, 1:]
    wanted = torch.zeros_like(logits).index_put((row, item - 1), weight)
    return cross_entropy(logits, wanted)


@pytest.mark.parametrize("chunk_steps", [1, 3, 7, 100])
def test_loss_and_gradients_equal_the_dense_ones(chunk_steps):
    inputs, targets = example()
    loss = next_items_loss(*inputs, *targets, chunk_steps)
    dense = dense_loss(*inputs, *targets)
    torch.testing.assert_close(loss, dense)
    for got, wanted in zip(torch.autograd.grad(3 * loss, inputs), torch.autograd.grad(3 * dense, inputs), strict=True):
        torch.testing.assert_close(got, wanted)


def test_gradients_pass_gradcheck():
    inputs, targets = example(1)
    assert torch.autograd.gradcheck(lambda *tensors: next_items_loss(*tensors, *targets, 3), inputs)


def test_padding_takes_no_part_and_gets_no_gradient():
    (states, matrix, bias), targets = example()
    loss = next_items_loss(states, matrix, bias, *targets, 3)
    _, grad_matrix, grad_bias = torch.autograd.grad(loss, [states, matrix, bias])
    assert not grad_matrix[0].any()
    assert grad_bias[0] == 0
    with torch.no_grad():
        bias[0] = 100
    torch.testing.assert_close(next_items_loss(states, matrix, bias, *targets, 3), loss)


def test_an_even_softmax_costs_the_log_of_the_number_of_items():
    loss = next_items_loss(
        torch.zeros(1, 4), torch.zeros(6, 4), torch.zeros(6), torch.tensor([0]), torch.tensor([2]), torch.ones(1), 9
    )
    torch.testing.assert_close(loss, torch.tensor(5.0).log())


def test_a_step_without_a_target_adds_nothing():
    (states, matrix, bias), (row, item, weight) = example()
    kept = row != 3
    loss = next_items_loss(states, matrix, bias, row[kept], item[kept], weight[kept], 3)
    gradient = torch.autograd.grad(loss, states)[0]
    assert torch.isfinite(gradient).all()
    assert not gradient[3].any()


def test_no_step_is_refused():
    inputs, targets = example()
    with pytest.raises(ValueError, match="at least one step"):
        next_items_loss(inputs[0][:0], *inputs[1:], *(t[:0] for t in targets), 3)


def wide_example(n_steps=200, n_items=500, width=32):
    random = torch.Generator().manual_seed(3)
    states, matrix, bias = (
        torch.randn(*shape, generator=random).requires_grad_()
        for shape in ((n_steps, width), (n_items, width), (n_items,))
    )
    row = torch.arange(n_steps)
    return [states, matrix, bias], (row, 1 + row % (n_items - 1), torch.ones(n_steps))


def relative_error(got, wanted):
    return ((got - wanted).norm() / wanted.norm()).item()


@pytest.mark.parametrize("chunk_steps", [64, 1_000])
def test_under_bf16_loss_and_gradients_are_off_by_its_rounding_and_no_more(chunk_steps):
    inputs, targets = wide_example()
    exact = next_items_loss(*inputs, *targets, chunk_steps)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = next_items_loss(*inputs, *targets, chunk_steps)
    assert rounded.dtype == torch.float32
    assert 0 < relative_error(rounded, exact) < 1e-3
    gradients = (torch.autograd.grad(loss, inputs) for loss in (rounded, exact))
    for got, wanted in zip(*gradients, strict=True):
        assert got.dtype == torch.float32
        assert 0 < relative_error(got, wanted) < 0.02  # bf16 keeps eight bits: each factor is off by 1 in 512 at most


def test_under_fp16_the_products_stay_in_full():
    inputs, targets = wide_example()
    with torch.autocast("cpu", torch.float16):
        half = next_items_loss(*inputs, *targets, 64)
    assert torch.equal(half, next_items_loss(*inputs, *targets, 64))


def test_under_bf16_padding_takes_no_part():
    inputs, targets = wide_example()
    with torch.autocast("cpu", torch.bfloat16):
        loss = next_items_loss(*inputs, *targets, 64)
        with torch.no_grad():
            inputs[1][0], inputs[2][0] = 50, 50
        assert torch.equal(next_items_loss(*inputs, *targets, 64), loss)


@pytest.mark.parametrize(("n_steps", "chunk_steps", "of_bf16"), [(200, 128, [128, 128]), (64, 1_000, [64])])
def test_products_of_bf16_are_of_few_shapes(monkeypatch, n_steps, chunk_steps, of_bf16):
    asked, logits = [], losses._Catalogue.logits
    monkeypatch.setattr(
        losses._Catalogue, "logits", lambda self, states: asked.append(len(states)) or logits(self, states)
    )
    inputs, targets = wide_example(n_steps)
    next_items_loss(*inputs, *targets, chunk_steps)
    assert sum(asked) == n_steps
    asked.clear()
    with torch.autocast("cpu", torch.bfloat16):
        next_items_loss(*inputs, *targets, chunk_steps)
    assert asked == of_bf16
