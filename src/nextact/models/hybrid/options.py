"""Options of the hybrids; free of heavy imports, since the command line reads them."""

from __future__ import annotations

from typing import Literal

from nextact.options import options

MEMBERS = (
    "own_most_bought",
    "tifu_knn",
    "transition",
    "item_knn",
    "ease",
    "recent_popularity",
    "demand",
    "content_knn",
    "words_knn",
    "gpt2",
)
LESSONS_PER_USER = 200  # more than twice what the keenest household of the sample has in its window
HISTORY_EVENTS, MEMORY_GIB = 1_000_000, 1.0
MOST_CANDIDATES = 10_000  # LightGBM's limit on the rows of a list


@options
class BlendOptions:
    """A weighted sum of the members' standardised scores.

    Attributes:
        members: Names of models of the other families; those that a run lacks step aside.
        candidates_per_member: Best items of each member among which the weights are fitted.
        max_users: Steps of users of the fitting half that are looked at; where there are more, drawn by the seed.
        later_steps: Whether the users' later steps in the validation window are learnt from too, where there are any.
        lessons_per_user: Later steps of one user that are learnt from; where there are more, drawn by the seed.
        history_events: Events of histories that are worked on at once; a longer history is worked on alone.
        memory_gib: Memory of the scores of users x items that are worked on at once, all members together. A block has
            as many users as fit, one at least. Nothing depends on the blocks but the last digit of some members.
        rounds: Passes of the search over the weights.
        metric_k: Length of the list whose NDCG the weights are to raise.
    """

    members: tuple[str, ...] = MEMBERS
    candidates_per_member: int = 100
    max_users: int = 4_000
    later_steps: bool = True
    lessons_per_user: int = LESSONS_PER_USER
    history_events: int = HISTORY_EVENTS
    memory_gib: float = MEMORY_GIB
    rounds: int = 4
    metric_k: int = 10

    def __post_init__(self) -> None:
        _at_least_one(self, ("candidates_per_member", "max_users", "rounds", "metric_k"))
        _check_bounds(self)
        _several_members(self)


@options
class StackedOptions:
    """Gradient-boosted trees that re-rank the members' candidates.

    Attributes:
        members: Names of models of the other families; those that a run lacks step aside.
        candidates_by: What finds the items that are re-ranked. ``mixture``: a logit of all members, fitted over the
            whole catalogue on the same lessons, and a feature as well. ``ranks``: the best ranks among the members.
        candidates_per_member: Best items of each member that ``ranks`` looks at.
        candidates: Items a user that are re-ranked, at most 10,000: LightGBM ranks no longer list.
        views: Newest steps that each member which adds up over the history reads alone, for features of its own.
        newest_blocks: Blocks of item vectors in which a candidate's cosine to the user's newest step is a feature; one
            that a run lacks is left out.
        max_users: Steps of users of the fitting half that are learnt from; where there are more, drawn by the seed.
        later_steps: Whether the users' later steps in the validation window are learnt from too, where there are any.
        lessons_per_user: Later steps of one user that are learnt from; where there are more, drawn by the seed.
        history_events: Events of histories that are worked on at once; a longer history is worked on alone.
        memory_gib: Memory of the scores of users x items that are worked on at once, all members together. A block has
            as many users as fit, one at least. Nothing depends on the blocks but the last digit of some members.
        popularity: Whether an item's training frequency, ages, repeats and newest weeks are features, and whether
            members are joined that say the same to everybody (popularity, recent popularity, demand). Under a k-core
            over the whole log these carry an artefact of the filter; see the docs on protocols.
        member_scores: Whether the members' scores are features beside their ranks. Members that are fitted again score
            on another scale, and ranks survive that better; see the docs on models.
        user_features: Whether the users' activity is: it orders nobody's candidates by itself, and with few lessons it
            is a way to learn them by heart.
        objective: What the trees lower: ``lambdarank`` the pairs that cost NDCG, ``binary`` the log loss of each
            candidate's being a target, which learns less of the order in one window and more of what lasts.
        boosters: Boosters whose scores are averaged, at least 1; each is shown other parts of the lists and features.
        max_trees: Most trees of one; cross-validation over the fitting users decides how many are grown.
        patience: Trees without a better NDCG of the users left out before that search stops.
        learning_rate: Share of each tree that is added.
        leaves: Most leaves of a tree.
        min_leaf: Fewest candidates in a leaf; a hundredth of all candidates where that is less.
        metric_k: Length of the list whose NDCG the trees are to raise.
    """

    members: tuple[str, ...] = MEMBERS
    candidates_by: Literal["mixture", "ranks"] = "mixture"
    candidates_per_member: int = 100
    candidates: int = 100
    views: int = 3
    newest_blocks: tuple[str, ...] = ("encoder", "tfidf", "syntax")
    max_users: int = 15_000
    later_steps: bool = True
    lessons_per_user: int = LESSONS_PER_USER
    history_events: int = HISTORY_EVENTS
    memory_gib: float = MEMORY_GIB
    popularity: bool = True
    member_scores: bool = True
    user_features: bool = True
    objective: Literal["lambdarank", "binary"] = "lambdarank"
    boosters: int = 4
    max_trees: int = 300
    patience: int = 40
    learning_rate: float = 0.1
    leaves: int = 7
    min_leaf: int = 300
    metric_k: int = 10

    def __post_init__(self) -> None:
        counts = ("candidates_per_member", "candidates", "max_users", "boosters", "max_trees", "patience", "min_leaf")
        _at_least_one(self, (*counts, "metric_k"))
        _check_bounds(self)
        if self.candidates > MOST_CANDIDATES:
            raise ValueError(
                f"StackedOptions.candidates must be at most {MOST_CANDIDATES:,}, the longest list that LightGBM ranks, "
                f"got {self.candidates:,}"
            )
        if self.views < 0:
            raise ValueError(f"StackedOptions.views must be at least 0, got {self.views}")
        if self.leaves < 2 or not 0 < self.learning_rate <= 1:
            raise ValueError(
                "StackedOptions: leaves must be at least 2 and learning_rate in (0, 1], "
                f"got {self.leaves} and {self.learning_rate}"
            )
        _several_members(self)


def _at_least_one(block: BlendOptions | StackedOptions, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(block, name) < 1:
            raise ValueError(f"{type(block).__name__}.{name} must be at least 1, got {getattr(block, name)}")


def _check_bounds(block: BlendOptions | StackedOptions) -> None:
    _at_least_one(block, ("lessons_per_user", "history_events"))
    if not block.memory_gib > 0:
        raise ValueError(f"{type(block).__name__}.memory_gib must be above 0, got {block.memory_gib}")


def _several_members(block: BlendOptions | StackedOptions) -> None:
    if len(block.members) < 2 or len(set(block.members)) < len(block.members):
        raise ValueError(
            f"{type(block).__name__}.members must be two different names or more, got {list(block.members)}"
        )
