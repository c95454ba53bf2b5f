"""Which models have learnt from a user: they are not changed here, they must be fitted again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nextact.stored import read_json

FITTED_FILE, PACKAGE_FILE = "fitted.json", "package.json"


def models_to_refit(
    folders: Mapping[str, Path], run_id: str | None, events_by_split: Mapping[str, int]
) -> list[dict[str, str]]:
    """The models that hold what a user did.

    Validation counts like training: it stops the fit, weighs hybrids and calibrates. Test is only scored.

    Args:
        folders: Dataset -> folder of a model or a package; those that do not exist are passed over.
        run_id: The run of the data at hand, if any.
        events_by_split: The user's events in ``train``, ``validation`` and ``test``.

    Returns:
        ``model``, ``run_id`` and ``why`` of each. Models of other runs are listed too: their data may have held the
        user.
    """
    learnt_from = sum(events_by_split.get(split, 0) for split in ("train", "validation"))
    found = []
    for name, folder in folders.items():
        described = _run_of(folder)
        if described is None or (described == run_id and not learnt_from):
            continue
        mine = f"its run learnt from {learnt_from:,} events of the user"
        found.append(
            {
                "model": name,
                "run_id": described,
                "why": mine if described == run_id else "its run may have held the user",
            }
        )
    return found


def _run_of(folder: Path) -> str | None:
    for file in (folder / FITTED_FILE, folder / PACKAGE_FILE):
        if file.exists():
            return str(read_json(file, ("run_id",))["run_id"])
    return None
