"""The sequence network as a recommender; torch is imported only when it is put to work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError, suggest
from nextact.models.recommender import FitReport, Scores, Training
from nextact.models.sequence.sequence_options import SequenceOptions
from nextact.sequences.histories import Histories

if TYPE_CHECKING:
    from nextact.models.behaviour.event_types.model import EventTypeModel
    from nextact.models.behaviour.horizons.model import HorizonModel
    from nextact.models.sequence.network import SequenceNetwork


class SequenceRecommender:
    """Predicts the items and the event type of the next step from the newest steps of a history."""

    network: SequenceNetwork
    event_types: tuple[str, ...]
    horizon_model: HorizonModel | None = None
    type_model: EventTypeModel | None = None

    def __init__(self, options: SequenceOptions) -> None:
        self.options = options

    def fit(self, training: Training) -> FitReport:
        """Train the network; the weights of the best validation epoch stay. Then fit the heads beside it."""
        from nextact.models.sequence.fitting.fit_network import fit_network
        from nextact.models.sequence.fitting.launching import fit_in_processes

        self.event_types = training.event_types
        fit = fit_in_processes if training.context.launch.processes > 1 else fit_network
        self.network, report = fit(self.options, training)
        return report | self._fit_heads(training)

    def go_on(self, training: Training) -> FitReport:
        """Learn the newer steps from where the weights stand; the heads beside the network stay as they were fitted."""
        from nextact.models.sequence.fitting.continuing import continue_network

        return continue_network(self.network, self.options, training)

    def _fit_heads(self, training: Training) -> FitReport:
        from nextact.models.behaviour.event_types.model import fit_event_types
        from nextact.models.behaviour.horizons.model import LandmarkChoice, fit_horizons

        options = self.options
        choice = LandmarkChoice(
            options.horizons.days, options.horizons.landmark_days, options.horizons.landmarks, options.horizons.rows
        )
        self.horizon_model, of_horizons = fit_horizons(training, choice, self._states)
        self.type_model, of_types = fit_event_types(training)
        return {"horizons": of_horizons, "next_event_type": of_types}

    def score(self, histories: Histories) -> Scores:
        """Logits of all items; a user without a history gets the items' biases."""
        from nextact.models.sequence.inference import score_items

        return score_items(self.network, histories, self.options.backbone.max_steps)

    def score_of_type(self, histories: Histories, event_type: str) -> Scores:
        """Logits of all items as the next of one event type; without ``gate`` all types score alike.

        Raises:
            NextactError: If the model was not fitted with this event type.
        """
        from nextact.models.sequence.inference import score_items

        if event_type not in self.event_types:
            raise NextactError(f"event type {event_type!r}: {suggest(event_type, self.event_types)}")
        return score_items(self.network, histories, self.options.backbone.max_steps, self.event_types.index(event_type))

    def event_type_probabilities(self, histories: Histories) -> NDArray[np.float64]:
        """Probability of each event type in the next step, float64 [users, event types]; rows sum to 1.

        By the heads that were fitted once the network stood; by the network's own where there are none.
        """
        from nextact.models.sequence.inference import score_event_types

        if self.type_model is not None:
            return self.type_model.predict(histories)
        return score_event_types(self.network, histories, self.options.backbone.max_steps)

    def horizons(self) -> tuple[int, ...]:
        """The horizons, in days, that the heads were fitted for; none without heads."""
        return () if self.horizon_model is None else self.horizon_model.horizon_days

    def predict_horizons(self, histories: Histories, moments: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probability of an event of each type within each horizon of a moment, float64 [users, event types, horizons].

        Raises:
            NextactError: If the model has no horizon heads.
        """
        if self.horizon_model is None:
            raise NextactError("sequence: no horizon heads were fitted; the fit report says why under 'horizons'")
        return self.horizon_model.predict(histories, moments, self._states)

    def evidence(self, histories: Histories, item_index: NDArray[np.int32]) -> NDArray[np.int32]:
        """Item of the recent step without which a recommended item's score falls most; 0 where none falls."""
        from nextact.models.sequence.evidence import find_evidence

        return find_evidence(self.network, histories, item_index, self.options.backbone.max_steps)

    def save(self, folder: Path) -> None:
        """Write the network with its text vectors, so that the folder stands alone."""
        from nextact.models.sequence.storage import save_network

        save_network(self.network, self.options, self.event_types, folder)
        if self.horizon_model is not None:
            self.horizon_model.save(folder)
        if self.type_model is not None:
            self.type_model.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        from nextact.models.behaviour.event_types.model import EventTypeModel
        from nextact.models.behaviour.horizons.model import HorizonModel
        from nextact.models.sequence.storage import load_network

        network, options, event_types = load_network(folder)
        model = cls(options)
        model.network, model.event_types = network, event_types
        model.horizon_model = HorizonModel.load(folder)
        model.type_model = EventTypeModel.load(folder)
        return model

    def for_catalogue(self, item_vectors: dict[str, NDArray[np.float32]]) -> SequenceRecommender:
        """The fitted model over the items of another catalogue, which it reads by their text.

        Args:
            item_vectors: Block name -> float32 [n_items + 1, dimensions], made as those that it was fitted with.

        Raises:
            NextactError: If it was fitted with ``item_ids``, or a block is missing or of another width.
        """
        from nextact.models.sequence.transfer import move_network

        model = SequenceRecommender(self.options)
        model.network = move_network(self.network, self.options, item_vectors)
        model.event_types, model.horizon_model = self.event_types, self.horizon_model
        model.type_model = self.type_model
        return model

    def _states(self, histories: Histories) -> NDArray[np.float32]:
        from nextact.models.sequence.inference import score_states

        return score_states(self.network, histories, self.options.backbone.max_steps)
