"""Syntax profiles, by the real parser."""

import numpy as np
import pytest

from nextact.errors import NextactError, TableError
from nextact.text.syntax import syntax
from nextact.text.syntax.syntax import UNIVERSAL_TAGS, syntax_profiles

TEXTS = ["we love the red wine", "", "organic whole milk 1 gallon", "\U0001f377", "we love the red wine"]


@pytest.fixture(scope="module")
def profiles():
    return syntax_profiles(TEXTS)


def share(profiles, row, tag):
    return profiles.tag_shares[row, profiles.tags.index(tag)]


def test_tag_shares_are_counts_over_tokens(profiles):
    assert profiles.tag_shares.shape == (5, 17)
    shares = {tag: share(profiles, 0, tag) for tag in ("PRON", "VERB", "DET", "ADJ", "NOUN")}
    assert shares == pytest.approx(dict.fromkeys(shares, 0.2))


def test_relation_shares_are_counts_over_tokens(profiles):
    shares = dict(zip(profiles.relations, profiles.relation_shares[0], strict=True))
    expected = ("nsubj", "ROOT", "det", "amod", "dobj")
    assert {name: shares[name] for name in expected} == pytest.approx(dict.fromkeys(expected, 0.2))


def test_rows_sum_to_one_or_to_zero_without_tokens(profiles):
    for shares in (profiles.tag_shares, profiles.relation_shares):
        assert shares.dtype == np.float32
        np.testing.assert_allclose(shares.sum(axis=1), [1, 0, 1, 1, 1], rtol=1e-6)


def test_noun_chunks_and_head_nouns_are_those_of_the_text(profiles):
    assert profiles.noun_chunks[0] == ["we", "the red wine"]
    assert profiles.head_nouns[0] == "wine"
    assert profiles.head_nouns[2] == "milk"
    assert (profiles.noun_chunks[1], profiles.head_nouns[1]) == ([], "")


def test_a_repeated_text_has_an_equal_profile_of_its_own(profiles):
    np.testing.assert_array_equal(profiles.tag_shares[0], profiles.tag_shares[4])
    assert profiles.noun_chunks[0] == profiles.noun_chunks[4]
    assert profiles.noun_chunks[0] is not profiles.noun_chunks[4]


def test_tags_are_the_seventeen_universal_ones():
    assert len(set(UNIVERSAL_TAGS)) == 17
    assert list(UNIVERSAL_TAGS) == sorted(UNIVERSAL_TAGS)


def test_odd_texts_are_parsed():
    odd = [" \t\n", "wine " * 200_000, "حليب طازج", "红色 wine молоко", "a \ud83c b"]
    profiles = syntax_profiles(odd)
    for shares in (profiles.tag_shares, profiles.relation_shares):
        np.testing.assert_allclose(shares.sum(axis=1), [0, 1, 1, 1, 1], rtol=1e-5)


def test_the_head_noun_is_not_just_the_first_noun():
    assert syntax_profiles(["chocolate chip cookies"]).head_nouns == ["cookies"]


def test_no_texts_give_no_rows():
    profiles = syntax_profiles([])
    assert profiles.tag_shares.shape == (0, 17)
    assert profiles.head_nouns == []


def test_several_processes_give_the_profiles_of_one(monkeypatch, profiles):
    monkeypatch.setattr(syntax, "_TEXTS_PER_PROCESS", 1)
    parallel = syntax_profiles(TEXTS, n_processes=2)
    np.testing.assert_array_equal(parallel.tag_shares, profiles.tag_shares)
    assert parallel.noun_chunks == profiles.noun_chunks


def test_a_missing_pipeline_says_what_to_install():
    with pytest.raises(NextactError, match=r"pip install en-core-web-lg'.*nextact\[syntax\]"):
        syntax_profiles(["wine"], pipeline="en_core_web_lg")


def test_a_pipeline_without_a_parser_raises(tmp_path):
    import spacy

    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(NextactError, match="needs a tagger and a parser"):
        syntax_profiles(["wine"], pipeline=str(tmp_path / "blank"))


def test_a_missing_text_raises_with_count_and_example():
    with pytest.raises(TableError, match=r"not a text in 1 row\(s\), e\.g\. None"):
        syntax_profiles(["wine", None])  # type: ignore[list-item]
