import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.events.moments import microseconds
from nextact.retrieval.rules.expressions import DEEPEST, MOST_CHARACTERS, parse
from nextact.retrieval.rules.item_columns import ItemColumns

NOW = microseconds("2024-02-01")
TABLE = pd.DataFrame(
    {
        "price": [10, 30, None, 5.0],
        "list_price": [12, 25, 9, None],
        "in_stock": [True, False, True, None],
        "until": ["2024-01-01", "2024-03-01T10:00", None, "2025-01-01"],
        "added": pd.to_datetime(["2024-01-01", "2024-03-01", None, "2025-01-01"]),
        "zoned": pd.to_datetime(["2024-02-01T01:00+02:00", "2024-02-01T01:00-02:00", None, None], utc=True),
        "brand": ["A", "B", None, "A"],
        "kind": pd.Categorical(["x", "y", "x", None]),
        "unit price": [1, 2, 3, 4],
        "nothing": [None] * 4,
        "tags": [["a"], ["b"], [], None],
        "mixed": ["a", 1, None, 2],
    }
)


def true_of(text):
    """Positions 1 .. 4 of the items."""
    return np.flatnonzero(parse(text).true_of(ItemColumns(TABLE), NOW, "rules.where")).tolist()


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("price < 20", [1, 4]),
        ("price < 20 and in_stock", [1]),
        ("price < 20 or in_stock", [1, 3, 4]),
        ("not in_stock", [2]),
        ("in_stock == False", [2]),
        ("in_stock != true", [2]),
        ("5 < price <= 30", [1, 2]),
        ("price < list_price", [1]),
        ("-1 < price", [1, 2, 4]),
        ("20 > price", [1, 4]),
        ("added > now", [2, 4]),
        ("now < until", [2, 4]),
        ("added >= '2024-03-01' and added < '2024-03-01T00:00:01Z'", [2]),
        ("zoned < '2024-02-01'", [1]),
        ("zoned in ['2024-01-31T23:00']", [1]),
        ("until == '2024-03-01T10:00'", [2]),
        ("brand in ['A', 'C']", [1, 4]),
        ("brand not in ['A']", [2]),
        ("price in (5, 30)", [2, 4]),
        ("brand >= 'B'", [2]),
        ("kind == 'x'", [1, 3]),
        ("`unit price` >= 3", [3, 4]),
        ("brand == '`unit price`' or brand == 'B'", [2]),
        ("nothing == 3 or nothing or nothing in [3]", []),
        ("nothing == None", [1, 2, 3, 4]),
        (" price\n  < 20 ", [1, 4]),
    ],
)
def test_conditions(text, items):
    assert true_of(text) == items


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("not (price < 20)", [2]),
        ("not (price < 20 and in_stock)", [2]),  # item 4: 5 < 20, and nobody knows whether it is there
        ("not (price < 20 or in_stock)", [2]),
        ("price != 10", [2, 4]),
        ("price == None", [3]),
        ("price != null", [1, 2, 4]),
        ("brand is None or brand == 'B'", [2, 3]),
        ("in_stock == None or in_stock", [1, 3, 4]),
    ],
)
def test_a_missing_value_makes_a_comparison_neither_true_nor_false(text, items):
    assert true_of(text) == items


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("len(brand) > 3", r"calls 'len\(brand\)'"),
        ("__import__('os').system('true')", "calls "),
        ("brand.lower() == 'a'", "calls "),
        ("brand.name == 'a'", "looks into 'brand.name'"),
        ("brand[0] == 'a'", r"looks into 'brand\[0\]'"),
        ("lambda: 1", "defines 'lambda: 1'"),
        ("[x for x in brand]", r"says '\[x for x in brand\]'"),
        ("price if in_stock else brand", "says "),
        ("f'{price}' == 'a'", "says "),
        ("(price := 3)", "says "),
        ("price + 1 < 2", r"works out 'price \+ 1'"),
        ("price < 10 ** 1000", "works out "),
        ("in_stock & (price < 3)", "works out .* write and, or"),
        ("price < 3; in_stock", "cannot be read"),
        ("price = 3", "cannot be read.*; write == for 'equals'"),
        ("price <> 3", "write != for 'differs from'"),
        ("brand IS NULL", "write == None, != None"),
        ("in_stock AND brand", "write and, or, not, in"),
        ("price <", "cannot be read"),
        ("price < 3\0", "cannot be read"),
        ("True", "says 'True'"),
        ("now", "says 'now'"),
        ("'a'", "says "),
        ("1 < 2", "neither is a column"),
        ("now > '2020-01-01'", "neither is a column"),
        ("price < None", "None is neither more nor less"),
        ("price is 3", "'is' asks for None alone"),
        ("price in []", "write a column in a list of values"),
        ("price in brand", "write a column in a list of values"),
        ("'A' in brand", "write a column in a list of values"),
        ("price in [None]", "holds None"),
        ("price < 1e999", "too large"),
        ("price < " + "9" * 400, "too large"),
        ("price < 1j", "says '1j'"),
        ("price < b'a'", "says "),
        ("x" * (MOST_CHARACTERS + 1), "has 2,001 characters, more than the 2,000 allowed"),
        ("(" * 300 + "in_stock" + ")" * 300, "deeper than the 20 allowed"),
        ("not " * (DEEPEST + 1) + "in_stock", "deeper than the 20 allowed"),
    ],
)
def test_what_is_no_condition_is_refused_with_what_to_write(text, message):
    with pytest.raises(NextactError, match=message):
        parse(text)


def test_conditions_inside_one_another_are_read_down_to_the_limit():
    assert parse("not " * (DEEPEST - 1) + "in_stock").columns == ["in_stock"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prise < 3", "rules.where: the items have no column 'prise'; did you mean 'price'"),
        ("price < 'a'", "compares column 'price', which is number, with 'a', which is text"),
        ("brand < 3", "compares column 'brand', which is text, with 3.0, which is number"),
        ("price == in_stock", "which is number, with column 'in_stock', which is true or false"),
        ("brand in ['A', 3]", "compares column 'brand', which is text, with 3.0"),
        ("price > now", "compares column 'price', which is number, with now, which is time"),
        ("price", "column 'price' holds number values, not true or false"),
        ("in_stock < True", "== and != compare them"),
        ("added > 'soon'", "'soon' stands beside a time and is none"),
        ("brand > now", "column 'brand' is no ISO date or time in 3 row.s., e.g. 'A'"),
        ("tags == 'a'", "column 'tags' holds list"),
        ("mixed == 'a'", "column 'mixed' mixes kinds of values"),
    ],
)
def test_what_does_not_fit_the_columns_is_refused_with_the_column(text, message):
    with pytest.raises(NextactError, match=message):
        true_of(text)


def test_now_needs_a_moment():
    with pytest.raises(NextactError, match=r"names now, but times of this log are no moments; say as_of"):
        parse("added > now").true_of(ItemColumns(TABLE), None, "rules.where")


def test_a_column_may_be_called_as_a_word_of_the_language():
    columns = ItemColumns(pd.DataFrame({"now": [1, 2], "class": ["a", "b"]}))
    assert parse("`now` > 1 and `class` == 'b'").true_of(columns, 0, "").tolist() == [False, False, True]
