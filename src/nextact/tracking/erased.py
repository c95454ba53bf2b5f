"""Runs and model versions of the store that learnt from a user who was erased since, marked by a tag."""

from __future__ import annotations

from nextact.errors import NextactError
from nextact.tracking.store import RUN_ID, TrackingStore
from nextact.tracking.tracking_options import TrackingOptions

ERASED_SINCE = "nextact.erased_since"


def mark_store(options: TrackingOptions, run_id: str | None, moment: str) -> str:
    """Tag the run, and every version of the registered model, with the moment; in words what was done.

    A store that does not answer is told of, and does not stop the erasure: the tag informs, it keeps nothing.

    Args:
        options: With absolute paths.
        run_id: Of the certificate, if any.
        moment: Since when the user is erased, ISO.
    """
    if not options.enabled or (options.database is not None and not options.database.exists()):
        return "nothing is tracked"
    try:
        store = TrackingStore.open(options)
        runs = store.search(f"tags.\"{RUN_ID}\" = '{run_id}'") if run_id else []
        for run in runs:
            store.client.set_tag(run.info.run_id, ERASED_SINCE, moment)
        name = options.registered_model
        versions = store.client.search_model_versions(f"name='{name}'") if name else []
        for one in versions:
            store.client.set_model_version_tag(name, one.version, ERASED_SINCE, moment)
    except Exception as error:  # MLflow raises its own, SQLAlchemy's, requests' and the system's
        first = str(error).splitlines()[0] if isinstance(error, NextactError) else type(error).__name__
        return f"not marked: {first}"
    tagged = f"{len(runs):,} run(s) and {len(versions):,} model version(s) are tagged {ERASED_SINCE}={moment}"
    return f"{tagged}; what MLflow keeps stays there until you delete it"
