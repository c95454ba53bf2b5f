"""Fitted models as folders: what is saved, and a handle to it. Opening one is the registry's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextact.models.recommender import Recommender
from nextact.results.models import Fit, LeftOut
from nextact.stored import StoredError, read_json, reading, write_json

FITTED_FILE, LEFT_OUT_FILE = "fitted.json", "left_out.json"


@dataclass(frozen=True)
class ModelEntry:
    """A recommender and what a pipeline needs to know of it.

    Attributes:
        options: Class of its options.
        recommender: Built from the options (a hybrid also from its members).
        blocks: From the options to the blocks of item vectors that the model reads; None for one that reads none
            whatever its options are.
        tags: Tags of its fit node; ``gpu`` lets a deployer send it to a GPU.
        by_default: Whether ``kedro run`` fits it; ``kedro run --pipelines model_training_full`` fits them all.
        keeps_users: Whether its folder holds a vector of each training user, if without ids.
    """

    options: type[Any]
    recommender: type[Any]
    blocks: Callable[[Any], tuple[str, ...]] | None = None
    tags: tuple[str, ...] = ()
    by_default: bool = True
    keeps_users: bool = False

    def blocks_read(self, options: Any) -> tuple[str, ...]:
        """Names of the blocks of item vectors that a model with these options reads."""
        return () if self.blocks is None else self.blocks(options)


Models = Mapping[str, Mapping[str, ModelEntry]]  # by family and name


@dataclass(frozen=True)
class FittedModel:
    """A recommender and what is known of its fit."""

    recommender: Recommender
    fit: Fit


@dataclass(frozen=True)
class ModelFolder:
    """Handle to a saved model, or to what says why there is none: small, and safe to pass between processes."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether a model was saved there."""
        return (self.path / FITTED_FILE).exists()

    @property
    def is_left_out(self) -> bool:
        """Whether it was saved there that the model could not be fitted."""
        return (self.path / LEFT_OUT_FILE).exists()

    def describe(self) -> Fit | LeftOut:
        """What was saved beside the weights, or why there are none."""
        return self.left_out() if self.is_left_out else self.fit()

    def fit(self) -> Fit:
        """What was saved beside the weights."""
        return Fit.of_json(read_json(self.path / FITTED_FILE), self.path / FITTED_FILE)

    def left_out(self) -> LeftOut:
        """Why there are no weights."""
        return LeftOut.of_json(read_json(self.path / LEFT_OUT_FILE), self.path / LEFT_OUT_FILE)


def save_fitted(fitted: FittedModel | LeftOut, folder: Path) -> None:
    """Write weights and description, or why there are none, into an empty folder."""
    folder.mkdir(parents=True)
    if isinstance(fitted, LeftOut):
        write_json(folder / LEFT_OUT_FILE, fitted.as_json())
        return
    fitted.recommender.save(folder)
    write_json(folder / FITTED_FILE, fitted.fit.as_json())


def open_one_of(models: Models, folder: ModelFolder) -> Recommender:
    """Load the recommender of a folder, if it is one of these models.

    Raises:
        StoredError: If a file of the folder is missing or damaged, or the models do not hold its model.
    """
    fit = folder.fit()
    if fit.name not in models.get(fit.family, {}):
        raise StoredError(folder.path, f"holds model {fit.full_name}, which this version does not know")
    with reading(folder.path):
        recommender: Recommender = models[fit.family][fit.name].recommender.load(folder.path)
    return recommender
