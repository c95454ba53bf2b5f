"""What was learnt from shown recommendations: counts of rows, rates, and what other policies would have earned."""

from __future__ import annotations

from pydantic import Field

from nextact.metrics.comparison import Interval
from nextact.versioned import Frozen, Versioned


class FeedbackCounts(Versioned):
    """Rows of the feedback table.

    Attributes:
        table: Whether there is one.
        rows_read: All of them.
        rows_by_reason: ``accepted``, or why they were rejected.
        not_mapped: Optional columns that ``feedback.table`` names no column for.
    """

    table: bool
    rows_read: int
    rows_by_reason: dict[str, int]
    not_mapped: tuple[str, ...]


class Rate(Frozen):
    """Answered items per shown item.

    Attributes:
        shown: Items.
        answered: Of these.
        users: Who were shown them.
        rate: The share.
        low: Lower end of its interval over users.
        high: Upper end.
    """

    shown: int
    answered: int
    users: int
    rate: float
    low: float
    high: float


class RateWithin(Rate):
    """The rate of the rows that have one value in a column: a rank, a model, a run; None where the column is empty."""

    value: int | str | None


class Shown(Frozen):
    """Accepted rows, and the ISO moments of the first and the last; None of no row."""

    rows: int
    answered: int
    users: int
    items: int
    first: str | None
    last: str | None


class ShownUsers(Frozen):
    """Users who were shown something, and those of them who never answered."""

    shown: int
    never_answered: int
    never_answered_share: float | None


class ShownCatalogue(Frozen):
    """Items that can be recommended, and how many of them were shown at all."""

    items: int
    shown: int
    coverage: float | None


class Span(Frozen):
    """Smallest, middle and largest of a time, in the unit that the field of it names."""

    min: float
    median: float
    max: float


class AgainstCurrent(Frozen):
    """How far the shown rows are from what would be shown today.

    Attributes:
        recommended: Rows whose item the user is recommended now.
        same_rank: Of these, at the same rank.
        of_this_run: Rows of the run of the current recommendations.
        recommended_share: Of all rows.
        events_until: ISO moment of the newest event that the current recommendations know.
        shown_before_that: Rows that they may have learnt from.
        days_after_that: When rows were shown.
    """

    recommended: int
    same_rank: int
    of_this_run: int
    recommended_share: float | None
    events_until: str
    shown_before_that: int
    days_after_that: Span | None


class RankExamined(Frozen):
    """How often a rank is looked at, relative to rank 1.

    Attributes:
        rank: Above 1.
        examination: At least 0, may pass 1.
        low: Lower end of its interval over users.
        high: Upper end.
        pairs: Of a user and an item, each shown both at this rank and at rank 1.
        method: Of the estimate; ``assumptions`` says what it takes for granted.
    """

    rank: int
    examination: float
    low: float
    high: float
    pairs: int
    method: str


class Examination(Frozen):
    """Each rank above 1, and what each method in use takes for granted; empty where nothing at rank 1 was answered."""

    ranks: tuple[RankExamined, ...]
    assumptions: dict[str, str]


class FeedbackReport(FeedbackCounts):
    """The counts, and what came of what was shown.

    Attributes:
        run_id: Of the certificate.
        protocol_hash: Of the certificate.
        shown: Accepted rows.
        response_rate: Of all; None where nothing was shown.
        by_outcome: Share of the shown items that each declared event type followed.
        by_rank: Rates, as are the next four.
        by_model: That recommended.
        by_run: That recommended.
        by_slot: Place on the page.
        by_item_kind: ``warm`` (in training events), ``cold``, ``not in the catalogue``.
        examination: How often each rank is looked at.
        users: Who were shown something.
        catalogue: How much of it was shown.
        hours_to_response: From showing to answer; None where no row has one.
        recommendations: The current ones beside what was shown.
    """

    run_id: str
    protocol_hash: str
    shown: Shown
    response_rate: Rate | None
    by_outcome: dict[str, Rate]
    by_rank: tuple[RateWithin, ...]
    by_model: tuple[RateWithin, ...]
    by_run: tuple[RateWithin, ...]
    by_slot: tuple[RateWithin, ...]
    by_item_kind: tuple[RateWithin, ...]
    examination: Examination
    users: ShownUsers
    catalogue: ShownCatalogue
    hours_to_response: Span | None
    recommendations: AgainstCurrent


class PolicyAtRank(Frozen):
    """One policy at one place of the list.

    The policy that was live has ``mean_reward`` alone; a target has weights and either ``refused`` or estimates.

    Attributes:
        policy: Its name; ``logging`` is the one that was live.
        rank: The place.
        rows: Lists that reach it.
        mean_reward: What was earned.
        effective_rows: How many rows of weight 1 would tell as much.
        max_weight: The largest.
        refused: Why no estimate is given.
        mean_weight: 1 where the log could show all that the target shows.
        estimates: Mean reward, by estimator.
        gain_over_logging: ``doubly_robust`` minus what was earned, in the same rows.
    """

    policy: str
    rank: int
    rows: int
    mean_reward: Interval | None = None
    effective_rows: float | None = None
    max_weight: float | None = None
    refused: str | None = None
    mean_weight: Interval | None = None
    estimates: dict[str, Interval] = Field(default_factory=dict)
    gain_over_logging: Interval | None = None


class JudgedPolicies(Frozen):
    """Policies over the lists that can tell something of them.

    Attributes:
        lists: That were judged.
        users: Of these.
        left_out: Other lists, by reason.
        policies: Each at each rank; none where no list was judged.
    """

    lists: int
    users: int
    left_out: dict[str, int]
    policies: tuple[PolicyAtRank, ...]


class OffPolicyReport(JudgedPolicies, Versioned):
    """What policies over the current recommendations would have earned.

    Attributes:
        run_id: Of the certificate.
        protocol_hash: Of the certificate.
        rewards: What an outcome is worth, by event type.
        why_not: In one sentence, where no policy can be judged.
        warnings: What makes the estimates doubtful.
    """

    run_id: str
    protocol_hash: str
    rewards: dict[str, float]
    why_not: str | None = None
    warnings: tuple[str, ...] = ()
