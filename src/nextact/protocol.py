"""The protocol certificate: what a result depends on, hashed so that unlike results are never compared.

A certificate has three parts. The *protocol* says what was asked (data, split, filter, targets,
seen-item policy, metrics) and is hashed. The *data options* say how the stored arrays are to be
read (the order of event types, what a step is). The *provenance* says how it came about (run, seed,
versions, machine) and is not hashed, so that several seeds of one protocol can be averaged.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator

from nextact.errors import NextactError
from nextact.options import options, plain
from nextact.versioned import Frozen, Versioned


def _named(refit: object) -> object:
    """The refit policy; earlier versions took true and false."""
    if isinstance(refit, bool):
        raise ValueError(f"{str(refit).lower()} is {'anew' if refit else 'none'!r} now; the other one is 'continue'")
    return refit


@options
class PolicyOptions:
    """What a run may recommend.

    Attributes:
        exclude_seen: Whether items of the history are left out. People buy again but rarely read the same news
            twice, so this is stated, never a silent default.
        refit: What becomes of a model once it is validated, since by test time it has not seen the validation window.
            ``anew``: it is fitted from the start on training and validation events. ``continue``: it goes on from the
            validated weights with the newer events, which takes a fraction of the time; a hybrid keeps what it learnt
            and joins the members of today, and models that only count are counted anew. ``none``: the validated model
            meets test, as is the custom under leave-one-out.
    """

    exclude_seen: bool
    refit: Annotated[Literal["none", "anew", "continue"], BeforeValidator(_named)] = "anew"

    @property
    def refit_in_words(self) -> str:
        """The refit policy as a certificate names it."""
        return REFITS[self.refit]


NO_REFIT = "none: test is scored by the model fitted on training events"
UNTIL_TEST = "until test: test is scored by the model fitted again on training and validation events"
CONTINUED = "continued until test: test is scored by the validated model, gone on with on the validation events"
REFITS = {"none": NO_REFIT, "anew": UNTIL_TEST, "continue": CONTINUED}


VERSIONED_PACKAGES = ("nextact", "torch", "transformers", "numpy", "ibis-framework", "duckdb")


def stable_hash(value: object, length: int = 12) -> str:
    """The first ``length`` hex digits of the SHA-256 of a value's canonical JSON.

    Example:
        >>> stable_hash({"a": 1, "b": 2}) == stable_hash({"b": 2, "a": 1})
        True
        >>> stable_hash({"a": 1}) == stable_hash({"a": 2})
        False
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


class Data(Frozen):
    """What was learnt from: a fingerprint, and how many users and catalogue items there are."""

    sha256: str
    users: int
    items: int


class Split(Frozen):
    """How the log was split.

    Attributes:
        kind: ``global_time``, ``leave_one_out`` or ``unseen_users``.
        baskets: Whether the events of one basket are one step.
        min_history: Least events before a target.
        session_gap_minutes: Where sessions are made of times.
        validation_from: Start of validation: an ISO moment, or of unseen users a share.
        test_from: Start of test.
        users_seed: Of unseen users, which are drawn.
    """

    kind: str
    baskets: bool
    min_history: int
    session_gap_minutes: float | None = None
    validation_from: str | float | None = None
    test_from: str | float | None = None
    users_seed: int | None = None


class Ties(Frozen):
    """What orders events at one moment; ``seed`` where they are shuffled."""

    order: str
    seed: int | None = None


class Filter(Frozen):
    """Least events of an item and of a user, and the window in which they are counted."""

    item: int
    user: int
    window: str


class EvaluationProtocol(Frozen):
    """Everything that changes what a metric means."""

    data: Data
    split: Split
    ties: Ties
    target_event_types: tuple[str, ...]
    filter: Filter
    exclude_seen: bool
    refit: str
    metrics: str

    def as_json(self) -> dict[str, Any]:
        """What is hashed: without what does not apply."""
        found: dict[str, Any] = self.model_dump(mode="json", exclude_none=True)
        return found


class Provenance(Frozen):
    """How a result came about."""

    started_at: str
    seed: int
    versions: dict[str, str]
    python: str
    machine: str


