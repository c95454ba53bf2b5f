"""Tune a projection of text vectors so that items used together come near each other."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nextact.errors import NextactError
from nextact.options import Count, InnerShare, NotNegative, Positive, Seed, options
from nextact.text.encoder.pooling import unit_rows, whiten

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)
Vectors = NDArray[np.float32]
Pairs = NDArray[np.int64]  # [pairs, 2], item indices

# B pairs of a batch, D dimensions of the projection.


@options
class ContrastiveOptions:
    """How the projection is tuned.

    Attributes:
        dimensions: Length of the tuned vectors, at most that of the text vectors; None keeps all.
        window: Items of a user at most this many places apart are a pair.
        max_pairs: A larger log is sampled down to so many pairs.
        temperature: Cosines are divided by it.
        epochs: Most passes over the pairs.
        batch_size: Pairs a step; the other pairs of a batch are the negatives.
        learning_rate: Step size of AdamW.
        weight_decay: Pull of the projection towards its start.
        held_out_share: Share of the items whose pairs are kept back to stop by, in (0, 1): what is learnt must hold for
            items that were never seen.
        patience: Epochs without a lower loss on those pairs before tuning stops.
        seed: Seed of the sample, the held-out items and the order of the pairs.
    """

    dimensions: Count | None = None
    window: Count = 1
    max_pairs: Count = 200_000
    temperature: Positive = 0.05
    epochs: Count = 8
    batch_size: Annotated[int, Field(ge=2)] = 512
    learning_rate: Positive = 3e-4
    weight_decay: NotNegative = 0.01
    held_out_share: InnerShare = 0.1
    patience: Count = 2
    seed: Seed = 0


def tuned_block(
    vectors: Vectors, offsets: NDArray[np.int64], item_index: NDArray[np.int32], options: ContrastiveOptions
) -> Vectors:
    """Text vectors projected so that items chosen near each other by one user are alike.

    The projection is linear and starts as a whitening, so an item without any event is projected like the others.

    Args:
        vectors: float32 ``[n_items + 1, text dimensions]``; a zero row has no text, is in no pair and stays zero.
        offsets: int64 ``[users + 1]``; user u owns the events ``offsets[u]`` to ``offsets[u + 1]``.
        item_index: int32 ``[events]``, oldest first; training events alone.
        options: How to tune.

    Returns:
        float32 ``[n_items + 1, dimensions]``, rows of length 1 or 0. The same input gives the same vectors on one
        machine.

    Raises:
        NextactError: If there are too few pairs to learn from some and stop by others, or the loss is not finite.

    Source:
        van den Oord, Li & Vinyals, 2018 (InfoNCE); Yi et al., 2019, for the correction of in-batch negatives.
    """
    pairs = pairs_within(offsets, item_index, options.window)
    has_text = np.asarray(vectors.any(axis=1))
    pairs = _sampled(pairs[has_text[pairs].all(axis=1)], options)
    is_held_out = _held_out(pairs, options)
    few = None if options.dimensions is None else min(options.dimensions, vectors.shape[1])
    white = whiten(vectors, dimensions=few)
    projection = _tune(white.apply(vectors), pairs[~is_held_out], pairs[is_held_out], options)
    return unit_rows(np.where(has_text[:, None], white.apply(vectors) @ projection, 0).astype(np.float32))


def pairs_within(offsets: NDArray[np.int64], item_index: NDArray[np.int32], window: int) -> Pairs:
    """Pairs of different items that one user chose at most ``window`` places apart.

    Returns:
        (earlier item, later item), int64 ``[pairs, 2]``; repeats are kept.

    Example:
        >>> pairs_within(np.array([0, 3, 4]), np.array([5, 6, 5, 7]), window=2).tolist()
        [[5, 6], [6, 5]]
    """
    user = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    items = np.asarray(item_index, dtype=np.int64)
    found = [np.zeros((0, 2), np.int64)]
    for distance in range(1, window + 1):
        kept = (user[:-distance] == user[distance:]) & (items[:-distance] != items[distance:])
        found.append(np.stack([items[:-distance][kept], items[distance:][kept]], axis=1))
    return np.concatenate(found)


def info_nce(cosines_BB: Tensor, log_shares_B: Tensor, same_BB: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding each pair's second item among the second items of the batch.

    Args:
        cosines_BB: Cosine of each first item (row) with each second item (column).
        log_shares_B: Logarithm of each second item's share of all pairs. It is taken off, since a frequent item is a
            negative more often than a rare one.
        same_BB: Where a column off the diagonal holds one of the row's own two items; it is no negative.
        temperature: Cosines are divided by it.

    Returns:
        The mean over the batch.

    Example:
        >>> import torch
        >>> no = torch.zeros(2, 2, dtype=torch.bool)
        >>> info_nce(torch.zeros(2, 2), torch.zeros(2), no, 1.0)  # two equal choices: ln 2
        tensor(0.6931)
    """
    import torch

    logits_BB = (cosines_BB / temperature - log_shares_B).masked_fill(same_BB, -torch.inf)
    return torch.nn.functional.cross_entropy(logits_BB, torch.arange(len(logits_BB)))


