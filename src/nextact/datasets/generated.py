"""A tiny generated shop, so that the whole line runs in seconds."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from kedro.io import AbstractDataset

from nextact.errors import NextactError
from nextact.feedback.simulator import SimulatedShop, feedback_table, simulate
from nextact.retrieval.policies import SamplingPolicyOptions

KINDS = ("red wine", "white wine", "dog food", "cat food", "apple juice", "orange juice", "soap", "shampoo")
EVENT_TYPES = ("view", "purchase")
EXAMINATION = (1.0, 0.7, 0.5, 0.4, 0.3)  # how often each place of a shown list is looked at
LISTS_PER_USER = 20


class GeneratedShopDataset(AbstractDataset[Any, pd.DataFrame]):
    """A shop in which each product tends to be followed by the next one; equal for equal seeds.

    ``feedback`` holds one list a day for each user after their last event. Products soon after the last one are liked
    most; even users were shown them first (model ``transition``), odd users any product (model ``random``).
    """

    def __init__(
        self,
        *,
        table: Literal["events", "items", "feedback"],
        seed: int = 0,
        n_users: int = 60,
        n_items: int = 24,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.table, self.seed, self.n_users, self.n_items, self.metadata = table, seed, n_users, n_items, metadata

    def load(self) -> pd.DataFrame:
        """The table, made anew each time."""
        return {"items": self._items, "events": self._events, "feedback": self._feedback}[self.table]()

    def save(self, data: Any) -> None:
        """Refuse: the shop is generated."""
        raise NextactError("the generated shop is read only")

    def fingerprint(self) -> str:
        """Nothing but its arguments, which are in the data catalog, and its code decide what is in the shop."""
        return "generated"

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

    def simulated_shop(self) -> SimulatedShop:
        """What each user likes after their last event: most of all the product that comes next."""
        last = self._events().groupby("user_id")["item_id"].last().str[1:].astype(int).to_numpy()
        steps = (np.arange(self.n_items) - last[:, None] - 1) % self.n_items  # 0 for the product that comes next
        return SimulatedShop(np.asarray(0.05 + 0.55 * 0.8**steps, dtype=np.float64), np.array(EXAMINATION))

    def _feedback(self) -> pd.DataFrame:
        shop, ordered = self.simulated_shop(), np.arange(self.n_users) % 2 == 0
        scores = np.where(ordered[:, None], np.log(shop.liking_UI), 0.0)
        log = simulate(shop, scores, SamplingPolicyOptions(), LISTS_PER_USER, self.seed)
        user_ids = [f"u{user:03}" for user in range(self.n_users)]
        item_ids = [f"i{item:03}" for item in range(self.n_items)]
        start = self._events()["timestamp"].max().normalize() + pd.Timedelta(days=1)
        table = feedback_table(log, user_ids, item_ids, EVENT_TYPES, start, self.seed)
        of_order = table["user_id"].isin(
            [user for user, is_ordered in zip(user_ids, ordered, strict=True) if is_ordered]
        )
        return table.assign(model=np.where(of_order, "transition", "random"))

    def _describe(self) -> dict[str, Any]:
        return {"table": self.table, "seed": self.seed}
