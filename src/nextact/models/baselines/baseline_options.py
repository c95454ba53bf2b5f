"""Options of the baselines; free of heavy imports, since the command line reads them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nextact.models.baselines.shared_options import (
    EventWeightOptions,
    HistoryOptions,
    LinearOptions,
)
from nextact.options import Count, Factor, Name, NotNegative, Positive, Share, options


@options
class PopularityOptions(EventWeightOptions):
    """Every user gets the items with most training events."""


@options
class RecentPopularityOptions(EventWeightOptions):
    """Popularity in which an event counts half after ``half_life_days``."""

    half_life_days: Positive = 14.0


@options
class PopularityForecastOptions(EventWeightOptions):
    """Popularity by the events that an item is expected to get next.

    Attributes:
        days: Length of the future that is predicted, from the end of training on.
        landmarks: Most moments of the training log at which is learnt what past goes with what future.
        landmark_days: Days between two of them.
        trees: Trees of the booster.
        learning_rate: Share of each tree that is added.
        leaves: Most leaves of a tree.
        min_leaf: Fewest items in a leaf, an item counting once a landmark.
    """

    days: Positive = 30.0
    landmarks: Count = 6
    landmark_days: Positive = 15.0
    trees: Count = 150
    learning_rate: Factor = 0.05
    leaves: Annotated[int, Field(ge=2)] = 6
    min_leaf: Count = 100


@options
class PersonalPopularityOptions(HistoryOptions):
    """What this user chose most, recent events first.

    Attributes:
        popularity_weight: Weight of general popularity (its largest value scaled to 1), which orders what the user
            never chose; small, so that it decides nothing else.
        gap_power: How strongly an item that is not yet due again is held back, see
            :func:`nextact.models.baselines.gaps.due_factors`; 0 does not look at gaps.
    """

    half_life_days: Positive | None = 60.0
    popularity_weight: NotNegative = 0.01
    gap_power: NotNegative = 0.0


@options
class TransitionOptions(HistoryOptions):
    """What follows what: counts of (item, item some steps later) over users.

    Attributes:
        lags: How many steps ahead are counted.
        lag_decay: Factor per further lag, in (0, 1].
        reverse_weight: Weight of the same pairs counted backwards, in [0, 1]: 0 is directed, 1 symmetric.
        source_discount: Power of an item's total that its followers' counts are divided by, in [0, 1]: 1 lets every
            item of a history vote alike, 0 lets items that were followed often vote more.
        popularity_discount: Power of the followers' popularity that counts are divided by, in [0, 1].
        kept_per_item: Followers kept per item.
    """

    lags: Count = 3
    lag_decay: Factor = 0.5
    reverse_weight: Share = 0.0
    source_discount: Share = 1.0
    history_steps: Count | None = 10
    history_decay: Factor = 0.7
    popularity_discount: Share = 0.0
    kept_per_item: Count = 500


@options
class ItemKNNOptions(HistoryOptions):
    """Items that the same users chose.

    Attributes:
        weighting: How a user's count of an item is weighed before items are compared: cosine of the counts, cosine of
            their tf-idf (an item is a text, its users are the words), or the product of their BM25 weights.
        neighbours: Neighbours kept per item, itself included.
        shrinkage: A similarity that rests on ``n`` common users is multiplied by ``n / (n + shrinkage)``.
        bm25_k1: How slowly BM25 saturates in a count; weighting bm25 alone reads it.
        bm25_b: How far BM25 discounts items with many events, in [0, 1]; weighting bm25 alone reads it.
    """

    weighting: Literal["cosine", "tfidf", "bm25"] = "cosine"
    neighbours: Count = 200
    shrinkage: NotNegative = 0.0
    bm25_k1: Positive = 1.2
    bm25_b: Share = 0.75
    history_decay: Factor = 0.9


@options
class EASEOptions(LinearOptions):
    """EASE: a linear item-to-item model in closed form.

    Attributes:
        regularisation: L2 strength on the weights.
        kept_per_item: Weights kept per item by size, so that the model stays small on disk.
    """

    regularisation: Positive = 300.0
    half_life_days: Positive | None = 60.0
    kept_per_item: Count = 500


@options
class SLIMOptions(LinearOptions):
    """SLIM: a sparse linear item-to-item model, weights not negative.

    Attributes:
        l1: Strength of the absolute values' sum beside half the squared error summed over users.
        l2: Strength of half the squares' sum.
        neighbours: An item's weights are sought among so many items with the highest cosine to it.
        max_sweeps: Most passes of coordinate descent over an item's weights.
        tolerance: A pass that changes no weight by more than this is the last.
    """

    l1: NotNegative = 1.0
    l2: NotNegative = 10.0
    neighbours: Count = 100
    max_sweeps: Count = 50
    tolerance: Positive = 1e-4
    history_decay: Factor = 0.9


@options
class ALSOptions(HistoryOptions):
    """Matrix factorisation of implicit feedback by alternating least squares.

    Attributes:
        factors: Length of the vectors of users and items.
        regularisation: L2 strength on both.
        confidence: An event weight w is trusted ``1 + confidence * w`` times as much as the absence of an event.
        iterations: Passes over users and items.
    """

    factors: Count = 64
    regularisation: Positive = 1.0
    confidence: Positive = 10.0
    iterations: Count = 15
    history_decay: Factor = 0.95


@options
class Item2VecOptions(HistoryOptions):
    """Word2Vec over what users did: items are words.

    Attributes:
        sentences: A user's whole history is a sentence, or each of their baskets is one. Items of one basket have no
            order; they are shuffled.
        dimensions: Length of each vector.
        window: Furthest distance, in items, between an item and its context; for baskets as long as the longest basket.
        min_count: Items with fewer training events have no vector.
        epochs: Passes over the log.
        skip_gram: Predict the context from the item; False predicts the item from its context.
        negatives: Negative samples a positive one.
        subsample: Items with a larger share of the log than this are passed over at random; 0 reads all.
        learning_rate: First step size; it falls linearly. Logs are short beside texts and want more than a text does.
        compare: A history's item vectors are compared with the candidates' item vectors, which are near for items that
            can stand for each other, an item and itself above all, or with their context vectors, which training makes
            near for items that occur together: better where nobody chooses an item twice.
    """

    sentences: Literal["histories", "baskets"] = "histories"
    dimensions: Count = 64
    window: Count = 5
    min_count: Count = 1
    epochs: Count = 20
    skip_gram: bool = True
    negatives: Count = 5
    subsample: NotNegative = 0.0
    learning_rate: Positive = 0.1
    compare: Literal["items", "contexts"] = "items"
    history_steps: Count | None = 10
    history_decay: Factor = 0.7


@options
class TIFUKNNOptions(EventWeightOptions):
    """Personal item frequencies that fade with time, blended with those of similar users.

    Attributes:
        group_steps: Steps (baskets) a group.
        within_decay: Factor per step back within a group, in (0, 1].
        between_decay: Factor per group back, in (0, 1].
        neighbours: Training users that vote.
        similarity: How the nearest users are found; the paper takes euclidean distance.
        own_share: Weight of the user's own frequencies beside the neighbours' mean, in [0, 1].
        gap_power: How strongly an item that is not yet due again is held back, see
            :func:`nextact.models.baselines.gaps.due_factors`; 0 does not look at gaps.
    """

    group_steps: Count = 7
    within_decay: Factor = 0.9
    between_decay: Factor = 0.7
    neighbours: Count = 300
    similarity: Literal["euclidean", "cosine"] = "cosine"
    own_share: Share = 0.7
    gap_power: NotNegative = 0.0


@options
class ContentKNNOptions(HistoryOptions):
    """Items whose text is near the recent history's.

    Attributes:
        block: Name of the item vectors, dense or sparse.
        centre: Take the items' mean from dense vectors, since encoders share a common direction; sparse ones stay as
            they are.
        whitening: Centre dense vectors and make all their directions equally wide, see
            :func:`nextact.text.encoder.pooling.whiten`.
    """

    block: Name = "encoder"
    history_steps: Count | None = 10
    history_decay: Factor = 0.8
    centre: bool = True
    whitening: bool = False


@options
class WordsKNNOptions(ContentKNNOptions):
    """The same by the words of the text, one by one: on sparse vectors."""

    block: Name = "words"
