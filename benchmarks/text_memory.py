"""How much memory each step from item text to vectors takes on a catalogue of a million items.

    OMP_WAIT_POLICY=passive python benchmarks/text_memory.py --folder FOLDER
    OMP_WAIT_POLICY=passive python benchmarks/text_memory.py --folder FOLDER --steps clean parse

Items have 15 words of a made-up text each, drawn by Zipf's law from 50,000. Each step runs in a process of its own; its
peak stands beside what the process held before (interpreter, libraries, vocabulary) and what the step hands on. Word
vectors are trained in one epoch and the encoder reads a full cache, since neither changes the memory; parsing reads the
first 100,000 items, since it takes long. One line a step is appended to the results.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from text_tasks import stamp

from nextact.pipelines.feature_engineering import nodes, pictures, text_blocks, word_blocks
from nextact.reports.figures.catalogue_map import CatalogueMapOptions
from nextact.text.blocks import ItemVectors
from nextact.text.cleaning.cleaning import CleaningOptions
from nextact.text.cleaning.table import TextTable
from nextact.text.encoder.encoder import EncoderOptions
from nextact.text.encoder.encoder_model import model_identity, resolve_model
from nextact.text.encoder.pooling import PoolingOptions
from nextact.text.encoder.vector_cache import VectorCache, cache_key
from nextact.text.syntax.syntax_block import SyntaxOptions
from nextact.text.words.glove import GloVeOptions
from nextact.text.words.profiles import KeyTerms, ProfileOptions
from nextact.text.words.tfidf import TfidfOptions
from nextact.text.words.word2vec import Word2VecOptions

RESULTS = Path(__file__).parent / "results" / "text_memory.jsonl"
TEXTS = nodes.ItemTextOptions(text_columns=("title",), blocks=nodes.BLOCKS)
AT_ONCE = 50_000
N_PARSED = 100_000


class Catalogue:
    """The made-up items in a folder, and what the steps before left there."""

    def __init__(self, folder: Path, n_items: int) -> None:
        self.folder, self.n_items = folder, n_items
        ids = pd.Series([f"i{row:08}" for row in range(n_items)], dtype="str")
        self.vocabulary = pd.DataFrame(
            {"item_index": np.arange(1, n_items + 1, dtype=np.int32), "item_id": ids, "n_training_events": 1}
        )

    def make(self) -> None:
        """Write the item table a part at a time, in an order that is not the catalogue's, and a full cache."""
        random, words = np.random.default_rng(0), np.array([f"w{number}" for number in range(50_000)])
        order = random.permutation(self.n_items)
        schema = pa.schema([("item_id", pa.string()), ("title", pa.string())])
        with pq.ParquetWriter(self.folder / "items.parquet", schema) as writer:
            for start in range(0, self.n_items, AT_ONCE):
                some = order[start : start + AT_ONCE]
                drawn = np.minimum(random.zipf(1.3, size=(len(some), 15)), len(words)) - 1
                titles = [" ".join(words[row]) for row in drawn]
                writer.write_table(pa.table([self.vocabulary["item_id"].iloc[some].tolist(), titles], schema=schema))

    def fill_cache(self) -> None:
        """A made-up vector for each text."""
        settings = f"max_length={EncoderOptions().max_length} precision={EncoderOptions().precision}"
        identity = cache_key(model_identity(resolve_model(EncoderOptions())), settings).hex()[:32]
        cache, texts = VectorCache(self.folder / "cache" / identity), iter(self.table("texts").texts("item_text"))
        while some := list(islice(texts, 4096)):
            cache.write([cache_key(text) for text in some], np.ones((len(some), 384), np.float32))

    def items(self) -> ibis.Table:
        """The item table, as a catalog loads it."""
        return ibis.duckdb.connect().read_parquet(self.folder / "items.parquet")

    def table(self, name: str) -> TextTable:
        """What a step before wrote."""
        return TextTable(self.folder / f"{name}.parquet")


def join(made: Catalogue) -> object:
    """The item texts."""
    table = nodes.join_texts(made.items(), made.vocabulary, TEXTS)
    table.save(made.folder / "texts.parquet")
    return table


def clean(made: Catalogue) -> object:
    """The tokens."""
    table = nodes.clean_item_texts(made.table("texts"), CleaningOptions())
    table.save(made.folder / "tokens.parquet")
    return table


