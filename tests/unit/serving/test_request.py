import dataclasses

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError, TableError
from nextact.events.cleaning import accepted, clean_events
from nextact.events.contract import EventOptions
from nextact.events.moments import iso_moment, microseconds
from nextact.events.splitting import SplitOptions, split_events
from nextact.events.steps import StepOptions
from nextact.sequences.build import build_histories
from nextact.serving.request import read_request
from nextact.serving.rows import RowReader

pytestmark = pytest.mark.slow

ITEM_INDEX = {"apple": 1, "bread": 2, "cheese": 3, "dates": 4, "eggs": 5}
EVENT_TYPES = ("view", "purchase")
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def reader(package):
    return RowReader(package.manifest)


def read(reader, *rows):
    names = ("user_id", "item_id", "event_type", "timestamp", "session_id")
    return read_request([dict(zip(names, row, strict=False)) for row in rows], reader, ITEM_INDEX)


def test_events_are_ordered_by_time_and_one_moment_is_one_step(reader):
    found = read(
        reader,
        ("u", "cheese", "purchase", "2024-01-02"),
        ("u", "apple", "view", "2024-01-01T10:00:00"),
        ("u", "bread", "view", "2024-01-02T00:00:00Z"),
    )
    assert found.histories.item_index.tolist() == [1, 3, 2]
    assert found.histories.event_type.tolist() == [0, 1, 0]
    assert found.histories.starts_step.tolist() == [True, True, False]


@pytest.mark.parametrize(
    "moment",
    [1_704_103_200_000_000, "2024-01-01T10:00:00", "2024-01-01T12:00:00+02:00", "2024-01-01 10:00:00.000000Z"],
)
def test_a_moment_may_be_written_in_several_ways(reader, moment):
    assert read(reader, ("u", "apple", "view", moment)).histories.timestamp.tolist() == [1_704_103_200_000_000]


def test_a_frame_may_hold_times(reader):
    frame = pd.DataFrame({"user_id": ["u"], "item_id": ["apple"], "event_type": ["view"]})
    moments = pd.to_datetime(["2024-01-01T12:00:00+02:00"])
    for timestamp in (moments, moments.tz_convert(None)):
        found = read_request(frame.assign(timestamp=timestamp), reader, ITEM_INDEX)
        assert found.histories.timestamp.tolist() == [1_704_103_200_000_000]


def test_users_keep_the_order_of_their_first_row_and_ids_may_be_integers(reader):
    found = read(reader, (7, "bread", "view", 2), (12, "apple", "view", 1), (7, "eggs", "view", 1))
    assert found.user_ids.tolist() == ["7", "12"]
    assert found.histories.offsets.tolist() == [0, 2, 3]
    assert found.histories.item_index.tolist() == [5, 2, 1]


def test_unknown_items_are_counted_with_an_example_and_leave_no_event(reader):
    found = read(
        reader, ("u", "fig", "view", 1), ("u", "apple", "view", 2), ("u", "guava", "view", 3), ("v", "apple", "view", 1)
    )
    assert found.histories.offsets.tolist() == [0, 1, 2]
    report = found.report.to_dict("records")
    assert report[0] == {
        "user_id": "u",
        "events": 1,
        "unknown_events": 2,
        "unknown_item": "fig",
        "repeated_events": 0,
    }
    assert report[1]["unknown_item"] is None


def test_exact_repeats_count_once_and_are_reported(reader):
    found = read(reader, *[("u", "apple", "view", 1)] * 3, ("u", "apple", "purchase", 1))
    assert found.histories.item_index.tolist() == [1, 1]
    assert found.report["repeated_events"].tolist() == [2]


def test_another_session_makes_no_repeat(reader):
    found = read(reader, ("u", "apple", "view", 1, "morning"), ("u", "apple", "view", 1, "evening"))
    assert found.histories.n_events == 2


def test_a_user_may_have_no_event(reader):
    found = read(reader, ("u", "apple", "view", 1), ("new", None, None, None))
    assert found.user_ids.tolist() == ["u", "new"]
    assert found.histories.lengths.tolist() == [1, 0]


