"""What page, model card and figures know of an evaluation: typed, and read of the stored results in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Report = Mapping[str, Any]

VERSION = 1  # of these classes; a page names it, and a change of meaning of a field raises it


@dataclass(frozen=True)
class Interval:
    """A mean or a difference with the ends of its interval at ``level``, a share."""

    mean: float
    low: float
    high: float
    level: float

    @classmethod
    def of(cls, found: Report, key: str = "mean") -> Interval:
        """Of stored results."""
        return cls(found[key], found["low"], found["high"], found.get("level", 0.95))

    @classmethod
    def all_of(cls, found: Mapping[str, Report]) -> dict[str, Interval]:
        """Of each metric."""
        return {name: cls.of(one) for name, one in found.items()}


@dataclass(frozen=True)
class Difference:
    """The chosen model minus another, paired by user; ``p_holm`` is corrected for all comparisons of the run."""

    other: str
    interval: Interval
    p: float
    p_holm: float


@dataclass(frozen=True)
class Bin:
    """Places of the lists whose predicted probability lies between ``low`` and ``high``."""

    low: float
    high: float
    places: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Calibration:
    """Whether items with a probability are chosen that often; losses in nats, None where nobody can be asked."""

    temperature: float
    log_loss: Interval | None
    error: float
    bins: tuple[Bin, ...]

    @classmethod
    def of(cls, found: Report) -> Calibration:
        """Of stored results."""
        loss = found["item_log_loss"]
        bins = tuple(Bin(*(row[name] for name in Bin.__dataclass_fields__)) for row in found["bins"])
        return cls(found["temperature"], None if loss is None else Interval.of(loss), found["error"], bins)

    def mean(self, name: str) -> float | None:
        """``predicted`` or ``observed`` over all places; None of no place."""
        places = sum(one.places for one in self.bins)
        total = sum(one.places * float(getattr(one, name)) for one in self.bins)
        return total / places if places else None


@dataclass(frozen=True)
class LeaderboardRow:
    """One model: metrics by name on validation, on test and on the targets of test that can be reached.

    Attributes:
        name: Of the registry.
        family: Of the registry.
        validation: Metrics on the choosing half of validation.
        test: Metrics on test, over all targets.
        reachable: Metrics on test, over targets in the catalogue that the policy allows.
        catalogue: What its lists are like: coverage, novelty and the like; None where it was not measured.
        calibration: Of its item probabilities.
        fit_seconds: To fit it, members of a hybrid included.
        own_fit_seconds: To fit it, without members.
        fit_joules: Of the processors while it was fitted, None where they were not counted.
        score_seconds: To score all users of test.
    """

    name: str
    family: str
    validation: Mapping[str, Interval]
    test: Mapping[str, Interval]
    reachable: Mapping[str, Interval]
    catalogue: Mapping[str, float | None]
    calibration: Calibration
    fit_seconds: float
    own_fit_seconds: float
    fit_joules: float | None
    score_seconds: float

    @classmethod
    def of(cls, found: Report) -> LeaderboardRow:
        """Of a model's stored results."""
        own = float(found["fit_seconds"])
        return cls(
            name=found["name"],
            family=found["family"],
            validation=Interval.all_of(found["validation"]),
            test=Interval.all_of(found["test"]),
            reachable=Interval.all_of(found["test_reachable"]),
            catalogue=found["catalogue"],
            calibration=Calibration.of(found["calibration"]),
            fit_seconds=own + float(found.get("members_fit_seconds", 0.0)),
            own_fit_seconds=own,
            fit_joules=found.get("fit_joules"),
            score_seconds=float(found["score_seconds"]),
        )


@dataclass(frozen=True)
class Group:
    """Users or targets that share something; ``difference`` is chosen minus baseline where there is a baseline."""

    name: str
    users: int
    targets: int
    models: Mapping[str, Interval]
    difference: Interval | None


@dataclass(frozen=True)
class Slice:
    """Groups by one question; ``of`` says whether it parts ``users`` or ``targets``."""

    by: str
    of: str
    groups: tuple[Group, ...]
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class Slices:
    """The chosen model and the best baseline, if there is one, in groups, by the metric that chose."""

    protocol_hash: str
    metric: str
    models: tuple[str, ...]
    slices: tuple[Slice, ...]

    @classmethod
    def of(cls, found: Report) -> Slices:
        """Of ``evaluation_slices``."""
        metric = found["metrics"][0]
        slices = tuple(
            Slice(one["by"], one["of"], tuple(_group(group, metric) for group in one["groups"]), one["left_out"])
            for one in found["slices"]
        )
        return cls(found["protocol_hash"], metric, tuple(found["models"]), slices)


