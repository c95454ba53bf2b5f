"""Model folders, and small results that may not be there."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nextact.datasets.places import InPlace
from nextact.datasets.results import ResultDataset
from nextact.datasets.whole import WholeJSON
from nextact.errors import shorten
from nextact.models.storage import FittedModel, ModelFolder, save_fitted
from nextact.results.models import BehaviourModel, Candidate, Candidates, ChosenModel, Leaderboard, LeftOut
from nextact.stored import StoredError, written_whole
from nextact.versioned import Versioned

FOLDERS = ("folder", "refitted_folder")  # of the handle of a model


class ModelFolderDataset(InPlace[FittedModel | LeftOut | ModelFolder, ModelFolder]):
    """Saves a fitted model as a folder without pickle; loads a handle to it.

    A model that could not be fitted leaves a folder that says why, in place of one of an earlier run.
    A model that was saved already is saved here by hard links: a folder that stands alone and takes no room.
    """

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


def _from(folder: Path) -> Callable[[str], str]:
    return lambda found: str(folder / found)


def _beside(folder: Path) -> Callable[[str], str]:
    """A folder as seen from another; one that does not lie in it keeps its whole path."""

    def seen(found: str) -> str:
        return Path(found).relative_to(folder).as_posix() if Path(found).is_relative_to(folder) else found

    return seen


def _with_folders(found: Any, change: Callable[[str], str]) -> Any:
    """The same JSON, with each folder that a handle of a model names changed."""
    if isinstance(found, list):
        return [_with_folders(one, change) for one in found]
    if not isinstance(found, dict):
        return found
    return {
        name: change(value) if name in FOLDERS and isinstance(value, str) else _with_folders(value, change)
        for name, value in found.items()
    }


class ModelsDataset(ResultDataset):
    """A result that names folders of models, as seen from its own folder: a project that is moved reads its own.

    Nodes are handed whole paths.
    """

    def read(self, found: Any) -> Any:
        """What is stored, folders as whole paths."""
        return super().read(_with_folders(found, _from(self.place.parent)))

    def written(self, data: Versioned) -> Any:
        """JSON, folders as seen from here."""
        return _with_folders(super().written(data), _beside(self.place.parent))


class LeaderboardDataset(ModelsDataset):
    """The leaderboard."""

    kind = Leaderboard


class ChosenModelDataset(ModelsDataset):
    """The chosen model."""

    kind = ChosenModel


class BehaviourModelDataset(ModelsDataset):
    """The model that predicts event types."""

    kind = BehaviourModel


class CandidateDataset(ModelsDataset):
    """A candidate, or why there is none.

    Answers None where the model was never validated, so that gathering works with any subset.
    """

    kind = Candidate

    def load(self) -> Any:
        """The candidate, why the model was left out, or None."""
        return super().load() if super()._exists() else self.absent()

    def read(self, found: Any) -> Any:
        """A model that was left out says so."""
        if isinstance(found, dict) and "left_out" in found:
            return LeftOut.of_json(found, self.place)
        return super().read(found)

    def absent(self) -> Any:
        """What stands for a candidate that is not there: None."""
        return None

    def _exists(self) -> bool:
        return True


class CandidatesDataset(ModelsDataset):
    """The candidates of a family; none where no model of the family was ever gathered."""

    kind = Candidates

    def load(self) -> Any:
        """The candidates, perhaps none."""
        return super().load() if super()._exists() else self.absent()

    def absent(self) -> Candidates:
        """What stands for candidates that are not there."""
        return Candidates()

    def _exists(self) -> bool:
        return True
