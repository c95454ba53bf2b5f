"""Which pipeline makes what is missing or damaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol

from nextact.stored import StoredError


def maker(name: str) -> str | None:
    """The first registered pipeline that makes a dataset, so a part before what it is part of; None where none does."""
    for pipeline_name, pipeline in pipelines.items():
        if pipeline_name != "__default__" and name in pipeline.all_outputs():
            return str(pipeline_name)
    return None


@contextmanager
def naming_the_pipeline(catalog: CatalogProtocol) -> Iterator[None]:
    """Let an error about a stored file say which pipeline makes the file."""
    try:
        yield
    except Exception as error:
        name_the_pipeline(error, catalog)
        raise


def name_the_pipeline(error: BaseException, catalog: CatalogProtocol) -> None:
    """Add the pipeline that makes a stored file to the error about it, wherever in the chain that is."""
    for one in chain(error):
        if isinstance(one, StoredError) and not one.remedy:
            one.remedy = _remedy(one.path, catalog)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came from, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _remedy(path: Path, catalog: CatalogProtocol) -> str:
    name = _dataset_at(path, catalog, sorted(pipelines["__default__"].datasets() | set(_all_datasets())))
    made_by = maker(name) if name else None
    if made_by:
        return f"run `kedro run --pipelines {made_by}`"
    return f"it belongs to {name!r}, which no pipeline makes" if name else ""


def _all_datasets() -> Iterable[str]:
    return (name for pipeline in pipelines.values() for name in pipeline.datasets())


def _dataset_at(path: Path, catalog: CatalogProtocol, names: list[str]) -> str | None:
    """The dataset whose file or folder a path is, or is in."""
    wanted = path.absolute()
    for name in names:
        place = None if name.startswith("param") else getattr(catalog.get(name), "_filepath", None)
        if place is not None and Path(str(place)).absolute() in (wanted, *wanted.parents):
            return name
    return None
