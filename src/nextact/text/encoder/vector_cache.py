"""A cache of vectors on disk: plain arrays with a checksum a row, safe to delete at any time."""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextact.stored import write_array, written_whole

log = logging.getLogger(__name__)
KEY_BYTES = 32


class VectorCache:
    """Vectors by key, in files of rows ``(key, checksum, vector)``.

    A file is written under another name and then renamed, so that a stopped run leaves no half
    file and several runs may share a folder. What cannot be read is passed over with a warning.

    Args:
        folder: Where the files are; made at the first write.

    Example:
        >>> from tempfile import mkdtemp
        >>> cache, key = VectorCache(Path(mkdtemp())), cache_key("model", "red wine")
        >>> cache.write([key], np.ones((1, 2), dtype=np.float32))
        >>> [(found == [key], vectors.tolist()) for found, vectors in cache.files()]
        [(True, [[1.0, 1.0]])]
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self) -> Iterator[tuple[list[bytes], NDArray[np.float32]]]:
        """Keys and vectors ``[keys, dimensions]`` that are there and sound, a file at a time; a key may repeat."""
        for file in sorted(self.folder.glob("*.npy")):
            keys, vectors = self._read_file(file)
            if keys:
                yield keys, vectors

    def write(self, keys: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
        """Add a file with these vectors ``[keys, dimensions]``; nothing is written for no keys."""
        if not keys:
            return
        rows = np.zeros(len(keys), dtype=_row_type(vectors.shape[1]))
        rows["key"] = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, KEY_BYTES)
        rows["vector"] = vectors
        rows["checksum"] = [_checksum(key, vector) for key, vector in zip(keys, rows["vector"], strict=True)]
        name = hashlib.sha256(b"".join(keys)).hexdigest()[:32]
        with written_whole(self.folder / f"{name}.npy", alone=False) as beside:
            write_array(beside, rows)

    def _read_file(self, file: Path) -> tuple[list[bytes], NDArray[np.float32]]:
        try:
            rows = np.load(file, allow_pickle=False)
            keys = [row.tobytes() for row in rows["key"]]
            if rows.dtype != _row_type(rows["vector"].shape[1]):
                raise ValueError(f"unexpected columns {rows.dtype}")
        except (OSError, ValueError, EOFError, IndexError, KeyError, SyntaxError) as error:
            log.warning("cache file %s is not readable and is passed over: %s", file.name, error)
            return [], np.zeros((0, 0), np.float32)
        vectors, checksums = rows["vector"], rows["checksum"]
        sound = [p for p, key in enumerate(keys) if _checksum(key, vectors[p]) == checksums[p]]
        if len(sound) < len(keys):
            log.warning("cache file %s: %s damaged vector(s) are passed over", file.name, len(keys) - len(sound))
        return [keys[p] for p in sound], vectors[sound]


def cache_key(*parts: str) -> bytes:
    """32 bytes that stand for these texts in this order.

    Example:
        >>> len(cache_key("model", "text")), cache_key("a", "bc") == cache_key("ab", "c")
        (32, False)
    """
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.digest()


def _row_type(dimensions: int) -> np.dtype[np.void]:
    return np.dtype([("key", "u1", (KEY_BYTES,)), ("checksum", "<u4"), ("vector", "<f4", (dimensions,))])


def _checksum(key: bytes, vector: NDArray[np.float32]) -> int:
    return zlib.crc32(vector.tobytes(), zlib.crc32(key))
