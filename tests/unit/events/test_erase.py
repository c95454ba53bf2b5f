import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.events.contract import as_table
from nextact.events.erase import ERASED, ErasedUsers, reject_erased
from nextact.results.erasing import PendingErasure


def cleaned(n=12):
    return pd.DataFrame(
        {
            "source": "shop",
            "source_row": range(n),
            "user_id": [None if at == 5 else f"ü{at % 3}" for at in range(n)],
            "item_id": "i",
            "timestamp": np.arange(n),
            "value": 1.5,
            "rejected_reason": ["x is missing" if at == 4 else None for at in range(n)],
        }
    )


def reject(*users, table=None):
    erased = ErasedUsers("salt", {})
    for user in users:
        erased = erased.with_user(user, "2026-01-01")
    result = reject_erased(as_table(cleaned() if table is None else table), erased)
    return result.execute().sort_values("source_row", ignore_index=True)


def test_rows_of_an_erased_user_are_rejected_and_hold_nothing_of_the_user():
    found, before = reject("ü1"), cleaned()
    gone = before["user_id"] == "ü1"
    assert (found.loc[gone, "rejected_reason"] == ERASED).all()
    assert found.loc[gone, ["user_id", "item_id", "timestamp", "value"]].isna().all(axis=None)
    assert found.loc[gone, "source_row"].tolist() == [1, 4, 7, 10]  # a row broken otherwise is emptied too


def test_other_rows_and_rows_without_a_user_stay_as_they_are():
    found, before = reject("ü1"), cleaned()
    others = before["user_id"] != "ü1"
    for name in before.columns:
        assert found.loc[others, name].isna().tolist() == before.loc[others, name].isna().tolist()
        assert found.loc[others, name].dropna().tolist() == before.loc[others, name].dropna().tolist()


def test_several_users_are_found_and_an_unknown_hash_does_no_harm():
    found = reject("ü0", "ü2", "somebody else")
    assert found["rejected_reason"].eq(ERASED).sum() == 7


def test_without_erased_users_the_table_is_the_same_object():
    table = as_table(cleaned())
    assert reject_erased(table, ErasedUsers.from_json({})) is table


def test_types_of_the_columns_are_kept():
    table = as_table(cleaned())
    erased = ErasedUsers("salt", {}).with_user("ü1", "2026-01-01")
    assert reject_erased(table, erased).schema().items() == table.schema().items()


def test_the_hash_is_the_salted_sha256_of_the_utf8_text():
    assert ErasedUsers("salt", {}).hash_of("ü1") == hashlib.sha256("saltü1".encode()).hexdigest()


def test_salts_are_drawn_anew_and_kept():
    one, other = ErasedUsers.from_json({}), ErasedUsers.from_json({})
    assert one.salt != other.salt
    assert len(one.salt) == 32
    assert ErasedUsers.from_json(one.to_json()) == one
    assert one.hash_of("u") != other.hash_of("u")


def test_hashes_without_their_salt_are_refused():
    with pytest.raises(NextactError, match="holds no salt with hashes"):
        ErasedUsers.from_json({"erased_at": {"abc": "2026-01-01"}})


def test_what_is_left_to_do_is_kept_until_it_is_done():
    left = PendingErasure(
        user_sha256="s", erased_at="2026-01-01", rows_removed={}, events_learnt_from=0, files=("a",), as_written=()
    )
    erased = ErasedUsers("salt", {}).with_user("u", "2026-01-01", left)
    assert ErasedUsers.from_json(json.loads(json.dumps(erased.to_json()))).pending == left
    assert ErasedUsers.from_json(erased.done().to_json()) == ErasedUsers("salt", {}).with_user("u", "2026-01-01")


@pytest.mark.parametrize("user", ["", "ü", "ü11"])
def test_only_whole_ids_are_found(user):
    assert reject(user)["rejected_reason"].eq(ERASED).sum() == 0
