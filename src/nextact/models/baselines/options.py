"""Options of the baselines; free of heavy imports, since the command line reads them."""

from __future__ import annotations

from nextact.options import options


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} must be above 0, got {value}")


@options
class PopularityOptions:
    """Every user gets the items with most training events."""


@options
class RecentPopularityOptions:
    """Popularity in which an event counts half after ``half_life_days``."""

    half_life_days: float = 14.0

    def __post_init__(self) -> None:
        _positive(half_life_days=self.half_life_days)


@options
class OwnMostBoughtOptions:
    """What this user chose most, recent events first.

    Attributes:
        half_life_days: Age at which an event counts half.
        popularity_weight: Weight of general popularity (its largest value scaled to 1), which orders what the user
            never chose; small, so that it decides nothing else.
    """

    half_life_days: float = 60.0
    popularity_weight: float = 0.01

    def __post_init__(self) -> None:
        _positive(half_life_days=self.half_life_days)


@options
class TransitionOptions:
    """What follows what: counts of (item, item some steps later) over users.

    Attributes:
        lags: How many steps ahead are counted.
        lag_decay: Factor per further lag, in (0, 1].
        symmetric: Count both directions.
        history_steps: Newest steps that vote when scoring.
        history_decay: Factor per step back when scoring, in (0, 1].
        popularity_discount: Power of the followers' popularity that counts are divided by, in [0, 1].
        kept_per_item: Followers kept per item.
    """

    lags: int = 3
    lag_decay: float = 0.5
    symmetric: bool = False
    history_steps: int = 10
    history_decay: float = 0.7
    popularity_discount: float = 0.0
    kept_per_item: int = 500

    def __post_init__(self) -> None:
        _positive(lags=self.lags, history_steps=self.history_steps, kept_per_item=self.kept_per_item)
        for name in ("lag_decay", "history_decay"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}")


@options
class EASEOptions:
    """EASE: a linear item-to-item model in closed form.

    Attributes:
        regularisation: L2 strength on the weights.
        half_life_days: Recency of the history when scoring.
        kept_per_item: Weights kept per item by size, so that the model stays small on disk.
        max_items: Larger catalogues are refused with the memory it would take.
    """

    regularisation: float = 300.0
    half_life_days: float = 60.0
    kept_per_item: int = 500
    max_items: int = 25_000

    def __post_init__(self) -> None:
        _positive(regularisation=self.regularisation, half_life_days=self.half_life_days)


@options
class ContentKNNOptions:
    """Items whose text is near the recent history's.

    Attributes:
        block: Name of the item vectors.
        history_steps: Newest steps that vote.
        history_decay: Factor per step back, in (0, 1].
    """

    block: str = "encoder"
    history_steps: int = 10
    history_decay: float = 0.8

    def __post_init__(self) -> None:
        _positive(history_steps=self.history_steps, history_decay=self.history_decay)
