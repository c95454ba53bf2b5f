"""The hashes of users who asked to be erased."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nextact.datasets.whole import WholeJSON
from nextact.events.erase import ErasedUsers
from nextact.stored import reading


class ErasedUsersDataset(WholeJSON):
    """What ``kedro erase-user`` keeps; empty where nobody was ever erased."""

    def load(self) -> Any:
        """Salt and hashes, perhaps none."""
        if not super()._exists():
            return {}
        with reading(Path(str(self._filepath))):
            return ErasedUsers.from_json(super().load()).to_json()

    def _exists(self) -> bool:
        return True  # a run may start without it
