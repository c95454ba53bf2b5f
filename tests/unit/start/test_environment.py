"""From one's own tables to an environment."""

import gzip
import random

import pandas as pd
import pytest
from omegaconf import OmegaConf

from nextact.errors import NextactError
from nextact.events.contract import EventOptions
from nextact.events.splitting import SplitOptions

pytestmark = pytest.mark.slow


def read(tmp_path, file, name="mine"):
    return OmegaConf.to_container(OmegaConf.load(tmp_path / "conf" / name / file), resolve=False)


def log(n=400, **changes):
    """Views and purchases of a shop."""
    draw = random.Random(1)
    frame = pd.DataFrame(
        {
            "visitor": [f"{draw.randrange(40):04}" for _ in range(n)],
            "action": [draw.choice(["view", "view", "purchase"]) for _ in range(n)],
            "sku": [f"SKU{draw.randrange(20):03}" for _ in range(n)],
            "at": [f"2024-03-{1 + at // 20:02}T10:{at % 60:02}:00Z" for at in range(n)],
        }
    )
    return frame.assign(**changes)


def csv(tmp_path, frame, name="events.csv", **how):
    path = tmp_path / name
    frame.to_csv(path, index=False, **how)
    return path


def test_a_latin_1_file_with_semicolons_and_local_times_is_understood(begin, bank_csv, tmp_path):
    page = begin(bank_csv, given={"timezone": "Europe/Berlin"})
    assert "3,000 of 3,000 would be accepted" in page
    events = read(tmp_path, "parameters.yml")["events"]
    assert events == {
        "user_id": "Kunde",
        "item_id": "Produkt",
        "event_type": None,
        "timestamp": "Buchungszeit",
        "timestamp_format": "%d.%m.%Y %H:%M",
        "timezone": "Europe/Berlin",
        "value": "Betrag",
        "value_decimal": ",",
        "event_types": ["buchungen"],
    }
    entry = read(tmp_path, "catalog.yml")["raw_events"]
    assert entry["filepath"] == "buchungen.csv"
    assert entry["load_args"] == {
        "all_varchar": True, "header": True, "delim": ";", "quote": '"', "encoding": "latin-1"
    }  # fmt: skip
    assert "150 different in 3,000 rows, 150 with leading zeros" in page
    assert "Überweisung" in page
    assert "kedro run --env mine --pipelines data_processing" in page


def test_what_is_written_is_short_commented_and_of_these_tables_alone(begin, tmp_path):
    begin(csv(tmp_path, log()))
    texts = {path.name: path.read_text() for path in (tmp_path / "conf/mine").iterdir()}
    assert sorted(texts) == ["catalog.yml", "globals.yml", "parameters.yml"]
    assert read(tmp_path, "globals.yml") == {"data": "data/mine"}
    assert sum(len(text.splitlines()) for text in texts.values()) < 60
    parameters = read(tmp_path, "parameters.yml")
    EventOptions(**parameters["events"])
    SplitOptions(**parameters["split"])
    assert parameters["split"]["target_event_types"] == ["purchase"]
    assert parameters["policy"] == {"exclude_seen": False}  # 40 users, 20 items: nearly all comes again
    for key in ("user_id", "item_id", "timestamp", "target_event_types", "exclude_seen"):
        commented = [line for line in texts["parameters.yml"].splitlines() if line.strip().startswith(f"{key}:")]
        assert " # " in commented[0], key


@pytest.mark.parametrize("kind", ["tsv", "parquet", "jsonl", "csv.gz", "json"])
def test_every_kind_of_file_says_the_same(begin, tmp_path, kind):
    path, frame = tmp_path / f"events.{kind}", log()
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind.startswith("json"):
        frame.to_json(path, orient="records", lines=kind == "jsonl")
    else:
        text = frame.to_csv(index=False, sep="\t" if kind == "tsv" else ",").encode()
        path.write_bytes(gzip.compress(text) if kind.endswith("gz") else text)
    assert "Rows: 400 of 400 would be accepted" in begin(path)
    events = read(tmp_path, "parameters.yml")["events"]
    assert [events[name] for name in ("user_id", "item_id", "event_type", "timestamp", "timestamp_unit")] == [
        "visitor", "sku", "action", "at", "iso"
    ]  # fmt: skip


