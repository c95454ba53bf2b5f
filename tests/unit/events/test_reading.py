from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nextact.errors import NextactError, TableError
from nextact.events import reasons
from nextact.events.contract import EventOptions
from nextact.events.source_rows import to_contract
from nextact.events.tables import as_table

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(n=None, options=None, **columns):
    """The contract's rows of a table that has these columns and is good otherwise."""
    n = n or max(len(values) for values in columns.values())
    good = {"user_id": ["u"] * n, "item_id": ["i"] * n, "timestamp": pd.to_datetime(["2024-01-01"] * n)}
    columns = good | columns
    table = pd.DataFrame({name: pd.Series(values, dtype=_kind(values)) for name, values in columns.items()})
    options = options or {}
    events = EventOptions(**options)
    rows = to_contract(table, "raw_events", events.column_maps()["raw_events"], events)
    return pd.DataFrame(rows.order_by("source_row").to_pyarrow().to_pydict(), dtype=object)


def _kind(values):
    return values.dtype if hasattr(values, "dtype") else None


def read_times(values, unit, **options):
    return read(timestamp=values, options={"timestamp_unit": unit, "latest": "9999-12-31", **options})["timestamp"]


def microseconds(moment):
    return (moment - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        (
            ["007", "7", " 7", "7 ", "1.0", "1e3", "=1+1", "☃", "a\nb"],
            ["007", "7", " 7", "7 ", "1.0", "1e3", "=1+1", "☃", "a\nb"],
        ),
        ([7, -1, 2**62], ["7", "-1", str(2**62)]),
        (np.array([2**64 - 1], dtype="uint64"), [str(2**64 - 1)]),
        ([1.0, -0.0, 2.0**53 - 1], ["1", "0", str(2**53 - 1)]),
        ([Decimal("1.00"), Decimal("12.00")], ["1", "12"]),
        ([Decimal("0.00")], ["0"]),
        (pd.Categorical(["b", "a"]), ["b", "a"]),
        (pd.array([3, 4], dtype="Int64"), ["3", "4"]),
    ],
)
def test_ids_keep_their_characters_and_whole_numbers_their_digits(ids, text):
    rows = read(user_id=ids, item_id=ids)
    assert rows["user_id"].tolist() == rows["item_id"].tolist() == text
    assert rows["rejected_reason"].isna().all()


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([None, "", "  ", "ok"], ["user_id is missing"] * 3 + [None]),
        ([np.nan, 1.5, np.inf, 1.0], ["user_id is missing"] + ["user_id is not a whole number"] * 2 + [None]),
        ([2.0**53 - 1, 2.0**53, -(2.0**53), 2.0**54], [None] + ["user_id is too large to be exact"] * 3),
        (np.array([2**24 - 1, 2**24], dtype="float32"), [None, "user_id is too large to be exact"]),
        ([Decimal("1.50"), None], ["user_id is not a whole number", "user_id is missing"]),
        (pd.array([None, 5], dtype="Int64"), ["user_id is missing", None]),
    ],
)
def test_ids_that_name_nobody_are_rejected_with_what_was_there(ids, expected):
    rows = read(user_id=ids)
    assert rows["rejected_reason"].tolist() == expected


def test_a_rejected_id_shows_what_was_there():
    assert read(user_id=[1.5, np.inf])["user_id"].tolist() == ["1.5", "inf"]
    assert read(user_id=[Decimal("1.50")])["user_id"].tolist() == ["1.50"]


@pytest.mark.parametrize(
    "ids", [[b"a", b"\xe9"], [[1], [2]], [{"a": 1}], [date(2024, 1, 1)], [True, False], pd.to_timedelta([1, 2])]
)
def test_columns_that_hold_no_ids_are_refused_by_type(ids):
    with pytest.raises(NextactError, match=r"raw_events\['user_id'\]: holds .*, not text or whole numbers"):
        read(user_id=ids)


