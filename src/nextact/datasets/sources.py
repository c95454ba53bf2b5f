"""Several raw tables as one catalog entry."""

from __future__ import annotations

from typing import Any, TypeVar

from kedro.io import AbstractDataset

from nextact.errors import NextactError

Out = TypeVar("Out")


class OfOtherDatasets(AbstractDataset[Any, Out]):
    """Reads tables by datasets of their own, ``datasets`` by name, and writes none."""

    datasets: dict[str, AbstractDataset[Any, Any]]

    def save(self, data: Any) -> None:
        """Refuse: raw tables are the user's."""
        raise NextactError("raw tables are read only")

    def _exists(self) -> bool:
        """Whether all are there; one that cannot tell (a SQL query, say) has the benefit of the doubt."""
        return all(
            type(dataset)._exists is AbstractDataset._exists or dataset.exists() for dataset in self.datasets.values()
        )

    def _describe(self) -> dict[str, Any]:
        return {name: dataset._describe() for name, dataset in self.datasets.items()}


class SourcesDataset(OfOtherDatasets[dict[str, Any]]):
    """Loads a table a source, each by a data set of its own; read only.

    Names are those of the parameter ``events.sources``. Any Kedro data set that loads a frame or an Ibis table serves:

    .. code-block:: yaml

        raw_events:
          type: nextact.datasets.sources.SourcesDataset
          sources:
            purchases: {type: pandas.CSVDataset, filepath: data/01_raw/purchases.csv, load_args: {dtype: str}}
            views: {type: pandas.ParquetDataset, filepath: data/01_raw/views.parquet}
    """

    def __init__(self, *, sources: dict[str, dict[str, Any]], metadata: dict[str, Any] | None = None) -> None:
        if not sources:
            raise NextactError("SourcesDataset: name at least one source")
        self.metadata = metadata
        self.datasets = {name: AbstractDataset.from_config(name, dict(config)) for name, config in sources.items()}

    def load(self) -> dict[str, Any]:
        """Source name -> its table."""
        return {name: dataset.load() for name, dataset in self.datasets.items()}
