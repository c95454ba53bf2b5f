"""Model folders, and small results that may not be there."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro.io.core import get_filepath_str
from kedro_datasets.json import JSONDataset

from nextact.models.registry import FittedModel, LeftOut, ModelFolder, save_fitted


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
        beside = self._filepath.with_name(self._filepath.name + ".new")
        shutil.rmtree(beside, ignore_errors=True)
        if isinstance(data, ModelFolder):
            shutil.copytree(data.path, beside, copy_function=_link)
        else:
            save_fitted(data, beside)
        shutil.rmtree(self._filepath, ignore_errors=True)
        beside.rename(self._filepath)

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


class WholeJSONDataset(JSONDataset):
    """JSON that is written beside and then put in place, so that a killed run leaves the old one whole."""

    def save(self, data: Any) -> None:
        """Write all of it or nothing."""
        place = get_filepath_str(self._get_save_path(), self._protocol)
        beside = f"{place}.new"
        with self._fs.open(beside, **self._fs_open_args_save) as file:
            json.dump(data, file, **self._save_args)
        self._fs.mv(beside, place)
        self._invalidate_cache()


class CandidateDataset(WholeJSONDataset):
    """A candidate's JSON; answers None where the model was never validated, so that gathering works with any subset."""

    def load(self) -> Any:
        """The candidate, or None."""
        return super().load() if super()._exists() else self.absent()

    def absent(self) -> Any:
        """What stands for a candidate that is not there: None."""
        return None

    def _exists(self) -> bool:
        return True


class CandidatesDataset(WholeJSONDataset):
    """The candidates of a family; none where no model of the family was ever gathered."""

    def load(self) -> Any:
        """The candidates, perhaps none."""
        return super().load() if super()._exists() else self.absent()

    def absent(self) -> list[Any]:
        """What stands for candidates that are not there."""
        return []

    def _exists(self) -> bool:
        return True
