"""Options of the hybrids; free of heavy imports, since the command line reads them."""

from __future__ import annotations

from nextact.options import options

MEMBERS = ("own_most_bought", "transition", "recent_popularity", "ease", "content_knn", "gpt2")


@options
class BlendOptions:
    """A weighted sum of the members' standardised scores.

    Attributes:
        members: Names of models of the other families; those that a run lacks step aside.
        candidates_per_member: Best items of each member among which the weights are fitted.
        max_users: Users of the fitting half that are looked at, the first so many.
        rounds: Passes of the search over the weights.
        metric_k: Length of the list whose NDCG the weights are to raise.
    """

    members: tuple[str, ...] = MEMBERS
    candidates_per_member: int = 100
    max_users: int = 4_000
    rounds: int = 4
    metric_k: int = 10

    def __post_init__(self) -> None:
        for name in ("candidates_per_member", "max_users", "rounds", "metric_k"):
            if getattr(self, name) < 1:
                raise ValueError(f"BlendOptions.{name} must be at least 1, got {getattr(self, name)}")
        if len(self.members) < 2 or len(set(self.members)) < len(self.members):
            raise ValueError(f"BlendOptions.members must be two different names or more, got {list(self.members)}")
