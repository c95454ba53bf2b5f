"""Amazon reviews and product data as the McAuley lab hands them out: JSON lines of 2014, 2018 and 2023.

The metadata of 2014, and its complete review files, are Python literals rather than JSON; both are read.
Sources: McAuley et al., SIGIR 2015 (2014); Ni et al., EMNLP 2019 (2018); Hou et al., arXiv:2403.03952 (2023).
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from nextact.datasets.public_lines import Columns, PublicDataset, lines, read_table

REVIEWS: Columns = {
    "user_id": "text",
    "item_id": "text",
    "rating": "number",
    "timestamp": "moment",
    "summary": "text",
}
PRODUCTS: Columns = {"item_id": "text", "title": "text", "brand": "text", "categories": "text", "description": "text"}


class AmazonDataset(PublicDataset):
    """``reviews``: user_id, item_id, rating, timestamp (UTC), summary; or ``products``: item_id and text columns.

    The year is told by each line's own fields. Of 2023, ``item_id`` is the ``parent_asin``, as in its benchmarks.
    """

    def __init__(
        self, *, filepath: str, table: Literal["reviews", "products"], metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.table = table

    def load(self) -> pd.DataFrame:
        """The table."""
        return read_amazon(self._filepath, self.table)


def read_amazon(path: Path, table: Literal["reviews", "products"]) -> pd.DataFrame:
    """A file of JSON lines (or Python literals), perhaps gzipped.

    Args:
        path: For example ``reviews_Beauty_5.json.gz``, ``meta_Beauty.json.gz`` (2014, 2018) or ``All_Beauty.jsonl.gz``.
        table: Reviews or products.

    Returns:
        Frame of text columns (missing where the line says nothing), ``rating`` and ``timestamp``. Nested categories are
        joined by `` > ``, lists of text by blanks; nothing else about the text is changed.

    Raises:
        TableError: If a line cannot be read or lacks an id, a rating or a time; it is named.
    """
    parse, columns = (_review, REVIEWS) if table == "reviews" else (_product, PRODUCTS)
    return read_table(path, lines(path), lambda line: [parse(_record(line))], columns)


def _record(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = ast.literal_eval(line.strip())
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _review(record: dict[str, Any]) -> tuple[Any, ...]:
    if "parent_asin" in record:
        moment = pd.Timestamp(int(record["timestamp"]), unit="ms")
        return (
            _text(record["user_id"]),
            _text(record["parent_asin"]),
            float(record["rating"]),
            moment,
            _get(record, "title"),
        )
    moment = pd.Timestamp(int(record["unixReviewTime"]), unit="s")
    ids = _text(record["reviewerID"]), _text(record["asin"])
    return *ids, float(record["overall"]), moment, _get(record, "summary")


def _product(record: dict[str, Any]) -> tuple[Any, ...]:
    item = record["parent_asin"] if "parent_asin" in record else record["asin"]
    brand = _get(record, "brand") or _get(record, "store")
    return _text(item), _get(record, "title"), brand, _categories(record), _joined(record.get("description"))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"an id must be text, got {value!r}")
    return value


def _get(record: dict[str, Any], name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) and value else None


def _categories(record: dict[str, Any]) -> str | None:
    """2014 keeps paths of categories, of which the first is taken; 2018 and 2023 keep one path."""
    found = record.get("categories") or record.get("category") or []
    path = found[0] if found and isinstance(found[0], list) else found
    return " > ".join(path) or None


def _joined(value: object) -> str | None:
    parts = value if isinstance(value, list) else [value]
    return " ".join(part for part in parts if isinstance(part, str) and part) or None
