import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError, TableError
from nextact.events.cleaning import accepted, count_reasons, rejected
from nextact.events.erase import ErasedUsers
from nextact.events.moments import microseconds
from nextact.feedback.cleaning import clean_feedback
from nextact.feedback.contract import SCHEMA, FeedbackOptions, unmapped_columns
from nextact.options import OptionsError

pytestmark = pytest.mark.slow

NOON = pd.Timestamp("2024-03-01 12:00")


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("user_id", None, "user_id is missing"),
        ("item_id", "", "item_id is missing"),
        ("rank", None, "rank is not a whole number"),
        ("rank", 1.5, "rank is not a whole number"),
        ("rank", 0, "rank is below 1"),
        ("shown_at", pd.NaT, "shown_at is missing or unreadable"),
        ("outcome", "veiw", "outcome is not a declared event type"),
        ("propensity", 0.0, "propensity is outside (0, 1]"),
        ("propensity", 1.01, "propensity is outside (0, 1]"),
        ("propensity", np.inf, "propensity is unreadable"),
        ("responded_at", NOON - pd.Timedelta("1s"), "responded_at is before shown_at"),
    ],
)
def test_a_broken_row_is_rejected_with_its_reason(raw, clean, column, value, reason):
    table = raw(propensity=1.0, responded_at=pd.NaT, shown_at=NOON, outcome="view").astype({"rank": "float64"})
    table.loc[4, column] = value
    assert count_reasons(clean(table)) == {"accepted": 29, reason: 1}
    assert rejected(clean(table)).execute()["source_row"].tolist() == [4]


def test_a_response_time_without_an_outcome_is_rejected(raw, clean):
    table = raw(responded_at=pd.Series([NOON] + [pd.NaT] * 29))
    assert count_reasons(clean(table))["responded_at without an outcome"] == 1


def test_text_that_is_no_propensity_is_rejected_but_an_empty_cell_is_not(raw, clean):
    table = raw(propensity=["0.5"] * 28 + ["often", ""])
    assert count_reasons(clean(table)) == {"accepted": 29, "propensity is unreadable": 1}
    assert accepted(clean(table)).execute()["propensity"].isna().sum() == 1


def test_what_cannot_be_read_is_kept_as_it_was_written(raw, clean):
    shown = ["2024-03-01"] * 29 + ["01.03.2024 10:00"]
    rows = clean(raw(shown_at=shown, propensity=["0.5"] * 28 + ["often"] * 2), timestamp_unit="iso",
                 stop_above_rejected_share=1.0)  # fmt: skip
    written = rejected(rows).order_by("source_row").execute()["rejected_cells"]
    assert written.tolist() == ["propensity 'often'", "shown_at '01.03.2024 10:00', propensity 'often'"]
    with pytest.raises(TableError, match=r"row 0: shown_at '01.03.2024 10:00', user_id 'u0'"):
        clean(raw(shown_at="01.03.2024 10:00"), timestamp_unit="iso")


@pytest.mark.parametrize(
    ("number", "stated", "instead"),
    [(1_709_251_200, "ms", "s"), (1_709_251_200_000, "s", "ms"), (1_709_251_200_000_000, "s", "us")],
)
def test_times_in_another_unit_stop_with_both_readings(raw, clean, number, stated, instead):
    with pytest.raises(TableError, match=rf"2024-03-01T00:00:00.*set feedback.table.timestamp_unit: {instead}"):
        clean(raw(shown_at=number), timestamp_unit=stated)


def test_times_as_narrow_floats_are_refused(raw, clean):
    with pytest.raises(NextactError, match=r"feedback\['shown_at'\]: holds float32"):
        clean(raw(shown_at=np.float32(1_709_251_200)), timestamp_unit="s")


def test_options_may_not_name_one_column_for_two_things():
    with pytest.raises(OptionsError, match="user_id and item_id both name the column 'who'"):
        FeedbackOptions(user_id="who", item_id="who")


def test_every_row_read_is_accepted_or_rejected(raw, clean):
    rng = np.random.default_rng(0)
    table = raw(n_users=40, propensity=rng.uniform(-0.2, 1.2, 120), outcome=rng.choice(["view", "veiw", ""], 120))
    table = pd.concat([table, table.sample(20, random_state=0)], ignore_index=True)
    rows = clean(table, stop_above_rejected_share=1.0)
    n_accepted, n_rejected = (int(part(rows).count().execute()) for part in (accepted, rejected))
    assert n_accepted + n_rejected == len(table) == sum(count_reasons(rows).values())
    assert n_accepted > 0
    assert n_rejected > 20