def test_a_request_about_nobody_but_new_users_works(reader):
    found = read(reader, ("new", None, None, None), ("newer", None, None, None))
    assert found.user_ids.tolist() == ["new", "newer"]
    assert found.histories.lengths.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ("u", "apple", "gaze", 1),
            "history['event_type']: is not declared (known: view, purchase) in 1 row(s), e.g. 'gaze'",
        ),
        (("u", None, "view", 1), "history['item_id']: is missing in 1 row(s)"),
        ((None, "apple", "view", 1), "history['user_id']: is missing in 1 row(s)"),
        (("u", "apple", None, 1), "history['event_type']: is missing"),
        (
            ("u", "apple", "view", "yesterday"),
            "history['timestamp']: is missing or unreadable in 1 row(s), e.g. 'yesterday'",
        ),
        (
            ("u", "apple", "view", "2024-01-01T10:00+99:99"),
            "history['timestamp']: is missing or unreadable in 1 row(s), e.g. '2024-01-01T10:00+99:99'",
        ),
        (("u", "apple", "view", "1969-12-31"), "history['timestamp']: is before the earliest allowed"),
        (("u", "apple", "view", "9000-01-01"), "history['timestamp']: is after the latest allowed"),
        (("u", ["apple"], "view", 1), "history['item_id']: holds array<string>"),
        (("u", 1.5, "view", 1), "history['item_id']: is not a whole number in 1 row(s), e.g. 1.5"),
    ],
)
def test_a_value_that_breaks_the_contract_is_named(reader, row, message):
    with pytest.raises(NextactError) as caught:
        read(reader, row)
    assert message in str(caught.value)


def test_a_time_in_another_unit_than_microseconds_is_refused_where_the_log_has_dates(package_of, tmp_path):
    newest = microseconds("2024-03-01")
    package = package_of(tmp_path)
    reader = RowReader(dataclasses.replace(package.manifest, newest=iso_moment(newest)))
    for moment in (1_709_280_000, 1_709_280_000.5, 1_709_280_000_123):
        with pytest.raises(TableError, match=r"seems to be in another unit \(numbers are read as microseconds"):
            read(reader, ("u", "apple", "view", moment))
    assert read(reader, ("u", "apple", "view", newest)).histories.timestamp.tolist() == [newest]
    undated = RowReader(package.manifest)
    assert read(undated, ("u", "apple", "view", 10 * DAY)).histories.timestamp.tolist() == [10 * DAY]


def test_narrow_floats_are_refused_where_they_stand_for_several_numbers(reader):
    good = {"user_id": ["u", "u"], "item_id": ["apple", "bread"], "event_type": "view", "timestamp": [1, 2]}
    seconds = np.array([1_709_280_000, 1_709_280_001], dtype="float32")
    with pytest.raises(NextactError, match=r"history\['timestamp'\]: holds float32"):
        read_request(pd.DataFrame(good | {"timestamp": seconds}), reader, ITEM_INDEX)
    users = np.array([2**24, 2**24 + 1], dtype="float32")
    with pytest.raises(TableError, match=r"history\['user_id'\]: is too large to be exact in 2 row"):
        read_request(pd.DataFrame(good | {"user_id": users}), reader, ITEM_INDEX)


def test_broken_rows_are_counted_and_the_first_is_shown(reader):
    with pytest.raises(TableError, match=r"in 2 row\(s\), e.g. 'gaze'"):
        read(reader, ("u", "apple", "view", 1), ("u", "apple", "gaze", 2), ("u", "apple", "stare", 1))


def test_times_of_two_kinds_are_refused(reader):
    with pytest.raises(TableError, match=r"history\['timestamp'\]: a column of mixed types"):
        read(reader, ("u", "apple", "view", 1), ("u", "bread", "view", "2024-01-01"))


