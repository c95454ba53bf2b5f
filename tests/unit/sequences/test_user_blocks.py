import numpy as np
import pytest

from nextact.sequences import user_blocks as module
from nextact.sequences.user_blocks import score_bytes, user_blocks


@pytest.mark.parametrize(("n_users", "user_bytes", "most"), [(0, 8, 3), (1, 8, 3), (7, 8, 3), (9, 40, 4), (5, 0, 2)])
def test_every_user_is_in_one_block_in_order(monkeypatch, n_users, user_bytes, most):
    monkeypatch.setattr(module, "BLOCK_BYTES", 100)
    blocks = list(user_blocks(n_users, user_bytes, most))
    assert [user for block in blocks for user in block.tolist()] == list(range(n_users))
    assert all(0 < len(block) <= most and len(block) * user_bytes <= 100 for block in blocks)


def test_a_user_who_alone_takes_more_than_the_memory_is_a_block(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 100)
    assert [block.tolist() for block in user_blocks(3, user_bytes=101)] == [[0], [1], [2]]


def test_a_user_takes_what_a_row_of_scores_does():
    assert score_bytes(n_items=9) == np.zeros(10, np.float32).nbytes
