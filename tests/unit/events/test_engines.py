"""What engines do their own way gives what the plain way gives."""

import ibis
import numpy as np
import pandas as pd
import pytest

from nextact.events.coding import FEW, encode
from nextact.events.contract import EventOptions
from nextact.events.engines import fingerprint, repeated
from nextact.events.source_rows import CONTRACT
from nextact.events.splitting import nth_smallest
from nextact.events.steps import ROW_ORDER, StepOptions, add_steps


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
