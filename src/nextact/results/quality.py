"""What is known of the tables of a run before a model is trusted: the data quality report."""

from __future__ import annotations

from nextact.protocol import Split
from nextact.versioned import Frozen, Versioned


class Rules(Split):
    """What the run asked of the log: its split, whether seen items are left out, the window of the filter."""

    exclude_seen: bool
    window: str


class SourceRows(Frozen):
    """Rows of one source with one reason, or ``accepted``; ``source`` is None where the table has one source."""

    source: str | None
    reason: str
    n: int


class Rows(Frozen):
    """Rows that were read.

    Attributes:
        read: All of them.
        accepted: With those of test.
        rejected: For any reason.
        by_split: Accepted rows.
        by_reason: Rejected rows, the most frequent reason first.
        by_source: Rejected rows, and accepted ones outside test.
    """

    read: int
    accepted: int
    rejected: int
    by_split: dict[str, int]
    by_reason: dict[str, int]
    by_source: tuple[SourceRows, ...]


class Overview(Frozen):
    """Sizes outside test.

    Attributes:
        events: Accepted ones.
        users: With an event.
        items: With an event.
        catalogue_items: That can be recommended.
        event_types: Events by type, the most frequent first.
        first: ISO second of the oldest event; None without times or events, as are the next two.
        last: Of the newest.
        resolution: The coarsest clock that could have written the times.
        busiest_user_share: Of all events, by the user who has most.
    """

    events: int
    users: int
    items: int
    catalogue_items: int
    event_types: dict[str, int]
    first: str | None
    last: str | None
    resolution: str | None
    busiest_user_share: float


class OverTime(Frozen):
    """Events by type in equal stretches of time, each named by its first day (UTC).

    Attributes:
        bucket: ``day``, ``week`` or ``month``.
        first: ISO day of the oldest event; None of no event.
        last: Of the newest.
        starts: ISO day of each stretch.
        counts: Events of each stretch, by type.
    """

    bucket: str
    first: str | None
    last: str | None
    starts: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]


class Bar(Frozen):
    """How many lie in a bin, such as ``3-5``."""

    bin: str
    n: int


class Quantiles(Frozen):
    """So many whole numbers, their mean and quantiles; None of no number."""

    n: int
    mean: float | None
    min: int | None
    q25: int | None
    median: int | None
    q75: int | None
    q90: int | None
    q99: int | None
    max: int | None


class HistoryLength(Frozen):
    """Training events and steps of users who have any; ``histogram`` counts users by events."""

    events: Quantiles
    steps: Quantiles
    histogram: tuple[Bar, ...]


class Popularity(Frozen):
    """Training events of items that have any.

    Attributes:
        events: An item.
        histogram: Items by events.
        top_shares: Of the training events, on the most popular items by their share of all items.
        curve: Rank and events of about 120 items, the most popular first.
    """

    events: Quantiles
    histogram: tuple[Bar, ...]
    top_shares: dict[str, float]
    curve: tuple[tuple[int, int], ...]


class Repeats(Frozen):
    """Events, and ``n`` of them on an item that the user had in an earlier step."""

    events: int
    n: int
    share: float


class NeighbourTies(Frozen):
    """Neighbouring events of a user, and ``n`` of them that share a moment."""

    neighbours: int
    n: int
    share: float


class ItemTexts(Frozen):
    """Catalogue items, how many have no text (or are not in the item table at all), and who has one, by column."""

    items: int
    without_text: int
    not_in_item_table: int
    filled: dict[str, float]


class Shift(Frozen):
    """Shares of classes in training and in validation; see :mod:`nextact.events.quality.bins` for the two measures."""

    classes: tuple[str, ...]
    train: tuple[float, ...]
    validation: tuple[float, ...]
    jensen_shannon: float
    stability_index: float


class Drift(Frozen):
    """How validation differs from training.

    Attributes:
        validation_events: All of them.
        unseen_items: Share of these on items without a training event.
        new_users: Share of the users of validation without one.
        event_types: Shares of events by type.
        popularity: Shares of events by training events of their item, of items seen in training.
    """

    validation_events: int
    unseen_items: float
    new_users: float
    event_types: Shift
    popularity: Shift


class ValidationTargets(Frozen):
    """Distinct pairs of a user and an item that validation asks for.

    Attributes:
        users: Who have one.
        users_without_history: Of these, without a catalogue item before the target, so that they are not evaluated.
        all: Pairs.
        reachable: Whose item is in the catalogue.
        seen: That the user had in an earlier step.
        unreachable_share: Of all.
        seen_share: Of all.
    """

    users: int
    users_without_history: int
    all: int
    reachable: int
    seen: int
    unreachable_share: float
    seen_share: float


class CoreRow(Frozen):
    """Items with so many training events, and how often they are held out.

    Attributes:
        bin: Of training events.
        items: In it.
        events: Their training events.
        targets: Pairs of a user and an item.
        targets_per_item: Mean.
        ratio_per_item: To that of all items.
        targets_per_event: Mean; None at 0 events, as is the next.
        ratio: To that of all items seen in training: 1 where the past foretells the future.
    """

    bin: str
    items: int
    events: int
    targets: int
    targets_per_item: float
    ratio_per_item: float
    targets_per_event: float | None
    ratio: float | None


class QualityWarning(Frozen):
    """A finding with its numbers, the part of the report that it is about, and what to do."""

    topic: str
    message: str
    advice: str


class QualityReport(Versioned):
    """What a data scientist should know of the tables; test is counted, and nothing else is read of it.

    Attributes:
        run_id: Of the certificate.
        protocol_hash: Of the certificate.
        split: What was asked of the log.
        rows: Read, accepted and rejected.
        overview: Sizes and span.
        over_time: None of a log without times.
        history_length: Of users.
        popularity: Of items.
        repeats: Of items, by their user.
        ties: In time.
        text: Of items; None without text columns or item table.
        drift: Between training and validation.
        targets: Of validation.
        core: Items by training events, the rarest first.
        warnings: What is worth acting on.
    """

    run_id: str
    protocol_hash: str
    split: Rules
    rows: Rows
    overview: Overview
    over_time: OverTime | None
    history_length: HistoryLength
    popularity: Popularity
    repeats: Repeats
    ties: NeighbourTies
    text: ItemTexts | None
    drift: Drift
    targets: ValidationTargets
    core: tuple[CoreRow, ...]
    warnings: tuple[QualityWarning, ...] = ()
