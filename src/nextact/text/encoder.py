"""Item texts to vectors with a sentence encoder, each distinct text once in its life."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError, shorten
from nextact.text.checks import checked_texts
from nextact.text.encoder_model import EncoderOptions, load_encoder, model_identity, resolve_model
from nextact.text.vector_cache import VectorCache, cache_key

__all__ = ["EncoderOptions", "encode"]

Vectors = NDArray[np.float32]
_TEXTS_PER_STEP = 512  # between two moves of the progress bar
_TEXTS_PER_FILE = 4096  # what a stopped run loses at most


def encode(texts: Iterable[str], options: EncoderOptions, cache_folder: Path | None, progress: bool = True) -> Vectors:
    """Encode item texts.

    Args:
        texts: One text an item.
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
    checked = checked_texts(texts)
    folder = resolve_model(options)
    distinct = list(dict.fromkeys(text for text in checked if text.strip()))
    vectors = _encode_distinct(distinct, _Encoder(folder, options), _cache(folder, options, cache_folder), progress)
    rows = {text: row for row, text in enumerate(distinct)}
    places = [place for place, text in enumerate(checked) if text in rows]
    result = np.zeros((len(checked), vectors.shape[1]), dtype=np.float32)
    result[places] = vectors[[rows[checked[place]] for place in places]]
    return result


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


def _encode_distinct(texts: list[str], encoder: _Encoder, cache: VectorCache | None, progress: bool) -> Vectors:
    """Vectors of distinct texts ``[texts, dimensions]``, from the cache where it has them."""
    keys = [cache_key(text) for text in texts]
    known = cache.read(keys) if cache is not None else {}
    new = [(text, key) for text, key in zip(texts, keys, strict=True) if key not in known]
    for new_keys, vectors in _encode_new(new, encoder, progress):
        known.update(zip(new_keys, vectors, strict=True))
        if cache is not None:
            cache.write(new_keys, vectors)
    if not known:
        return np.zeros((0, encoder.dimensions), dtype=np.float32)
    return np.stack([known[key] for key in keys])


def _encode_new(
    new: list[tuple[str, bytes]], encoder: _Encoder, progress: bool
) -> Iterator[tuple[list[bytes], Vectors]]:
    """Encode texts with their keys, longest first, so that a batch wastes little on padding."""
    from tqdm.auto import tqdm

    ordered = sorted(new, key=lambda pair: -len(pair[0]))
    with tqdm(total=len(ordered), desc="Encoding", unit="text", disable=not progress or not ordered) as bar:
        for start in range(0, len(ordered), _TEXTS_PER_FILE):
            part = ordered[start : start + _TEXTS_PER_FILE]
            steps = []
            for step in range(0, len(part), _TEXTS_PER_STEP):
                texts = [text for text, _ in part[step : step + _TEXTS_PER_STEP]]
                steps.append(encoder(texts))
                bar.update(len(texts))
            yield [key for _, key in part], np.concatenate(steps)