def test_an_exact_repeat_and_a_second_outcome_of_one_showing_are_told_apart(raw, clean):
    table = raw()
    second = table.iloc[[1]].assign(outcome="purchase")
    rows = clean(pd.concat([table, table.iloc[[1]], second], ignore_index=True), stop_above_rejected_share=0.1)
    found = rejected(rows).order_by("source_row").execute()
    assert found["rejected_reason"].tolist() == [
        "repeats an earlier row",
        "shows what an earlier row shows, with another outcome",
    ]
    assert found["source_row"].tolist() == [30, 31]


def test_the_same_item_in_another_slot_request_or_moment_is_no_repeat(raw, clean):
    table = raw(slot="top", request_id="r1").head(1)
    later = table.assign(shown_at=table["shown_at"] + pd.Timedelta("1s"))
    together = pd.concat([table, table.assign(slot="end"), table.assign(request_id="r2"), later], ignore_index=True)
    assert count_reasons(clean(together)) == {"accepted": 4}


def test_the_contract_has_ids_as_text_times_in_microseconds_and_whole_ranks(raw, shown):
    found = shown(raw(n_users=1, user_id=7, request_id=12.0)).execute()
    assert list(found.columns) == list(SCHEMA)
    assert set(found["user_id"]) == {"7"}
    assert set(found["item_id"]) == {"001", "002", "003"}
    assert set(found["request_id"]) == {"12"}
    assert set(found["shown_at"]) == {microseconds("2024-03-01")}
    assert found["rank"].dtype == np.int64


def test_rows_of_an_erased_user_are_rejected_and_keep_nothing_of_them(raw):
    erased = ErasedUsers("salt", {}).with_user("u1", "2024-01-01T00:00:00+00:00")
    rows = clean_feedback(raw(), FeedbackOptions(), ["view"], erased)
    assert count_reasons(rows) == {"accepted": 27, "erased": 3}
    gone = rejected(rows).execute().sort_values("source_row")
    assert gone["source_row"].tolist() == [3, 4, 5]
    assert gone.drop(columns=["source_row", "rejected_reason"]).isna().all(axis=None)


@pytest.mark.parametrize("kind", ["int64", "float64"])
def test_an_erased_user_is_found_where_the_table_keeps_ids_as_numbers(raw, kind):
    table = raw()
    table["user_id"] = table["user_id"].str[1:].astype(kind)
    erased = ErasedUsers("salt", {}).with_user("1", "2024-01-01T00:00:00+00:00")
    assert count_reasons(clean_feedback(table, FeedbackOptions(), ["view"], erased)) == {"accepted": 27, "erased": 3}


def test_no_table_and_a_table_without_rows_give_no_rows_in_the_same_columns(raw):
    for nothing in (None, raw().head(0)):
        rows = clean_feedback(nothing, FeedbackOptions(), ["view"])
        assert list(rows.columns) == [*SCHEMA, "rejected_reason", "rejected_cells"]
        assert count_reasons(rows) == {}
        assert (
            accepted(rows)
            .schema()
            .equals(
                clean_feedback(None, FeedbackOptions(), ["view"]).drop("rejected_reason", "rejected_cells").schema()
            )
        )


def test_a_file_in_which_nobody_answered_yet_is_read(raw, clean):
    table = raw(outcome=None, responded_at=None)
    assert count_reasons(clean(table)) == {"accepted": 30}


def test_a_rank_that_starts_at_0_stops_the_run_with_counts_and_an_example(raw, clean):
    with pytest.raises(
        TableError, match=r"33.3% of the rows are rejected.*rank is below 1: 10.*e.g. .*row 0: rank '0', user_id"
    ):
        clean(raw(rank=[0, 1, 2] * 10))


def test_a_missing_column_names_the_option_and_the_close_match(raw, clean):
    with pytest.raises(NextactError, match=r"feedback: option 'outcome' asks for column 'outcom'.*'outcome'"):
        clean(raw(), outcome="outcom")


def test_a_time_column_of_the_wrong_type_names_the_table(raw, clean):
    with pytest.raises(NextactError, match=r"feedback\['shown_at'\].*timestamp_unit"):
        clean(raw(shown_at="2024-03-01"))


def test_columns_that_no_option_reads_are_found(raw):
    table = raw(propensity=0.5, slot="top", colour="red")
    assert unmapped_columns(list(table.columns), FeedbackOptions(slot="slot")) == ["propensity"]


@pytest.mark.parametrize("wrong", [{"propensty": "p"}, {"stop_above_rejected_share": 1.5}, {"timezone": "Mars"}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(OptionsError, match=next(iter(wrong))):
        FeedbackOptions(**wrong)
