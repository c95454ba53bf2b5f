"""The packaged model: opened from its folder alone, it answers for histories it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.events.moments import NOW, microseconds
from nextact.models.recommender import PredictsEventType, Recommender
from nextact.models.registry import open_model
from nextact.retrieval.reasons import LogWords
from nextact.retrieval.recommending import (
    BEHAVIOUR_COLUMNS,
    MOST_PLACES,
    Recommended,
    predict_behaviour,
    recommend_items,
)
from nextact.retrieval.rules.compiled import Rules, compile_rules
from nextact.retrieval.rules.rule_options import with_request
from nextact.sequences.histories import Histories
from nextact.serving.package import AGAIN, Manifest, Package
from nextact.serving.request import EVENTS, REPEATED_EVENTS, UNKNOWN_EVENTS, UNKNOWN_ITEM, read_request
from nextact.serving.rows import RowReader
from nextact.stored import StoredError


@dataclass(frozen=True)
class PackageFolder:
    """Handle to a packaged model: small, and safe to pass between processes."""

    path: Path

    def open(self) -> PackagedModel:
        """Load the models."""
        return PackagedModel.open(self.path)


@dataclass(frozen=True)
class Answer:
    """What the model says to a request.

    Attributes:
        items: The columns of the batch line's recommendations: user, rank, item, score, probability, reason and, with
            rules, where each row comes from.
        behaviours: ``user_id``, ``event_type``, ``probability`` (sums to 1 a user); no row where nothing predicts it.
        report: What was read of each user's history; see :class:`~nextact.serving.request.RequestedHistories`.
        cuts: What the rules cut of each list; no row where no rule is set.
        ignored_columns: Columns of the request that say nothing to the model.
    """

    items: pd.DataFrame
    behaviours: pd.DataFrame
    report: pd.DataFrame
    cuts: pd.DataFrame
    ignored_columns: tuple[str, ...] = ()

    def records(self) -> list[dict[str, Any]]:
        """One JSON-like dictionary a user, in the order asked for."""
        items = _by_user(self.items)
        behaviours = _by_user(self.behaviours)
        cuts = _by_user(self.cuts)
        return [
            {
                c.USER_ID: row[c.USER_ID],
                "items": items.get(row[c.USER_ID], []),
                **({"rules": cuts[row[c.USER_ID]][0]} if row[c.USER_ID] in cuts else {}),
                "behaviours": behaviours.get(row[c.USER_ID], []),
                EVENTS: row[EVENTS],
                UNKNOWN_EVENTS: row[UNKNOWN_EVENTS],
                UNKNOWN_ITEM: row[UNKNOWN_ITEM],
                REPEATED_EVENTS: row[REPEATED_EVENTS],
                "ignored_columns": list(self.ignored_columns),
            }
            for row in self.report.to_dict("records")
        ]


class PackagedModel:
    """Scores, calibrates and explains as the batch line does, from a history instead of a stored user."""

    def __init__(self, package: Package) -> None:
        self.manifest: Manifest = package.manifest
        self.certificate = package.certificate
        self.catalogue = package.catalogue
        self.item_index = self.catalogue.index
        self.reader = RowReader(self.manifest)
        self.model: Recommender = open_model(package.model)
        self._check_items(package)
        self.behaviour_model = self._behaviour_model(package)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read a folder written by :class:`~nextact.serving.package.Package`.

        Raises:
            StoredError: If a part is missing or damaged, or they do not belong together.
        """
        return cls(Package.open(folder))

    def recommend(
        self,
        history: pd.DataFrame | Sequence[Mapping[str, Any]],
        k: int | None = None,
        rules: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Ranked items and, where a model predicts them, next event types of every user in a history.

        Args:
            history: Events in any order; see :func:`~nextact.serving.request.read_request`.
            k: Items a user; the package's own number, if left out.
            rules: Laid over the rules of the package; see
                :func:`~nextact.retrieval.rules.rule_options.with_request`. ``now`` is the moment of the request.

        Raises:
            NextactError: If the history cannot be read, k is no whole number from 1 to 10,000, or the rules cannot be
                obeyed.
        """
        k = self._places(k)
        request = read_request(history, self.reader, self.item_index)
        found = self.recommend_to(request.histories, request.user_ids, k, rules)
        behaviours = pd.DataFrame(columns=list(BEHAVIOUR_COLUMNS))
        if self.behaviour_model is not None:
            types = self.manifest.event_types
            behaviours = predict_behaviour(self.behaviour_model, request.histories, request.user_ids, types)
        return Answer(found.items, behaviours, request.report, found.cuts, request.ignored)

    def recommend_to(
        self,
        histories: Histories,
        user_ids: NDArray[np.object_],
        k: int | None = None,
        rules: Mapping[str, Any] | None = None,
    ) -> Recommended:
        """Ranked items of histories that are read already.

        Args:
            histories: U users.
            user_ids: Their ids, object [U].
            k: Items a user; the package's own number, if left out.
            rules: As in :meth:`recommend`.

        Returns:
            See :func:`~nextact.retrieval.recommending.recommend_items`.

        Raises:
            NextactError: If k is no whole number from 1 to 10,000, or the rules cannot be obeyed.
        """
        places = min(self._places(k), len(self.item_index))
        return recommend_items(
            self.model,
            histories,
            user_ids,
            self.catalogue,
            self.log,
            self.manifest.temperature,
            self.manifest.exclude_seen,
            places,
            self._rules(rules, places),
        )

    def _rules(self, asked: Mapping[str, Any] | None, places: int) -> Rules | None:
        """The package's rules and those of a request, at this moment; None where neither says anything."""
        options = with_request(self.manifest.rules, asked)
        if not options.are_set:
            return None
        manifest, now = self.manifest, microseconds(NOW)
        return compile_rules(options, self.catalogue, manifest.exclude_seen, manifest.event_types, places, now)

    @property
    def log(self) -> LogWords:
        """How reasons name events."""
        return LogWords(self.manifest.event_types, self.manifest.has_times)

    def _places(self, k: int | None) -> int:
        k = self.manifest.top_k if k is None else k
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise NextactError(f"k must be a whole number from 1, got {k!r}")
        if k > MOST_PLACES:
            raise NextactError(f"k: a list has at most {MOST_PLACES:,} places, got {k:,}")
        return k

    def _check_items(self, package: Package) -> None:
        """Refuse a model of another catalogue: what it scores would be told under the wrong names."""
        n_known = self.model.score(Histories.from_lists([[]])).shape[1] - 1
        if n_known != len(package.items):
            said = f"ranks {n_known:,} items, but the package names {len(package.items):,}"
            raise StoredError(package.model.path, said, AGAIN)

    def _behaviour_model(self, package: Package) -> PredictsEventType | None:
        if package.behaviour_model is None:
            return None
        same = self.manifest.behaviour_model == self.manifest.model
        model: Any = self.model if same else open_model(package.behaviour_model)
        if not isinstance(model, PredictsEventType):
            raise NextactError(f"package: model {self.manifest.behaviour_model} does not predict event types")
        return model


def _by_user(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The rows of each user without the column that names them."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_dict("records"):
        user_id = str(row.pop(c.USER_ID))
        rows.setdefault(user_id, []).append(
            {str(name): None if pd.isna(value) else value for name, value in row.items()}
        )
    return rows