def test_several_files_become_sources_with_columns_of_their_own(begin, tmp_path):
    orders = log().query("action == 'purchase'").drop(columns="action").rename(columns={"visitor": "customer"})
    clicks = log().assign(at=range(1_709_280_000_000, 1_709_280_000_000 + 400))
    begin(csv(tmp_path, orders, "orders.csv"), csv(tmp_path, clicks, "clicks.csv"))
    events = read(tmp_path, "parameters.yml")["events"]
    maps = EventOptions(**events).column_maps()
    assert (maps["orders"].user_id, maps["orders"].event_type_value) == ("customer", "order")
    assert (maps["clicks"].user_id, maps["clicks"].event_type, maps["clicks"].timestamp_unit) == (
        "visitor",
        "action",
        "ms",
    )
    assert list(read(tmp_path, "catalog.yml")["raw_events"]["sources"]) == ["orders", "clicks"]


def test_a_table_of_a_database_is_named_by_its_address(begin, tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "shop.db") as connection:
        log().to_sql("events", connection, index=False)
    assert "400 of 400 would be accepted" in begin(f"sqlite:///{tmp_path}/shop.db#events")
    entry = read(tmp_path, "catalog.yml")["raw_events"]
    assert entry["type"] == "ibis.TableDataset"
    assert entry["connection"] == {"backend": "sqlite", "database": f"{tmp_path}/shop.db"}
    with pytest.raises(NextactError, match="no table 'event'; tables: events"):
        begin(f"sqlite:///{tmp_path}/shop.db#event", name="other")
    with pytest.raises(NextactError, match="there is no file"):
        begin(f"sqlite:///{tmp_path}/shp.db#events", name="other")
    with pytest.raises(NextactError, match="postgres is not looked into; export the table to Parquet"):
        begin("postgres://host/shop#events", name="other")
    assert list(tmp_path.glob("*.db")) == [tmp_path / "shop.db"]


def test_an_uneven_line_is_named_with_its_place_and_text(begin, tmp_path):
    lines = csv(tmp_path, log()).read_text().splitlines()
    lines[100] += ",x,y"
    (tmp_path / "events.csv").write_text("\n".join(lines))
    with pytest.raises(NextactError, match=r"line 101 has 6 cells, but the first line has 4: '.*,x,y'; put it right"):
        begin(tmp_path / "events.csv")


def test_items_and_users_are_met_by_their_ids_whatever_the_columns_are_called(begin, tmp_path):
    items = pd.DataFrame({"nr": range(20), "code": [f"SKU{n:03}" for n in range(20)], "name": "A thing to buy",
                          "category": ["red", "blue"] * 10})  # fmt: skip
    users = pd.DataFrame({"id": [f"{n:04}" for n in range(40)], "city": ["Rome", "Bonn"] * 20})
    begin(
        csv(tmp_path, log()), items=str(csv(tmp_path, items, "items.csv")), users=str(csv(tmp_path, users, "users.csv"))
    )
    parameters = read(tmp_path, "parameters.yml")
    assert parameters["items"] == {"item_id": "code"}
    assert parameters["item_text"] == {"text_columns": ["name"]}
    assert parameters["catalogue_map"] == {"colour_by": "category"}
    assert parameters["evaluation"] == {
        "category_column": "category", "item_columns": ["category"], "user_id": "id", "user_columns": ["city"]
    }  # fmt: skip


def test_a_log_of_one_item_is_said_to_tell_when_and_not_what(begin, tmp_path):
    said = begin(csv(tmp_path, log().assign(sku="visit")), given={"roles": {"item_id": "sku"}})
    assert "there is one item: a run can say when users come back, but there is nothing to choose from" in said


def test_the_text_of_an_item_begins_with_the_column_that_tells_items_apart(begin, tmp_path):
    items = pd.DataFrame({"sku": [f"SKU{n:03}" for n in range(20)], "category": ["clothing", "garden"] * 10})
    items = items.assign(name="Thing called " + items["sku"], maker=["acme", "also", "other", "more"] * 5)
    begin(csv(tmp_path, log()), items=str(csv(tmp_path, items, "items.csv")))
    assert read(tmp_path, "parameters.yml")["item_text"] == {"text_columns": ["name", "maker", "category"]}


def test_items_that_meet_no_event_are_refused_with_an_example(begin, tmp_path):
    items = csv(tmp_path, pd.DataFrame({"code": ["A", "B"], "name": ["x", "y"]}), "items.csv")
    with pytest.raises(
        NextactError, match=r"none of its columns \(code, name\) holds the items of the events, e.g. 'SKU"
    ):
        begin(csv(tmp_path, log()), items=str(items))
    assert not (tmp_path / "conf/mine").exists()


def test_rejected_rows_are_shown_with_the_text_that_offends(begin, tmp_path):
    frame = log()
    frame.loc[7, "at"] = "yesterday"
    frame.loc[9, "sku"] = None
    page = begin(csv(tmp_path, frame))
    assert "Rows: 398 of 400 would be accepted" in page
    assert "rejected: timestamp is missing or unreadable: 1, e.g. row 7: timestamp 'yesterday'" in page
    assert "rejected: item_id is missing: 1, e.g. row 9:" in page