def test_columns_are_checked_by_name(reader):
    row = {"user_id": "u", "item_id": "apple", "event_type": "view", "timestamp": 1}
    with pytest.raises(NextactError, match="column 'item_id' is missing; did you mean 'itemid'"):
        read_request(
            [{"itemid" if name == "item_id" else name: value for name, value in row.items()}], reader, ITEM_INDEX
        )
    with pytest.raises(NextactError, match="unknown column 'sesion_id'; did you mean 'session_id'"):
        read_request([row | {"sesion_id": "s"}], reader, ITEM_INDEX)
    with pytest.raises(NextactError, match="history: no row"):
        read_request([], reader, ITEM_INDEX)


def test_the_event_type_may_be_left_out_where_there_is_one(package_of, tmp_path):
    reader = RowReader(package_of(tmp_path, events=EventOptions(event_types=("listen",))).manifest)
    found = read_request([{"user_id": "u", "item_id": "apple", "timestamp": 1}], reader, ITEM_INDEX)
    assert found.histories.event_type.tolist() == [0]


def test_positions_stand_in_where_the_log_has_no_times(package_of, tmp_path):
    events = EventOptions(event_type="what", event_types=EVENT_TYPES, timestamp=None, position="place")
    reader = RowReader(package_of(tmp_path, events=events).manifest)
    found = read(reader, ("u", "bread", "view", 2), ("u", "apple", "view", 1))
    assert found.histories.item_index.tolist() == [1, 2]
    assert found.histories.timestamp.tolist() == [1, 2]
    with pytest.raises(TableError, match=r"history\['timestamp'\].*this log has no times"):
        read(reader, ("u", "bread", "view", "2024-01-01"))


def test_a_limit_of_now_moves_with_the_clock(package_of, tmp_path, monkeypatch):
    events = EventOptions(event_type="what", event_types=EVENT_TYPES, timestamp="when", latest="now")
    reader = RowReader(package_of(tmp_path, events=events).manifest)
    monkeypatch.setattr("nextact.serving.rows.microseconds", lambda moment: 5)
    with pytest.raises(TableError, match="after the latest allowed"):
        read(reader, ("u", "apple", "view", 7))
    monkeypatch.setattr("nextact.serving.rows.microseconds", lambda moment: 10)
    assert read(reader, ("u", "apple", "view", 7)).histories.n_events == 1


