"""Online Retail of the UCI Machine Learning Repository: the purchases of a British gift shop, 2010-12 to 2011-12.

Licence: CC BY 4.0. Source: D. Chen, Online Retail, UCI Machine Learning Repository, 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from nextact.datasets.public_lines import Columns, PublicDataset, csv_rows, read_table
from nextact.errors import NextactError

HEADER = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
COLUMNS: Columns = {
    "invoice": "text",
    "stock_code": "text",
    "description": "text",
    "quantity": "integer",
    "timestamp": "moment",
    "unit_price": "number",
    "customer_id": "text",
    "country": "text",
    "event_type": "text",
}
TIMES = ("%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M")


class OnlineRetailDataset(PublicDataset):
    """``events`` (rows without a customer too: the contract rejects them by name) or ``items``."""

    def __init__(
        self,
        *,
        filepath: str,
        table: Literal["events", "items"],
        time_format: str = TIMES[0],
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.table, self.time_format = table, time_format

    def load(self) -> pd.DataFrame:
        """The table."""
        events = read_online_retail(self._filepath, self.time_format)
        return events if self.table == "events" else describe_items(events)


def read_online_retail(path: Path, time_format: str = TIMES[0]) -> pd.DataFrame:
    """``Online Retail.xlsx``, or the same table as CSV.

    Args:
        path: The workbook (its first sheet is read, by openpyxl) or a UTF-8 ``.csv``, perhaps gzipped.
        time_format: How a CSV writes ``InvoiceDate``; a workbook holds times.

    Returns:
        ``customer_id``, ``stock_code``, ``event_type`` (``return`` for cancelled invoices and negative quantities, else
        ``purchase``), ``timestamp`` (clock time in Europe/London), ``invoice``, ``quantity``, ``unit_price``,
        ``country``, ``description``. Codes keep their characters; a customer number loses a trailing ``.0``.

    Raises:
        TableError: If a row is broken; it is named.
        NextactError: If the header is another one, or the workbook cannot be read.
    """
    if path.suffix == ".xlsx":
        return read_table(path, _sheet_rows(path), lambda row: [_event(row, time_format)], COLUMNS)
    return read_table(path, csv_rows(path, HEADER), lambda row: [_event(row, time_format)], COLUMNS)


def describe_items(events: pd.DataFrame) -> pd.DataFrame:
    """``stock_code`` and its most frequent ``description``; of equally frequent ones the first in the alphabet."""
    named = events[events["description"].fillna("").str.strip() != ""]
    counts = named.groupby(["stock_code", "description"]).size().reset_index(name="n")
    counts = counts.sort_values(["stock_code", "n", "description"], ascending=[True, False, True])
    codes = pd.DataFrame({"stock_code": sorted(events["stock_code"].unique())})
    return codes.merge(counts.drop_duplicates("stock_code").drop(columns="n"), on="stock_code", how="left")


def _sheet_rows(path: Path) -> Iterator[tuple[int, list[Any]]]:
    if find_spec("openpyxl") is None:
        raise NextactError(f"{path}: reading a workbook needs openpyxl: `pip install openpyxl`, or save it as CSV")
    import openpyxl  # type: ignore[import-untyped]

    workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        rows = workbook.worksheets[0].iter_rows(values_only=True)
        found = list(next(rows, ()))
        if found != HEADER:
            raise NextactError(f"{path}: the first row must be {','.join(HEADER)}, got {found!r}")
        for number, row in enumerate(rows, start=2):
            yield number, list(row)
    finally:
        workbook.close()


def _event(row: list[Any], time_format: str) -> tuple[Any, ...]:
    invoice, stock_code, description, quantity, time, price, customer, country = row
    moment = time if isinstance(time, datetime) else datetime.strptime(time, time_format)
    n_bought = int(quantity)
    is_return = str(invoice).startswith("C") or n_bought < 0
    return (
        _code(invoice),
        _code(stock_code),
        None if description in {None, ""} else str(description),
        n_bought,
        moment,
        float(price),
        _customer(customer),
        None if country is None else str(country),
        "return" if is_return else "purchase",
    )


def _code(value: Any) -> str:
    """A workbook keeps codes of digits alone as numbers."""
    if value is None or value == "":
        raise ValueError("a code is missing")
    return str(int(value)) if isinstance(value, float) else str(value)


def _customer(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return str(value).removesuffix(".0")