@pytest.mark.parametrize("unit", ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
def test_local_times_become_utc_as_python_reads_them(unit):
    zone = ZoneInfo(unit)
    clock = [datetime(2024, 1, 1) + timedelta(minutes=37 * k) for k in range(0, 14_300, 7)]
    around = [
        datetime(2024, 3, 31, 1, 30),
        datetime(2024, 10, 27, 1, 30),
        datetime(2024, 3, 10, 2, 30),
        datetime(1971, 6, 1),
    ]
    expected = [microseconds(moment.replace(tzinfo=zone)) for moment in clock + around]
    assert read_times(pd.Series(clock + around), "native", timezone=unit).tolist() == expected
    as_text = [moment.isoformat(sep=" ") for moment in clock + around]
    assert read_times(as_text, "iso", timezone=unit).tolist() == expected


def test_a_time_with_its_own_offset_does_not_use_the_time_zone():
    texts = ["2024-07-01T12:00:00Z", "2024-07-01T12:00:00+02:00", "2024-07-01 12:00:00-0530", "2024-07-01T12:00+01"]
    found = read_times(texts, "iso", timezone="America/New_York")
    assert found.tolist() == [microseconds(datetime.fromisoformat(text)) for text in texts]
    aware = pd.Series(pd.to_datetime(["2024-07-01T12:00:00"])).dt.tz_localize("Asia/Tokyo")
    assert read_times(aware, "native", timezone="America/New_York").tolist() == [
        microseconds(datetime(2024, 7, 1, 3, tzinfo=UTC))
    ]


def test_a_named_zone_in_one_row_neither_counts_nor_leaks_into_the_next():
    found = read_times(["2020-07-01 10:00:00 Europe/Berlin", "2020-07-01 10:00:00"], "iso")
    assert pd.isna(found[0])
    assert found[1] == microseconds(datetime(2020, 7, 1, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "infinity",
        "epoch",
        "2020-1-1",
        "2020-02-30",
        "01/02/2020",
        "20200101",
        "",
        "2020-01-01T25:00",
        "2020-01-01T24:00:00",
        "2020-01-01 24:00",
        "2020-01-01T23:60",
        "2016-12-31T23:59:60Z",
        "12345-01-01",
        "2024-01-01T10:00+99:99",
        "2024-01-01T10:00+16:00",
        "2024-01-01T10:00-01:60",
        "2024-01-01T10:00+9999",
    ],
)
def test_text_that_is_no_iso_time_is_rejected(text):
    rows = read(timestamp=[text, "2020-01-01"], options={"timestamp_unit": "iso"})
    assert rows["rejected_reason"].tolist()[0] == reasons.NO_TIME
    assert pd.isna(rows["rejected_reason"].tolist()[1])


def test_iso_times_keep_microseconds_and_reach_from_the_year_0_to_9999():
    texts = ["2024-01-01T00:00:00.123456", "0001-01-01", "9999-12-31T23:59:59.999999"]
    found = read_times(texts, "iso", earliest="0001-01-01")
    assert found.tolist() == [microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC)) for text in texts]
    year_0 = read(timestamp=["0000-01-01"], options={"timestamp_unit": "iso"})
    assert year_0["rejected_reason"].tolist() == [reasons.TOO_EARLY]


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ([1_700_000_000], "s", 1_700_000_000_000_000),
        ([1_700_000_000.25], "s", 1_700_000_000_250_000),
        (["1700000000"], "s", 1_700_000_000_000_000),
        ([1_700_000_000_123], "ms", 1_700_000_000_123_000),
        ([1_700_000_000_123_456], "us", 1_700_000_000_123_456),
        (["1700000000123456"], "us", 1_700_000_000_123_456),
        ([date(2023, 11, 14)], "native", 1_699_920_000_000_000),
        (pd.to_datetime(["2023-11-14"]).as_unit("s"), "native", 1_699_920_000_000_000),
    ],
)
def test_each_unit_is_read_to_the_microsecond(values, unit, expected):
    assert read_times(values, unit).tolist() == [expected]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63 - 1, reasons.TOO_LATE),
        (-(2**63), reasons.TOO_EARLY),
        (1e300, reasons.TOO_LATE),
        (np.inf, reasons.TOO_LATE),
        (-np.inf, reasons.TOO_EARLY),
        (np.nan, reasons.NO_TIME),
        ("1e400", reasons.TOO_LATE),
        ("nan", reasons.NO_TIME),
        ("noon", reasons.NO_TIME),
    ],
)
def test_absurd_numbers_are_rejected_and_overflow_nothing(value, reason, unit):
    assert read(timestamp=[value], options={"timestamp_unit": unit})["rejected_reason"].tolist() == [reason]


