"""Item text to vectors, profiles and pictures: nodes on a tiny catalogue, and the pipeline on the generated shop."""

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.options import OptionsError
from nextact.pipelines.feature_engineering import behaviour_blocks, nodes, pictures, text_blocks
from nextact.pipelines.feature_engineering.nodes import BLOCKS, ItemTextOptions
from nextact.pipelines.feature_engineering.word_blocks import ItemWordsOptions, weigh_item_words
from nextact.reports.figures.catalogue_map import CatalogueMapOptions
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts
from nextact.text.blocks import ItemVectors
from nextact.text.cleaning.cleaning import CleaningOptions
from nextact.text.cleaning.table import TextTable
from nextact.text.encoder.contrastive import ContrastiveOptions
from nextact.text.encoder.encoder import EncoderOptions
from nextact.text.encoder.pooling import PoolingOptions
from nextact.text.syntax.syntax_block import SyntaxOptions
from nextact.text.words.glove import GloVeOptions
from nextact.text.words.profiles import ProfileOptions
from nextact.text.words.tfidf import TfidfOptions
from nextact.text.words.word2vec import Word2VecOptions

ROOT = Path(__file__).parents[3]
TITLES = [
    "red wine",
    "white wine",
    "红色手机 red",
    "白色手机",
    None,
    "dog food",
    "cat food",
    "蓝色手机 food",
    "red dog",
    "🍷",
]
ALL = ItemTextOptions(text_columns=("title",), blocks=BLOCKS)
NONE = ItemTextOptions(text_columns=("title",), blocks=())


@pytest.fixture(scope="module")
def vocabulary():
    index = np.arange(1, len(TITLES) + 1, dtype=np.int32)
    ids = [f"i{number}" for number in index]
    return pd.DataFrame({"item_index": index, "item_id": ids, "n_training_events": index[::-1].astype("int64")})


@pytest.fixture(scope="module")
def items(vocabulary):
    languages = ["en", "en", None, None, "en", "", "nl", "zh", "en", "en"]
    table = {"item_id": vocabulary["item_id"], "title": TITLES, "language": languages, "kind": ["a", "b"] * 5}
    return ibis.memtable(pd.DataFrame(table))


@pytest.fixture(scope="module")
def texts(items, vocabulary):
    return nodes.join_texts(items, vocabulary, ALL)


@pytest.fixture(scope="module")
def tokens(texts):
    return nodes.clean_item_texts(texts, CleaningOptions(language="auto"))


def blank(table, column):
    return TextTable.of(table.frame().assign(**{column: ""}))


def histories_and_cuts(future=1):
    """40 users with 6 events each; the newest two are not to be learnt from."""
    random = np.random.default_rng(0)
    users = [[*random.integers(1, 11, 4), future, future] for _ in range(40)]
    histories = Histories.from_lists([list(map(int, user)) for user in users])
    ends = histories.offsets[1:]
    return histories, Cuts(ends - 2, ends - 1, np.zeros(40, np.int64))


def test_the_id_of_an_item_may_be_its_text(items, vocabulary):
    options = nodes.ItemTextOptions(text_columns=("item_id", "title"))
    texts = nodes.join_texts(items, vocabulary, options).frame()["item_text"].tolist()
    assert texts[0] == f"{vocabulary['item_id'].iloc[0]}, {TITLES[0]}"


def text_block(name, texts, tokens, options):
    if name == "encoder":
        return text_blocks.encode_items(texts, options, EncoderOptions(), "unused")
    if name == "syntax":
        cleaning = CleaningOptions(language="auto")
        return text_blocks.parse_items(texts, options, SyntaxOptions(noun_dimensions=2), cleaning)[0]
    make, settings = {
        "word2vec": (text_blocks.embed_words, Word2VecOptions(dimensions=4)),
        "glove": (text_blocks.embed_words_by_glove, GloVeOptions(dimensions=4)),
        "tfidf": (text_blocks.weigh_words, TfidfOptions(dimensions=4)),
    }[name]
    pooling = () if name == "tfidf" else (PoolingOptions(),)
    return make(tokens, options, settings, *pooling)


TEXT_BLOCKS = ["encoder", "word2vec", "glove", "tfidf", "syntax"]