STEPS = [
    StepOptions(),
    StepOptions(baskets=False),
    StepOptions(session_gap_minutes=60 * 24),
    StepOptions(target_event_types=("purchase",)),
    StepOptions(baskets=False, ties="shuffled", ties_seed=3),
]


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("seed", [0, 1])
def test_histories_equal_those_of_the_batch_line(package_of, tmp_path, steps, seed):
    """Random logs with ties, repeats and items outside the catalogue, through both ways."""
    random = np.random.default_rng(seed)
    n = 120
    log = pd.DataFrame(
        {
            "user_id": random.choice(["u", "v", "w", "x"], n),
            "item_id": random.choice([*ITEM_INDEX, "fig", "guava"], n),
            "event_type": random.choice(EVENT_TYPES, n),
            "timestamp": random.integers(0, 12, n) * DAY,
        }
    )
    options = EventOptions(
        event_type="event_type", event_types=EVENT_TYPES, timestamp_unit="us", stop_above_rejected_share=1.0
    )
    split = SplitOptions(**{name: getattr(steps, name) for name in steps.__dataclass_fields__})
    labelled, _ = split_events(accepted(clean_events(log, options)), split)
    vocabulary = pd.DataFrame({"item_id": list(ITEM_INDEX), "item_index": np.array([*ITEM_INDEX.values()], np.int32)})
    batch = build_histories(labelled, vocabulary, EVENT_TYPES)
    reader = RowReader(package_of(tmp_path, events=options, steps=steps).manifest)
    online = read_request(log, reader, ITEM_INDEX)
    order = np.argsort(online.user_ids)
    assert online.user_ids[order].tolist() == batch.user_ids["user_id"].tolist()
    one, other = online.histories.take(order), batch.histories
    for name in ("offsets", "item_index", "event_type", "timestamp", "starts_step"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert online.report["repeated_events"].sum() == n - labelled.count().execute()


SECONDS = 1_709_280_000  # of March 2024; summer time begins in New York on the tenth
LOGS = {
    "seconds": ({"timestamp_unit": "s"}, lambda times: times),
    "milliseconds": ({"timestamp_unit": "ms"}, lambda times: times * 1_000),
    "microseconds": ({"timestamp_unit": "us"}, lambda times: times * 1_000_000),
    "seconds as text": ({"timestamp_unit": "s"}, lambda times: times.astype(str)),
    "fractions of seconds": ({"timestamp_unit": "s"}, lambda times: times + 0.25),
    "iso": ({"timestamp_unit": "iso"}, lambda times: times.map(lambda one: pd.Timestamp(one, unit="s").isoformat())),
    "native": ({"timestamp_unit": "native"}, lambda times: pd.to_datetime(times, unit="s")),
    "as people write": (
        {"timestamp_format": "%d.%m.%Y %H:%M"},
        lambda times: times.map(lambda one: pd.Timestamp(one, unit="s").strftime("%d.%m.%Y %H:%M")),
    ),
}
COLUMNS = {"user_id": "customer", "item_id": "article", "event_type": "code", "timestamp": "at", "session_id": "visit"}


@pytest.mark.parametrize(("reading", "write"), LOGS.values(), ids=LOGS)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_the_raw_tables_own_rows_are_read_as_training_read_them(package_of, tmp_path, reading, write, zone):
    random = np.random.default_rng(0)
    n = 80
    times = pd.Series(SECONDS + random.integers(0, 20 * 24, n) * 3_600)
    log = pd.DataFrame(
        {
            "customer": random.choice(["007", "7", "u"], n),
            "article": random.choice([*ITEM_INDEX, "fig"], n),
            "code": random.choice(["1", "2"], n),
            "at": write(times),
            "visit": random.choice(["a", None], n),
            "timestamp": 5,  # nobody mapped these: not to training, nor to a request
            "position": random.integers(0, 9, n),
            "shop": "Berlin",
        }
    )
    options = EventOptions(
        **COLUMNS,
        **reading,
        timezone=zone,
        event_types=EVENT_TYPES,
        event_type_map={"1": "view", "2": "purchase"},
        stop_above_rejected_share=1.0,
    )
    labelled, _ = split_events(accepted(clean_events(log, options)), SplitOptions())
    vocabulary = pd.DataFrame({"item_id": list(ITEM_INDEX), "item_index": np.array([*ITEM_INDEX.values()], np.int32)})
    batch = build_histories(labelled, vocabulary, EVENT_TYPES)
    reader = RowReader(package_of(tmp_path, events=options).manifest)
    online = read_request(log, reader, ITEM_INDEX)
    assert online.ignored == ("timestamp", "position", "shop")
    order = np.argsort(online.user_ids)
    assert online.user_ids[order].tolist() == batch.user_ids["user_id"].tolist()
    one, other = online.histories.take(order), batch.histories
    assert other.n_events > 40
    for name in ("offsets", "item_index", "event_type", "timestamp", "starts_step"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_the_options_names_stand_for_the_raw_ones_and_numbers_are_in_the_logs_unit(package_of, tmp_path):
    events = EventOptions(
        **COLUMNS,
        timestamp_unit="s",
        timezone="America/New_York",
        event_types=EVENT_TYPES,
        event_type_map={"1": "view", "2": "purchase"},
    )
    reader = RowReader(package_of(tmp_path, events=events).manifest)
    for moment in (SECONDS, str(SECONDS), "2024-03-01T08:00:00Z", "2024-03-01T03:00:00"):
        found = read(reader, ("u", "apple", "purchase", moment))
        assert found.histories.timestamp.tolist() == [SECONDS * 1_000_000]
        assert found.histories.event_type.tolist() == [1]
    row = {"customer": "u", "article": "apple", "code": "purchase", "at": SECONDS}
    assert read_request([row, row | {"code": "1"}], reader, ITEM_INDEX).histories.event_type.tolist() == [1, 0]
    with pytest.raises(TableError, match=r"history\['code'\]: is not declared \(known: view, purchase, 1, 2\)"):
        read_request([row | {"code": "3"}], reader, ITEM_INDEX)
    with pytest.raises(NextactError, match=r"column 'customer' \(or 'user_id'\) is missing"):
        read_request([{name: value for name, value in row.items() if name != "customer"}], reader, ITEM_INDEX)
    with pytest.raises(NextactError, match="unknown column 'vsit'; did you mean 'visit'"):
        read_request([row | {"vsit": "a"}], reader, ITEM_INDEX)


def test_times_far_outside_the_log_are_refused(package_of, tmp_path):
    manifest = dataclasses.replace(
        package_of(tmp_path).manifest, oldest="2024-01-01T00:00:00Z", newest="2024-03-01T00:00:00Z"
    )
    reader = RowReader(manifest)
    assert read(reader, ("u", "apple", "view", "2026-03-01"), ("u", "eggs", "view", "2022-03-01")).histories.n_events
    for moment in ("2018-01-01", "2031-01-01"):
        late = dataclasses.replace(manifest, events=dataclasses.replace(manifest.events, latest="2100-01-01"))
        with pytest.raises(TableError, match=r"is far outside the log \(which runs from 2024-01-01T00:00:00Z to"):
            read(RowReader(late), ("u", "apple", "view", moment))


TWO_SOURCES = EventOptions(
    event_types=EVENT_TYPES,
    sources={
        "clicks": {
            "user_id": "uid",
            "item_id": "iid",
            "timestamp": "ts",
            "timestamp_unit": "s",
            "event_type_value": "view",
        },
        "orders": {
            "user_id": "customer",
            "item_id": "article",
            "timestamp": "at",
            "timestamp_unit": "iso",
            "event_type_value": "purchase",
        },
    },
)


def test_rows_of_several_sources_are_told_apart_by_their_columns_or_by_name(package_of, tmp_path):
    reader = RowReader(package_of(tmp_path, events=TWO_SOURCES).manifest)
    click = {"uid": "u", "iid": "apple", "ts": SECONDS}
    order = {"customer": "u", "article": "bread", "at": "2024-03-02T00:00:00"}
    assert read_request([click], reader, ITEM_INDEX).histories.event_type.tolist() == [0]
    assert read_request([order], reader, ITEM_INDEX).histories.event_type.tolist() == [1]
    both = read_request([order | {"source": "orders"}, click | {"source": "clicks"}], reader, ITEM_INDEX)
    assert both.histories.item_index.tolist() == [1, 2]
    assert both.histories.event_type.tolist() == [0, 1]
    with pytest.raises(NextactError, match="fit the sources clicks, orders, which read them differently; name the so"):
        read_request([{"user_id": "u", "item_id": "apple", "timestamp": SECONDS}], reader, ITEM_INDEX)
    with pytest.raises(
        NextactError, match=r"history\['source'\]: no source 'click' in 1 row\(s\); did you mean 'click"
    ):
        read_request([click | {"source": "click"}], reader, ITEM_INDEX)
    with pytest.raises(TableError, match=r"history\['at'\]: is missing or unreadable in 1 row\(s\), e.g. 'soon'"):
        read_request([click | {"source": "clicks"}, order | {"source": "orders", "at": "soon"}], reader, ITEM_INDEX)


@pytest.mark.parametrize("name", ["uid", "customer", "user_id"])
def test_users_alone_are_legal_in_the_words_of_any_source(package_of, tmp_path, name):
    reader = RowReader(package_of(tmp_path, events=TWO_SOURCES).manifest)
    found = read_request([{name: "new"}, {name: "newer"}], reader, ITEM_INDEX)
    assert found.user_ids.tolist() == ["new", "newer"]
    assert found.histories.lengths.tolist() == [0, 0]