@pytest.mark.parametrize(
    ("values", "unit", "hint"),
    [
        (pd.to_datetime(["2024-01-01"]), "s", "timestamp_unit: native"),
        ([1], "iso", "s, ms or us for numbers"),
        (["2024-01-01"], "native", "iso for text"),
        ([True], "native", "iso for text"),
    ],
)
def test_a_unit_that_the_type_cannot_have_is_refused_with_a_hint(values, unit, hint):
    with pytest.raises(NextactError, match=rf"raw_events\['timestamp'\]: holds .* '{unit}' does not read; .*{hint}"):
        read(timestamp=values, options={"timestamp_unit": unit})


def test_times_from_now_on_are_rejected_unless_a_later_limit_is_stated():
    tomorrow = pd.Series([pd.Timestamp.now() + pd.Timedelta(days=1)])
    assert read(timestamp=tomorrow)["rejected_reason"].tolist() == [reasons.TOO_LATE]
    assert read(timestamp=tomorrow, options={"latest": "2200-01-01"})["rejected_reason"].isna().all()


def test_values_are_numbers_or_nothing():
    rows = read(price=["1.5", None, "", "dear", "inf", "nan"], options={"value": "price"})
    assert rows["rejected_reason"].fillna("").tolist() == [
        "", "", "", reasons.UNREADABLE_VALUE, reasons.ENDLESS_VALUE, reasons.ENDLESS_VALUE,
    ]  # fmt: skip
    assert rows["value"][0] == 1.5
    assert rows["value"][1:].isna().all()


def test_a_missing_position_is_rejected():
    rows = read(place=[0.5, np.nan, np.inf], options={"position": "place"})
    assert rows["rejected_reason"].fillna("").tolist() == ["", reasons.NO_POSITION, reasons.NO_POSITION]


def test_positions_that_are_not_exact_are_rejected():
    too_large = "position is too large to be exact"
    rows = read(place=np.array([2**53 - 1, 2**53 + 1]), options={"position": "place"})
    assert rows["rejected_reason"].fillna("").tolist() == ["", too_large]
    narrow = read(place=np.array([0.5, 2**24], dtype="float32"), options={"position": "place"})
    assert narrow["rejected_reason"].fillna("").tolist() == ["", too_large]
    instead = read(place=np.array([5, 2**53 + 1]), options={"position": "place", "timestamp": None})
    assert instead["rejected_reason"].fillna("").tolist() == ["", too_large]


def test_what_cannot_be_read_is_kept_as_it_was_written():
    rows = read(
        timestamp=["04.01.2025 23:36", "2024-01-01", "2024-01-01", "soon", None],
        price=["1", "€5", "2", "1,50", "1"],
        place=["1", "2", "3", "4", "last"],
        options={"timestamp_unit": "iso", "value": "price", "position": "place"},
    )
    assert rows["rejected_cells"].tolist() == [
        "timestamp '04.01.2025 23:36'",
        "value '€5'",
        None,
        "timestamp 'soon', value '1,50'",
        "position 'last'",
    ]
    late = read(timestamp=[4_900_000_000_000], options={"timestamp_unit": "ms"})
    assert late["rejected_cells"].tolist() == ["timestamp '4900000000000'"]


