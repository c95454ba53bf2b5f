"""Tables as bad as they come: every row is accepted or rejected, or the whole ends in one clear message."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nextact.errors import NextactError
from nextact.events.cleaning import accepted, clean_events, rejected
from nextact.events.contract import EventOptions
from nextact.events.filtering import FilterOptions
from nextact.events.labelling import label_events
from nextact.events.splitting import SplitOptions

HUGE = "x" * 1_000_000
ODD_TEXT = [
    "007", "7", "7.0", " 7", "7 ", "", " ", "\t", "\n", "two\nlines", "a,b", '"', "'", "\\", "=1+1", "@SUM(A1)", "-2+3",
    "😀", "é", "e\u0301", "\u202eabc", "ÿþ", "Ã©", "NULL", "None", "nan", "NaN", "inf", "true", "1e5", "0x10", "١٢",
    "\x00", "a\x00b", "\ufeff1", "; DROP TABLE events;--", "%s", "{}", HUGE,
]  # fmt: skip
ODD_TIMES = [
    "0000-01-01", "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "10000-01-01", "-2024-01-01", "1970-01-01",
    "2024-02-30", "2024-12-31T23:59:60", "2024-01-01T00:00:00Z", "2024-01-01 00:00:00+05:30", "2024-01-01T00:00-11",
    "2024-01-01T00:00:00.123456789", "2024-01-01 Europe/Berlin", "infinity", "-infinity", "epoch", "now", "today", "",
    "1704067200", "01/02/2024", "2024-01-01T24:00:00", "2024-01-01T25:00:00", "2024-13-01", " 2024-01-01 ", HUGE,
]  # fmt: skip
MOMENTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59))
WHOLE = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(width=64)
TEXT = st.one_of(st.sampled_from(ODD_TEXT), st.text(max_size=8))

# a column is drawn as a whole, since a column of one type is what a table has; the last ones mix types
COLUMNS = {
    "text": st.one_of(st.none(), TEXT),
    "times as text": st.one_of(st.none(), st.sampled_from(ODD_TIMES), MOMENTS.map(str)),
    "integers": WHOLE,
    "good text": st.sampled_from([text for text in ODD_TEXT if text.strip()]),
    "good seconds": st.integers(10**6, 17 * 10**8),
    "good times": st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2024, 1, 1)),
    "good times as text": st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2024, 1, 1)).map(dt.datetime.isoformat),
    "good numbers": st.integers(-(2**40), 2**40),
    "integers with gaps": st.one_of(st.none(), st.integers(-5, 5).map(float)),
    "floats": st.one_of(st.none(), FLOATS),
    "times": st.one_of(st.none(), MOMENTS),
    "dates": st.one_of(st.none(), st.dates()),
    "booleans": st.one_of(st.none(), st.booleans()),
    "decimals": st.one_of(st.none(), st.decimals(-1000, 1000, places=2)),
    "nothing": st.none(),
    "bytes": st.binary(max_size=4),
    "lists": st.lists(st.integers(0, 3), max_size=2),
    "mixed": st.one_of(st.none(), TEXT, WHOLE, FLOATS, st.binary(max_size=2), MOMENTS),
    "surrogates": st.sampled_from(["a", "\ud800"]),
    "beyond 64 bits": st.one_of(st.integers(0, 3), st.just(2**70)),
}
IDS_OF = ["text", "integers", "integers with gaps", "floats", "decimals", *["good text"] * 4]
OPTIONS: dict[str, dict[str, Any]] = {
    "native": {},
    "iso, local": {"timestamp_unit": "iso", "timezone": "America/New_York"},
    "seconds": {"timestamp_unit": "s", "value": "value"},
    "milliseconds": {"timestamp_unit": "ms", "session_id": "session_id"},
    "microseconds": {"timestamp_unit": "us", "position": "position", "max_events_per_day": 3},
    "order": {"timestamp": None, "position": "position"},
    "file order": {"timestamp": None},
    "types": {"timestamp_unit": "iso", "event_type": "event_type", "event_types": ("7", "007")},
    "mapped types": {"timestamp_unit": "s", "event_type": "event_type", "event_type_map": {"7": "interaction"}},
}
COUNTS: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def one_connection() -> Iterator[None]:
    """One database for all cases; connecting takes longer than a case."""
    before = ibis.options.default_backend
    ibis.set_backend(ibis.duckdb.connect())
    yield
    ibis.options.default_backend = before


@st.composite
def columns(draw: st.DrawFn, n_rows: int, kinds: list[str]) -> list[Any]:
    cells = COLUMNS[draw(st.sampled_from(kinds))]
    return draw(st.lists(cells, min_size=n_rows, max_size=n_rows))


NAMES = ("user_id", "item_id", "event_type", "timestamp", "position", "value", "session_id")
FITTING = {  # what goes with an option; types that do not are tried, too
    "native": {"timestamp": ["times", "dates", *["good times"] * 4]},
    "iso": {"timestamp": ["times as text", "text", *["good times as text"] * 4]},
    "s": {"timestamp": ["integers", "floats", "text", "decimals", *["good seconds"] * 8]},
}
FITTING |= {"ms": FITTING["s"], "us": FITTING["s"]}
NUMBERS = ["integers", "integers with gaps", "floats", "text", "decimals", *["good numbers"] * 8]


@st.composite
def tables(draw: st.DrawFn, kinds: list[str] | None = None) -> tuple[str, dict[str, list[Any]]]:
    """The name of some options, and a table; of types that go with them unless ``kinds`` says which to draw from."""
    n_rows = draw(st.integers(8, 20))
    name = draw(st.sampled_from(sorted(OPTIONS)))
    fitting = FITTING[OPTIONS[name].get("timestamp_unit", "native")] | {"position": NUMBERS, "value": NUMBERS}
    chosen = {column: kinds or fitting.get(column, IDS_OF) for column in NAMES}
    return name, {column: draw(columns(n_rows, of_column)) for column, of_column in chosen.items()}


def frame(table: dict[str, list[Any]]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in table.items()})


def characters(value: Any) -> str | None:
    """The id that a cell must become, by the rule of the contract; None where it can be none."""
    if value is None or value != value:
        return None
    if isinstance(value, str):
        return value if value.strip(" \t\n\r\v\f") else None
    if isinstance(value, float) and abs(value) >= 2**53:
        return None
    return str(int(value)) if value == int(value) else None


def attempt(act: Callable[[], Any]) -> tuple[str, Any]:
    """What an act gives, or the message with which it ends; any other error is a failure."""
    try:
        return "", act()
    except NextactError as error:
        return str(error), None


def check(table: dict[str, list[Any]], options: EventOptions) -> None:
    """Accepted and rejected rows are all rows, each rejected one has a reason, and ids are what they were."""
    message, cleaned = attempt(lambda: clean_events(frame(table), options))
    COUNTS.update(tables=1, rows=len(table["user_id"]))
    if cleaned is None:
        assert "\n" not in message
        assert 10 < len(message) < 1_500
        return
    good, bad = accepted(cleaned).to_pyarrow().to_pylist(), rejected(cleaned).to_pyarrow().to_pylist()
    COUNTS.update(accepted=len(good), rejected=len(bad))
    assert sorted(row["source_row"] for row in good + bad) == list(range(len(table["user_id"])))
    assert all(row["rejected_reason"] for row in bad)
    for row in good:
        for name in ("user_id", "item_id"):
            assert row[name] == characters(table[name][row["source_row"]])
        assert options.event_type is None or row["event_type"] in options.event_types
        assert isinstance(row["timestamp"], int)
        assert row["position"] == row["position"]


SETTINGS = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=1_300, **SETTINGS)
@given(tables())
def test_every_row_of_a_readable_table_is_accepted_or_rejected(drawn: tuple[str, dict[str, list[Any]]]) -> None:
    name, table = drawn
    check(table, EventOptions(stop_above_rejected_share=1.0, **OPTIONS[name]))


@settings(max_examples=700, **SETTINGS)
@given(tables(sorted(COLUMNS)))
def test_a_table_of_anything_ends_in_rows_or_in_one_message(drawn: tuple[str, dict[str, list[Any]]]) -> None:
    name, table = drawn
    check(table, EventOptions(stop_above_rejected_share=1.0, **OPTIONS[name]))


@st.composite
def good_tables(draw: st.DrawFn) -> tuple[str, dict[str, list[Any]]]:
    """The name of some options, and a table whose ids, times and numbers all go with them; types may be undeclared."""
    n_rows = draw(st.integers(20, 30))
    name = draw(st.sampled_from(sorted(OPTIONS)))
    times = {"native": "good times", "iso": "good times as text"}.get(
        OPTIONS[name].get("timestamp_unit", "native"), "good seconds"
    )
    fitting = {"timestamp": times, "position": "good numbers", "value": "good numbers"}
    return name, {column: draw(columns(n_rows, [fitting.get(column, "good text")])) for column in NAMES}


@settings(max_examples=400, **SETTINGS)
@given(good_tables())
def test_a_good_table_never_ends_in_a_message(drawn: tuple[str, dict[str, list[Any]]]) -> None:
    name, table = drawn
    n_before = COUNTS["accepted"] + COUNTS["rejected"]
    check(table, EventOptions(stop_above_rejected_share=1.0, **OPTIONS[name]))
    assert COUNTS["accepted"] + COUNTS["rejected"] == n_before + len(table["user_id"])


@settings(max_examples=30, **SETTINGS)
@given(tables(["text"]), st.sampled_from(["native", "file order"]), st.floats(0, 1))
def test_a_run_stops_exactly_above_the_share_of_rejected_rows(
    drawn: tuple[str, dict[str, list[Any]]], name: str, share: float
) -> None:
    table = drawn[1]
    table["timestamp"] = [dt.datetime(2024, 1, 1)] * len(table["user_id"])
    lenient = clean_events(frame(table), EventOptions(stop_above_rejected_share=1.0, **OPTIONS[name]))
    COUNTS.update(rows=len(table["user_id"]))
    n_bad = int(rejected(lenient).count().execute())
    options = EventOptions(stop_above_rejected_share=share, **OPTIONS[name])
    if n_bad > share * len(table["user_id"]):
        with pytest.raises(NextactError, match="stop_above_rejected_share"):
            clean_events(frame(table), options)
    else:
        assert int(rejected(clean_events(frame(table), options)).count().execute()) == n_bad


IDS = st.sampled_from(["a", "b", "c", "00", "😀"])


@settings(max_examples=25, **SETTINGS)
@given(
    st.lists(st.tuples(IDS, IDS, st.integers(0, 9)), min_size=8, max_size=40),
    st.sampled_from(["global_time", "leave_one_out"]),
    st.sampled_from(["training", "all"]),
    st.integers(1, 3),
)
def test_nothing_is_lost_on_the_way_to_the_split(
    rows: list[tuple[str, str, int]], kind: Any, window: Any, min_events: int
) -> None:
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    options = EventOptions(timestamp_unit="s", stop_above_rejected_share=1.0)
    keep = FilterOptions(min_item_events=min_events, min_user_events=min_events, window=window)
    COUNTS.update(rows=len(rows))
    message, labelled = attempt(lambda: label_events(table, None, options, SplitOptions(kind=kind), keep))
    if labelled is None:
        assert message.startswith(("split:", "filter:"))
        return
    good, bad = labelled.accepted.execute(), labelled.rejected.execute()
    assert sorted([*good["source_row"], *bad["source_row"]]) == list(range(len(rows)))
    train, held_out = good[good["split"] == "train"], good[good["split"] != "train"]
    assert not train["is_target"].any()
    last_step = train.groupby("user_id")["step"].max()
    assert (held_out["step"] > held_out["user_id"].map(last_step).fillna(-1)).all()


@pytest.mark.parametrize("make", [lambda table: table, pa.Table.from_pandas], ids=["pandas", "arrow"])
def test_a_megabyte_of_text_stays_one_short_line_of_message(make: Any) -> None:
    table = make(pd.DataFrame([[HUGE, "", "2024-01-01"]], columns=["user_id", "item_id", "timestamp"]))
    with pytest.raises(NextactError) as caught:
        clean_events(table, EventOptions(timestamp_unit="iso"))
    assert len(str(caught.value)) < 1_000


def test_columns_of_one_name_end_in_one_message() -> None:
    table = pd.DataFrame([["u", "v", "i", 1]], columns=["user_id", "user_id", "item_id", "timestamp"])
    with pytest.raises(NextactError, match="2 columns are called 'user_id'"):
        clean_events(table, EventOptions(timestamp_unit="s"))


def test_enough_was_tried_and_enough_of_it_was_good() -> None:
    assert COUNTS["tables"] >= 2_000
    assert min(COUNTS["accepted"], COUNTS["rejected"]) >= 5_000
