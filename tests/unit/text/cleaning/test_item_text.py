"""Item texts: which parts are joined, and what goes with them."""

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError, TableError
from nextact.text.cleaning.item_text import join_item_text

ITEMS: dict[str, list[str | None]] = {
    "title": ["Milk", "Tea", None, None],
    "brand": ["Dairy", None, "Acme", None],
    "categories": ["drinks", "drinks", "  ", ""],
}
COLUMNS = ["title", "brand", "categories"]
TEMPLATE = "{title} ({brand}), {categories}"


def test_parts_are_joined_in_the_order_of_the_columns():
    assert join_item_text(ITEMS, ["categories", "title"])[:2] == ["drinks, Milk", "drinks, Tea"]


def test_an_item_without_text_gives_the_empty_text():
    assert join_item_text(ITEMS, COLUMNS)[-1] == ""
    assert join_item_text(ITEMS, COLUMNS, TEMPLATE)[-1] == ""


def test_a_missing_part_takes_its_brackets_and_separator_along():
    assert join_item_text(ITEMS, COLUMNS, TEMPLATE) == ["Milk (Dairy), drinks", "Tea, drinks", "(Acme)", ""]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Product: {title}, made by {brand}.", ["Product: Milk, made by Dairy.", "Product: Tea", "made by Acme.", ""]),
        ("{brand} - {title}", ["Dairy - Milk", "Tea", "Acme", ""]),
        ('"{title}" "{brand}"', ['"Milk" "Dairy"', '"Tea"', '"Acme"', ""]),
        ("{{{title}}}", ["{Milk}", "{Tea}", "", ""]),
        ("{title}{brand}", ["MilkDairy", "Tea", "Acme", ""]),
    ],
)
def test_words_around_a_column_come_and_go_with_it(template, expected):
    assert join_item_text(ITEMS, COLUMNS, template) == expected


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "", " \t\n"])
def test_every_kind_of_missing_value_is_left_out(missing):
    assert join_item_text({"title": ["Milk"], "brand": [missing]}, ["title", "brand"]) == ["Milk"]


def test_a_frame_gives_the_same_texts_as_its_columns():
    frame = pd.DataFrame(ITEMS)
    assert join_item_text(frame, COLUMNS, TEMPLATE) == join_item_text(ITEMS, COLUMNS, TEMPLATE)


def test_a_frame_with_a_categorical_column_is_read():
    frame = pd.DataFrame({"title": pd.Categorical(["Milk", None, "Milk"])})
    assert join_item_text(frame, ["title"]) == ["Milk", "", "Milk"]


def test_no_items_give_no_texts():
    assert join_item_text({"title": []}, ["title"]) == []


def test_braces_in_a_value_stay():
    assert join_item_text({"title": ["{brand}"]}, ["title"], "{title}!") == ["{brand}!"]


def test_an_unknown_column_names_the_close_match():
    with pytest.raises(NextactError, match=r"text_columns: no column 'titel'; did you mean 'title'\?"):
        join_item_text(ITEMS, ["titel"])
    with pytest.raises(NextactError, match=r"template: no column 'brnd'; did you mean 'brand'\?"):
        join_item_text(ITEMS, COLUMNS, "{brnd}")


def test_a_number_in_a_text_column_raises_with_count_and_example():
    with pytest.raises(TableError, match=r"items\['title'\]: not a text in 2 row\(s\), e.g. 3"):
        join_item_text({"title": ["Milk", 3, 4]}, ["title"])


@pytest.mark.parametrize("template", ["{title", "{title:>10}", "{title!r}", "no column", "{}"])
def test_a_broken_template_raises(template):
    with pytest.raises(NextactError, match="template"):
        join_item_text(ITEMS, COLUMNS, template)


def test_columns_of_different_length_raise():
    with pytest.raises(NextactError, match="'title' 1, 'brand' 2"):
        join_item_text({"title": ["a"], "brand": ["b", "c"]}, ["title", "brand"])


def test_no_text_columns_raise():
    with pytest.raises(NextactError, match="names no column"):
        join_item_text(ITEMS, [])
