"""Item texts go through the features a part at a time: same results, and never all of them in memory."""

import tracemalloc
import weakref
from functools import lru_cache

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nextact.errors import TableError
from nextact.pipelines.feature_engineering import behaviour_blocks, nodes, pictures, text_blocks
from nextact.pipelines.feature_engineering.nodes import BLOCKS, ItemTextOptions
from nextact.pipelines.feature_engineering.word_blocks import ItemWordsOptions, weigh_item_words
from nextact.reports.figures.catalogue_map import CatalogueMapOptions
from nextact.reports.figures.drawing import as_svg
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts
from nextact.text.blocks import ItemVectors
from nextact.text.cleaning import tokenising
from nextact.text.cleaning.cleaning import CleaningOptions
from nextact.text.cleaning.table import TextTable
from nextact.text.encoder import encoder
from nextact.text.encoder.encoder import EncoderOptions
from nextact.text.encoder.pooling import PoolingOptions
from nextact.text.syntax.syntax_block import SyntaxOptions
from nextact.text.words.glove import GloVeOptions
from nextact.text.words.profiles import ProfileOptions
from nextact.text.words.tfidf import TfidfOptions
from nextact.text.words.word2vec import Word2VecOptions

ALL = ItemTextOptions(text_columns=("title", "kind"), language_column="language", blocks=BLOCKS)
SIZES = (
    "nextact.text.cleaning.table.ROWS_AT_ONCE",
    "nextact.text.encoder.ordering.ROWS_AT_ONCE",
    "nextact.pipelines.feature_engineering.nodes.ROWS_AT_ONCE",
    "nextact.text.cleaning.cleaning.TEXTS_AT_ONCE",
    "nextact.text.syntax.syntax_block._TEXTS_AT_ONCE",
    "nextact.text.encoder.pooling._ROWS_AT_ONCE",
    "nextact.text.words.glove._TOKENS_AT_ONCE",
    "nextact.text.encoder.encoder._TEXTS_AT_ONCE",
)


class FakeEncoder:
    """Vectors that depend on the text alone, so that batches cannot show in the rounding."""

    dimensions = 2

    def __init__(self, *_settings):
        pass

    def __call__(self, texts):
        return np.array([[len(text), sum(map(ord, text)) % 97] for text in texts], np.float32)


