import copy
from pathlib import Path

from nextact.errors import TableError
from nextact.stored import StoredError


def test_an_error_reaches_the_main_process_from_a_worker_as_it_was_raised():
    for error in (
        TableError("events", "not a time", 3, "yesterday"),
        StoredError(Path("a.json"), "is empty", "run it"),
    ):
        again = copy.copy(error)  # takes an error apart and builds it again, as a process pool does
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)
