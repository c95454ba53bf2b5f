"""What was found on test: the numbers of a run, its groups, its checks and its examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from nextact.metrics.comparison import CorrectedComparison, Interval
from nextact.protocol import EvaluationProtocol, Provenance
from nextact.results.horizons import Horizons
from nextact.versioned import Frozen, Versioned

Intervals = dict[str, Interval]  # by metric


class Bin(Frozen):
    """Places of the lists whose predicted probability lies between ``low`` and ``high``; means over them."""

    low: float
    high: float
    places: int
    predicted: float
    observed: float


class Calibration(Frozen):
    """Whether items with a probability are chosen that often.

    Attributes:
        temperature: Of the softmax over items.
        item_log_loss: In nats; None where nobody can be asked.
        users_left_out: Of the loss, by reason.
        error: Mean distance of observed from predicted probability, in [0, 1].
        bins: From small to large probabilities.
    """

    temperature: float
    item_log_loss: Interval | None
    users_left_out: dict[str, int]
    error: float
    bins: tuple[Bin, ...]

    def mean(self, name: str) -> float | None:
        """``predicted`` or ``observed`` over all places; None of no place."""
        places = sum(one.places for one in self.bins)
        total = sum(one.places * float(getattr(one, name)) for one in self.bins)
        return total / places if places else None


class TestedModel(Frozen):
    """One model: metrics by name on validation, on test and on the targets of test that can be reached.

    Attributes:
        family: Of the registry.
        name: Of the registry.
        fit_seconds: To fit it, without the members of a hybrid.
        members_fit_seconds: To fit those.
        score_seconds: To score all users of test.
        validation: Metrics on the choosing half of validation.
        test: Metrics on test, over all targets.
        test_reachable: Metrics on test, over targets in the catalogue that the policy allows.
        shuffled: The choosing metric by what other users did.
        catalogue: What its lists are like: coverage, novelty and the like; None for what is undefined of these lists.
        calibration: Of its item probabilities.
    """

    __test__ = False  # no test case of pytest

    family: str
    name: str
    fit_seconds: float
    members_fit_seconds: float
    score_seconds: float
    validation: Intervals
    test: Intervals
    test_reachable: Intervals
    shuffled: Intervals
    catalogue: dict[str, float | None]
    calibration: Calibration

    @property
    def all_fit_seconds(self) -> float:
        """Of this model, members included."""
        return self.fit_seconds + self.members_fit_seconds


class TypeRow(Frozen):
    """How well one model says which event type comes next.

    Attributes:
        means: Metrics of :data:`nextact.metrics.behaviour.TYPE_METRICS` that have a value per user.
        numbers: Those that have one value.
        by_type: Those that have a value for each type; None where the type never or always happens.
        log_loss_against: Minus that of frequencies, paired by user; below 0 is better.
    """

    means: Intervals
    numbers: dict[str, float]
    by_type: dict[str, dict[str, float | None]]
    log_loss_against: dict[str, CorrectedComparison] = Field(default_factory=dict)


class BehaviourResults(Frozen):
    """The next event type, by model and by two ways of saying it without one; ``observed`` are the mean shares."""

    users: int
    users_left_out: dict[str, int]
    event_types: tuple[str, ...]
    observed: tuple[float, ...]
    models: dict[str, TypeRow]


class TestResults(Versioned):
    """A run on test.

    Attributes:
        run_id: Of the certificate.
        protocol_hash: Of the certificate.
        protocol: What was asked.
        provenance: How it came about.
        metric: The metric that chose.
        users: In test.
        users_left_out: Of the log.
        left_out: Why these are not in test, and how many.
        list_length: Items of a list.
        diversity_block: Item vectors by which items of a list differ, if there are any.
        chosen: The model that validation chose.
        reason: Why it was chosen.
        gate: Which models beat which baselines on validation, a line each.
        models_left_out: Which models could not be fitted, and why, a line each.
        baseline: The best baseline beside the chosen model, if there is one.
        models: From best to worst on validation.
        chosen_against: The chosen model minus each other on test.
        behaviour: Of the next event's type; None where there is nothing to tell.
        horizons: Of events within so many days.
        test_readings: How often test was read under this protocol; None where nobody counts.
        one_list: Whether the chosen model ranks alike for everybody.
    """

    version: int = 3
    __test__ = False

    run_id: str
    protocol_hash: str
    protocol: EvaluationProtocol
    provenance: Provenance
    metric: str
    users: int
    users_left_out: int
    left_out: dict[str, int]
    list_length: int
    diversity_block: str | None
    chosen: str
    reason: str
    gate: tuple[str, ...]
    models_left_out: tuple[str, ...]
    baseline: str | None
    models: tuple[TestedModel, ...]
    chosen_against: dict[str, CorrectedComparison]
    behaviour: BehaviourResults | None
    horizons: Horizons
    test_readings: int | None = None
    one_list: bool = False

    def model(self, name: str) -> TestedModel:
        """One of the models."""
        return next(one for one in self.models if one.name == name)

    @property
    def chosen_model(self) -> TestedModel:
        """The model that validation chose."""
        return self.model(self.chosen)

    @property
    def baseline_model(self) -> TestedModel | None:
        """The best baseline beside it, if there is one."""
        return None if self.baseline is None else self.model(self.baseline)

    @property
    def level(self) -> float:
        """Of the intervals, a share."""
        return self.chosen_model.test[self.metric].level

    @property
    def against_baseline(self) -> CorrectedComparison | None:
        """The chosen model minus the best baseline, where there is one."""
        return None if self.baseline is None else self.chosen_against.get(self.baseline)

    @property
    def shown(self) -> tuple[TestedModel, ...]:
        """The chosen model and the best baseline, if there is one."""
        baseline = self.baseline_model
        return (self.chosen_model,) if baseline is None else (self.chosen_model, baseline)

    @property
    def together_seconds(self) -> float:
        """To fit all models, each once."""
        return sum(one.fit_seconds for one in self.models)


class Group(Frozen):
    """Users or targets that share something.

    Attributes:
        group: Its name.
        users: In it.
        targets: That count.
        models: Model -> metrics.
        difference: The first model minus the second by the first metric; None where there is one model.
    """

    group: str
    users: int
    targets: int
    models: dict[str, Intervals]
    difference: Interval | None = None


class Slice(Frozen):
    """Groups by one question; ``of`` says whether it parts ``users`` or ``targets``."""

    by: str
    of: str
    groups: tuple[Group, ...]
    left_out: dict[str, int]


class Slices(Versioned):
    """The chosen model and the best baseline, if there is one, in groups.

    Attributes:
        run_id: Of the certificate.
        protocol_hash: Of the certificate.
        metrics: The one that chose, then others.
        models: One or two.
        users: In test.
        left_out: Why users of the log are not in test, and how many.
        slices: One a question.
    """

    run_id: str
    protocol_hash: str
    metrics: tuple[str, ...]
    models: tuple[str, ...]
    users: int
    left_out: dict[str, int]
    slices: tuple[Slice, ...]

    @property
    def metric(self) -> str:
        """That chose."""
        return self.metrics[0]


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: What was checked.
        passed: Whether nothing was found.
        numbers: What was counted.
        words: The finding in one sentence.
    """

    name: str
    passed: bool
    numbers: dict[str, Any]
    words: str


class LeakChecks(Versioned):
    """Whether something makes the results look better than the models are."""

    run_id: str
    protocol_hash: str
    checks: tuple[Check, ...]


class Place(Frozen):
    """A place of a list."""

    rank: int
    item: str
    probability: float
    is_hit: bool


class Example(Frozen):
    """A user with what they were recommended and what they chose.

    Attributes:
        user_id: Of the log.
        history: Items, newest first.
        recommended: The first few places, and the first hit.
        chosen: What came next, the first few.
        n_chosen: All of it.
    """

    user_id: str
    history: tuple[str, ...]
    recommended: tuple[Place, ...]
    chosen: tuple[str, ...]
    n_chosen: int


class Examples(Versioned):
    """Users whose list holds a relevant item, and users whose list holds none."""

    run_id: str
    protocol_hash: str
    model: str
    right: tuple[Example, ...]
    wrong: tuple[Example, ...]
