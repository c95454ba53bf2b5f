import ibis
import pandas as pd
import pyarrow as pa
import pytest

from nextact.errors import NextactError, TableError
from nextact.events import reasons
from nextact.events.cleaning import accepted, clean_events, count_by_source
from nextact.events.contract import EventOptions
from nextact.options import OptionsError

pytestmark = pytest.mark.slow

PURCHASES = pd.DataFrame(
    {
        "customer": ["007", "007", "8"],
        "sku": ["a", "b", "a"],
        "bought_at": ["2024-03-01T10:00:00Z", "2024-03-02T10:00:00Z", "soon"],
        "price": [1.5, 2.0, 3.0],
    }
)
VIEWS = pd.DataFrame(
    {
        "visitor": ["007", "9", "9"],
        "page": ["a", "b", "c"],
        "at": [1_709_287_200_000, 1_709_287_200_001, 1_709_287_200_002],
        "what": ["detail", "list", "scroll"],
    }
)
SOURCES = {
    "purchases": {
        "user_id": "customer",
        "item_id": "sku",
        "event_type_value": "purchase",
        "timestamp": "bought_at",
        "timestamp_unit": "iso",
        "value": "price",
    },
    "views": {
        "user_id": "visitor",
        "item_id": "page",
        "event_type": "what",
        "event_type_map": {"detail": "view", "list": "impression"},
        "timestamp": "at",
        "timestamp_unit": "ms",
    },
}
TYPES = ("view", "impression", "purchase")


def options(**changes):
    return EventOptions(event_types=TYPES, sources=SOURCES, stop_above_rejected_share=0.5, **changes)


def union(purchases=PURCHASES, views=VIEWS, **changes):
    return clean_events({"purchases": purchases, "views": views}, options(**changes))


def test_sources_with_their_own_columns_units_and_types_meet_in_one_table():
    rows = accepted(union()).order_by(["source", "source_row"]).execute()
    assert rows["source"].tolist() == ["purchases", "purchases", "views", "views"]
    assert rows["user_id"].tolist() == ["007", "007", "007", "9"]
    assert rows["event_type"].tolist() == ["purchase", "purchase", "view", "impression"]
    assert rows["timestamp"].iloc[0] == rows["timestamp"].iloc[2]  # 2024-03-01T10:00:00 UTC, from text and from ms
    assert rows["value"].iloc[:2].tolist() == [1.5, 2.0]
    assert rows["value"].iloc[2:].isna().all()


def test_a_rejected_row_names_its_source_and_its_place_there():
    rows = union().filter(lambda t: t.rejected_reason.notnull()).order_by("source").execute()
    found = rows[["source", "source_row", "rejected_reason"]].to_numpy().tolist()
    assert found == [["purchases", 2, reasons.NO_TIME], ["views", 2, reasons.NOT_IN_MAP]]
    assert rows["event_type"].tolist() == ["purchase", "scroll"]  # as the table said it


def test_reasons_are_counted_by_source():
    assert count_by_source(union()) == {
        "purchases": {"accepted": 2, reasons.NO_TIME: 1},
        "views": {"accepted": 2, reasons.NOT_IN_MAP: 1},
    }


def test_the_stop_message_names_the_source_the_row_and_the_counts():
    message = (
        r"raw_events: 33.3% of the rows.*purchases: timestamp is missing or unreadable: 1; views: event_type is not in"
    )
    with pytest.raises(TableError, match=message):
        clean_events({"purchases": PURCHASES, "views": VIEWS}, EventOptions(event_types=TYPES, sources=SOURCES))


def test_the_same_action_logged_in_two_sources_counts_once_unless_the_source_is_compared():
    logs = {"app": {}, "web": {}}
    table = pd.DataFrame({"user_id": ["u"], "item_id": ["a"], "timestamp": pd.to_datetime(["2024-01-01"])})
    raw = {"app": table, "web": table}
    once = clean_events(raw, EventOptions(sources=logs, stop_above_rejected_share=1.0))
    assert count_by_source(once) == {"app": {"accepted": 1}, "web": {reasons.REPEAT: 1}}
    twice = clean_events(raw, EventOptions(sources=logs, repeat_columns=("user_id", "item_id", "timestamp", "source")))
    assert count_by_source(twice) == {"app": {"accepted": 1}, "web": {"accepted": 1}}


def test_frames_arrow_tables_and_ibis_tables_can_be_united():
    arrow, table = pa.Table.from_pandas(PURCHASES), ibis.memtable(VIEWS)
    same = union(arrow, table).order_by(["source", "source_row"]).execute()
    pd.testing.assert_frame_equal(same, union().order_by(["source", "source_row"]).execute())


def test_a_source_that_was_not_loaded_is_named():
    with pytest.raises(NextactError, match="no table 'views' was loaded; known: purchases"):
        clean_events({"purchases": PURCHASES}, options())