def test_floats_of_16_bits_are_refused_where_they_are_not_exact():
    assert read(user_id=np.array([2047.0], dtype="float16"))["user_id"].tolist() == ["2047"]
    with pytest.raises(NextactError, match=r"raw_events\['user_id'\]: holds halffloat from 2,048 on"):
        read(user_id=np.array([2048.0], dtype="float16"))


def test_event_types_that_are_numbers_can_be_mapped():
    options = {"event_type": "clicked", "event_type_map": {"0": "interaction"}}
    rows = read(clicked=[0, 1], options=options)
    assert rows["event_type"].tolist() == ["interaction", "1"]
    assert rows["rejected_reason"].fillna("").tolist() == ["", reasons.NOT_IN_MAP]


def test_sessions_may_be_missing_and_numbers_lose_their_fraction():
    rows = read(basket=[1.0, np.nan, 1.5], options={"session_id": "basket"})
    assert rows["session_id"].tolist() == ["1", None, "1.5"]
    assert rows["rejected_reason"].fillna("").tolist() == ["", "", "session_id is not a whole number"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "1"], r"mixed types \(int: 1, str: 1\); int in 1 row"),
        (["a\ud800", "b"], "not Unicode in 1 row"),
        ([2**70], "int values that no table can hold"),
        ([object()], "object values that no table can hold"),
    ],
)
def test_columns_that_no_table_can_hold_are_named(values, message):
    with pytest.raises(TableError, match=rf"raw_events\['x'\]: .*{message}"):
        as_table(pd.DataFrame({"x": pd.Series(values, dtype=object)}))


def test_two_columns_of_one_name_are_refused_only_where_they_are_asked_for():
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "b"])
    with pytest.raises(NextactError, match="2 columns are called 'a'"):
        as_table(frame)
    assert as_table(frame, "raw_events", {"item_id": "b"}).columns == ("b",)


def test_columns_that_differ_in_case_alone_are_refused_only_where_they_are_asked_for():
    frame = pd.DataFrame({"id": ["a"], "ID": ["b"], "x": ["c"]})
    with pytest.raises(NextactError, match="the columns 'id' and 'ID' differ in case alone"):
        as_table(frame, "raw_events", {"user_id": "id", "item_id": "ID"})
    assert as_table(frame, "raw_events", {"user_id": "ID", "item_id": "x"}).execute().to_dict("list") == {
        "ID": ["b"],
        "x": ["c"],
    }


def test_lines_that_were_not_split_are_recognised():
    frame = pd.DataFrame({"user_id;item_id": ["u;i"]})
    with pytest.raises(NextactError, match=r"its one column is 'user_id;item_id': is its separator ';'\?"):
        as_table(frame, "raw_events", {"user_id": "user_id"})


def test_a_column_in_another_case_is_suggested():
    frame = pd.DataFrame({"User_ID": ["u"], "item_id": ["i"]})
    with pytest.raises(NextactError, match="asks for column 'user_id', which is missing; did you mean 'User_ID'"):
        as_table(frame, "raw_events", {"user_id": "user_id"})


def test_a_thing_that_is_no_table_is_refused():
    with pytest.raises(NextactError, match="got list"):
        as_table([1, 2])


def test_period_columns_are_refused_and_sparse_ones_read():
    with pytest.raises(NextactError, match="period"):
        as_table(pd.DataFrame({"x": pd.period_range("2024", periods=2, freq="D")}))
    sparse = as_table(pd.DataFrame({"x": pd.arrays.SparseArray([0, 5])}))
    assert sparse.x.execute().tolist() == [0, 5]


def test_arrow_and_ibis_tables_give_what_frames_give():
    frame = pd.DataFrame({"a": ["x", "y"], "b": [1, 2]})
    wanted = {"item_id": "b"}
    for table in (pa.Table.from_pandas(frame), ibis.memtable(frame), frame):
        assert as_table(table, "raw_events", wanted).execute().to_dict("list") == {"b": [1, 2]}