def words(made: Catalogue) -> object:
    """Sparse tf-idf."""
    found = word_blocks.weigh_item_words(
        made.table("tokens"), made.items(), made.vocabulary, TEXTS, word_blocks.ItemWordsOptions(), CleaningOptions()
    )
    return found.sparse["words"]


def tfidf(made: Catalogue) -> object:
    """Reduced tf-idf."""
    return text_blocks.weigh_words(made.table("tokens"), TEXTS, TfidfOptions(dimensions=128))


def word2vec(made: Catalogue) -> object:
    """Word2Vec, pooled."""
    return text_blocks.embed_words(
        made.table("tokens"), TEXTS, Word2VecOptions(epochs=1, subsample=1e-3), PoolingOptions()
    )


def glove(made: Catalogue) -> object:
    """GloVe, pooled."""
    return text_blocks.embed_words_by_glove(made.table("tokens"), TEXTS, GloVeOptions(epochs=1), PoolingOptions())


def encoder(made: Catalogue) -> object:
    """The encoder's vectors from a full cache."""
    return text_blocks.encode_items(made.table("texts"), TEXTS, EncoderOptions(), str(made.folder / "cache"))


def parse(made: Catalogue) -> object:
    """Syntax of the first items."""
    rows = islice(made.table("texts").rows("item_index", "item_id", "item_text"), N_PARSED)
    some = TextTable.write(rows, nodes.IDS.append(pa.field("item_text", pa.string())))
    return text_blocks.parse_items(some, TEXTS, SyntaxOptions(), CleaningOptions())[0]


def profiles(made: Catalogue) -> object:
    """Key terms of a history."""
    terms = KeyTerms(made.table("tokens").tokens("tokens"), ProfileOptions())
    return terms._counts


def draw(made: Catalogue) -> object:
    """The pictures, of a block of two dimensions."""
    block = np.random.default_rng(0).normal(size=(made.n_items + 1, 2)).astype(np.float32)
    vectors, options = ItemVectors({"made_up": block}, {}), CatalogueMapOptions(colour_by="title")
    return pictures.draw_catalogue(
        vectors, made.table("texts"), made.table("tokens"), made.vocabulary, made.items(), options
    )


STEPS: dict[str, Callable[[Catalogue], object]] = {
    step.__name__: step for step in (join, clean, words, tfidf, word2vec, glove, encoder, parse, profiles, draw)
}


def size_of(result: Any) -> int:
    """Bytes of what a step hands on in memory."""
    if isinstance(result, np.ndarray):
        return result.nbytes
    if hasattr(result, "indptr"):
        return int(result.data.nbytes + result.indices.nbytes + result.indptr.nbytes)
    return 0


def run(step: str, made: Catalogue) -> None:
    """The step in this process; prints what it took."""
    before, started = peak(), time.perf_counter()
    result = STEPS[step](made)
    took = time.perf_counter() - started
    found = {"peak_gib": peak(), "before_gib": before, "result_gib": size_of(result) / 2**30, "seconds": took}
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))


def peak() -> float:
    """Most memory that this process has held, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measured(steps: list[str], folder: Path, n_items: int) -> Iterator[dict[str, object]]:
    """A row a step, each from a process of its own."""
    for step in steps:
        if step == "encoder" and not (folder / "cache").exists():
            Catalogue(folder, n_items).fill_cache()
        command = [sys.executable, __file__, "--folder", str(folder), "--items", str(n_items), "--one", step]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        n_read = N_PARSED if step == "parse" else n_items
        yield {"measure": f"memory: {step}", "texts": n_read} | json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure, print and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the items and what the steps make of them")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--one", choices=STEPS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    made = Catalogue(asked.folder, asked.items)
    if asked.one:
        run(asked.one, made)
        return
    asked.folder.mkdir(parents=True, exist_ok=True)
    if not (asked.folder / "items.parquet").exists():
        made.make()
    named = {"cores": os.cpu_count()} | stamp(f"python benchmarks/text_memory.py --steps {' '.join(asked.steps)}")
    with asked.results.open("a", encoding="utf-8") as file:
        for row in measured(asked.steps, asked.folder, asked.items):
            print(row, flush=True)
            file.write(json.dumps(row | named) + "\n")
            file.flush()  # a later step may be killed for its memory


if __name__ == "__main__":
    main()
