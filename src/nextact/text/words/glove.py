"""GloVe, trained on the tokens of the items."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from nextact.errors import NextactError
from nextact.options import Count, Positive, Seed, options
from nextact.text.cleaning.corpus import Corpus
from nextact.text.words.vector_files import read_glove
from nextact.text.words.word2vec import frequent_words
from nextact.text.words.word_vectors import WordVectors

if TYPE_CHECKING:
    from torch import Tensor

# P pairs of words that occur together, D dimensions.

_TOKENS_AT_ONCE = 1_000_000


@options
class GloVeOptions:
    """How to train GloVe.

    Attributes:
        dimensions: Length of each vector.
        window: Furthest distance, in tokens, between a word and its context.
        min_count: Words that occur less often have no vector and no place in the window.
        epochs: Passes over the pairs of words.
        x_max: Co-occurrences from which on a pair has full weight; the paper's 100 suits a large corpus.
        alpha: How fast the weight of rare pairs falls.
        learning_rate: Step of AdaGrad.
        batch_size: Pairs a step.
        device: ``"cpu"``, ``"cuda"`` and so on.
        seed: Seed of the start vectors and of the order of the pairs.
        pretrained: A file of GloVe vectors (text, ``.gz`` is unpacked), read instead of training; the other options
            then mean nothing.
    """

    dimensions: Count = 64
    window: Count = 5
    min_count: Count = 2
    epochs: Count = 30
    x_max: Positive = 10.0
    alpha: Positive = 0.75
    learning_rate: Positive = 0.05
    batch_size: Count = 4096
    device: str = "cpu"
    seed: Seed = 0
    pretrained: str | None = None


def glove_vectors(tokens: Corpus[list[str]], options: GloVeOptions) -> WordVectors:
    """Word vectors read from ``options.pretrained`` where it names a file, else trained on the tokens.

    Raises:
        NextactError: As :func:`read_glove` and :func:`train_glove` do.
    """
    if options.pretrained is None:
        return train_glove(tokens, options)
    return read_glove(Path(options.pretrained).expanduser())


def train_glove(
    tokens: Corpus[list[str]], options: GloVeOptions, on_epoch: Callable[[int, float], None] | None = None
) -> WordVectors:
    """Train word vectors on how often words occur near each other.

    Args:
        tokens: The tokens of each item; a window does not reach into another item.
        options: How to train.
        on_epoch: Called after each epoch with its number from 0 and the mean loss of its pairs.

    Returns:
        The sum of word and context vector for each word that occurs at least ``min_count`` times,
        most frequent first. The same seed gives the same vectors on the same CPU.

    Raises:
        NextactError: If no word occurs often enough, no two of them occur together, or the loss is not finite.

    Source:
        Pennington, Socher & Manning, 2014, "GloVe: Global Vectors for Word Representation".

    Example:
        >>> train_glove([["red", "wine"]] * 2, GloVeOptions(dimensions=3, epochs=1)).vectors.shape
        (2, 3)
    """
    frequent = frequent_words(tokens, options.min_count)
    words, counts = list(frequent), np.array(list(frequent.values()), dtype=np.int64)
    pairs = cooccurrences(tokens, words, options.window).tocoo()
    if pairs.nnz == 0:
        raise NextactError(f"tokens: no two of the {len(words):,} frequent words occur in one item")
    return WordVectors(words, _fit(pairs, options, on_epoch), counts)


def cooccurrences(tokens: Corpus[list[str]], words: list[str], window: int) -> csr_matrix:
    """Count how often words occur near each other, a pair at distance ``d`` counting ``1 / d``.

    Args:
        tokens: The tokens of each item; those not in ``words`` are taken out first.
        words: The vocabulary.
        window: Furthest distance that counts.

    Returns:
        float64 ``[words, words]``, symmetric: both words see each other.

    Example:
        >>> cooccurrences([["a", "b", "a"]], ["a", "b"], window=2).toarray()
        array([[1., 2.],
               [2., 0.]])
    """
    shares = math.lcm(*range(1, min(window, 30) + 1))  # 1 / d is a whole number of such parts: sums know no order
    counts = csr_matrix((len(words), len(words)), dtype=np.float64)
    for flat, item in _known_tokens(tokens, {word: row for row, word in enumerate(words)}):
        counts = counts + _near(flat, item, window, shares, len(words))
    counts = csr_matrix(counts + counts.T)
    counts.data /= shares
    return counts


def _known_tokens(
    tokens: Corpus[list[str]], positions: Mapping[str, int]
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """Rows of the known words and the item of each, a part of the items at a time."""
    flat, item = array("i"), array("i")
    for row, found in enumerate(tokens):
        known = [positions[word] for word in found if word in positions]
        flat.extend(known)
        item.extend([row] * len(known))
        if len(flat) >= _TOKENS_AT_ONCE:
            yield np.array(flat, np.int32), np.array(item, np.int32)
            flat, item = array("i"), array("i")
    yield np.array(flat, np.int32), np.array(item, np.int32)


def _near(flat: NDArray[np.int32], item: NDArray[np.int32], window: int, shares: int, n_words: int) -> csr_matrix:
    """How often the second word follows the first within an item, in parts of ``1 / shares``."""
    counts = csr_matrix((n_words, n_words), dtype=np.float64)
    for distance in range(1, min(window, len(flat) - 1) + 1):
        together = item[:-distance] == item[distance:]
        left, right = flat[:-distance][together], flat[distance:][together]
        counts = counts + coo_matrix((np.full(len(left), shares / distance), (left, right)), shape=counts.shape).tocsr()
    return counts


def glove_loss(predicted_P: Tensor, counts_P: Tensor, x_max: float, alpha: float) -> Tensor:
    """The weighted squared error ``f(X) * (w.c + b + b' - ln X)^2`` of each pair.

    Args:
        predicted_P: ``w.c + b + b'`` of each pair.
        counts_P: Co-occurrences ``X`` of each pair, above 0.
        x_max: Count from which on ``f`` is 1.
        alpha: Exponent of ``f(X) = min(1, (X / x_max) ** alpha)``.

    Returns:
        The error of each pair, at least 0; the objective is their sum.

    Example:
        >>> import torch
        >>> glove_loss(torch.tensor([2.0, 1.0]), torch.tensor([1.0, 1.0]), x_max=4.0, alpha=0.5)
        tensor([2.0000, 0.5000])
    """
    weights_P = (counts_P / x_max).pow(alpha).clamp(max=1)
    return weights_P * (predicted_P - counts_P.log()).square()


def _fit(pairs: coo_matrix, options: GloVeOptions, on_epoch: Callable[[int, float], None] | None) -> np.ndarray:
    import torch

    device, generator = options.device, torch.Generator().manual_seed(options.seed)
    row_P = torch.from_numpy(pairs.row.astype(np.int64)).to(device)
    col_P = torch.from_numpy(pairs.col.astype(np.int64)).to(device)
    count_P = torch.from_numpy(pairs.data.astype(np.float32)).to(device)
    word, context = (_start_table(pairs.shape[0], options, generator) for _ in range(2))
    optimizer = torch.optim.Adagrad([word, context], lr=options.learning_rate, initial_accumulator_value=1.0)
    for epoch in range(options.epochs):
        total = 0.0
        order = torch.randperm(pairs.nnz, generator=generator).to(device)
        for batch in torch.split(order, options.batch_size):
            predicted = _predict(word, context, row_P[batch], col_P[batch])
            loss = glove_loss(predicted, count_P[batch], options.x_max, options.alpha).sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item()
        _report(epoch, total / pairs.nnz, on_epoch)
    vectors: np.ndarray = (word + context)[:, :-1].detach().cpu().numpy()
    return vectors


def _start_table(n_words: int, options: GloVeOptions, generator: object) -> Tensor:
    """Vectors and, in the last column, biases; small and uniform, as in the authors' program."""
    import torch

    start = torch.rand(n_words, options.dimensions + 1, generator=generator) - 0.5  # type: ignore[call-overload]
    table: Tensor = (start / (options.dimensions + 1)).to(options.device).requires_grad_()
    return table


def _predict(word: Tensor, context: Tensor, row_P: Tensor, col_P: Tensor) -> Tensor:
    word_PD, context_PD = word[row_P], context[col_P]
    return (word_PD[:, :-1] * context_PD[:, :-1]).sum(dim=1) + word_PD[:, -1] + context_PD[:, -1]


def _report(epoch: int, loss: float, on_epoch: Callable[[int, float], None] | None) -> None:
    if not math.isfinite(loss):
        raise NextactError(f"GloVe: the loss is {loss} in epoch {epoch}; lower GloVeOptions.learning_rate")
    if on_epoch is not None:
        on_epoch(epoch, loss)
