import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError, TableError
from nextact.events.cleaning import accepted, clean_events, count_reasons, iso_moment, microseconds
from nextact.events.contract import EventOptions, as_table
from nextact.events.filtering import TOO_RARE, FilterOptions, mark_too_rare
from nextact.events.splitting import SplitOptions, split_events

pytestmark = pytest.mark.slow


def raw(n=20, **columns):
    table = pd.DataFrame(
        {
            "user_id": [f"u{i % 2}" for i in range(n)],
            "item_id": [f"00{i % 5}" for i in range(n)],
            "timestamp": pd.date_range("2020-01-01", periods=n, freq="D"),
        }
    )
    return table.assign(**columns)


def split(table, **options):
    events, moments = split_events(accepted(clean_events(table, EventOptions())), SplitOptions(**options))
    return events.execute().sort_values("source_row"), moments


def test_every_row_is_accepted_or_rejected_with_a_reason():
    table = raw()
    table.loc[0, "user_id"] = None
    table.loc[1, "item_id"] = ""
    table.loc[2, "timestamp"] = pd.NaT
    table = pd.concat([table, table.iloc[[5]]], ignore_index=True)
    counts = count_reasons(clean_events(table, EventOptions(stop_above_rejected_share=0.5)))
    assert counts == {
        "accepted": 17,
        "item_id is missing": 1,
        "repeats an earlier row": 1,
        "timestamp is missing or unreadable": 1,
        "user_id is missing": 1,
    }


def test_ids_keep_their_leading_zeros():
    assert set(clean_events(raw(), EventOptions()).execute()["item_id"]) == {f"00{i}" for i in range(5)}


def test_integer_ids_with_gaps_do_not_become_fractions():
    table = raw(user_id=np.where(np.arange(20) == 3, np.nan, 12.0))
    users = clean_events(table, EventOptions(stop_above_rejected_share=0.5)).execute()["user_id"]
    assert set(users.dropna()) == {"12"}


def test_a_fractional_id_is_refused():
    with pytest.raises(TableError, match=r"user_id is not a whole number: 20.*row 0: user_id .1.5"):
        clean_events(raw(user_id=1.5), EventOptions())


def test_a_missing_column_names_the_close_match():
    with pytest.raises(NextactError, match="did you mean 'user_id'"):
        clean_events(raw(), EventOptions(user_id="userid"))


def test_an_empty_table_is_refused():
    with pytest.raises(NextactError, match="empty"):
        clean_events(raw().iloc[:0], EventOptions())


def test_too_many_broken_rows_stop_the_run_with_counts_and_an_example():
    with pytest.raises(TableError, match=r"user_id is missing: 20.*in 20 row\(s\)"):
        clean_events(raw(user_id=pd.Series([None] * 20, dtype="str")), EventOptions())


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1_000), ("us", 1_000_000)])
def test_units_of_time_agree(unit, factor):
    table = raw(timestamp=(np.arange(20) + 1) * factor)
    events = clean_events(table, EventOptions(timestamp_unit=unit)).execute()
    assert sorted(events["timestamp"]) == [(i + 1) * 1_000_000 for i in range(20)]


def test_iso_text_is_read_as_utc_to_the_microsecond():
    table = raw(timestamp=[f"2020-01-01T00:00:00.{i:06d}Z" for i in range(20)])
    events = clean_events(table, EventOptions(timestamp_unit="iso")).execute()
    assert sorted(events["timestamp"]) == [microseconds("2020-01-01") + i for i in range(20)]


def test_moments_survive_the_way_to_text_and_back():
    assert microseconds(iso_moment(1_577_836_800_000_000)) == 1_577_836_800_000_000


def test_no_training_event_is_later_than_the_global_split():
    events, moments = split(raw())
    last = events.loc[events["split"] == "train", "timestamp"].max()
    assert last < microseconds(moments["validation_from"])
    assert events["split"].value_counts().to_dict() == {"train": 16, "validation": 2, "test": 2}
    assert events.loc[events["split"] == "train", "is_target"].sum() == 0


def test_the_target_is_the_first_whole_basket_after_the_moment():
    times = pd.to_datetime(["2020-01-01"] * 8 + ["2020-02-01", "2020-02-01", "2020-03-01", "2020-03-02"])
    table = pd.DataFrame({"user_id": "u", "item_id": [str(i) for i in range(12)], "timestamp": times})
    events, _ = split(table, validation_from="2020-01-15", test_from="2020-02-15")
    assert events.loc[events["is_target"], "item_id"].tolist() == ["8", "9", "10"]


def test_leave_one_out_holds_out_the_two_newest_steps():
    events, _ = split(raw(), kind="leave_one_out")
    targets = events[events["is_target"]].groupby("user_id")["split"].apply(list)
    assert targets.to_dict() == {"u0": ["validation", "test"], "u1": ["validation", "test"]}


def test_split_moments_outside_the_log_are_refused():
    with pytest.raises(NextactError, match="inside the log"):
        split(raw(), validation_from="2030-01-01", test_from="2031-01-01")


def test_rare_items_leave_training_but_stay_held_out():
    table = raw()
    table.loc[[0, 19], "item_id"] = "rare"
    events, _ = split_events(accepted(clean_events(table, EventOptions())), SplitOptions())
    marked = mark_too_rare(events, FilterOptions(min_item_events=2)).execute().set_index("source_row")
    assert marked.loc[0, "rejected_reason"] == TOO_RARE
    assert pd.isna(marked.loc[19, "rejected_reason"])


def test_the_core_is_repeated_until_nothing_falls_out():
    # dropping item c leaves user v with one event, and then item b with one
    table = pd.DataFrame({"user_id": ["u", "u", "v", "v", "w"], "item_id": ["a", "a", "b", "c", "b"], "split": "train"})
    options = FilterOptions(min_item_events=2, min_user_events=2)
    marked = mark_too_rare(as_table(table), options).execute()
    assert marked["rejected_reason"].notna().tolist() == [False, False, True, True, True]


def test_a_filter_that_leaves_nothing_is_refused():
    table = as_table(pd.DataFrame({"user_id": ["u"], "item_id": ["a"], "split": "train"}))
    with pytest.raises(NextactError, match="no event is left"):
        mark_too_rare(table, FilterOptions(min_item_events=2))
