"""Options of the hybrids; free of heavy imports, since the command line reads them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nextact.options import Count, Factor, Positive, WholeNumber, options, renamed

MEMBERS = (
    "personal_popularity",
    "tifu_knn",
    "transition",
    "item_knn",
    "ease",
    "recent_popularity",
    "popularity_forecast",
    "content_knn",
    "words_knn",
    "gpt2",
)
EXAMPLES_PER_USER = 200  # more than twice what the keenest household of the sample has in its window
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
        examples_per_user: Later steps of one user that are learnt from; where there are more, drawn by the seed.
        history_events: Events of histories that are worked on at once; a longer history is worked on alone.
        memory_gib: Memory of the scores of users x items that are worked on at once, all members together. A block has
            as many users as fit, one at least. Nothing depends on the blocks but the last digit of some members.
        rounds: Passes of the search over the weights.
        metric_k: Length of the list whose NDCG the weights are to raise.
    """

    members: tuple[str, ...] = MEMBERS
    candidates_per_member: Count = 100
    max_users: Count = 4_000
    later_steps: bool = True
    examples_per_user: Count = EXAMPLES_PER_USER
    history_events: Count = HISTORY_EVENTS
    memory_gib: Positive = MEMORY_GIB
    rounds: Count = 4
    metric_k: Count = 10

    def __post_init__(self) -> None:
        check_members(self.members)


@options
class StackedOptions:
    """Gradient-boosted trees that re-rank the members' candidates.

    Attributes:
        members: Names of models of the other families; those that a run lacks step aside.
        candidates_by: What finds the items that are re-ranked. ``fusion``: a logit of all members, fitted over the
            whole catalogue on the same examples, and a feature as well. ``ranks``: the best ranks among the members.
        candidates_per_member: Best items of each member that ``ranks`` looks at.
        candidates: Items a user that are re-ranked, at most 10,000: LightGBM ranks no longer list.
        views: Newest steps that each member which adds up over the history reads alone, for features of its own.
        newest_blocks: Blocks of item vectors in which a candidate's cosine to the user's newest step is a feature; one
            that a run lacks is left out.
        max_users: Steps of users of the fitting half that are learnt from; where there are more, drawn by the seed.
        later_steps: Whether the users' later steps in the validation window are learnt from too, where there are any.
        examples_per_user: Later steps of one user that are learnt from; where there are more, drawn by the seed.
        history_events: Events of histories that are worked on at once; a longer history is worked on alone.
        memory_gib: Memory of the scores of users x items that are worked on at once, all members together. A block has
            as many users as fit, one at least. Nothing depends on the blocks but the last digit of some members.
        popularity: Whether an item's training frequency, ages, repeats and newest weeks are features, and whether
            members are joined that say the same to everybody (popularity, recent popularity, demand). Under a k-core
            over the whole log these carry an artefact of the filter; see the docs on protocols.
        member_scores: Whether the members' scores are features beside their ranks. Members that are fitted again score
            on another scale, and ranks survive that better; see the docs on models.
        user_features: Whether the users' activity is: it orders nobody's candidates by itself, and with few examples it
            is a way to learn them by heart.
        objective: What the trees lower: ``lambdarank`` the pairs that cost NDCG, ``binary`` the log loss of each
            candidate's being a target, which learns less of the order in one window and more of what lasts.
        boosters: Boosters whose scores are averaged, at least 2: those of a cross-validation over as many parts of the
            fitting users, each grown without one of them.
        max_trees: Most trees of one; the users left out decide how many are kept.
        patience: Trees without a better NDCG of the users left out before that search stops.
        learning_rate: Share of each tree that is added.
        leaves: Most leaves of a tree.
        min_leaf: Fewest candidates in a leaf; a hundredth of all candidates where that is less.
        metric_k: Length of the list whose NDCG the trees are to raise.
    """

    members: tuple[str, ...] = MEMBERS
    candidates_by: Literal["fusion", "ranks"] = "fusion"
    candidates_per_member: Count = 100
    candidates: Annotated[int, Field(ge=1, le=MOST_CANDIDATES)] = 100
    views: WholeNumber = 3
    newest_blocks: tuple[str, ...] = ("encoder", "tfidf", "syntax")
    max_users: Count = 15_000
    later_steps: bool = True
    examples_per_user: Count = EXAMPLES_PER_USER
    history_events: Count = HISTORY_EVENTS
    memory_gib: Positive = MEMORY_GIB
    popularity: bool = True
    member_scores: bool = True
    user_features: bool = True
    objective: Literal["lambdarank", "binary"] = "lambdarank"
    boosters: Annotated[int, Field(ge=2)] = 4
    max_trees: Count = 300
    patience: Count = 40
    learning_rate: Factor = 0.1
    leaves: Annotated[int, Field(ge=2)] = 7
    min_leaf: Count = 300
    metric_k: Count = 10

    def __post_init__(self) -> None:
        check_members(self.members)


for _block in (BlendOptions, StackedOptions):
    renamed(_block, {"lessons_per_user": "examples_per_user"})


def check_members(members: tuple[str, ...]) -> None:
    """Refuse fewer than two members, or one named twice."""
    if len(members) < 2 or len(set(members)) < len(members):
        raise ValueError(f"members must be two different names or more, got {list(members)}")
