"""Where a project keeps what :mod:`nextact.erasing` erases: the data catalog of an environment, read for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.framework.session import KedroSession

from nextact.checks.recording import restamp, untouched
from nextact.checks.remedies import naming_the_pipeline
from nextact.datasets.places import local_place
from nextact.erasing.erase import ERASED_FROM, RAW, READ, Stored, erase_user, receipt_text
from nextact.models.registry import MODELS
from nextact.tracking.hooks import read_options

RECEIPTS, PACKAGE = "erasures", "packaged_model"


def erase(user_id: str, project: Path, env: str | None) -> str:
    """Erase a user, store the receipt, and give it in words.

    Raises:
        NextactError: If nothing names the user, or a table cannot be rewritten; nothing is changed then.
    """
    with KedroSession.create(project, env=env) as session:
        context = session.load_context()
        catalog = context.catalog
        as_written = untouched(catalog, [name for name in (*ERASED_FROM, *READ) if name in catalog])
        with naming_the_pipeline(catalog):
            receipt = erase_user(user_id, stored(context))
        restamp(catalog, as_written)
        name = receipt["erased_at"].replace(":", "") + "-" + receipt["user_sha256"][:12]
        catalog.save(RECEIPTS, {name: receipt})
        return f"{receipt_text(receipt)}\nReceipt: {Path(catalog.get(RECEIPTS)._path) / name}.json"


def stored(context: Any) -> Stored:
    """The places of all datasets that erasing reads or writes."""
    catalog = context.catalog
    named = [name for name in (*ERASED_FROM, *READ) if name in catalog]
    places = {name: place for name in named if (place := local_place(catalog.get(name))) is not None}
    kinds = ("model", "refitted")
    models = [f"{family}.{name}.{kind}" for family, one in MODELS.items() for name in one for kind in kinds]
    folders = {name: local_place(catalog.get(name)) for name in (*models, PACKAGE)}
    return Stored(
        places,
        {name: folder for name, folder in folders.items() if folder is not None},
        _elsewhere(context, [name for name in named if name not in places]),
        Path(context.project_path) / context.config_loader["globals"]["data"],
    )


def _elsewhere(context: Any, not_files: list[str]) -> dict[str, str]:
    """What holds users and is not ours to rewrite."""
    catalog = context.catalog
    found = {}
    for name in [*not_files, *(name for name in RAW if name in catalog)]:
        dataset = catalog.get(name)
        place = local_place(dataset)
        if place is None or place.exists():
            found[name] = str(place or type(dataset).__name__)
    tracking = read_options(context.config_loader, Path(context.project_path))
    if tracking.enabled:
        found["MLflow"] = f"{tracking.tracking_uri}: summaries and models of earlier runs"
    return found