def test_a_table_that_no_source_describes_is_named():
    with pytest.raises(NextactError, match=r"'clicks' keeps; add events\.sources\.clicks"):
        clean_events({"purchases": PURCHASES, "views": VIEWS, "clicks": VIEWS}, options())


def test_several_tables_without_declared_sources_are_refused():
    with pytest.raises(NextactError, match=r"add events\.sources\.purchases"):
        clean_events({"purchases": PURCHASES}, EventOptions())


def test_a_single_table_for_several_declared_sources_is_refused():
    with pytest.raises(NextactError, match="single table was loaded"):
        clean_events(PURCHASES, options())


def test_an_empty_source_is_refused_by_name():
    with pytest.raises(NextactError, match="views: the table is empty"):
        union(views=VIEWS.iloc[:0])


def test_a_missing_column_names_the_source():
    with pytest.raises(NextactError, match="views: option 'timestamp' asks for column 'at', which is missing"):
        union(views=VIEWS.drop(columns="at"))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"sources": {"a": {"user": "u"}}}, r"sources\.a: no 'user'; did you mean 'user_id'"),
        ({"sources": {"a": {"event_type_value": "bought"}}}, "event_type_value: no 'bought'"),
        (
            {"sources": {"a": {"event_type": "t", "event_type_map": {"x": "veiw"}}}},
            "event_type_map: no 'veiw'; did you mean 'view'",
        ),
        ({"sources": {"a": {"event_type": "t", "event_type_value": "view"}}}, "not both"),
        ({"event_type_value": "view", "event_type_map": {"x": "view"}}, "event_type_map needs"),
        ({"event_type": None}, "event_type_value must name one"),
        (
            {"sources": {"a": {"event_type_value": "view", "timestamp": None}, "b": {"event_type_value": "view"}}},
            "a map no",
        ),
        ({"timestamp": None, "event_type_value": "view", "sources": {"a": {}, "b": {}}}, "need a position each"),
        ({"event_type_value": "view", "timestamp": None, "max_events_per_day": 3}, "needs times"),
        ({"event_type_value": "view", "timezone": "Europe/Pariss"}, "did you mean 'Europe/Paris'"),
        ({"event_type_value": "view", "repeat_columns": ("user",)}, "repeat_columns: no 'user'"),
        ({"event_type_value": "view", "earliest": "long ago"}, "must be an ISO date"),
        ({"event_type_value": "view", "stop_above_rejected_share": 2.0}, r"must be in \[0, 1\]"),
        ({"event_type_value": "view", "max_events_per_day": 0}, "at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused_before_any_table_is_read(bad, message):
    with pytest.raises(NextactError, match=message):
        EventOptions(event_types=("view", "purchase"), **bad)


@pytest.mark.parametrize("name", ["source_row", "source", "rejected_reason", "position"])
def test_a_raw_column_may_have_a_name_of_our_own(name):
    rows = pd.DataFrame({name: ["u", "v"], "item_id": ["i", "j"], "timestamp": [10**6, 10**6 + 1]})
    for raw in (rows, ibis.memtable(rows)):
        events = clean_events(raw, EventOptions(user_id=name, timestamp_unit="s")).execute()
        assert events.sort_values("source_row")["user_id"].tolist() == ["u", "v"]


@pytest.mark.parametrize(
    ("changes", "one", "other"),
    [
        ({"user_id": "item_id"}, "user_id", "item_id"),
        ({"item_id": "timestamp"}, "item_id", "timestamp"),
        ({"value": "timestamp"}, "timestamp", "value"),
        ({"session_id": "item_id"}, "item_id", "session_id"),
    ],
)
def test_options_may_not_name_one_column_for_two_things(changes, one, other):
    with pytest.raises(OptionsError, match=f"raw_events: {one} and {other} both name the column"):
        EventOptions(**changes)
    with pytest.raises(OptionsError, match=f"shop: {one} and {other} both name the column"):
        EventOptions(sources={"shop": changes})


def test_options_may_name_one_column_where_it_can_be_both():
    EventOptions(user_id="playlist", session_id="playlist")
    EventOptions(session_id="timestamp", position="timestamp")
    EventOptions(event_type="rating", event_type_map={"5": "like"}, event_types=("like",), value="rating")
    shop = {"user_id": "item_id", "item_id": "sku"}
    EventOptions(sources={"shop": shop, "web": {}})


def test_more_event_types_than_their_codes_can_tell_apart_are_refused():
    assert EventOptions(event_type="what", event_types=tuple(f"t{n}" for n in range(127)))
    with pytest.raises(OptionsError, match="event_types must be at most 127 names, got 128"):
        EventOptions(event_type="what", event_types=tuple(f"t{n}" for n in range(128)))
