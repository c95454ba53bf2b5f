"""The packaged model in MLflow: logged from code, registered, served by ``mlflow models serve``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import pandas as pd
from packaging.requirements import Requirement
from packaging.version import Version

from nextact.events import columns as c
from nextact.serving.package import Manifest, Package, input_columns
from nextact.serving.request_columns import input_names
from nextact.tracking.store import MODEL, PROTOCOL_HASH, RUN_ID, TrackingStore, import_mlflow

SERVED_FILE = Path(__file__).with_name("serve_model.py")
PROJECT = Path(__file__).parents[
    1
]  # goes with the model: no index has this version, and a stranger could claim its name
NAME, CHAMPION = "model", "champion"


def log_package(store: TrackingStore, parent: str, folder: Path) -> str:
    """Log a package to a run, and make it the newest version and the champion of its registered model.

    MLflow opens the logged copy and answers the input example with it, so that what cannot be served is seen now.

    Args:
        store: Where to.
        parent: Id of the MLflow run.
        folder: The packaged model.

    Returns:
        Its address, which ``mlflow models serve`` takes: ``models:/name@champion``, or ``runs:/…/model`` where nothing
        is registered.
    """
    mlflow = import_mlflow()
    package = Package.open(folder)
    name = store.options.registered_model
    with _pointed_at(store):
        with mlflow.start_run(run_id=parent, nested=True):
            info = mlflow.pyfunc.log_model(
                name=NAME,
                python_model=str(SERVED_FILE),
                artifacts={"package": str(folder)},
                signature=_signature(package.manifest),
                input_example=_example(package),
                code_paths=[str(PROJECT)],
                pip_requirements=pinned_requirements(),  # stated: MLflow would search the imports for minutes
            )
        store.client.update_run(parent, status="RUNNING")  # leaving it ended it
        if name is None:
            return f"runs:/{parent}/{NAME}"
        return _register(store, name, parent, info.model_uri, package.manifest)


def pinned_requirements() -> list[str]:
    """What the project needs, at the versions that are installed; extras and what another system needs are left out."""
    named = (Requirement(one) for one in requires("nextact") or ())
    needed = [one for one in named if one.marker is None or one.marker.evaluate({"extra": ""})]
    return sorted(_pinned(one) for one in needed)


def _pinned(needed: Requirement) -> str:
    extras = f"[{','.join(sorted(needed.extras))}]" if needed.extras else ""
    return f"{needed.name}{extras}=={Version(version(needed.name)).public}"  # "+cpu" names a build, which not all have


@contextmanager
def _pointed_at(store: TrackingStore) -> Iterator[None]:
    """MLflow's global address is ours meanwhile, and as it was afterwards."""
    mlflow = import_mlflow()
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store.options.tracking_uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


def _register(store: TrackingStore, name: str, parent: str, source: str, manifest: Manifest) -> str:
    from mlflow.exceptions import MlflowException

    try:
        store.client.get_registered_model(name)
    except MlflowException:
        store.client.create_registered_model(name, description="Next items and next behaviour from a history.")
    tags = {RUN_ID: manifest.run_id, PROTOCOL_HASH: manifest.protocol_hash, MODEL: manifest.model}
    version = store.client.create_model_version(name, source, run_id=parent, tags=tags)
    store.client.set_registered_model_alias(name, CHAMPION, version.version)
    return f"models:/{name}@{CHAMPION}"


def _signature(manifest: Manifest) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, ParamSchema, ParamSpec, Schema

    columns = [
        ColSpec(AnyType() if column.type == "any" else column.type, column.name, column.required)
        for column in input_columns(manifest)
    ]
    params = ParamSchema([ParamSpec("k", "long", 0), ParamSpec("rules", "string", "")])
    return ModelSignature(inputs=Schema(columns), params=params)


def _example(package: Package) -> pd.DataFrame:
    """A user who did two things, the older one first, in the raw table's own columns."""
    events = package.manifest.events
    names = {name: given[0] for name, given in input_names(events).items()}
    items = package.items[c.ITEM_ID].tolist()
    values = {
        c.USER_ID: ["a user never seen"] * 2,
        c.ITEM_ID: [items[0], items[-1]],
        c.EVENT_TYPE: [events.event_types[0], events.event_types[-1]],
        c.TIMESTAMP: ["2024-01-01T09:00:00", "2024-01-02T18:30:00"] if events.has_times else [1, 2],
    }
    return pd.DataFrame({names[name]: cells for name, cells in values.items() if name in names})
