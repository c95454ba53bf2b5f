from datetime import UTC, datetime, timedelta, timezone

import ibis
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.events import reasons
from nextact.events.cleaning import clean_events
from nextact.events.clock_text import KNOWN_FORMATS, fits, formats_of, from_text
from nextact.events.contract import EventOptions
from nextact.events.moments import microseconds
from nextact.events.source_rows import to_contract

MOMENT = datetime(2023, 7, 4, 17, 8, 9, 250_000, tzinfo=UTC)


def rows_of(texts, **options):
    table = pd.DataFrame({"user_id": "u", "item_id": "i", "timestamp": pd.Series(texts)})
    events = EventOptions(**options)
    rows = to_contract(table, "raw_events", events.column_maps()["raw_events"], events)
    return rows.order_by("source_row").execute()


def times(texts, form, **options):
    return rows_of(texts, timestamp_format=form, **options)["timestamp"].tolist()


def test_every_known_format_reads_what_strftime_writes_to_the_same_moment():
    forms = [one for one in KNOWN_FORMATS if one != "iso"]
    table = ibis.memtable({"moment": [0]})
    read = {form: from_text(ibis.literal(MOMENT.strftime(form)), [form], "UTC") for form in forms}
    found = table.select(**{f"c{at}": value for at, value in enumerate(read.values())}).to_pyarrow().to_pylist()[0]
    expected = [
        microseconds(datetime.strptime(MOMENT.strftime(form), form).replace(tzinfo=UTC).isoformat()) for form in forms
    ]
    assert dict(zip(forms, found.values(), strict=True)) == dict(zip(forms, expected, strict=True))
    assert all(fits(MOMENT.strftime(form), form) for form in forms)


def test_a_day_and_an_hour_may_have_one_digit_where_something_stands_between():
    assert times(["4.7.2023 9:05", "04.07.2023 09:05"], "%d.%m.%Y %H:%M") == [microseconds("2023-07-04T09:05")] * 2


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("30.02.2024", "%d.%m.%Y"),
        ("01.13.2024", "%d.%m.%Y"),
        ("01.02.2024 24:00", "%d.%m.%Y %H:%M"),
        ("01.02.2024 10:60", "%d.%m.%Y %H:%M"),
        ("01.02.24", "%d.%m.%Y"),
        ("01.02.2024 10:00 and more", "%d.%m.%Y %H:%M"),
        ("2024131", "%Y%m%d"),
        ("13:00 PM, 01.02.2024", "%I:%M %p, %d.%m.%Y"),
        ("01a02a2024", "%d.%m.%Y"),
    ],
)
def test_what_the_format_does_not_say_is_rejected(text, form):
    rows = rows_of([text], timestamp_format=form)
    assert rows["rejected_reason"].tolist() == [reasons.NO_TIME]
    assert rows["rejected_cells"].tolist() == [f"timestamp '{text}'"]
    assert not fits(text, form)


def test_noon_and_midnight_by_twelve_hours():
    found = times(["12:00 AM 1/2/2024", "12:00 pm 1/2/2024", "1:30 PM 1/2/2024"], "%I:%M %p %m/%d/%Y")
    assert found == [microseconds(f"2024-01-02T{clock}") for clock in ("00:00", "12:00", "13:30")]


def test_years_of_two_digits_turn_in_1969_as_in_python():
    assert times(["930101", "680101", "690101"], "%y%m%d", earliest="1960-01-01", latest="2100-01-01") == [
        microseconds(day) for day in ("1993-01-01", "2068-01-01", "1969-01-01")
    ]


def test_numbers_that_are_dates_are_read_as_their_digits():
    assert times([20240131, 20240201], "%Y%m%d") == [microseconds("2024-01-31"), microseconds("2024-02-01")]


def test_local_times_are_read_in_their_zone_and_an_offset_of_their_own_goes_before():
    summer, winter = "01.07.2024 12:00", "01.12.2024 12:00"
    assert times([summer, winter], "%d.%m.%Y %H:%M", timezone="Europe/Berlin") == [
        microseconds("2024-07-01T10:00"),
        microseconds("2024-12-01T11:00"),
    ]
    own = datetime(2024, 7, 1, 12, tzinfo=timezone(timedelta(hours=-5, minutes=-30)))
    assert times([own.strftime("%d/%b/%Y %H:%M %z")], "%d/%b/%Y %H:%M %z", timezone="Asia/Tokyo") == [
        microseconds("2024-07-01T17:30")
    ]


def test_of_several_formats_the_first_that_fits_is_taken():
    texts = ["05.06.2024", "2024-06-05T01:00", "05/06/2024", "June"]
    found = rows_of(texts, timestamp_format=["%d.%m.%Y", "iso", "%m/%d/%Y"])
    assert found["timestamp"].tolist()[:3] == [
        microseconds("2024-06-05"),
        microseconds("2024-06-05T01:00"),
        microseconds("2024-05-06"),
    ]
    assert found["rejected_reason"].fillna("").tolist() == ["", "", "", reasons.NO_TIME]


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ("%d.%m", "names no year"),
        ("%H:%M", "names no year"),
        ("%Y-%m-%d %Q", "nothing reads '%Q'"),
        ("%Y-%m-%d %Y", "twice"),
        ("%Y-%m-%d %H:%M %p", "go together"),
        ("%Y-%m-%b %d", "say the same"),
        ([], "must name a format"),
    ],
)
def test_a_format_that_cannot_be_read_is_refused_before_any_run(form, problem):
    with pytest.raises(NextactError, match=problem):
        EventOptions(timestamp_format=form)


def test_a_format_does_not_go_with_numbers():
    with pytest.raises(NextactError, match="timestamp_unit 'ms' numbers; state one of them"):
        EventOptions(timestamp_format="%d.%m.%Y", timestamp_unit="ms")
    with pytest.raises(NextactError, match=r"holds timestamp.*but timestamp_format reads text"):
        rows_of(pd.to_datetime(["2024-01-01"]), timestamp_format="%d.%m.%Y")


def test_the_known_formats_that_fit_are_found_and_counted():
    assert formats_of(["31.01.2024 9:05", "01.02.2024 10:00", "soon"]) == {"%d.%m.%Y %H:%M": 2}
    assert next(iter(formats_of(["01/02/2024", "01/31/2024"]))) == "%m/%d/%Y"
    assert formats_of(["2024-02-30"]) == {}


def test_a_run_that_stops_for_its_times_names_the_format_that_reads_them():
    table = pd.DataFrame({"user_id": "u", "item_id": "i", "timestamp": ["31.01.2024 9:05", "13.02.2024 10:00"]})
    with pytest.raises(NextactError, match=r"state events.timestamp_format: '%d.%m.%Y %H:%M'"):
        clean_events(table, EventOptions(timestamp_unit="iso"))
    sources = {"shop": {"timestamp_unit": "iso"}}
    with pytest.raises(NextactError, match=r"state events.sources.shop.timestamp_format: '%d.%m.%Y %H:%M'"):
        clean_events({"shop": table}, EventOptions(sources=sources))
