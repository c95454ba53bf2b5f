"""The items that can be recommended: their names, what is known of them, and which of them look the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.events import columns as c
from nextact.retrieval.alike import alike_by_text
from nextact.retrieval.rules.item_columns import ItemColumns
from nextact.retrieval.scoring import popular_first
from nextact.retrieval.words import SharedWords


@dataclass(frozen=True)
class Catalogue:
    """The items that can be recommended, in the order of their index.

    Attributes:
        table: ``item_id``, ``item_text``, ``n_training_events`` and, for reasons in words, ``tokens``, row r being item
            index r + 1.
        one_per_text: Whether items of the same text stand in a list once; see
            :class:`~nextact.retrieval.alike.ListOptions`.
        attributes: Columns of the item table that rules may name, in the same rows; None where there are none.
        vectors: Block name -> float32 [n_items + 1, dimensions], of which rules may take resemblance.
    """

    table: pd.DataFrame
    one_per_text: bool | Literal["auto"] = "auto"
    attributes: pd.DataFrame | None = None
    vectors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    @cached_property
    def columns(self) -> ItemColumns:
        """The attributes as rules read them."""
        return ItemColumns(pd.DataFrame(index=self.table.index) if self.attributes is None else self.attributes)

    def directions(self, block: str) -> NDArray[np.float32]:
        """Vectors of a block at length 1, zero where an item has none, float32 [n_items + 1, dimensions]."""
        if block not in self._directions:
            vectors = np.asarray(self.vectors[block], np.float32)
            length = np.linalg.norm(vectors, axis=1, keepdims=True)
            self._directions[block] = np.asarray(vectors / np.where(length > 0, length, 1), np.float32)
        return self._directions[block]

    @cached_property
    def _directions(self) -> dict[str, NDArray[np.float32]]:
        return {}

    @cached_property
    def index(self) -> dict[str, int]:
        """Item id -> item index."""
        return {item_id: index for index, item_id in enumerate(self.ids) if index}

    @cached_property
    def ids(self) -> NDArray[np.object_]:
        """The id of each item index; empty for padding."""
        return np.array(["", *self.table[c.ITEM_ID]], dtype=object)

    @cached_property
    def tie_order(self) -> NDArray[np.int64]:
        """The order in which items of equal score are listed; see :func:`~nextact.retrieval.scoring.popular_first`."""
        return popular_first(self.table[c.N_TRAINING_EVENTS].to_numpy())

    @cached_property
    def alike(self) -> NDArray[np.int32] | None:
        """Which items no list holds together; see :func:`~nextact.retrieval.alike.alike_by_text`."""
        return alike_by_text(self.table[c.ITEM_TEXT], self.one_per_text)

    @cached_property
    def names(self) -> list[str]:
        """What an item is called in words: its text, or its id where it has none."""
        pairs = zip(self.table[c.ITEM_TEXT], self.table[c.ITEM_ID], strict=True)
        return ["", *(text or item for text, item in pairs)]

    @cached_property
    def words(self) -> SharedWords | None:
        """Which words items share; None where no item has tokens."""
        if c.TOKENS not in self.table or not self.table[c.TOKENS].any():
            return None
        return SharedWords([tokens.split() for tokens in self.table[c.TOKENS]])
