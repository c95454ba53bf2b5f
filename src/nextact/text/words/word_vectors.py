"""Word vectors: what they are, and how they are stored without a pickle."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError, shorten

VECTORS_FILE = "vectors.npy"
WORDS_FILE = "words.json"


@dataclass(frozen=True, eq=False)
class WordVectors:
    """A vector for each word of a vocabulary.

    Attributes:
        words: The distinct words, in general the most frequent first.
        vectors: float32 ``[words, dimensions]``, finite.
        counts: int64 ``[words]``: how often each word occurs in the corpus; all zero where that is
            not known, as in a GloVe file.
        positions: Word to its row; made from ``words``.

    Raises:
        NextactError: If the three differ in length, a word repeats, or a vector is not finite.

    Example:
        >>> words = WordVectors(["tea", "coffee"], np.eye(2, dtype=np.float32), np.array([3, 1]))
        >>> words["coffee"]
        array([0., 1.], dtype=float32)
    """

    words: list[str]
    vectors: NDArray[np.float32]
    counts: NDArray[np.int64]
    positions: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = len(self.words)
        if self.vectors.ndim != 2 or len(self.vectors) != n or self.counts.shape != (n,):
            shapes = f"{n} words, vectors {self.vectors.shape}, counts {self.counts.shape}"
            raise NextactError(f"word vectors: the parts do not belong together: {shapes}")
        object.__setattr__(self, "vectors", np.asarray(self.vectors, dtype=np.float32))
        object.__setattr__(self, "counts", np.asarray(self.counts, dtype=np.int64))
        object.__setattr__(self, "positions", {word: row for row, word in enumerate(self.words)})
        if len(self.positions) != n:
            raise NextactError(f"word vectors: {n - len(self.positions)} word(s) repeat")
        broken = ~np.isfinite(self.vectors).all(axis=1)
        if broken.any():
            example = self.words[int(broken.argmax())]
            raise NextactError(f"word vectors: {int(broken.sum())} vector(s) not finite, e.g. of {shorten(example)}")

    @property
    def dimensions(self) -> int:
        """Length of each vector."""
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.positions

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        if word not in self.positions:
            raise NextactError(f"word vectors: no word {shorten(word)} among {len(self):,}{self._close(word)}")
        row: NDArray[np.float32] = self.vectors[self.positions[word]]
        return row

    def nearest(self, word: str, n: int = 10) -> list[tuple[str, float]]:
        """The words whose vectors point most nearly the same way.

        Args:
            word: A word of the vocabulary.
            n: How many neighbours; fewer come back from a smaller vocabulary.

        Returns:
            Word and cosine in [-1, 1], nearest first, without the word itself; ties in the order
            of ``words``.

        Raises:
            NextactError: If the word is not in the vocabulary.

        Example:
            >>> vectors = np.array([[1, 0], [1, 0.1], [0, 1]], dtype=np.float32)
            >>> words = WordVectors(["tea", "coffee", "soap"], vectors, np.array([3, 2, 1]))
            >>> [(name, round(cosine, 2)) for name, cosine in words.nearest("tea", 2)]
            [('coffee', 1.0), ('soap', 0.0)]
        """
        query = self[word]
        norms = np.linalg.norm(self.vectors, axis=1) * np.linalg.norm(query)
        cosines = self.vectors @ query / np.maximum(norms, np.finfo(np.float32).tiny)
        order = np.argsort(-cosines, kind="stable")
        rows = order[order != self.positions[word]][:n]
        return [(self.words[row], float(np.clip(cosines[row], -1, 1))) for row in rows]

    def save(self, folder: Path) -> None:
        """Write ``vectors.npy`` and ``words.json`` (words and counts) into a folder, made if missing."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / VECTORS_FILE, self.vectors, allow_pickle=False)
        content = {"words": self.words, "counts": self.counts.tolist()}
        (folder / WORDS_FILE).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> WordVectors:
        """Read what ``save`` wrote.

        Raises:
            NextactError: If a file is missing or broken.
        """
        try:
            vectors = np.load(folder / VECTORS_FILE, allow_pickle=False)
            content = json.loads((folder / WORDS_FILE).read_text(encoding="utf-8"))
            return cls(content["words"], vectors, np.asarray(content["counts"], dtype=np.int64))
        except NextactError:
            raise
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NextactError(f"word vectors in {folder}: not readable: {error}") from error

    def _close(self, word: str) -> str:
        # The most frequent words only: comparing with all of them would take minutes.
        close = get_close_matches(word, self.words[:5000], n=1, cutoff=0.6)
        return f"; did you mean {close[0]!r}?" if close else ""
