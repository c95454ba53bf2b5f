"""What is known of models between their fit and the choice: fitted, left out, validated, compared, chosen."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nextact.metrics.comparison import CorrectedComparison, Interval
from nextact.results.horizons import HorizonSection
from nextact.versioned import Frozen, Versioned


class Named(Versioned):
    """A model of a run.

    Attributes:
        run_id: Of the certificate.
        protocol_hash: Of the certificate.
        family: As in the registry.
        name: As in the registry.
    """

    run_id: str
    protocol_hash: str
    family: str
    name: str

    @property
    def full_name(self) -> str:
        """The name by which a model is known across families, such as ``baselines.popularity``."""
        return f"{self.family}.{self.name}"


class Made(Named):
    """A model and what it was made with.

    Attributes:
        options_hash: Of its options.
        item_vectors: Hash of each block of item vectors that it reads.
    """

    options_hash: str
    item_vectors: dict[str, str]


class Fit(Made):
    """What is written beside the weights of a fitted model.

    Attributes:
        options: Defaults included.
        fit_seconds: Of this model.
        members_fit_seconds: Of the members of a hybrid.
        report: What the model found worth telling of its fit.
    """

    options: dict[str, Any]
    fit_seconds: float
    members_fit_seconds: float = 0.0
    report: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def outside_a_run(cls, family: str, name: str) -> Fit:
        """Of a model that is fitted by itself, without certificate."""
        nobody = {"run_id": "", "protocol_hash": "", "options_hash": "", "item_vectors": {}}
        return cls(**nobody, family=family, name=name, options={}, fit_seconds=0.0)

    @property
    def all_fit_seconds(self) -> float:
        """Of this model, members included."""
        return self.fit_seconds + self.members_fit_seconds


class LeftOut(Made):
    """A model that could not be fitted on this data.

    Attributes:
        left_out: Why, in one line.
        lacked_memory: Whether it may fit when more memory is free; known to the run alone, not stored.
    """

    left_out: str
    lacked_memory: bool = Field(default=False, exclude=True)


class Candidate(Fit):
    """A model that was validated.

    Attributes:
        folder: Of the model that was validated.
        refitted_folder: Of the model that meets test and serves; None until it is gathered.
        users: Who chose.
        validation: Metrics of these users.
        validation_values: The choosing metric of each user; left out of a leaderboard.
        validation_horizons: What the model says of horizons of these users.
    """

    version: int = 2
    folder: str
    refitted_folder: str | None = None
    users: int
    validation: dict[str, Interval]
    validation_values: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    validation_horizons: HorizonSection

    @property
    def handle(self) -> ModelHandle:
        """Where the model is, once it was gathered."""
        return ModelHandle(
            run_id=self.run_id,
            protocol_hash=self.protocol_hash,
            family=self.family,
            name=self.name,
            folder=self.folder,
            refitted_folder=self.served_folder,
        )

    @property
    def served_folder(self) -> str:
        """Of the model that meets test and serves, once that is known."""
        if self.refitted_folder is None:
            raise ValueError(f"{self.full_name} was not gathered")
        return self.refitted_folder


class Candidates(Versioned):
    """The models of one family that a run validated, and those that it had to leave out."""

    version: int = 2
    models: tuple[Candidate, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


class GateRow(Frozen):
    """A model beside every baseline: which it is shown to be better than, and which not."""

    against: dict[str, CorrectedComparison]
    beaten: tuple[str, ...]
    not_beaten: tuple[str, ...]


class Gate(Frozen):
    """Every model that is no baseline beside the baselines; none of both where there is no baseline."""

    best_baseline: str | None
    models: dict[str, GateRow]


class Leaderboard(Versioned):
    """The models of a run by the choosing metric, best first.

    Attributes:
        run_id: Of the certificate.
        protocol_hash: Of the certificate.
        metric: Which chose.
        models: Best first.
        gate: Which models fail to beat which baselines.
        left_out: Which could not be fitted.
    """

    version: int = 2
    run_id: str
    protocol_hash: str
    metric: str
    models: tuple[Candidate, ...]
    gate: Gate
    left_out: tuple[LeftOut, ...]

    @property
    def families(self) -> dict[str, str]:
        """Model -> family, best first."""
        return {one.name: one.family for one in self.models}


class ModelHandle(Named):
    """A handle to a model of a run.

    Attributes:
        folder: Of the model that was validated.
        refitted_folder: Of the model that meets test and serves.
    """

    folder: str
    refitted_folder: str

    @property
    def handle(self) -> ModelHandle:
        """Without what a subclass adds."""
        return ModelHandle(**{name: getattr(self, name) for name in ModelHandle.model_fields})


class ChosenModel(ModelHandle):
    """The model that serves.

    Attributes:
        reason: Why it was chosen.
        test_readings: How often test was opened under the protocol, this time included; None where nobody counts.
    """

    reason: str
    test_readings: int | None = None

    def __str__(self) -> str:
        """What is printed at the end of a run that chooses and does no more."""
        return f"{self.name} is chosen: {self.reason}"


class BehaviourModel(Versioned):
    """The model that predicts event types; ``model`` is None where no model of the run does."""

    run_id: str
    protocol_hash: str
    model: ModelHandle | None
