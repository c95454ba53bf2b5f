"""Whether GloVe finds the neighbours that Word2Vec finds on the same texts.

    python benchmarks/word_neighbours.py --data FOLDER
    python benchmarks/word_neighbours.py --datasets complete_journey

The nearest ten of each of the most frequent words, among the words that occur often, by cosine; the overlap of two
models is the share of these that both name. Beside it stand Word2Vec with another seed, as near as one comes, and
GloVe's neighbours of another word drawn at random, which is what words that are near everything would give. One line a
data set is appended to the results.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from text_speed import item_texts
from text_tasks import beauty, stamp

from nextact.text.cleaning.cleaning import CleaningOptions, clean_texts
from nextact.text.encoder.pooling import unit_rows
from nextact.text.words.glove import GloVeOptions, train_glove
from nextact.text.words.word2vec import Word2VecOptions, train_word2vec
from nextact.text.words.word_vectors import WordVectors

RESULTS = Path(__file__).parent / "results" / "word_neighbours.jsonl"
N_WORDS, N_NEIGHBOURS, OFTEN, DRAWS = 300, 10, 20, 100


def neighbours(vectors: WordVectors, words: list[str]) -> np.ndarray:
    """Places in ``words`` of the nearest ones of the first :data:`N_WORDS`, [words, neighbours]."""
    rows = unit_rows(vectors.vectors[[vectors.positions[word] for word in words]])
    cosines = rows[:N_WORDS] @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1)[:, :N_NEIGHBOURS]


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Share of the neighbours that both name, of each word."""
    return np.array([len(np.intersect1d(*pair)) for pair in zip(one, other, strict=True)]) / N_NEIGHBOURS


def compare(tokens: list[list[str]]) -> dict[str, object]:
    """The overlaps on one corpus."""
    word2vec, again = (train_word2vec(tokens, Word2VecOptions(subsample=0.0, seed=seed)) for seed in (0, 1))
    glove, glove_again = (train_glove(tokens, GloVeOptions(seed=seed)) for seed in (0, 1))
    words = [word for word, count in zip(word2vec.words, word2vec.counts, strict=True) if count >= OFTEN]
    found = {
        name: neighbours(one, words) for name, one in (("w", word2vec), ("v", again), ("g", glove), ("h", glove_again))
    }
    chance = np.random.default_rng(0)
    drawn = [overlap(found["w"], found["g"][chance.permutation(len(found["g"]))]).mean() for _ in range(DRAWS)]
    each = overlap(found["w"], found["g"])
    return {
        "items": len(tokens),
        "words": len(words),
        "glove_word2vec": each.mean(),
        "standard_error": each.std() / np.sqrt(len(each)),
        "at_least_one": (each > 0).mean(),
        "word2vec_other_seed": overlap(found["w"], found["v"]).mean(),
        "glove_other_seed": overlap(found["g"], found["h"]).mean(),
        "another_word": np.mean(drawn),
        "uniform": N_NEIGHBOURS / (len(words) - 1),
        "examples": dict(islice(_examples(words, found["w"], found["g"]), 12)),
    }


def _examples(words: list[str], word2vec: np.ndarray, glove: np.ndarray) -> Iterator[tuple[str, list[str]]]:
    for place in range(0, N_WORDS, 25):
        both = [words[near] for near in word2vec[place] if near in glove[place]]
        yield words[place], both


def main() -> None:
    """Measure, print and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="holds amazon_beauty_s3rec")
    parser.add_argument("--datasets", nargs="+", choices=("complete_journey", "beauty"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    texts: dict[str, Callable[[], list[str]]] = {
        "complete_journey": lambda: list(dict.fromkeys(text.rsplit(" ", 1)[0] for text in item_texts())),
        "beauty": lambda: beauty(asked.data).texts,
    }
    for name in asked.datasets or texts:
        found = compare(clean_texts(texts[name](), CleaningOptions()))
        row = {key: round(float(value), 4) if isinstance(value, float) else value for key, value in found.items()}
        row = {"dataset": name} | row | stamp(f"python benchmarks/word_neighbours.py --datasets {name}")
        print(row, flush=True)
        with asked.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
