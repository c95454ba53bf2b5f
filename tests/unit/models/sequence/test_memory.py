import torch

from nextact.models.sequence.memory import peak_bytes

CPU, ROW = torch.device("cpu"), 4 * 1000


def test_what_went_before_the_next_came_does_not_add_up():
    def work():
        for _ in range(10):
            torch.ones(1000).mul(2)

    assert peak_bytes(work, CPU) == 2 * ROW


def test_what_is_kept_for_the_backward_pass_adds_up():
    weight = torch.ones(1000, requires_grad=True)

    def work():
        first = weight.exp()  # each result is kept, since its own gradient reads it
        second = first.exp()
        third = second.exp()
        assert third.shape == (1000,)

    assert peak_bytes(work, CPU) == 3 * ROW


def test_a_view_and_what_was_there_take_nothing():
    there = torch.ones(1000)
    assert peak_bytes(lambda: there.view(10, 100)[2:].add_(1), CPU) == 0


def test_the_backward_pass_is_watched():
    weight = torch.ones(1000, requires_grad=True)
    assert peak_bytes(weight.exp, CPU) == ROW
    assert peak_bytes(lambda: weight.exp().sum().backward(), CPU) >= 2 * ROW  # the result is kept for the gradient
    assert weight.grad is not None


def test_what_work_leaves_behind_counts_and_is_forgotten_when_it_goes():
    kept = []
    assert peak_bytes(lambda: kept.append(torch.ones(1000)), CPU) == ROW
    kept.clear()
    assert peak_bytes(lambda: kept.append(torch.ones(1000)), CPU) == ROW
