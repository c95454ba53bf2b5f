import pytest
import torch

from nextact.models.device import all_threads, one_thread


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_small_work_has_one_thread_and_large_work_inside_it_has_all():
    with one_thread():
        assert torch.get_num_threads() == 1
        with all_threads():
            assert torch.get_num_threads() == 3
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with one_thread(wanted=False), all_threads():
        assert torch.get_num_threads() == 3


def test_threads_come_back_after_an_error():
    with pytest.raises(ZeroDivisionError), one_thread(), all_threads():
        raise ZeroDivisionError
    assert torch.get_num_threads() == 3
