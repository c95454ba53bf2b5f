"""Model folders, and small results that may not be there."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from nextact.datasets.whole import WholeJSON
from nextact.errors import shorten
from nextact.models.storage import FittedModel, LeftOut, ModelFolder, save_fitted
from nextact.stored import StoredError, require_names, written_whole

FOLDERS = ("folder", "refitted_folder")  # of the handle of a model


class ModelFolderDataset(AbstractDataset[FittedModel | LeftOut | ModelFolder, ModelFolder]):
    """Saves a fitted model as a folder without pickle; loads a handle to it.

    A model that could not be fitted leaves a folder that says why, in place of one of an earlier run.
    A model that was saved already is saved here by hard links: a folder that stands alone and takes no room.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> ModelFolder:
        """The handle; opening it reads the weights."""
        return ModelFolder(self._filepath)

    def save(self, data: FittedModel | LeftOut | ModelFolder) -> None:
        """Write beside, then put in place, so that a killed run leaves the old model whole."""
        with written_whole(self._filepath) as beside:
            if isinstance(data, ModelFolder):
                shutil.copytree(data.path, beside, copy_function=_link)
            else:
                save_fitted(data, beside)

    def _exists(self) -> bool:
        saved = ModelFolder(self._filepath)
        return saved.exists or saved.is_left_out

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class RefittedModelDataset(ModelFolderDataset):
    """A model folder that may not be there, so that gathering works with any subset; its handle says whether it is."""

    def absent(self) -> ModelFolder:
        """What stands for a model that is not there."""
        return ModelFolder(self._filepath / "absent")

    def _exists(self) -> bool:
        return True


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links, or another one
        shutil.copy2(source, target)


class TemperatureDataset(WholeJSON):
    """A number above 0."""

    def load(self) -> float:
        """The temperature."""
        found = super().load()
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        if not (is_number and 0 < found < math.inf):
            raise StoredError(Path(str(self._filepath)), f"is no number above 0 but {shorten(found, limit=40)}")
        return float(found)


class ModelHandlesDataset(WholeJSON):
    """JSON that names folders of models, as seen from its own folder: a project that is moved or copied reads its own.

    Nodes are handed whole paths.
    """

    def load(self) -> Any:
        """What is stored, folders as whole paths."""
        beside = Path(str(self._filepath)).parent
        return _with_folders(super().load(), lambda folder: str(beside / folder))

    def save(self, data: Any) -> None:
        """Write; a folder that does not lie beside the file keeps its whole path."""
        beside = Path(str(self._filepath)).parent

        def from_beside(folder: str) -> str:
            return Path(folder).relative_to(beside).as_posix() if Path(folder).is_relative_to(beside) else folder

        super().save(_with_folders(data, from_beside))


def _with_folders(found: Any, change: Callable[[str], str]) -> Any:
    """The same, with each folder that a handle of a model names changed."""
    if isinstance(found, list):
        return [_with_folders(one, change) for one in found]
    if not isinstance(found, dict):
        return found
    return {
        name: change(value) if name in FOLDERS and isinstance(value, str) else _with_folders(value, change)
        for name, value in found.items()
    }


def require_candidate(place: Path, found: Any) -> Any:
    """What was read of a candidate, once it names its model and run."""
    return require_names(place, found, ("family", "name", "run_id"))


class CandidateDataset(ModelHandlesDataset):
    """A candidate's JSON; answers None where the model was never validated, so that gathering works with any subset."""

    def load(self) -> Any:
        """The candidate, or None."""
        if not super()._exists():
            return self.absent()
        return require_candidate(Path(str(self._filepath)), super().load())

    def absent(self) -> Any:
        """What stands for a candidate that is not there: None."""
        return None

    def _exists(self) -> bool:
        return True


class CandidatesDataset(ModelHandlesDataset):
    """The candidates of a family; none where no model of the family was ever gathered."""

    def load(self) -> Any:
        """The candidates, perhaps none."""
        if not super()._exists():
            return self.absent()
        found, place = super().load(), Path(str(self._filepath))
        if not isinstance(found, list):
            raise StoredError(place, "is no list of candidates")
        return [require_candidate(place, one) for one in found]

    def absent(self) -> list[Any]:
        """What stands for candidates that are not there."""
        return []

    def _exists(self) -> bool:
        return True