def test_what_the_user_says_goes_before_every_guess(begin, tmp_path):
    frame = log().assign(household=[f"h{n % 9}" for n in range(400)])
    given = {"roles": {"user_id": "household", "event_type": None}}
    begin(csv(tmp_path, frame), given=given)
    events = read(tmp_path, "parameters.yml")["events"]
    assert (events["user_id"], events["event_type"], events["event_types"]) == ("household", None, ["interaction"])
    with pytest.raises(NextactError, match="--user-id: no column 'housold' in the events; did you mean 'household'"):
        begin(csv(tmp_path, frame), name="other", given={"roles": {"user_id": "housold"}})


def test_codes_get_names(begin, tmp_path):
    frame = log().assign(action=lambda t: t["action"].map({"view": "1", "purchase": "2"}))
    assert "event types are codes: name them with --event-type-map 1=view" in begin(csv(tmp_path, frame))
    begin(csv(tmp_path, frame), name="named", given={"event_type_map": {"1": "view", "2": "purchase"}})
    parameters = read(tmp_path, "parameters.yml", "named")
    assert parameters["events"]["event_type_map"] == {"1": "view", "2": "purchase"}
    assert parameters["split"]["target_event_types"] == ["purchase"]


def test_two_columns_of_time_that_may_both_be_it_are_named_with_what_to_say(begin, tmp_path):
    frame = log().rename(columns={"at": "first_seen_time"}).assign(second_time=lambda t: t["first_seen_time"])
    with pytest.raises(NextactError, match=r"the time of an event could be .*; say which, as in --timestamp "):
        begin(csv(tmp_path, frame))
    begin(csv(tmp_path, frame), given={"roles": {"timestamp": "second_time"}})
    assert read(tmp_path, "parameters.yml")["events"]["timestamp"] == "second_time"


def test_a_time_of_something_else_is_no_rival(begin, tmp_path):
    frame = log().assign(updated_at=lambda t: t["at"], birth_date="1980-01-01").rename(columns={"at": "created_at"})
    begin(csv(tmp_path, frame))
    assert read(tmp_path, "parameters.yml")["events"]["timestamp"] == "created_at"


def test_on_a_terminal_what_cannot_be_told_is_asked(begin, tmp_path):
    frame = log().rename(columns={"visitor": "a", "sku": "b", "at": "when"}).assign(when=lambda t: t["when"].str[:16])
    asked = []

    def ask(question, choices, default):
        asked.append(question)
        return {"user": "a", "item": "b", "zone": "Asia/Tokyo", "predicting": "view"}[
            next(word for word in ("user", "item", "zone", "predicting") if word in question)
        ]

    begin(csv(tmp_path, frame), ask=ask)
    parameters = read(tmp_path, "parameters.yml")
    assert [parameters["events"][name] for name in ("user_id", "item_id", "timezone")] == ["a", "b", "Asia/Tokyo"]
    assert parameters["split"]["target_event_types"] == ["view"]
    assert any("no zone" in question for question in asked)


def test_mixed_zones_are_told_with_how_they_are_read(begin, tmp_path):
    frame = log()
    frame.loc[:50, "at"] = frame.loc[:50, "at"].str.replace("Z", "")
    frame.loc[51:90, "at"] = frame.loc[51:90, "at"].str.replace("Z", "+05:30")
    page = begin(csv(tmp_path, frame))
    assert "with a zone (+05:30, Z) stand beside times without one, which are read in UTC; say --timezone" in page


def test_day_and_month_that_could_stand_either_way_are_told(begin, tmp_path):
    frame = log().assign(at=[f"{1 + n % 12:02}/{1 + n % 7:02}/2024 10:00" for n in range(400)])
    page = begin(csv(tmp_path, frame))
    assert "if day and month stand the other way round, say --timestamp-format '%m/%d/%Y %H:%M'" in page


def test_a_file_without_a_header_is_read_with_names_for_its_columns(begin, tmp_path):
    path = csv(tmp_path, log(), header=False)
    with pytest.raises(NextactError, match="the user could be column0"):
        begin(path)
    page = begin(path, columns=("visitor", "action", "sku", "at"))
    assert "400 of 400 would be accepted" in page
    assert read(tmp_path, "catalog.yml")["raw_events"]["load_args"]["names"] == ["visitor", "action", "sku", "at"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\n \n", "blank lines only"),
        (b"a,b\x00\x01\x02,c\n", "it is binary: byte 3 is NUL"),
        (b"PK\x03\x04rest", "an Excel workbook; save|Excel workbook, no table"),
        (b"\x89PNG\r\n", "a picture"),
        (b"SQLite format 3\x00", "sqlite:///FILE#TABLE"),
        (b"user,item,time\n", "but no row"),
        (b"just words\nand more words\n", "one column only"),
    ],
)
def test_files_that_are_no_table_are_told_with_what_to_do(begin, tmp_path, content, said):
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    with pytest.raises(NextactError, match=said):
        begin(path)
    assert list((tmp_path / "conf").iterdir()) == []


