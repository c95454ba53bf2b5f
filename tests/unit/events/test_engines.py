"""What engines do their own way gives what the plain way gives."""

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nextact.events import reasons
from nextact.events.cleaning import clean_coded, clean_events
from nextact.events.coding import FEW, encode
from nextact.events.contract import EventOptions
from nextact.events.engines import fingerprint, named, number_rows, repeated
from nextact.events.source_rows import CONTRACT
from nextact.events.splitting import nth_smallest
from nextact.events.steps import ROW_ORDER, StepOptions, add_steps
from nextact.events.tables import as_table

pytestmark = pytest.mark.slow


def test_repeated_fingerprints_are_those_of_rows_that_pandas_finds_twice():
    draw = np.random.default_rng(0)
    rows = pd.DataFrame({"a": draw.integers(0, 30, 500), "b": draw.choice(["x", "y", None], 500)})
    table = ibis.memtable(rows.assign(n=range(500)))
    hashed = table.mutate(alike=fingerprint(table, ["a", "b"])).cache()
    found = hashed.semi_join(repeated(hashed, "alike"), "alike").execute()
    assert sorted(found["n"]) == np.flatnonzero(rows.duplicated(keep=False)).tolist()


@pytest.mark.parametrize("rows", [[], ["only"], ["one", "two"]])
def test_rows_that_differ_repeat_nothing(rows):
    table = ibis.memtable({"a": rows}, schema={"a": "string"})
    hashed = table.mutate(alike=fingerprint(table, ["a"])).cache()
    assert not len(repeated(hashed, "alike").execute())


@pytest.mark.parametrize("n_types", [0, 1, FEW, FEW + 1])
@pytest.mark.parametrize("odd", ["plain", "it's; --", "two\nlines", "é", "\\", "\x00"])
def test_coded_texts_come_back_as_they_were(n_types, odd):
    types = [f"{odd}{number}" for number in range(n_types)]
    rows = {name: [None, *[f"{name} {number}" for number in range(n_types)]] for name in CONTRACT}
    rows |= {"event_type": [None, *types], "session_id": [None] * (n_types + 1), "source": ["log"] * (n_types + 1)}
    kinds = dict.fromkeys(CONTRACT, "string")
    table = ibis.memtable(pd.DataFrame(rows), schema=kinds).mutate(rejected_reason=ibis.null("string"))
    table = table.mutate(user_id=ibis.literal("u"), item_id=ibis.literal("i"))
    coded, texts = encode({"log": table})
    found = texts.decoded(coded).execute()
    for name in ("source", "user_id", "item_id", "event_type", "session_id"):
        given = table.execute()[name]
        assert sorted(found[name].fillna("-")) == sorted(given.fillna("-"))


def test_there_may_be_more_sources_than_8_bits_tell_apart():
    names = [f"shop{n:03}" for n in range(130)]
    rows = pd.DataFrame({name: ["u" if name.endswith("_id") else None] for name in CONTRACT})
    table = ibis.memtable(rows, schema=dict.fromkeys(CONTRACT, "string"))
    coded, texts = encode({name: table.mutate(source=ibis.literal(name)) for name in names})
    assert sorted(texts.decoded(coded, ["source"]).select("source").execute()["source"]) == names


def test_one_table_without_positions_is_in_the_order_of_its_rows():
    draw = np.random.default_rng(1)
    rows = pd.DataFrame({"user_id": draw.choice(["u", "v"], 60), "timestamp": draw.integers(0, 8, 60)})
    rows = rows.assign(item_id="i", event_type="t", session_id=None, source="log", source_row=range(60))
    table = ibis.memtable(rows.assign(position=rows["source_row"].astype(float)))
    for ties in ("position", "file"):
        ways = [add_steps(table, StepOptions(ties=ties), order) for order in (ROW_ORDER, EventOptions().row_order)]
        one, other = (way.execute().sort_values("source_row", ignore_index=True) for way in ways)
        pd.testing.assert_frame_equal(one, other)
        expected = rows.sort_values(["user_id", "timestamp", "source_row"]).groupby("user_id").cumcount()
        assert one["place"].tolist() == expected.sort_index().tolist()


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, ("source_row",)),
        ({"position": "p"}, ("position", "source_row")),
        ({"sources": {"a": {}}}, ("source_row",)),
        ({"sources": {"a": {}, "b": {}}}, ROW_ORDER),
    ],
)
def test_rows_are_ordered_by_as_few_columns_as_do(options, order):
    assert EventOptions(**options).row_order == order


