"""Times in another unit than the stated one."""

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError, TableError
from nextact.events import reasons
from nextact.events.cleaning import clean_events
from nextact.events.contract import EventOptions

pytestmark = pytest.mark.slow

SECONDS = pd.Series(1_704_067_200 + 900 * np.arange(200))  # 2024-01-01 to 2024-01-03
DAY = 86_400_000_000


def clean(timestamp, **options):
    table = pd.DataFrame({"user_id": "u", "item_id": [str(at) for at in range(len(timestamp))], "timestamp": timestamp})
    return clean_events(table, EventOptions(**options))


def why(timestamp, **options):
    rows = clean(timestamp, stop_above_rejected_share=1.0, **options).order_by("source_row").execute()
    return rows["rejected_reason"].fillna("").tolist()


@pytest.mark.parametrize(
    ("timestamp", "stated", "as_stated", "instead"),
    [
        (
            SECONDS,
            "ms",
            r"1970-01-20T17:21:07\.200000\+00:00 to 1970-01-20T17:24:06\.300000\+00:00",
            "set events.timestamp_unit: s",
        ),
        (SECONDS, "us", r"1970-01-01T00:28:24\.067200\+00:00 to", "set events.timestamp_unit: s"),
        (SECONDS * 1_000, "us", r"1970-01-20T17:21:07\.200000\+00:00 to", "set events.timestamp_unit: ms"),
        (SECONDS * 1_000, "s", "the year .* to the year .*; in", "set events.timestamp_unit: ms"),
        (SECONDS * 1_000_000, "s", "the year .* to the year .*; in", "set events.timestamp_unit: us"),
        (SECONDS * 1_000_000, "ms", "the year .* to the year .*; in", "set events.timestamp_unit: us"),
        (SECONDS * 1_000_000_000, "s", "the year .* to the year .*; in", "divide them by 1,000 and state us"),
        (SECONDS * 1_000_000_000, "us", "the year .* to the year .*; in", "divide them by 1,000 and state us"),
        (SECONDS.astype(str), "ms", r"1970-01-20T17:21:07\.200000\+00:00 to", "set events.timestamp_unit: s"),
        (pd.to_datetime(SECONDS, unit="ms"), "native", "1970-01-20T17:21:07", "1,000 times as long after 1970"),
        (pd.to_datetime(SECONDS), "native", r"1970-01-01T00:00:01\.704067", "1,000,000,000 times as long after 1970"),
    ],
)
def test_a_log_in_another_unit_stops_with_both_readings(timestamp, stated, as_stated, instead):
    with pytest.raises(TableError, match=rf"as '{stated}', as stated, .*{as_stated}") as caught:
        clean(timestamp, timestamp_unit=stated)
    assert instead in str(caught.value)
    assert "+00:00 to 2024-01-03T01:4" in str(caught.value)


def test_few_times_in_another_unit_are_rejected_from_a_log_of_our_days():
    mixed = (SECONDS * 1_000).where(SECONDS.index != 7, SECONDS)
    assert [at for at, reason in enumerate(why(mixed, timestamp_unit="ms")) if reason == reasons.OTHER_UNIT] == [7]


def test_times_that_count_from_the_start_of_a_log_are_left_alone():
    assert set(why(pd.Series(np.arange(48) * DAY), timestamp_unit="us")) == {""}
    assert set(why(pd.Series(np.arange(200) * DAY // 1_000), timestamp_unit="ms")) == {""}


def test_the_time_at_which_clocks_begin_is_no_time_in_another_unit():
    native = pd.to_datetime(SECONDS, unit="s").where(SECONDS.index != 3, pd.Timestamp("1970-01-01"))
    assert set(why(native)) == {""}


def test_a_log_that_may_begin_before_1970_may_hold_its_first_days():
    moments = pd.Series(pd.date_range("1970-01-10", periods=10))
    assert set(why(moments, earliest="1969-01-01")) == {""}
    assert set(why(moments)) == {reasons.OTHER_UNIT}


def test_each_source_has_a_unit_of_its_own():
    frame = pd.DataFrame({"user_id": "u", "item_id": [str(at) for at in range(200)]})
    raw = {"right": frame.assign(timestamp=SECONDS * 1_000), "wrong": frame.assign(timestamp=SECONDS, user_id="v")}
    sources = {"right": {"timestamp_unit": "ms"}, "wrong": {"timestamp_unit": "ms"}}
    with pytest.raises(TableError, match="wrong: timestamp seems") as caught:
        clean_events(raw, EventOptions(sources=sources))
    assert "wrong: timestamp seems to be in another unit: 200" in str(caught.value)
    assert "set events.sources.wrong.timestamp_unit: s" in str(caught.value)
    assert "right: timestamp seems" not in str(caught.value)


@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_times_as_narrow_floats_are_refused(kind):
    with np.errstate(over="ignore"), pytest.raises(NextactError, match=r"raw_events\['timestamp'\].* holds? "):
        clean(pd.Series([1.0, 2.0]).astype(kind), timestamp_unit="s")


def test_users_as_narrow_floats_are_rejected_where_two_would_be_one():
    n = 60
    table = pd.DataFrame(
        {
            "user_id": np.arange(2**24, 2**24 + n).astype("float32"),
            "item_id": "i",
            "timestamp": pd.date_range("2024-01-01", periods=n),
        }
    )
    rows = clean_events(table, EventOptions(stop_above_rejected_share=1.0)).execute()
    assert rows["rejected_reason"].tolist() == ["user_id is too large to be exact"] * n
    table["user_id"] = np.arange(2**24 - n, 2**24).astype("float32")
    rows = clean_events(table, EventOptions()).execute()
    assert rows["rejected_reason"].isna().all()
    assert sorted(rows["user_id"]) == [str(at) for at in range(2**24 - n, 2**24)]
