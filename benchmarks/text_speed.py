"""How fast item text becomes tokens, parses and vectors, on the item texts of the embedded sample.

    OMP_WAIT_POLICY=passive python benchmarks/text_speed.py

Texts that repeat are made distinct by the product's number, since the library reads a repeated text once. Every measure
is the best of three, the two sides of a ratio take turns, and the load of the machine stands beside it. One line a
measure is appended to the results.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from text_tasks import stamp

from nextact.datasets.complete_journey import package_file
from nextact.text.cleaning.cleaning import CleaningOptions, clean_texts
from nextact.text.cleaning.item_text import join_item_text
from nextact.text.encoder.encoder import EncoderOptions, encode
from nextact.text.encoder.encoder_model import load_encoder, resolve_model
from nextact.text.syntax.syntax import syntax_profiles
from nextact.text.words.item2vec import ItemSentencesOptions, item2vec_block

RESULTS = Path(__file__).parent / "results" / "text_speed.jsonl"
COLUMNS = ["product_type", "product_category", "department", "brand", "package_size"]
TURNS = 3
MEASURES = ("cleaning", "parsing", "word2vec", "encoder")


def item_texts() -> list[str]:
    """One distinct short text a product."""
    products = pd.read_parquet(package_file("products"))
    texts = join_item_text(products.astype(object).where(products.notna(), None), COLUMNS)
    return [f"{text} {number}" for text, number in zip(texts, products["product_id"], strict=True)]


def histories() -> tuple[np.ndarray, np.ndarray, int]:
    """Offsets and item numbers of the first million purchases, by household and time."""
    events = pd.read_parquet(package_file("transactions"))[["household_id", "product_id", "transaction_timestamp"]]
    events = events.sort_values(["household_id", "transaction_timestamp"], kind="stable").iloc[:1_000_000]
    codes, known = pd.factorize(events["product_id"])
    starts = np.flatnonzero(events["household_id"].ne(events["household_id"].shift()).to_numpy())
    return np.append(starts, len(events)).astype(np.int64), (codes + 1).astype(np.int32), len(known)


def seconds(*sides: Callable[[], object]) -> list[float]:
    """Best time of each side; they take turns, so that a busy minute meets both."""
    best = [float("inf")] * len(sides)
    for _ in range(TURNS):
        for place, side in enumerate(sides):
            started = time.perf_counter()
            side()
            best[place] = min(best[place], time.perf_counter() - started)
    return best


def cleaning(texts: list[str]) -> dict[str, object]:
    """Short titles a second, as many processes as cores, their start included."""
    options = CleaningOptions(n_processes=os.cpu_count() or 1)
    [took] = seconds(lambda: clean_texts(texts, options))
    return {"measure": "cleaning", "ours": len(texts) / took, "unit": "texts/s", "target": 10_000, "texts": len(texts)}


def parsing(texts: list[str]) -> dict[str, object]:
    """Short titles a second, as many processes as cores, their start included."""
    [took] = seconds(lambda: syntax_profiles(texts, n_processes=os.cpu_count() or 1))
    return {"measure": "parsing", "ours": len(texts) / took, "unit": "texts/s", "target": 1_000, "texts": len(texts)}


def word2vec() -> list[dict[str, object]]:
    """Seconds for a million events, ten passes: with one thread, which repeats its vectors, and with all cores."""
    offsets, items, n_items = histories()
    rows: list[dict[str, object]] = []
    for threads in (1, os.cpu_count() or 1):
        started = time.perf_counter()
        item2vec_block(offsets, items, n_items, ItemSentencesOptions(threads=threads))
        took = time.perf_counter() - started
        name = f"word2vec of a million events, {threads} thread(s)"
        rows.append({"measure": name, "ours": took, "unit": "s", "target": 60, "texts": len(items)})
    return rows


def encoding(texts: list[str]) -> list[dict[str, object]]:
    """The encoder beside a bare ``SentenceTransformer.encode``, and a full cache beside the encoder."""
    options = EncoderOptions()
    bare = load_encoder(resolve_model(options), options)
    bare_s, ours_s = seconds(
        lambda: bare.encode(texts, batch_size=options.batch_size, show_progress_bar=False),
        lambda: encode(texts, options, None, progress=False),
    )
    with tempfile.TemporaryDirectory() as folder:
        encode(texts, options, Path(folder), progress=False)
        [warm_s] = seconds(lambda: encode(texts, options, Path(folder), progress=False))
    shared = {"unit": "texts/s", "texts": len(texts)}
    ours, theirs, warm = (len(texts) / took for took in (ours_s, bare_s, warm_s))
    return [
        shared
        | {
            "measure": "encoder, loading included",
            "ours": ours,
            "theirs": theirs,
            "ratio": ours / theirs,
            "target": 0.8,
        }
        | {"reference": "sentence-transformers encode, loaded before"},
        shared
        | {"measure": "encoder, warm cache", "ours": warm, "theirs": ours, "ratio": warm / ours, "target": 50}
        | {"reference": "the encoder without a cache"},
    ]


def sgemm() -> float:
    """What the machine multiplies in the same minute, GFLOP/s."""
    import torch

    matrix = torch.rand(1024, 1024)
    [took] = seconds(lambda: [matrix @ matrix for _ in range(10)])
    return 10 * 2 * 1024**3 / took / 1e9


def main() -> None:
    """Measure, print and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--measures", nargs="+", choices=MEASURES, default=MEASURES)
    asked = parser.parse_args()
    texts = item_texts()
    chance = np.random.default_rng(0).permutation(len(texts))
    some = [texts[place] for place in chance[:40_000]]
    measures = {
        "cleaning": lambda: [cleaning(texts)],
        "parsing": lambda: [parsing(some)],
        "word2vec": word2vec,
        "encoder": lambda: encoding(some[:4_000]),
    }
    found = [row for name in asked.measures for row in measures[name]()]
    named = {
        "dataset": "complete_journey",
        "sgemm_gflops": round(sgemm(), 1),
        "load": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
    } | stamp(f"python benchmarks/text_speed.py --measures {' '.join(asked.measures)}")
    with asked.results.open("a", encoding="utf-8") as file:
        for row in found:
            rounded = {name: round(value, 2) if isinstance(value, float) else value for name, value in row.items()}
            print(rounded, flush=True)
            file.write(json.dumps(rounded | named) + "\n")


if __name__ == "__main__":
    main()