def _sampled(pairs: Pairs, options: ContrastiveOptions) -> Pairs:
    if len(pairs) <= options.max_pairs:
        return pairs
    return pairs[np.sort(np.random.default_rng(options.seed).choice(len(pairs), options.max_pairs, replace=False))]


def _held_out(pairs: Pairs, options: ContrastiveOptions) -> NDArray[np.bool_]:
    """Whether each pair is kept back, since it names one of the held-out items."""
    items = np.random.default_rng(options.seed).permutation(np.unique(pairs))
    chosen = items[: max(1, round(options.held_out_share * len(items)))]
    is_held_out = np.asarray(np.isin(pairs, chosen).any(axis=1))
    if not 0 < is_held_out.sum() < len(pairs):
        raise NextactError(
            f"encoder_tuned: {len(pairs):,} pair(s) of items with text within window={options.window} are too few to "
            "learn from some and stop by others"
        )
    return is_held_out


def _tune(text: Vectors, pairs: Pairs, held_out: Pairs, options: ContrastiveOptions) -> Vectors:
    """The projection float32 ``[dimensions, dimensions]`` of the epoch with the lowest held-out loss."""
    import torch

    text_ID, generator = torch.from_numpy(text), torch.Generator().manual_seed(options.seed)
    log_shares_I = torch.from_numpy(_log_shares(pairs, len(text)))
    change = torch.zeros(text.shape[1], text.shape[1], requires_grad=True)
    optimizer = torch.optim.AdamW([change], lr=options.learning_rate, weight_decay=options.weight_decay)
    train, test = torch.from_numpy(pairs), torch.from_numpy(held_out)
    best, best_change, waited = _mean_loss(change, text_ID, test, options), change.detach().clone(), 0
    start = best
    for _ in range(options.epochs):
        for batch in torch.split(torch.randperm(len(train), generator=generator), options.batch_size):
            loss = _loss(change, text_ID, log_shares_I, train[batch], options)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        found = _mean_loss(change, text_ID, test, options)
        waited = 0 if found < best else waited + 1
        if found < best:
            best, best_change = found, change.detach().clone()
        if waited >= options.patience:
            break
    log.info("encoder_tuned: loss of held-out pairs %.4f before, %.4f after tuning", start, best)
    projection: Vectors = np.eye(text.shape[1], dtype=np.float32) + best_change.numpy()
    return projection


def _log_shares(pairs: Pairs, n_rows: int) -> Vectors:
    """Logarithm of each item's share of all places in the pairs; an item in none counts as in one."""
    counts = np.maximum(np.bincount(pairs.ravel(), minlength=n_rows), 1)
    return np.asarray(np.log(counts / counts.sum()), dtype=np.float32)


def _loss(change: Tensor, text_ID: Tensor, log_shares_I: Tensor, pairs: Tensor, options: ContrastiveOptions) -> Tensor:
    """InfoNCE in both directions."""
    import torch

    left, right = pairs[:, 0], pairs[:, 1]
    left_BD, right_BD = (
        torch.nn.functional.normalize(text_ID[side] + text_ID[side] @ change, dim=1) for side in (left, right)
    )
    cosines_BB = left_BD @ right_BD.T
    forward = info_nce(cosines_BB, log_shares_I[right], _no_negatives(left, right), options.temperature)
    backward = info_nce(cosines_BB.T, log_shares_I[left], _no_negatives(right, left), options.temperature)
    loss = (forward + backward) / 2
    if not torch.isfinite(loss):
        raise NextactError(f"encoder_tuned: the loss is {loss.item()}; lower ContrastiveOptions.learning_rate")
    return loss


def _no_negatives(own: Tensor, others: Tensor) -> Tensor:
    """Columns off the diagonal that hold a row's positive again, or the row's own item."""
    same: Tensor = (others[:, None] == others[None, :]) | (own[:, None] == others[None, :])
    return same.fill_diagonal_(False)


def _mean_loss(change: Tensor, text_ID: Tensor, pairs: Tensor, options: ContrastiveOptions) -> float:
    """Mean over held-out pairs in batches of a fixed order, uncorrected: their items have no share to speak of."""
    import torch

    equal_I = torch.zeros(len(text_ID))
    with torch.no_grad():
        parts = torch.split(pairs, options.batch_size)
        total = sum(float(_loss(change, text_ID, equal_I, part, options)) * len(part) for part in parts)
    return total / len(pairs)
