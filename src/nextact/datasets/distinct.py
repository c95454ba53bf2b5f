"""An item table where there is none, or where one names items twice: the first row of each id."""

from __future__ import annotations

from typing import Any

import ibis
from kedro.io import AbstractDataset

from nextact.datasets.sources import OfOtherDatasets
from nextact.errors import NextactError
from nextact.events.tables import as_table, require_columns


class DistinctDataset(OfOtherDatasets[ibis.Table]):
    """The first row of each id in one or several tables; read only.

    Rows without an id are passed over. Which row of an id is the first, the engine says.

    .. code-block:: yaml

        raw_items:
          type: nextact.datasets.distinct.DistinctDataset
          tables:
            - {table: {type: pandas.CSVDataset, filepath: data/01_raw/orders.csv, load_args: {dtype: str}}, id: sku}
          columns: [product_name]

    Args:
        tables: Each with ``table``, a data set of any kind that loads a frame or an Ibis table, and ``id``, its column
            of the id.
        id: Name of the column of the id in the result.
        columns: Further columns of the result, which every table must have.
        metadata: Kedro's.
    """

    def __init__(
        self,
        *,
        tables: list[dict[str, Any]],
        id: str = "item_id",
        columns: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if not tables or any(set(one) != {"table", "id"} for one in tables):
            raise NextactError("DistinctDataset: each of tables needs table, a data set, and id, its column")
        self.metadata = metadata
        self.datasets = {
            f"table {at}": AbstractDataset.from_config(f"table {at}", dict(one["table"]))
            for at, one in enumerate(tables)
        }
        self._ids = [str(one["id"]) for one in tables]
        self._id, self._columns = id, list(columns or [])

    def load(self) -> ibis.Table:
        """One row an id."""
        parts = [
            self._part(dataset.load(), name, column)
            for (name, dataset), column in zip(self.datasets.items(), self._ids, strict=True)
        ]
        rows = parts[0].union(*parts[1:]) if len(parts) > 1 else parts[0]
        return rows.distinct(on=self._id, keep="first")

    def _part(self, data: Any, place: str, column: str) -> ibis.Table:
        table = as_table(data, place)
        wanted: dict[str, str | None] = {"id": column, **{name: name for name in self._columns}}
        require_columns(table, wanted, place)
        ids = table[column]
        given = ids.strip() != "" if ids.type().is_string() else ids.notnull()
        others = {name: table[name] for name in self._columns if name != self._id}
        return table.filter(given.fill_null(False)).select(**{self._id: ids}, **others)
