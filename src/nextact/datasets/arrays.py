"""Histories and cuts as folders of ``.npy`` files, opened memory-mapped."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from nextact.datasets.places import InPlace
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts
from nextact.stored import StoredError, read_array, write_array, written_whole


class HistoriesDataset(InPlace[Histories, Histories]):
    """Histories, one ``.npy`` a field."""

    sure_file = "offsets.npy"

    def load(self) -> Histories:
        """Open memory-mapped."""
        return Histories.open(self._filepath)

    def save(self, data: Histories) -> None:
        """Write beside, then put in place, so that a killed run leaves the old arrays whole."""
        with written_whole(self._filepath) as beside:
            data.save(beside)


class CutsDataset(InPlace[Cuts, Cuts]):
    """The cuts of one holdout in one ``.npy`` of int64 [5, users], rows in the order of the fields."""

    def load(self) -> Cuts:
        """Read."""
        found = read_array(self._filepath, np.int64, ndim=2, mapped=False)
        if len(found) != len(fields(Cuts)):
            raise StoredError(self._filepath, f"holds {len(found)} rows, not the {len(fields(Cuts))} of cuts")
        return Cuts(*found)

    def save(self, data: Cuts) -> None:
        """Write beside, then put in place."""
        whole = replace(data, training_end=data.learnt_until, window_end=data.observed_until)
        with written_whole(self._filepath) as beside:
            write_array(beside, np.stack([getattr(whole, field.name) for field in fields(whole)]))
