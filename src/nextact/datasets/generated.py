"""A tiny generated shop, so that the whole line runs in seconds."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from kedro.io import AbstractDataset

from nextact.errors import NextactError

KINDS = ("red wine", "white wine", "dog food", "cat food", "apple juice", "orange juice", "soap", "shampoo")
EVENT_TYPES = ("view", "purchase")


class GeneratedShopDataset(AbstractDataset[Any, pd.DataFrame]):
    """Events or items of a shop in which each product tends to be followed by the next one; equal for equal seeds."""

    def __init__(
        self,
        *,
        table: Literal["events", "items"],
        seed: int = 0,
        n_users: int = 60,
        n_items: int = 24,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.table, self.seed, self.n_users, self.n_items, self.metadata = table, seed, n_users, n_items, metadata

    def load(self) -> pd.DataFrame:
        """The table, made anew each time."""
        return self._items() if self.table == "items" else self._events()

    def save(self, data: Any) -> None:
        """Refuse: the shop is generated."""
        raise NextactError("the generated shop is read only")

    def _items(self) -> pd.DataFrame:
        numbers = np.arange(self.n_items)
        titles = [f"{KINDS[number % len(KINDS)]}, brand {number}" for number in numbers]
        return pd.DataFrame({"item_id": [f"i{number:03}" for number in numbers], "title": titles})

    def _events(self) -> pd.DataFrame:
        random = np.random.default_rng(self.seed)
        rows = []
        for user in range(self.n_users):
            item = int(random.integers(self.n_items))
            for day in range(12):
                item = (item + 1) % self.n_items if random.random() < 0.8 else int(random.integers(self.n_items))
                moment = pd.Timestamp("2024-01-01") + pd.Timedelta(days=day, minutes=int(random.integers(600)))
                rows.append((f"u{user:03}", f"i{item:03}", EVENT_TYPES[int(random.random() < 0.5)], moment))
        return pd.DataFrame(rows, columns=["user_id", "item_id", "event_type", "timestamp"])

    def _describe(self) -> dict[str, Any]:
        return {"table": self.table, "seed": self.seed}
