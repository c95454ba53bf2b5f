import pandas as pd
import pytest

from nextact.errors import NextactError, TableError
from nextact.events import reasons
from nextact.events.cleaning import accepted, clean_coded, clean_events, count_reasons
from nextact.events.contract import EventOptions, as_table
from nextact.events.items import ItemOptions, clean_items

LENIENT = {"stop_above_rejected_share": 1.0}


def log(rows, columns=("user_id", "item_id", "timestamp")):
    table = pd.DataFrame(rows, columns=list(columns))
    return table.assign(timestamp=pd.to_datetime(table["timestamp"], format="ISO8601"))


def clean(table, items=None, **options):
    events = clean_events(table, EventOptions(**(LENIENT | options)), items)
    return events.order_by(["source", "source_row"]).execute()


def why(rows):
    return rows["rejected_reason"].fillna("").tolist()


REPEATED = log(
    [("u", "a", "2024-01-01", 1.0), ("u", "a", "2024-01-01", 2.0), ("u", "a", "2024-01-01", 1.0)],
    ("user_id", "item_id", "timestamp", "price"),
)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (("user_id", "item_id", "timestamp"), ["", reasons.REPEAT, reasons.REPEAT]),
        (("user_id", "item_id", "timestamp", "value"), ["", "", reasons.REPEAT]),
        ((), ["", "", ""]),
    ],
)
def test_what_counts_as_a_repeat_is_stated_by_columns(columns, expected):
    assert why(clean(REPEATED, value="price", repeat_columns=columns)) == expected


def test_a_broken_row_is_never_the_first_of_its_repeats():
    rows = log(
        [("u", "a", "2024-01-01", "x"), ("u", "a", "2024-01-01", "1")], ("user_id", "item_id", "timestamp", "price")
    )
    assert why(clean(rows, value="price")) == [reasons.UNREADABLE_VALUE, ""]


def test_users_with_too_many_events_on_one_day_go_as_a_whole():
    busy = [("robot", str(k), f"2024-01-02T00:00:{k:02}") for k in range(4)] + [("robot", "x", "2024-06-01")]
    calm = [("human", str(k), f"2024-01-0{2 + k // 2}T23:59:{k:02}") for k in range(4)]
    rows = clean(log(busy + calm), max_events_per_day=3)
    assert rows.groupby("user_id")["rejected_reason"].agg(lambda s: s.eq(reasons.TOO_MANY).sum()).to_dict() == {
        "human": 0,
        "robot": 5,
    }


def test_days_are_told_apart_to_the_microsecond_and_before_1970():
    moments = ["1969-12-31T23:59:59.999999", "1970-01-01", "2024-01-01T23:59:59.999999", "2024-01-02"]
    rows = log([("u", str(k), moment) for k, moment in enumerate(moments)])
    assert why(clean(rows, max_events_per_day=1, earliest="1960-01-01")) == [""] * 4


def test_repeats_and_broken_rows_do_not_make_a_robot():
    rows = log([("u", "a", "2024-01-01")] * 5 + [("u", None, "2024-01-01")] * 5)
    assert count_reasons(clean_events(rows, EventOptions(**LENIENT, max_events_per_day=1)))["accepted"] == 1


ITEMS = clean_items(pd.DataFrame({"item_id": ["a", "b"], "title": ["A", ""]}), ItemOptions())


def test_unknown_items_are_kept_or_rejected_as_asked():
    rows = log([("u", "a", "2024-01-01"), ("u", "zz", "2024-01-02")])
    assert why(clean(rows, ITEMS, unknown_items="keep")) == ["", ""]
    assert why(clean(rows, ITEMS, unknown_items="reject")) == ["", reasons.UNKNOWN_ITEM]


def test_rejecting_unknown_items_needs_the_item_table():
    with pytest.raises(NextactError, match="needs the item table"):
        clean(log([("u", "a", "2024-01-01")]), unknown_items="reject")


def test_integer_items_of_events_meet_text_ids_of_items():
    items = clean_items(pd.DataFrame({"item_id": ["1", "2"]}), ItemOptions())
    rows = log([("u", 1.0, "2024-01-01"), ("u", None, "2024-01-01")])
    assert why(clean(rows, items, unknown_items="reject")) == ["", "item_id is missing"]