@dataclass(frozen=True)
class EvaluationResults:
    """A run on test, its models from best to worst on validation.

    Attributes:
        version: Of these classes.
        run_id: Of the run.
        protocol_hash: Of what was asked.
        metric: The metric that chose.
        level: Of the intervals, a share.
        n_users: Users in test.
        n_data_users: Users of the log.
        n_items: Items of the catalogue.
        data_hash: Fingerprint of the data.
        left_out: Why users of the log are not in test, and how many.
        list_length: Items of a list.
        diversity_block: Item vectors by which items of a list differ, if there are any.
        chosen: The model that validation chose.
        baseline: The best baseline beside it, if there is one.
        reason: Why it was chosen.
        gate: Which models beat which baselines on validation, a line each.
        models_left_out: Which models could not be fitted, and why, a line each.
        rows: All models.
        against: The chosen one minus each other on test.
        protocol: What was asked.
        provenance: How it came about.
        behaviour: Of the next event's type, None where there is nothing to tell.
        horizons: Of events within so many days, by part; empty where they were not scored.
        test_readings: How often test was read under this protocol, None where it was not counted.
    """

    version: int
    run_id: str
    protocol_hash: str
    metric: str
    level: float
    n_users: int
    n_data_users: int
    n_items: int
    data_hash: str
    left_out: Mapping[str, int]
    list_length: int
    diversity_block: str | None
    chosen: LeaderboardRow
    baseline: LeaderboardRow | None
    reason: str
    gate: tuple[str, ...]
    models_left_out: tuple[str, ...]
    rows: tuple[LeaderboardRow, ...]
    against: tuple[Difference, ...]
    protocol: Report
    provenance: Report
    behaviour: Report | None
    horizons: Report
    test_readings: int | None

    @classmethod
    def of(cls, found: Report) -> EvaluationResults:
        """Of ``test_results``."""
        rows = tuple(LeaderboardRow.of(model) for model in found["models"])
        by_name = {row.name: row for row in rows}
        data = found["protocol"]["data"]
        chosen = by_name[found["chosen"]]
        return cls(
            version=VERSION,
            run_id=found["run_id"],
            protocol_hash=found["protocol_hash"],
            metric=found["metric"],
            level=chosen.test[found["metric"]].level,
            n_users=found["users"],
            n_data_users=data["users"],
            n_items=data["items"],
            data_hash=data["sha256"],
            left_out=found["left_out"],
            list_length=found["list_length"],
            diversity_block=found["diversity_block"],
            chosen=chosen,
            baseline=by_name.get(found["baseline"]),
            reason=found["reason"],
            gate=tuple(found["gate"]),
            models_left_out=tuple(found.get("models_left_out") or ()),
            rows=rows,
            against=tuple(_difference(name, one) for name, one in found["chosen_against"].items()),
            protocol=found["protocol"],
            provenance=found["provenance"],
            behaviour=found["behaviour"],
            horizons=found.get("horizons") or {},
            test_readings=found.get("test_readings"),
        )

    @property
    def against_baseline(self) -> Difference | None:
        """The chosen model minus the best baseline, where it was compared."""
        name = self.baseline.name if self.baseline else None
        return next((one for one in self.against if one.other == name), None)

    @property
    def shown(self) -> tuple[LeaderboardRow, ...]:
        """The chosen model and the best baseline, if there is one."""
        return (self.chosen, *((self.baseline,) if self.baseline else ()))

    @property
    def together_seconds(self) -> float:
        """To fit all models, each once."""
        return sum(row.own_fit_seconds for row in self.rows)

    @property
    def fit_joules(self) -> float | None:
        """Of the processors while all models were fitted; None where any was not counted."""
        counted = [row.fit_joules for row in self.rows]
        return None if any(one is None for one in counted) else sum(one or 0.0 for one in counted)


@dataclass(frozen=True)
class Weakness:
    """A group in which the chosen model is weak.

    Attributes:
        by: What groups the users or targets.
        group: The group.
        users: In it.
        found: The metric of the group, or where ``worse_than`` is named the difference to that model.
        worse_than: The baseline that is better there; None where the group is far below all users.
    """

    by: str
    group: str
    users: int
    found: Interval
    worse_than: str | None


def weaknesses(results: EvaluationResults, slices: Slices, fewest_users: int) -> Iterator[Weakness]:
    """Groups of users far below all users, and groups in which the best baseline is better."""
    overall = results.chosen.test[slices.metric].mean
    for one in slices.slices:
        for group in one.groups:
            if group.users < fewest_users:
                continue
            value, difference = group.models[results.chosen.name], group.difference
            if one.of == "users" and value.high < overall:
                yield Weakness(one.by, group.name, group.users, value, None)
            if difference is not None and difference.high < 0:
                yield Weakness(one.by, group.name, group.users, difference, slices.models[1])


def _difference(other: str, found: Report) -> Difference:
    return Difference(other, Interval.of(found, "difference"), found["p_value"], found["p_value_holm"])


def _group(found: Report, metric: str) -> Group:
    models = {name: Interval.of(one[metric]) for name, one in found["models"].items()}
    difference = Interval.of(found["difference"]) if "difference" in found else None
    return Group(found["group"], found["users"], found["targets"], models, difference)
