import pytest

from nextact.processes.threads import in_threads


@pytest.mark.parametrize("threads", ["1", "3", "", "many"])
def test_results_of_threads_come_in_the_order_of_the_work(monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert in_threads(lambda place: place * place, range(50)) == [place * place for place in range(50)]


def test_an_error_in_a_thread_is_not_lost():
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda place: 1 // place, [1, 0])