class Certificate(Versioned):
    """What a result depends on.

    Attributes:
        run_id: Of the run.
        protocol_hash: Of ``protocol``: two results are compared only where it is the same.
        protocol: What was asked.
        data_options: Blocks of options that give the stored arrays their meaning, such as the order of event types;
            whoever reads the arrays later takes them from here.
        provenance: How it came about.
    """

    run_id: str
    protocol_hash: str
    protocol: EvaluationProtocol
    data_options: dict[str, Any]
    provenance: Provenance

    @property
    def is_refitted(self) -> bool:
        """Whether test is scored by models that have learnt from training and validation events."""
        return self.protocol.refit != NO_REFIT

    @property
    def is_continued(self) -> bool:
        """Whether these went on from the validated ones."""
        return self.protocol.refit == CONTINUED

    @property
    def stamp(self) -> dict[str, str]:
        """The two fields by which every output names its run."""
        return {"run_id": self.run_id, "protocol_hash": self.protocol_hash}


def write_certificate(
    protocol: EvaluationProtocol,
    seed: int,
    data_options: Mapping[str, Any] | None = None,
    started_at: datetime | None = None,
) -> Certificate:
    """Certificate of a new run over ``protocol``.

    Args:
        protocol: What was asked.
        seed: Seed that training and bootstrap start from.
        data_options: See :class:`Certificate`.
        started_at: Start of the run; now, if left out.
    """
    started_at = started_at or datetime.now(UTC)
    protocol_hash = stable_hash(protocol.as_json())
    return Certificate(
        run_id=f"{started_at:%Y%m%dT%H%M%S.%f}"[:-3] + f"-{protocol_hash[:6]}",
        protocol_hash=protocol_hash,
        protocol=protocol,
        data_options=plain(dict(data_options or {})),
        provenance=Provenance(
            started_at=started_at.isoformat(timespec="milliseconds"),
            seed=seed,
            versions={name: version(name) for name in VERSIONED_PACKAGES},
            python=platform.python_version(),
            machine=f"{platform.machine()} {platform.system()}",
        ),
    )


def unequal(one: Mapping[str, Any], other: Mapping[str, Any], place: str = "") -> list[tuple[str, Any, Any]]:
    """Dotted name and both values of each leaf in which two nested mappings differ; None stands for a missing one.

    Example:
        >>> unequal({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}})
        [('a.c', 2, 3)]
    """
    found: list[tuple[str, Any, Any]] = []
    for key in sorted({*one, *other}):
        left, right, name = one.get(key), other.get(key), f"{place}{key}"
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found += unequal(left, right, f"{name}.")
        elif left != right:
            found.append((name, left, right))
    return found


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Lines naming each leaf in which two protocols differ.

    Example:
        >>> differences({"split": {"kind": "global_time"}}, {"split": {"kind": "leave_one_out"}})
        ["split.kind: 'global_time' != 'leave_one_out'"]
    """
    return [f"{name}: {left!r} != {right!r}" for name, left, right in unequal(one, other)]


class HasProtocol(Protocol):
    """Whatever says what was asked of it."""

    @property
    def protocol_hash(self) -> str: ...  # noqa: D102

    @property
    def protocol(self) -> EvaluationProtocol: ...  # noqa: D102


def require_same_protocol(results: Mapping[str, HasProtocol]) -> None:
    """Refuse to compare results of different protocols.

    Raises:
        NextactError: Naming the two results and every difference.
    """
    names = list(results)
    for name in names[1:]:
        first, other = results[names[0]], results[name]
        if first.protocol_hash != other.protocol_hash:
            lines = "\n  ".join(differences(first.protocol.as_json(), other.protocol.as_json()))
            raise NextactError(f"{names[0]!r} and {name!r} follow different protocols:\n  {lines}")


def require_same_run(name: str, run_id: str, certificate: Certificate, pipeline: str) -> None:
    """Refuse to use a stored result beside the data of another run.

    Args:
        name: The result in messages.
        run_id: That it names.
        certificate: The certificate of the data at hand.
        pipeline: The pipeline that makes the result anew.

    Raises:
        NextactError: Naming both runs and the pipeline to run.

    Example:
        >>> certificate = Certificate.model_construct(run_id="b")
        >>> require_same_run("chosen_model", "a", certificate, "model_training")
        Traceback (most recent call last):
        nextact.errors.NextactError: 'chosen_model' belongs to run a, the data to run b; ...
    """
    if run_id != certificate.run_id:
        raise NextactError(
            f"{name!r} belongs to run {run_id}, the data to run {certificate.run_id}; "
            f"run `kedro run --pipelines {pipeline}` first"
        )
