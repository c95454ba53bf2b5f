import ibis
import pandas as pd
import pytest

from nextact.datasets.complete_journey import CompleteJourneyDataset
from nextact.errors import NextactError, TableError
from nextact.evaluation.attributes import item_attributes, item_codes, user_attributes

CONNECTION = {"backend": "duckdb", "database": ":memory:"}
USERS = pd.DataFrame({"user_index": [1, 0, 2], "user_id": ["7", "3", "9"]})
VOCABULARY = pd.DataFrame({"item_index": [1, 2, 3], "item_id": ["a", "b", "c"], "n_training_events": [1, 1, 1]})


def test_item_values_stand_in_the_order_of_their_index():
    items = ibis.memtable(pd.DataFrame({"item_id": ["c", "a"], "brand": ["x", "y"]}))
    brand = item_attributes(items, VOCABULARY, ["brand"])["brand"]
    assert brand.isna().tolist() == [False, True, False]
    assert brand[0] == "y"
    assert brand[2] == "x"
    assert item_codes(brand).tolist() == [-1, 0, -1, 1]


def test_a_column_asked_for_twice_is_there_once():
    items = ibis.memtable(pd.DataFrame({"item_id": ["a", "b", "c"], "brand": ["x", "y", "z"]}))
    assert list(item_attributes(items, VOCABULARY, ["brand", "brand"])) == ["item_index", "brand"]


def test_the_id_itself_may_be_a_column():
    items = ibis.memtable(pd.DataFrame({"item_id": ["a", "b", "c"]}))
    assert item_attributes(items, VOCABULARY, ["item_id"])["item_id"].tolist() == ["a", "b", "c"]


def test_a_missing_item_column_names_the_close_match():
    items = ibis.memtable(pd.DataFrame({"item_id": ["a"], "brand": ["x"]}))
    with pytest.raises(NextactError, match="did you mean 'brand'"):
        item_attributes(items, VOCABULARY, ["brnd"])


def test_user_values_stand_at_their_index_whatever_kind_of_id_the_table_has():
    table = pd.DataFrame({"household": [9, 3], "age": ["old", "young"]})
    age = user_attributes(table, USERS, "household", ["age"])["age"]
    assert age[0] == "young"
    assert pd.isna(age[1])
    assert age[2] == "old"


def test_an_ibis_table_of_users_is_read_too():
    table = ibis.memtable(pd.DataFrame({"user_id": ["3"], "age": [40]}))
    assert user_attributes(table, USERS, "user_id", ["age"])["age"].tolist()[0] == 40


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["1980", None], [1980, None]),  # whole beside a missing one
        (["1.5", "-2"], [1.5, -2.0]),
        (["08012", "10115"], ["08012", "10115"]),  # codes
        (["1980", "unknown"], ["1980", "unknown"]),
    ],
)
def test_numbers_that_a_table_of_users_holds_as_text_are_numbers(cells, read):
    table = pd.DataFrame({"user_id": ["3", "9"], "born": cells})
    born = user_attributes(table, USERS, "user_id", ["born"])["born"]
    found = [born[0], born[2]]
    assert [None if pd.isna(one) else one for one in found] == read
    assert pd.api.types.is_numeric_dtype(born) == (not isinstance(read[0], str))


def test_no_columns_need_no_table():
    assert user_attributes(None, USERS, "user_id", [])["user_index"].tolist() == [0, 1, 2]


def test_a_table_of_other_users_is_refused():
    with pytest.raises(NextactError, match=r"raw_users\['user_id'\] names none of the 3 users of the log, e.g. '3'"):
        user_attributes(pd.DataFrame({"user_id": ["4"], "age": [1]}), USERS, "user_id", ["age"])


def test_the_sample_knows_the_age_of_some_of_its_households():
    table = CompleteJourneyDataset(table="demographics", connection=CONNECTION).load()
    events = CompleteJourneyDataset(table="transactions", connection=CONNECTION).load()
    buyers = events.select("household_id").distinct().to_pandas()["household_id"]
    users = pd.DataFrame({"user_index": range(len(buyers)), "user_id": buyers.astype(str)})
    age = user_attributes(table, users, "household_id", ["age"])["age"]
    assert len(age) == 2_469
    assert age.notna().sum() == 801
    assert age.value_counts()["45-54"] == 288


def test_columns_of_no_table_are_refused():
    with pytest.raises(NextactError, match="names age, but there is no table of users"):
        user_attributes(None, USERS, "user_id", ["age"])


def test_a_user_with_two_rows_is_refused():
    table = pd.DataFrame({"user_id": ["3", "3"], "age": [1, 2]})
    with pytest.raises(TableError, match=r"raw_users\['user_id'\]: ids must be distinct; repeats in 1 row"):
        user_attributes(table, USERS, "user_id", ["age"])


def test_a_missing_user_column_names_the_close_match():
    with pytest.raises(NextactError, match="did you mean 'age'"):
        user_attributes(pd.DataFrame({"user_id": ["3"], "age": [1]}), USERS, "user_id", ["agee"])