def test_the_nth_smallest_is_that_of_the_sorted_values():
    values = np.random.default_rng(2).integers(-(10**12), 10**12, 300)
    column = ibis.memtable({"t": values}).t
    assert [nth_smallest(column, n) for n in (0, 150, 299)] == np.sort(values)[[0, 150, 299]].tolist()


ROWS = pd.DataFrame({"a": [f"{n % 7:03}" for n in range(5_000)], "b": range(5_000)})


def kept_names(engine):
    return [name for name in engine.list_tables() if "cached" in name]


def test_a_parquet_file_numbers_its_own_rows(tmp_path):
    ROWS.to_parquet(tmp_path / "log.parquet", row_group_size=300)
    engine = ibis.duckdb.connect()
    for table in (engine.read_parquet(tmp_path / "log.parquet"), engine.read_parquet(tmp_path / "log.parquet")[["b"]]):
        numbered = number_rows(table, "n")
        assert list(numbered.columns) == [*table.columns, "n"]
        assert (numbered.execute()["n"] == numbered.execute()["b"]).all()
        assert not kept_names(engine)


@pytest.mark.parametrize("how", ["two files", "pattern", "filtered", "renamed", "worked out", "own number", "quoted"])
def test_whatever_is_not_one_parquet_file_as_it_lies_is_numbered_in_the_order_it_is_read(how, tmp_path):
    paths = [tmp_path / "x1.parquet", tmp_path / "x2.parquet", tmp_path / "it's.parquet"]
    for path in paths:
        ROWS.to_parquet(path)
    engine = ibis.duckdb.connect()
    table = {
        "two files": lambda: engine.read_parquet(paths[:2]),
        "pattern": lambda: engine.read_parquet(tmp_path / "x*.parquet"),
        "filtered": lambda: engine.read_parquet(paths[0]).filter(lambda t: t.b % 2 == 1),
        "renamed": lambda: engine.read_parquet(paths[0]).rename(c="b"),
        "worked out": lambda: engine.read_parquet(paths[0]).mutate(b=lambda t: t.b + 1)[["a", "b"]],
        "own number": lambda: engine.read_parquet(paths[0], file_row_number=True),
        "quoted": lambda: engine.read_parquet(paths[2]),
    }[how]()
    expected = table.execute()
    numbered = number_rows(table, "n").execute().sort_values("n", ignore_index=True)
    assert numbered["n"].tolist() == list(range(len(expected)))
    pd.testing.assert_frame_equal(numbered.drop(columns="n"), expected)


def test_a_name_is_gone_when_it_is_no_longer_needed():
    engine = ibis.duckdb.connect()
    table = engine.create_table("t", ROWS).mutate(c=ibis._.b + 1)
    with named(table) as known:
        assert known.c.sum().execute() == ROWS["b"].sum() + len(ROWS)
    assert engine.list_tables() == ["t"]


def test_what_is_the_same_in_all_rows_is_not_stored_and_comes_back():
    rows = ROWS.assign(user_id="u", item_id=ROWS["a"], timestamp=ROWS["b"] + 10**6)
    options = EventOptions(timestamp_unit="s", repeat_columns=())
    cleaned = clean_coded(rows, options)
    stored = {name for table in cleaned.events.op().find(ibis.expr.operations.DatabaseTable) for name in table.schema}
    assert not stored & {"source", "session_id", "position"}
    found = clean_events(rows, options).execute().sort_values("source_row", ignore_index=True)
    assert found["source"].eq("raw_events").all()
    assert found["session_id"].isna().all()
    assert found["position"].tolist() == found["source_row"].tolist()


def test_reasons_are_coded_in_their_order():
    column = ibis.memtable({"why": [0]}, schema={"why": "int8"}).why
    for code, reason in enumerate(reasons.of_cleaning()):
        assert reasons.as_in(column, reason).execute() == code
    assert reasons.as_in(column.cast("string"), reasons.REPEAT).execute() == reasons.REPEAT


def test_a_table_of_another_duckdb_file_is_brought_to_the_engine_of_the_run(tmp_path):
    with duckdb.connect(tmp_path / "shop.duckdb") as other:
        other.execute("CREATE TABLE log AS SELECT 'u' AS user_id, 'i' || range AS item_id FROM range(3)")
    before = ibis.options.default_backend
    ibis.set_backend(ibis.duckdb.connect())
    try:
        log = as_table(ibis.duckdb.connect(tmp_path / "shop.duckdb", read_only=True).table("log"))
        items = ibis.get_backend().create_table("items", pa.table({"item_id": ["i1"]}))
        assert log.semi_join(items, "item_id").execute()["item_id"].tolist() == ["i1"]
    finally:
        ibis.options.default_backend = before
