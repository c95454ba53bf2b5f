import signal

import pytest

from nextact.processes import stopping

WAIT = """
import signal, sys, threading, time
from nextact.processes import stopping
stopping.GRACE_SECONDS = 0.3
stopping.end_on_sigterm()
stopping.at_end(lambda: print("in order, told:", stopping.was_told_to_stop(), flush=True))
forgotten = lambda: print("forgotten", flush=True)
stopping.at_end(forgotten)
stopping.forget(forgotten)
if sys.argv[1] == "thread":  # that Python would wait for
    threading.Thread(target=time.sleep, args=(600,)).start()
if sys.argv[1] == "library":  # in which the main thread notices nothing
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
threading.Timer(0.5, print, ("ready",), {"flush": True}).start()  # once the main thread sleeps
try:
    time.sleep(1 if sys.argv[1] == "end" else 600)
finally:
    print("block left", flush=True)
"""


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("wait", "block left\nin order, told: True\n"),
        ("thread", "block left\nin order, told: True\n"),
        ("library", "in order, told: True\n"),
    ],
)
def test_sigterm_puts_in_order_what_is_to_be_and_ends_with_the_usual_status(start, how, said):
    process = start(WAIT, how)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[0] == said
    assert process.returncode == 143


def test_an_exit_puts_in_order_once(start):
    process = start(WAIT, "end")
    assert process.communicate(timeout=60)[0] == "ready\nblock left\nin order, told: False\n"
    assert process.returncode == 0


def test_one_action_that_fails_keeps_no_other_from_its_turn(monkeypatch, caplog):
    done = []
    monkeypatch.setattr(stopping, "_actions", [lambda: done.append(1), lambda: 1 / 0, lambda: done.append(3)])
    stopping._run_actions()
    assert done == [3, 1]
    assert "could not be put in order" in caplog.text


def test_a_handler_of_somebody_else_stays(monkeypatch):
    mine = lambda number, frame: None  # noqa: E731
    earlier = signal.signal(signal.SIGTERM, mine)
    try:
        stopping.end_on_sigterm()
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, earlier)
