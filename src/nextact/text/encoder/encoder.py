"""Item texts to vectors with a sentence encoder, each distinct text once in its life."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError, shorten
from nextact.text.cleaning.checks import each_checked
from nextact.text.cleaning.corpus import Corpus, in_batches
from nextact.text.encoder.encoder_model import EncoderOptions, load_encoder, model_identity, resolve_model
from nextact.text.encoder.vector_cache import KEY_BYTES, VectorCache, cache_key

__all__ = ["EncoderOptions", "encode"]

Vectors = NDArray[np.float32]
_KEY = f"S{KEY_BYTES}"
_TEXTS_PER_STEP = 512  # between two moves of the progress bar
_TEXTS_PER_FILE = 4096  # what a stopped run loses at most
_TEXTS_AT_ONCE = 8 * _TEXTS_PER_FILE  # in memory, and ordered by length


def encode(texts: Corpus[str], options: EncoderOptions, cache_folder: Path | None, progress: bool = True) -> Vectors:
    """Encode item texts.

    Args:
        texts: One text an item; gone through twice, and never held but for a part.
        options: The model and how to run it.
        cache_folder: Where vectors are kept between runs, by the content of the model,
            ``max_length``, ``precision`` and the text; None keeps none. Safe to delete.
        progress: Show a progress bar over the texts that are not in the cache.

    Returns:
        float32 ``[items, dimensions]``, as the model scales them. A text without a visible
        character has the zero row.

    Raises:
        TableError: If a text is not a ``str``.
        NextactError: If the model is missing, or gives numbers that are not finite.

    Source:
        Reimers & Gurevych, 2019, "Sentence-BERT", by sentence-transformers.
    """
    folder = resolve_model(options)
    encoder, cache = _Encoder(folder, options), _cache(folder, options, cache_folder)
    items = _Items.of(texts)
    vectors: Vectors | None = None
    for keys, found in chain(_cached(cache), _encode_new(texts, items, encoder, cache, progress)):
        if vectors is None:
            vectors = np.zeros((len(texts), found.shape[1]), np.float32)
        items.place(keys, found, vectors)
    if vectors is None:
        return np.zeros((len(texts), encoder.dimensions), np.float32)
    items.repeat(vectors)
    return vectors


@dataclass(frozen=True, eq=False)
class _Items:
    """Which items have which text, by the keys of the texts alone.

    Attributes:
        keys: The distinct keys, ascending; blank texts have none.
        rows: The first item of each.
        key_of: Place of each item's key; -1 for a blank text.
        is_known: Whether each key's vector has been placed.
    """

    keys: NDArray[np.bytes_]
    rows: NDArray[np.int64]
    key_of: NDArray[np.int64]
    is_known: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        found = np.fromiter((cache_key(text) if text.strip() else b"" for text in each_checked(texts)), _KEY)
        keys, rows, key_of = np.unique(found, return_index=True, return_inverse=True)
        n_blank = int(len(keys) > 0 and not keys[0])
        return cls(keys[n_blank:], rows[n_blank:], key_of.ravel() - n_blank, np.zeros(len(keys) - n_blank, np.bool_))

    def place(self, keys: list[bytes], vectors: Vectors, result: Vectors) -> None:
        """Put the vectors of these keys to the first item of each."""
        if not len(self.keys):
            return
        asked = np.array(keys, _KEY)
        places = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
        is_wanted = self.keys[places] == asked
        result[self.rows[places[is_wanted]]] = vectors[is_wanted]
        self.is_known[places[is_wanted]] = True

    def is_new(self, row: int) -> bool:
        """Whether an item is the first with its text, and the text has no vector yet."""
        place = self.key_of[row]
        return bool(place >= 0 and self.rows[place] == row and not self.is_known[place])

    def repeat(self, result: Vectors) -> None:
        """Copy the vector of each first item to the others with its text."""
        others = np.flatnonzero(self.key_of >= 0)
        others = others[self.rows[self.key_of[others]] != others]
        for part in np.array_split(others, 1 + len(others) // _TEXTS_AT_ONCE):
            result[part] = result[self.rows[self.key_of[part]]]


class _Encoder:
    """A model that is loaded when the first text needs it: a full cache needs none."""

    def __init__(self, folder: Path, options: EncoderOptions) -> None:
        self._folder, self._options = folder, options

    @cached_property
    def _model(self) -> Any:
        return load_encoder(self._folder, self._options)

    @property
    def dimensions(self) -> int:
        return int(self(["a"]).shape[1])

    def __call__(self, texts: list[str]) -> Vectors:
        encoded = self._model.encode(
            texts, batch_size=self._options.batch_size, convert_to_tensor=True, show_progress_bar=False
        )
        vectors: Vectors = encoded.float().cpu().numpy()
        broken = ~np.isfinite(vectors).all(axis=1)
        if broken.any():
            example = shorten(texts[int(broken.argmax())])
            raise NextactError(
                f"encoder {self._options.model!r}: {int(broken.sum()):,} vector(s) not finite in "
                f"{self._options.precision}, e.g. of {example}; try another precision"
            )
        return vectors


def _cache(folder: Path, options: EncoderOptions, cache_folder: Path | None) -> VectorCache | None:
    if cache_folder is None:
        return None
    settings = f"max_length={options.max_length} precision={options.precision}"
    return VectorCache(cache_folder / cache_key(model_identity(folder), settings).hex()[:32])


def _cached(cache: VectorCache | None) -> Iterator[tuple[list[bytes], Vectors]]:
    return iter(()) if cache is None else cache.files()


def _encode_new(
    texts: Iterable[str], items: _Items, encoder: _Encoder, cache: VectorCache | None, progress: bool
) -> Iterator[tuple[list[bytes], Vectors]]:
    """Keys and vectors of the texts that have none yet, which are kept in the cache too.

    Of the texts in memory the longest come first, so that a batch wastes little on padding.
    """
    from tqdm.auto import tqdm

    total = int(np.count_nonzero(~items.is_known))
    if not total:
        return
    new = (text for row, text in enumerate(each_checked(texts)) if items.is_new(row))
    with tqdm(total=total, desc="Encoding", unit="text", disable=None if progress else True) as bar:
        for some in in_batches(new, len, _TEXTS_AT_ONCE):
            some.sort(key=lambda text: -len(text))
            for start in range(0, len(some), _TEXTS_PER_FILE):
                part = some[start : start + _TEXTS_PER_FILE]
                keys, vectors = [cache_key(text) for text in part], _encode_part(part, encoder, bar)
                if cache is not None:
                    cache.write(keys, vectors)
                yield keys, vectors


def _encode_part(texts: list[str], encoder: _Encoder, bar: Any) -> Vectors:
    steps = []
    for start in range(0, len(texts), _TEXTS_PER_STEP):
        steps.append(encoder(texts[start : start + _TEXTS_PER_STEP]))
        bar.update(len(texts[start : start + _TEXTS_PER_STEP]))
    return np.concatenate(steps)
