from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from nextact.errors import CannotFit
from nextact.models.baselines import gram
from nextact.models.baselines.shared_options import LinearOptions

MATRIX = csr_matrix(np.ones((3, 101), np.float32))


def free(monkeypatch, n_bytes):
    monkeypatch.setattr(gram.psutil, "virtual_memory", lambda: SimpleNamespace(available=n_bytes))


def test_a_matrix_that_does_not_fit_in_free_memory_is_not_begun(monkeypatch):
    free(monkeypatch, 2 * 4 * 101**2 - 1)
    with pytest.raises(CannotFit, match=r"matrix of 101 items needs about .* GiB are free; try memory_gib"):
        gram.items_that_fit(MATRIX, LinearOptions(), "ease")
    free(monkeypatch, 2 * 4 * 101**2)
    assert len(gram.items_that_fit(MATRIX, LinearOptions(), "ease")) == 101


def test_what_the_options_leave_out_needs_no_memory(monkeypatch):
    free(monkeypatch, 2 * 4 * 50**2)
    assert len(gram.items_that_fit(MATRIX, LinearOptions(max_items=50), "ease")) == 50