def catalogue(n_items, title, languages):
    index = np.arange(1, n_items + 1, dtype=np.int32)
    ids = [f"i{number:04}" for number in index]
    vocabulary = pd.DataFrame({"item_index": index, "item_id": ids, "n_training_events": index.astype("int64")})
    table = {
        "item_id": ids,
        "title": [title(number) for number in index],
        "kind": ["food", "drink", None] * (n_items // 3) + ["food"] * (n_items % 3),
        "language": [languages[number % len(languages)] for number in range(n_items)],
    }
    shuffled = pd.DataFrame(table).sample(frac=1, random_state=0)
    return ibis.memtable(shuffled[shuffled["item_id"] != ids[1]]), vocabulary  # one has no row in the item table


def steps(items, vocabulary, cleaning, syntax):
    """Each step's name and how to run it on what the steps before have made."""
    n_items, made = len(vocabulary), {}
    histories = Histories.from_lists([[1, 2, 3], [n_items, 4], []])
    cuts = Cuts(histories.offsets[1:], histories.offsets[1:], np.zeros(3, np.int64))
    users = pd.DataFrame({"user_id": ["u0", "u1", "u2"]})
    pooling, words = PoolingOptions(), ItemWordsOptions(columns=("title",))

    def kept(name, value):
        made[name] = value
        return value

    def sparse():
        return weigh_item_words(made["tokens"], items, vocabulary, ALL, words, cleaning).sparse

    def drawn():
        rows = np.random.default_rng(0).normal(size=(n_items, 3))
        block = np.vstack([np.zeros(3), rows]).astype(np.float32)
        options = CatalogueMapOptions(max_items=9, colour_by="kind")
        vectors = ItemVectors.of({"any": block})
        figures = pictures.draw_catalogue(vectors, made["texts"], made["tokens"], vocabulary, items, options)
        return [figures[0].to_json(), figures[1], as_svg(figures[2])]

    return {
        "texts": lambda: kept("texts", nodes.join_texts(items, vocabulary, ALL)),
        "tokens": lambda: kept("tokens", nodes.clean_item_texts(made["texts"], cleaning)),
        "encoder": lambda: text_blocks.encode_items(made["texts"], ALL, EncoderOptions(), "cache"),
        "syntax": lambda: text_blocks.parse_items(made["texts"], ALL, syntax, cleaning),
        "tfidf": lambda: text_blocks.weigh_words(made["tokens"], ALL, TfidfOptions(dimensions=2)),
        "word2vec": lambda: text_blocks.embed_words(
            made["tokens"], ALL, Word2VecOptions(dimensions=4, epochs=1), pooling
        ),
        "glove": lambda: text_blocks.embed_words_by_glove(
            made["tokens"], ALL, GloVeOptions(dimensions=4, epochs=1), pooling
        ),
        "words": sparse,
        "profiles": lambda: behaviour_blocks.profile_users(made["tokens"], histories, users, cuts, ProfileOptions()),
        "pictures": drawn,
    }


def values(result):
    """What a step made, in a form that can be compared exactly."""
    if isinstance(result, TextTable):
        return list(result.rows(*result.columns))
    if isinstance(result, pd.DataFrame):
        return result.to_dict("list")
    if isinstance(result, np.ndarray):
        return result.round(5).tolist()
    if isinstance(result, dict):
        return {name: block.toarray().tolist() for name, block in result.items()}
    return [values(one) for one in result] if isinstance(result, list | tuple) else result


def results(monkeypatch, tmp_path, size):
    monkeypatch.setattr(encoder, "_Encoder", FakeEncoder)
    monkeypatch.chdir(tmp_path)
    for name in SIZES:
        monkeypatch.setattr(name, size)
    things = ("red wine", "white wine", "红色手机 red", "soft dog food", "cat food &amp; milk", "蓝色手机", "")

    def title(number):
        return f"{things[number % 7]} {number % 4}" if number % 7 != 6 else None

    items, vocabulary = catalogue(16, title, ("en", None, "zh", ""))
    made = steps(items, vocabulary, CleaningOptions(language="auto"), SyntaxOptions(noun_dimensions=2))
    return {name: values(step()) for name, step in made.items()}


def test_parts_of_any_size_give_the_same_results(monkeypatch, tmp_path):
    at_once, by_seven, one_by_one = (results(monkeypatch, tmp_path / str(n), n) for n in sizes(tmp_path, 1000, 7, 1))
    assert at_once["texts"][:4] == [
        (1, "i0001", "white wine 1, food", "en"),
        (2, "i0002", "", None),
        (3, "i0003", "soft dog food 3", "zh"),
        (4, "i0004", "cat food &amp; milk 0, food", ""),
    ]
    for name, expected in at_once.items():
        assert by_seven[name] == expected, name
        assert one_by_one[name] == expected, name


def sizes(folder, *numbers):
    for number in numbers:
        (folder / str(number)).mkdir()
        yield number


CHARACTERS, SIZE = 30_000, 5
POOLS = []  # what was allocated from a pool must not outlive it


class Watch:
    """Counts the rows and batches of texts that are alive at once."""

    def __init__(self, monkeypatch):
        self.alive, self.most_alive, self.most_rows = [], 0, 0
        real, ordered = TextTable.batches, nodes.in_catalogue_order
        monkeypatch.setattr(TextTable, "batches", lambda table, *names: self.counted(real(table, *names)))
        monkeypatch.setattr(nodes, "in_catalogue_order", lambda rows, *how: ordered(self.counted(cut(rows)), *how))

    def counted(self, batches):
        for batch in batches:
            self.alive = [other for other in self.alive if other() is not None] + [weakref.ref(batch)]
            self.most_alive = max(self.most_alive, len(self.alive))
            self.most_rows = max(self.most_rows, batch.num_rows)
            yield batch


def cut(batches):
    """Copies of a few rows, as engines hand out parts of a catalogue that is larger than one batch."""
    for batch in batches:
        for start in range(0, batch.num_rows, SIZE):
            yield batch.take(pa.array(range(start, min(start + SIZE, batch.num_rows))))


def peaks(n_items):
    """Most memory of Python's and of Arrow's that each step took, and the length of what it wrote."""
    words, random = np.array([f"word{number}" for number in range(200)]), np.random.default_rng(0)
    items, vocabulary = catalogue(
        n_items, lambda n: f"{n} " + " ".join(random.choice(words, CHARACTERS // 8)), ("en", None)
    )
    cleaning = CleaningOptions(max_characters=10**6)
    found = {}
    for name, step in steps(items, vocabulary, cleaning, SyntaxOptions(noun_dimensions=2, max_characters=40)).items():
        plain = pa.default_memory_pool()
        arrow = pa.proxy_memory_pool(plain)
        POOLS.append(arrow)
        pa.set_memory_pool(arrow)
        tracemalloc.start()
        result = step()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        pa.set_memory_pool(plain)
        found[name] = peak + arrow.max_memory()
        if name in ("texts", "tokens"):
            found[f"length of {name}"] = sum(map(len, result.texts(result.columns[2])))
    return found


def test_no_step_holds_the_texts_of_all_items(monkeypatch, tmp_path):
    """Six times the text takes hardly more memory, and readers have few batches alive."""
    monkeypatch.setattr(encoder, "_Encoder", FakeEncoder)
    monkeypatch.chdir(tmp_path)
    for name in SIZES:
        monkeypatch.setattr(name, 5_000 if "TOKENS" in name else SIZE)
    monkeypatch.setattr(tokenising, "blank_pipeline", lru_cache(tokenising.blank_pipeline))  # its garbage is large
    watch = Watch(monkeypatch)
    peaks(8)  # what is loaded once is there
    few, many = peaks(20), peaks(120)
    grown = many["length of tokens"] - few["length of tokens"]
    assert grown > 0.7 * 100 * CHARACTERS
    for name, peak in many.items():
        assert name.startswith("length") or peak - few[name] < grown / 5, name
    assert watch.most_rows == SIZE
    assert watch.most_alive <= 6  # a few columns that are read side by side, a batch each


def test_a_column_of_numbers_is_refused_with_its_count():
    items = ibis.memtable(pd.DataFrame({"item_id": ["a", "b", "c"], "title": [1.5, None, 2.5]}))
    vocabulary = pd.DataFrame({"item_index": [1], "item_id": ["a"], "n_training_events": [1]})
    with pytest.raises(TableError, match=r"items\['title'\]: not a text in 2 row\(s\), e\.g\. 1\.5"):
        nodes.join_texts(items, vocabulary, ItemTextOptions(text_columns=("title",)))


def test_a_column_of_no_numbers_at_all_is_a_column_without_text():
    made = ibis.memtable(pd.DataFrame({"item_id": ["a"], "title": ["1"]}))
    items = made.mutate(title=ibis.literal(float("nan")))
    vocabulary = pd.DataFrame({"item_index": [1], "item_id": ["a"], "n_training_events": [1]})
    texts = nodes.join_texts(items, vocabulary, ItemTextOptions(text_columns=("title",)))
    assert list(texts.texts("item_text")) == [""]