def test_a_wrong_ending_is_told_and_the_content_counts(begin, tmp_path):
    path = tmp_path / "events.csv"
    log().to_parquet(path)
    assert "events.csv is named .csv, but holds Parquet: read as that" in begin(path)
    assert read(tmp_path, "catalog.yml")["raw_events"]["file_format"] == "parquet"


def test_a_missing_file_names_what_lies_beside_it(begin, tmp_path):
    csv(tmp_path, log(), "events.csv.txt")
    with pytest.raises(NextactError, match=r"there is no such file; beside it: events.csv.txt"):
        begin(tmp_path / "events.csv")


def test_of_a_large_file_a_part_is_looked_at_and_that_is_said(begin, tmp_path, monkeypatch):
    monkeypatch.setattr("nextact.start.tables.ROWS", 100)
    page = begin(csv(tmp_path, log()))
    assert "events events: the first 100 rows" in page
    assert "Rows: 100 of 100" in page
    assert "events: only its first 100 rows were looked at" in page


def test_a_name_that_is_taken_is_refused_and_nothing_is_overwritten(begin, tmp_path):
    path = csv(tmp_path, log())
    begin(path)
    before = {one: one.read_bytes() for one in (tmp_path / "conf/mine").iterdir()}
    for name in ("mine", "MINE"):
        with pytest.raises(NextactError, match=r"the environment 'mine' exists already \(conf/mine: catalog.yml"):
            begin(path, name=name)
    assert {one: one.read_bytes() for one in (tmp_path / "conf/mine").iterdir()} == before
    assert [one.name for one in (tmp_path / "conf").iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["base", "local", "../evil", "a b", "1st", ""])
def test_names_that_no_environment_can_have_are_refused(begin, tmp_path, name):
    with pytest.raises(NextactError, match=r"no environment can be called|is no place for your tables"):
        begin(csv(tmp_path, log()), name=name)


def test_windows_text_with_a_euro_sign_is_read_by_pandas(begin, tmp_path):
    frame = log().assign(price="1.234,50 €", name="Käse")
    path = tmp_path / "events.csv"
    path.write_bytes(frame.to_csv(index=False, sep=";").encode("cp1252"))
    assert "400 of 400 would be accepted" in begin(path)
    entry = read(tmp_path, "catalog.yml")["raw_events"]
    assert (entry["type"], entry["load_args"]["encoding"]) == ("pandas.CSVDataset", "cp1252")
    assert entry["load_args"]["dtype"] == "str"
    assert read(tmp_path, "parameters.yml")["events"]["value_decimal"] == ","


def test_dates_from_before_1970_and_equal_rows_of_a_day_are_kept(begin, tmp_path):
    frame = log().assign(at=lambda t: ["1951-02-03", *t["at"].str[:10][1:]])
    begin(csv(tmp_path, frame))
    events = read(tmp_path, "parameters.yml")["events"]
    assert (events["earliest"], events["repeat_columns"]) == ("1951-01-01", [])


def test_a_date_stays_the_date_that_it_is_whatever_the_zone(begin, tmp_path):
    page = begin(csv(tmp_path, log().assign(at=lambda t: t["at"].str[:10])), given={"timezone": "Europe/Prague"})
    assert read(tmp_path, "parameters.yml")["events"]["timezone"] == "UTC"
    assert "times hold the day only and keep their date: Europe/Prague is not read" in page


def test_columns_that_describe_an_item_become_its_text_where_there_is_no_item_table(begin, tmp_path):
    frame = log().assign(product_name=lambda t: "Product called " + t["sku"].str[-3:], mood="some words here")
    begin(csv(tmp_path, frame))
    assert read(tmp_path, "parameters.yml")["item_text"] == {"text_columns": ["product_name"]}
    items = read(tmp_path, "catalog.yml")["raw_items"]
    assert items["type"] == "nextact.datasets.distinct.DistinctDataset"
    assert items["columns"] == ["product_name"]
    assert items["tables"][0]["id"] == "sku"
    assert items["tables"][0]["table"]["filepath"] == "events.csv"