def test_the_share_that_stops_a_run_counts_every_reason():
    rows = log([("u", str(k), "2024-01-01") for k in range(8)] + [("u", "0", "2024-01-01"), (None, "0", "2024-01-01")])
    assert len(clean(rows, stop_above_rejected_share=0.2)) == 10
    with pytest.raises(TableError, match=r"20\.0% of the rows are rejected, more than the 19\.0% allowed"):
        clean(rows, stop_above_rejected_share=0.19)


def test_the_example_shows_first_what_could_not_be_read_as_it_was_written():
    table = pd.DataFrame({"user_id": "a long id " * 5, "item_id": ["a", "b"], "at": "04.01.2025 23:36", "price": "€5"})
    with pytest.raises(TableError, match=r"row 0: timestamp '04.01.2025 23:36', value '€5', user_id 'a long"):
        clean_events(table, EventOptions(timestamp="at", timestamp_unit="iso", value="price"))
    table["at"] = "2025-01-04"
    with pytest.raises(TableError, match=r"value is unreadable.*row 0: value '€5', user_id 'a long"):
        clean_events(table, EventOptions(timestamp="at", timestamp_unit="iso", value="price"))


def test_rejected_rows_keep_what_could_not_be_read():
    n_rows = 30  # more texts than are told apart one by one
    table = pd.DataFrame(
        {"user_id": "u", "item_id": "a", "at": [f"{day:02}.01.2025" for day in range(1, n_rows + 1)], "price": "€5"}
    )
    options = EventOptions(timestamp="at", timestamp_unit="iso", value="price", **LENIENT)
    labelled = clean_coded(table, options)
    rows = labelled.texts.decoded(labelled.rejected).order_by("source_row").execute()
    assert rows["rejected_cells"].tolist() == [f"timestamp '{text}', value '€5'" for text in table["at"]]


def test_accepted_rows_carry_no_reason_column():
    assert "rejected_reason" not in accepted(as_table(pd.DataFrame({"rejected_reason": [None]}).assign(x=1))).columns


def test_undeclared_event_types_are_rejected():
    rows = log([("u", "a", "2024-01-01", "view"), ("u", "a", "2024-01-01", "veiw"), ("u", "a", "2024-01-01", None)],
               ("user_id", "item_id", "timestamp", "kind"))  # fmt: skip
    found = why(clean(rows, event_type="kind", event_types=("view",)))
    assert found == ["", reasons.NOT_DECLARED, "event_type is missing"]


def test_sessions_stand_in_for_users_and_file_order_for_times():
    playlists = pd.DataFrame({"playlist": ["p1", "p1", "p2"], "track": ["a", "b", "a"]})
    rows = clean(playlists, user_id="playlist", item_id="track", timestamp=None)
    assert rows["user_id"].tolist() == ["p1", "p1", "p2"]
    assert rows["timestamp"].tolist() == [0, 1, 2]
    assert why(rows) == ["", "", ""]


def test_positions_stand_in_for_times_and_must_be_whole():
    table = pd.DataFrame({"user_id": "u", "item_id": ["a", "b", "c", "d"], "place": ["3", "1", "1.5", None]})
    rows = clean(table, timestamp=None, position="place")
    assert rows["timestamp"].tolist()[:2] == [3, 1]
    assert why(rows) == ["", "", "position is not a whole number", reasons.NO_POSITION]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"item_id": ["a", "a"]}, r"ids must be distinct; repeats in 2 row\(s\), e\.g\. 'a'"),
        ({"item_id": ["a", None]}, r"item_id is missing in 1 row\(s\)"),
        ({"item_id": [1.0, 1.5]}, r"not a whole number in 1 row\(s\), e\.g\. '1\.5'"),
        ({"item": ["a"]}, "option 'item_id' asks for column 'item_id', which is missing; did you mean 'item'"),
    ],
)
def test_item_tables_that_cannot_be_are_refused(table, message):
    with pytest.raises(NextactError, match=message):
        clean_items(pd.DataFrame(table), ItemOptions())


def test_items_without_what_they_must_have_are_no_items():
    table = pd.DataFrame({"sku": [7, 8, 9], "title": ["x", " ", None]})
    items = clean_items(table, ItemOptions(item_id="sku", must_have=("title",)))
    assert items.execute().to_dict("list") == {"item_id": ["7"], "title": ["x"]}


def test_an_item_table_with_two_candidates_for_the_id_is_refused():
    with pytest.raises(NextactError, match="'sku' is to be the item_id, but there is an 'item_id' too"):
        clean_items(pd.DataFrame({"sku": [1], "item_id": [2]}), ItemOptions(item_id="sku"))
