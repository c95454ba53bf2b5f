"""A model fitted from frames: it recommends, explains, and is kept as a folder."""

from __future__ import annotations

import logging
import shutil
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError, shorten, suggest
from nextact.events import columns as c
from nextact.events.reading import read_id
from nextact.events.tables import as_table
from nextact.frames.fitted import Explanation, Fitted
from nextact.frames.tables import own_engine
from nextact.models.grounds import explain
from nextact.processes.scratch import HELD, new_scratch_folder, remove_scratch_folder
from nextact.retrieval.reasons import reasons
from nextact.retrieval.recommending import PROBABILITY, RANK, REASON
from nextact.retrieval.rules.ruled_lists import RULE_COLUMNS
from nextact.retrieval.scoring import rank
from nextact.sequences.histories import Histories
from nextact.serving.package import Package
from nextact.serving.packaged import PackagedModel
from nextact.stored import read_json, reading, write_json, written_whole

logger = logging.getLogger(__name__)

ANSWER = [c.USER_ID, RANK, c.ITEM_ID, c.ITEM_TEXT, PROBABILITY, REASON]
FITTED_FILE, PACKAGE_FOLDER, HISTORIES_FOLDER, USERS_FILE = "fitted.json", "package", "histories", "users.parquet"


class FrameModel:
    """The model that serves, with what is known of the users it learnt from.

    Args:
        folder: As :meth:`save` writes it.
    """

    def __init__(self, folder: Path) -> None:
        self.fitted = Fitted.of_json(read_json(folder / FITTED_FILE), folder / FITTED_FILE)
        self.packaged = PackagedModel.open(folder / PACKAGE_FOLDER)
        self._histories = Histories.open(folder / HISTORIES_FOLDER)
        with reading(folder / USERS_FILE):
            self._users: NDArray[np.object_] = pd.read_parquet(folder / USERS_FILE)[c.USER_ID].to_numpy(dtype=object)
        self._index = {user: place for place, user in enumerate(self._users)}
        self._folder = folder

    @classmethod
    def of(cls, fitted: Fitted, package: Package, users: pd.DataFrame, histories: Histories) -> Self:
        """A model in a folder of its own, which goes with it."""
        folder = new_scratch_folder("model")
        package.save(folder / PACKAGE_FOLDER)
        histories.save(folder / HISTORIES_FOLDER)
        users.to_parquet(folder / USERS_FILE, index=False)
        write_json(folder / FITTED_FILE, fitted.as_json())
        model = cls(folder)
        weakref.finalize(model, remove_scratch_folder, folder)
        return model

    def __repr__(self) -> str:
        """The model, and of what."""
        n_items = len(self.packaged.item_index)
        return f"<nextact {self.name}: {len(self._users):,} users, {n_items:,} items; {self.fitted.reason}>"

    @property
    def name(self) -> str:
        """The model that serves, such as ``baselines.ease``."""
        return self.packaged.manifest.model

    @property
    def leaderboard(self) -> pd.DataFrame:
        """The models on validation, the best first: the metric that chooses with its interval, seconds to fit."""
        return pd.DataFrame([dict(one) for one in self.fitted.leaderboard])

    @property
    def parameters(self) -> dict[str, Any]:
        """What was guessed and stated, as ``parameters.yml`` of an environment would say it."""
        return self.fitted.parameters

    @property
    def users(self) -> list[str]:
        """Ids of the users that it learnt from, as text."""
        return [str(one) for one in self._users]

    def recommend(
        self,
        users: Iterable[object] | pd.DataFrame | None = None,
        k: int | None = None,
        rules: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """The best items of users.

        Args:
            users: Ids; of a user that the events do not name, nothing is known, and the list is what anybody would be
                shown. Or a frame of histories with the columns of the events: what these users did is all that counts,
                whether the model knows them or not. Everybody, if left out.
            k: Items a user; ``recommendation.top_k`` (10), if left out.
            rules: What the lists obey, as in ``{"exclude": ["sku-1"], "where": "price < 20"}``, over the block
                ``rules`` of the parameters; see :func:`~nextact.retrieval.rules.rule_options.with_request`.

        Returns:
            ``user_id`` and ``item_id`` (as text), ``rank`` (1 is best), ``item_text``, ``probability`` of being next
            among all that may be recommended, and ``reason``; users in the order asked for. A user to whom fewer items
            may be recommended has fewer rows. With rules, also where each row comes from and what moved it; and where
            places were drawn, ``propensity``, ``policy`` and ``seed``.

        Raises:
            NextactError: If an id or a history cannot be read, k is no whole number from 1 to 10,000, or the rules
                cannot be obeyed.
        """
        if isinstance(users, pd.DataFrame):
            found = self.packaged.recommend(users, k, rules).items
        else:
            ids = self._users if users is None else _as_ids(users, c.USER_ID)
            found = self.packaged.recommend_to(self._of(ids), ids, k, rules).items
        return found[[*ANSWER, *(name for name in RULE_COLUMNS if name in found)]]

    def explain(self, user_id: object, item_id: object) -> Explanation:
        """Where an item stands for a user in the ranking of the model, which rules work on, and why.

        Args:
            user_id: A user; see :meth:`recommend`.
            item_id: An item of the catalogue.

        Raises:
            NextactError: If the model does not know the item, with the close match.
        """
        model, (user,), (item,) = self.packaged, _as_ids([user_id], c.USER_ID), _as_ids([item_id], c.ITEM_ID)
        if (index := model.item_index.get(item)) is None:
            raise NextactError(f"item_id: the model knows no item {item!r}; {suggest(item, model.item_index)}")
        catalogue, manifest, history = model.catalogue, model.manifest, self._of(np.array([user], dtype=object))
        n_items = len(model.item_index)
        ranking = rank(
            model.model,
            history,
            manifest.exclude_seen,
            catalogue.tie_order,
            catalogue.alike,
            n_items,
            manifest.temperature,
        )
        places = np.flatnonzero(ranking.lists[0] == index)
        asked = np.array([[index]], np.int32)
        said = reasons(
            model.model, history, asked, ranking.scores[:, [index]], catalogue.names, model.log, catalogue.words
        )
        because = int(explain(model.model, history, asked).item_index[0, 0])
        return Explanation(
            user_id=user,
            item_id=item,
            item_text=catalogue.names[index],
            rank=int(places[0]) + 1 if len(places) else None,
            probability=float(np.exp(ranking.log_probability(np.array([0]), np.array([index]))[0])),
            reason=said[0][0],
            because=str(catalogue.ids[because]) if because else None,
        )

    def save(self, folder: str | Path) -> None:
        """Write the model, its users and their histories into a folder; :func:`load` reads it.

        ``package`` in it is what ``kedro run`` packages, and stands alone without any user. An earlier saved model is
        replaced.

        Raises:
            NextactError: If something else stands there.
        """
        place = Path(folder)
        if place.exists() and not (place / FITTED_FILE).exists():
            raise NextactError(f"{place} is there already and holds no saved model; name a new folder")
        with written_whole(place) as beside:
            shutil.copytree(self._folder, beside, ignore=shutil.ignore_patterns(HELD))

    def _of(self, ids: NDArray[np.object_]) -> Histories:
        """Histories of users, empty ones of those who are not known."""
        places = np.array([self._index.get(one, -1) for one in ids], np.int64)
        if n_new := int((places < 0).sum()):
            example = shorten(ids[int(np.argmax(places < 0))])
            logger.warning(
                "%d of %d users are not in the events, e.g. %s: nothing is known of them", n_new, len(ids), example
            )
        with_nobody = Histories(
            np.append(self._histories.offsets, self._histories.n_events),
            self._histories.item_index,
            self._histories.event_type,
            self._histories.timestamp,
            self._histories.starts_step,
        )
        return with_nobody.take(np.where(places < 0, self._histories.n_users, places))


def load(folder: str | Path) -> FrameModel:
    """What :meth:`FrameModel.save` wrote.

    Raises:
        StoredError: If a part is missing or damaged, or they do not belong together.
    """
    return FrameModel(Path(folder))


def _as_ids(values: Iterable[object], name: str) -> NDArray[np.object_]:
    """Ids as the events' are read: text as it is, whole numbers as their digits.

    Raises:
        NextactError: If one is missing or is no id.
    """
    given = [values] if isinstance(values, str | bytes) else list(values)
    if not given:
        return np.array([], dtype=object)
    with own_engine():
        table = as_table(pd.DataFrame({name: given}), "users" if name == c.USER_ID else "items")
        cells = read_id(table[name], name, name)
        read = table.select(id=cells.values, problem=cells.problems).to_pandas()
    if (bad := read["problem"].notna()).any():
        at = int(np.argmax(bad))
        n, problem = int(bad.sum()), read["problem"].iloc[at]
        raise NextactError(f"{name}: {problem} in {n} of {len(given)}, e.g. {given[at]!r}")
    return np.array(read["id"], dtype=object)
