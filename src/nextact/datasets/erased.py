"""The hashes of users who asked to be erased."""

from __future__ import annotations

from typing import Any

from nextact.datasets.whole import WholeJSON


class ErasedUsersDataset(WholeJSON):
    """What ``kedro erase-user`` keeps; empty where nobody was ever erased."""

    def load(self) -> Any:
        """Salt and hashes, perhaps none."""
        return super().load() if super()._exists() else {}

    def _exists(self) -> bool:
        return True  # a run may start without it
