"""The hashes of users who asked to be erased."""

from __future__ import annotations

from pathlib import Path

from nextact.datasets.whole import WholeJSON
from nextact.events.erase import ErasedUsers
from nextact.stored import reading


class ErasedUsersDataset(WholeJSON):
    """What ``kedro erase-user`` keeps; empty where nobody was ever erased."""

    def load(self) -> ErasedUsers:
        """Salt and hashes, perhaps none."""
        if not super()._exists():
            return ErasedUsers.from_json({})
        with reading(Path(str(self._filepath))):
            return ErasedUsers.from_json(super().load())

    def _exists(self) -> bool:
        return True  # a run may start without it