@pytest.mark.parametrize("name", TEXT_BLOCKS)
def test_a_block_has_a_row_an_item_and_a_zero_row_without_text(texts, tokens, name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    block = text_block(name, texts, tokens, ALL)
    assert block.dtype == np.float32
    assert len(block) == 11
    assert block.any(axis=1)[[0, 5]].tolist() == [False, False]  # padding, and the item without a title
    assert block.any(axis=1)[[1, 2, 6]].all()


@pytest.mark.parametrize("name", TEXT_BLOCKS)
@pytest.mark.parametrize("reason", ["not asked for", "no text"])
def test_a_block_that_is_left_out_runs_nothing(texts, tokens, name, reason, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("a block that is left out was made")

    for function in ("encode", "word2vec_vectors", "glove_vectors", "tfidf_block", "item_syntax"):
        monkeypatch.setattr(text_blocks, function, refuse)
    if reason == "no text":
        texts, tokens = blank(texts, "item_text"), blank(tokens, "tokens")
    block = text_block(name, texts, tokens, NONE if reason == "not asked for" else ALL)
    assert block.shape == (11, 0)


def test_blocks_of_events_are_left_out_where_they_are_not_asked_for(vocabulary, monkeypatch):
    monkeypatch.setattr(behaviour_blocks, "training_histories", None)
    histories, cuts = histories_and_cuts()
    assert behaviour_blocks.embed_items(vocabulary, histories, cuts, NONE, Word2VecOptions()).shape == (11, 0)
    encoder = np.ones((11, 4), np.float32)
    assert behaviour_blocks.tune_encoder(encoder, histories, cuts, NONE, ContrastiveOptions()).shape == (11, 0)


def test_sparse_words_are_those_of_scikit_learn_by_column(items, vocabulary, tokens):
    from sklearn.feature_extraction.text import TfidfVectorizer

    options = ItemWordsOptions(columns=("kind",), sublinear=False)
    made = weigh_item_words(tokens, items, vocabulary, ALL, options, CleaningOptions(language="xx"))
    assert set(made.sparse) == {"words", "words_kind"}
    expected = TfidfVectorizer(analyzer=str.split).fit_transform(tokens.texts("tokens")).toarray()
    np.testing.assert_allclose(made.sparse["words"].toarray()[1:], expected, rtol=1e-6)
    assert not made.sparse["words"][0].nnz
    np.testing.assert_allclose(made.sparse["words_kind"].toarray()[1:3], [[1, 0], [0, 1]])


def test_no_text_makes_no_sparse_block(items, vocabulary, tokens):
    empty = blank(tokens, "tokens")
    assert not weigh_item_words(empty, items, vocabulary, NONE, ItemWordsOptions(), CleaningOptions()).sparse


def test_what_is_learnt_from_events_does_not_see_the_future(vocabulary, tokens):
    encoder = np.random.default_rng(0).normal(size=(11, 4)).astype(np.float32)
    users = pd.DataFrame({"user_id": [f"u{number}" for number in range(40)]})

    def learnt(future):
        histories, cuts = histories_and_cuts(future)
        return (
            behaviour_blocks.embed_items(vocabulary, histories, cuts, ALL, Word2VecOptions(dimensions=4)),
            behaviour_blocks.tune_encoder(encoder, histories, cuts, ALL, ContrastiveOptions(dimensions=4, epochs=2)),
            behaviour_blocks.profile_users(tokens, histories, users, cuts, ProfileOptions()),
        )

    for one, other in zip(learnt(1), learnt(6), strict=True):
        assert one.equals(other) if isinstance(one, pd.DataFrame) else (one == other).all()


def test_profiles_are_ranked_by_weight_and_users_without_words_have_none(tokens):
    histories = Histories.from_lists([[1, 2, 1], [5], [], [6]])
    cuts = Cuts(histories.offsets[1:], histories.offsets[1:], np.zeros(4, np.int64))
    users = pd.DataFrame({"user_id": ["u0", "u1", "u2", "u3"]})
    profiles = behaviour_blocks.profile_users(tokens, histories, users, cuts, ProfileOptions(terms=2))
    assert profiles.columns.tolist() == ["user_id", "term", "weight", "rank"]
    assert profiles["user_id"].tolist() == ["u0", "u0", "u3", "u3"]
    assert profiles["rank"].tolist() == [1, 2, 1, 2]
    assert profiles["term"].tolist() == ["wine", "red", "dog", "food"]
    assert profiles.groupby("user_id")["weight"].apply(lambda weights: weights.is_monotonic_decreasing).all()


@pytest.mark.parametrize("options", [ProfileOptions(terms=0), ProfileOptions()])
def test_profiles_that_nobody_asked_for_or_nothing_can_make_are_an_empty_table(tokens, options):
    histories, cuts = histories_and_cuts()
    users = pd.DataFrame({"user_id": [f"u{number}" for number in range(40)]})
    words = tokens if options.terms == 0 else blank(tokens, "tokens")
    profiles = behaviour_blocks.profile_users(words, histories, users, cuts, options)
    assert (len(profiles), profiles.columns.tolist()) == (0, ["user_id", "term", "weight", "rank"])


def test_a_mixed_catalogue_is_split_item_by_item(tokens):
    assert list(tokens.texts("tokens"))[:5] == ["red wine", "white wine", "红色 手机 red", "白色 手机", ""]


def test_a_column_may_state_the_language(items, vocabulary):
    options = ItemTextOptions(text_columns=("title",), language_column="language")
    stated = nodes.join_texts(items, vocabulary, options)
    assert list(nodes.stated_languages(stated))[7] == "zh"
    tokens = list(nodes.clean_item_texts(stated, CleaningOptions(language="xx")).texts("tokens"))
    assert tokens[7] == "蓝色 手机 food"
    assert tokens[2] == "红色手机 red"  # no language is stated, and xx splits at spaces


def test_a_language_column_that_is_missing_names_the_close_match(items, vocabulary):
    options = ItemTextOptions(text_columns=("title",), language_column="langauge")
    with pytest.raises(NextactError, match="did you mean 'language'"):
        nodes.join_texts(items, vocabulary, options)


def test_a_catalogue_without_text_says_so_once_and_goes_on(items, vocabulary, caplog):
    options = ItemTextOptions(text_columns=(), blocks=("encoder", "word2vec"))
    with caplog.at_level(logging.INFO):
        texts = nodes.join_texts(items, vocabulary, options)
    assert [record.message for record in caplog.records] == [
        "No item text: item_text.text_columns names no column, so blocks of text are left out"
    ]
    tokens = nodes.clean_item_texts(texts, CleaningOptions())
    assert not any(tokens.texts("tokens"))
    vectors = nodes.join_blocks(options, ItemVectors.of({}), **dict.fromkeys(BLOCKS, np.zeros((11, 0), np.float32)))
    assert vectors.blocks == {}
    drawn = pictures.draw_catalogue(vectors, texts, tokens, vocabulary, items, CatalogueMapOptions())
    assert (len(drawn[0].data), len(drawn[1])) == (0, 0)


def test_only_blocks_that_were_asked_for_are_joined():
    options = ItemTextOptions(blocks=("tfidf", "encoder_tuned"))
    made = {name: np.full((3, 2), place, np.float32) for place, name in enumerate(BLOCKS)}
    vectors = nodes.join_blocks(options, ItemVectors.of({}), **made)
    assert {name: block[0, 0] for name, block in vectors.blocks.items()} == {
        name: BLOCKS.index(name) for name in ("encoder_tuned", "tfidf")
    }


def test_the_encoder_is_read_for_its_tuned_form_alone(texts, monkeypatch):
    monkeypatch.setattr(text_blocks, "encode", lambda texts, options, folder: np.ones((len(texts), 2), np.float32))
    only_tuned = ItemTextOptions(text_columns=("title",), blocks=("encoder_tuned",))
    assert text_blocks.encode_items(texts, only_tuned, EncoderOptions(), "unused").shape == (11, 2)


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_padding_moves_the_rows_and_changes_none(at_once, monkeypatch):
    monkeypatch.setattr(text_blocks, "ROWS_AT_ONCE", at_once)
    rows = np.arange(1, 13, dtype=np.float32).reshape(6, 2)
    expected = np.vstack([np.zeros((1, 2)), rows])
    for vectors in (rows.copy(), rows[:], np.asfortranarray(rows)):
        np.testing.assert_array_equal(text_blocks.with_padding(vectors), expected)
    assert text_blocks.with_padding(np.zeros((3, 0), np.float32)).shape == (4, 0)


def test_an_unknown_block_names_the_close_match():
    with pytest.raises(OptionsError, match="no block 'glov'; did you mean 'glove'"):
        ItemTextOptions(blocks=("glov",))


@pytest.fixture(scope="module")
def vectors():
    random = np.random.default_rng(0)
    return ItemVectors.of({"encoder": np.vstack([np.zeros(3), random.normal(size=(10, 3))]).astype(np.float32)})


def test_the_map_is_coloured_by_a_column(vectors, texts, tokens, vocabulary, items):
    figure, _, _ = pictures.draw_catalogue(
        vectors, texts, tokens, vocabulary, items, CatalogueMapOptions(colour_by="kind")
    )
    assert {trace.name: list(trace.text) for trace in figure.data} == {
        "a": ["red wine", "红色手机 red", "i5", "cat food", "red dog"],
        "b": ["white wine", "白色手机", "dog food", "蓝色手机 food", "🍷"],
    }


def test_a_colour_column_that_is_missing_is_named_and_the_map_is_drawn(
    vectors, texts, tokens, vocabulary, items, caplog
):
    figure, _, _ = pictures.draw_catalogue(
        vectors, texts, tokens, vocabulary, items, CatalogueMapOptions(colour_by="kinds")
    )
    assert len(figure.data[0].x) == 10
    assert "no column 'kinds' in items, so all are alike; did you mean 'kind'" in caplog.text


def test_neighbours_are_of_the_items_named_or_of_the_most_frequent(vectors, texts, tokens, vocabulary, items):
    def neighbours(**options):
        drawn = pictures.draw_catalogue(vectors, texts, tokens, vocabulary, items, CatalogueMapOptions(**options))
        return drawn[1]["item"].unique().tolist()

    assert neighbours(n_items=2) == ["red wine", "white wine"]
    assert neighbours(neighbours_of=("i6",)) == ["dog food"]
    with pytest.raises(NextactError, match="no item 'i66' in the catalogue; did you mean 'i6'"):
        neighbours(neighbours_of=("i66",))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The pipeline on the generated shop, with every block."""
    folder = tmp_path_factory.mktemp("features")
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    parameters = folder / "conf" / "test" / "parameters.yml"
    asked = f"  text_columns: [title]\n  blocks: [{', '.join(BLOCKS)}]"
    parameters.write_text(parameters.read_text().replace("  text_columns: [title]", asked))
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--env", "test", "--pipelines", "data_processing,feature_engineering"],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"DO_NOT_TRACK": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder / "data" / "test"


def test_the_pipeline_makes_every_block_of_every_item(project):
    vectors = ItemVectors.open(project / "05_model_input" / "item_vectors")
    assert set(vectors.blocks) == set(BLOCKS)
    assert {len(block) for block in vectors.blocks.values()} == {25}
    assert all(block[1:].any(axis=1).all() and not block[0].any() for block in vectors.blocks.values())


def test_the_pipeline_keeps_the_words_sparse(project):
    vectors = ItemVectors.open(project / "05_model_input" / "item_vectors")
    block = vectors.sparse["words"]
    assert set(vectors.hashes) == {*BLOCKS, "words"}
    assert block.shape[0] == 25
    norms = np.sqrt(np.asarray(block.multiply(block).sum(axis=1)).ravel())
    np.testing.assert_allclose(norms, [0, *[1] * 24], rtol=1e-5)


def test_the_pipeline_names_nouns_and_profiles_users(project):
    nouns = pd.read_parquet(project / "04_feature" / "item_nouns.parquet")
    assert {"wine", "food", "juice", "soap"} <= set(nouns["head_noun"])
    profiles = pd.read_parquet(project / "05_model_input" / "user_profiles.parquet")
    assert profiles["user_id"].nunique() == 60
    assert "brand" not in set(profiles["term"])  # every title holds it


def test_the_pictures_can_be_read_back(project):
    import plotly.io
    from matplotlib.image import imread

    figure = plotly.io.from_json((project / "08_reporting" / "catalogue_map.json").read_text())
    assert len(figure.data[-1].x) == 24
    picture = imread(project / "08_reporting" / "vocabulary_figure.png")[..., :3]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10  # something is drawn on the white
    neighbours = pd.read_csv(project / "08_reporting" / "item_neighbours.csv")
    assert set(neighbours["block"]) == set(BLOCKS)
    assert json.loads((project / "08_reporting" / "catalogue_map.json").read_text())["layout"]["title"]
