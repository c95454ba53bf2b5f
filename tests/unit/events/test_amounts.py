import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.events import reasons
from nextact.events.cleaning import clean_events
from nextact.events.contract import EventOptions
from nextact.events.source_rows import to_contract

pytestmark = pytest.mark.slow


def rows_of(texts, **options):
    table = pd.DataFrame({"user_id": "u", "item_id": "i", "timestamp": pd.Timestamp("2024-01-01"), "price": texts})
    events = EventOptions(value="price", **options)
    rows = to_contract(table, "raw_events", events.column_maps()["raw_events"], events)
    return rows.order_by("source_row").execute()


@pytest.mark.parametrize(
    ("text", "decimal", "amount"),
    [
        ("1.234,50 €", ",", 1234.5),
        ("€ 12,5", ",", 12.5),
        ("12", ",", 12.0),
        ("-3,20", ",", -3.2),
        ("3,20-", ",", -3.2),
        ("1 234 567,89\u00a0zł", ",", 1234567.89),
        ("CHF 1'234,50", ",", 1234.5),
        (",50", ",", 0.5),
        ("$1,234.50", ".", 1234.5),
        ("-$12.00", ".", -12.0),
        ("$-12.00", ".", -12.0),
        ("(12.00)", ".", -12.0),
        ("\u221212.00 EUR", ".", -12.0),
        ("US$ 5", ".", 5.0),
        ("R$ 1,234", ".", 1234.0),
        ("1e3", ".", 1000.0),
    ],
)
def test_amounts_are_read_as_people_write_them(text, decimal, amount):
    rows = rows_of([text], value_decimal=decimal)
    assert rows["value"].tolist() == [amount]
    assert rows["rejected_reason"].isna().all()


@pytest.mark.parametrize(
    ("text", "decimal"),
    [("1,50", "."), ("1.50", ","), ("1.5", ","), ("12.34.56", ","), ("€", ","), ("12 apples", ","), ("1,2,3", ".")],
)
def test_what_would_be_another_number_is_rejected_not_guessed(text, decimal):
    rows = rows_of([text], value_decimal=decimal)
    assert rows["rejected_reason"].tolist() == [reasons.UNREADABLE_VALUE]
    assert rows["rejected_cells"].tolist() == [f"value '{text}'"]


def test_numbers_stay_numbers_and_empty_cells_empty():
    assert rows_of([1.5, 2.0], value_decimal=",")["value"].tolist() == [1.5, 2.0]
    empty = rows_of(["", None, "2,5"], value_decimal=",")
    assert empty["value"].isna().tolist() == [True, True, False]
    assert empty["rejected_reason"].isna().all()


def test_without_the_option_text_is_a_plain_number_or_rejected():
    assert rows_of(["1.5", "1,5"])["rejected_reason"].fillna("").tolist() == ["", reasons.UNREADABLE_VALUE]


@pytest.mark.parametrize(("texts", "decimal"), [(["1,50 €", "2,25 €"], ","), (["$1.50", "$1,000.00"], ".")])
def test_a_run_that_stops_for_its_values_names_the_option_that_reads_them(texts, decimal):
    table = pd.DataFrame({"user_id": "u", "item_id": "i", "timestamp": pd.Timestamp("2024-01-01"), "price": texts})
    with pytest.raises(NextactError, match=f"state events.value_decimal: '{decimal}'"):
        clean_events(table, EventOptions(value="price"))
