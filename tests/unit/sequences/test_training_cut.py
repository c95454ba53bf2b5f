"""Splits in which histories reach beyond what may be learnt from."""

import numpy as np
import pandas as pd
import pytest

from nextact.events.contract import EventOptions
from nextact.events.filtering import FilterOptions
from nextact.events.labelling import label_events
from nextact.events.splitting import SplitOptions
from nextact.sequences.build import VocabularyOptions, build_histories, fit_vocabulary
from nextact.sequences.holdout import learnt_histories, make_holdout, training_histories

pytestmark = pytest.mark.slow

TYPES = ("view", "purchase")


def built(seed, **split):
    draw = np.random.default_rng(seed)
    n = 1_500
    table = pd.DataFrame(
        {
            "user_id": [f"u{k}" for k in draw.integers(60, size=n)],
            "item_id": [f"i{k}" for k in draw.integers(30, size=n)],
            "kind": draw.choice(TYPES, n),
            "timestamp": draw.integers(1, 100_000, size=n),
        }
    )
    options = EventOptions(event_type="kind", event_types=TYPES, timestamp_unit="s")
    rows = label_events(table, None, options, SplitOptions(**split), FilterOptions()).accepted
    vocabulary = fit_vocabulary(rows, None, VocabularyOptions())
    return rows.execute(), vocabulary, build_histories(rows, vocabulary, TYPES)


@pytest.mark.parametrize(
    "split",
    [
        {"kind": "unseen_users", "validation_from": 0.6, "test_from": 0.8},
        {"kind": "global_time", "target_event_types": ("purchase",)},
        {"kind": "leave_one_out", "target_event_types": ("purchase",)},
        {"kind": "global_time"},
    ],
)
@pytest.mark.parametrize("holdout", ["validation", "test"])
def test_histories_end_before_the_target_and_training_before_the_split(split, holdout):
    rows, vocabulary, result = built(0, **split)
    index = dict(zip(vocabulary["item_id"], vocabulary["item_index"], strict=True))
    rows = rows[rows["item_id"].isin(index)].sort_values(["user_id", "step", "timestamp", "position"])
    cuts = getattr(result, holdout)
    learnt = training_histories(result.histories, result.validation)
    found = make_holdout(result.histories, cuts, 2)
    seen_users = 0
    for user, user_id in enumerate(result.user_ids["user_id"]):
        own = rows[rows["user_id"] == user_id]
        train = [index[item] for item in own[own["split"] == "train"]["item_id"]]
        assert learnt.take(np.array([user])).item_index.tolist() == train
        target = own[own["is_target"] & (own["split"] == holdout)]
        before = own[own["step"] < target["step"].min()] if len(target) else own.iloc[:0]
        if len(before) == 0:
            assert user not in found.users
            continue
        place = np.flatnonzero(found.users == user)
        assert found.histories.take(place).item_index.tolist() == [index[item] for item in before["item_id"]]
        assert found.targets.take(place).item_index.tolist() == sorted({index[item] for item in target["item_id"]})
        seen_users += 1
    assert seen_users >= 5


@pytest.mark.parametrize("kind", ["unseen_users", "global_time", "leave_one_out"])
def test_a_refit_learns_from_train_and_validation_and_never_from_test(kind):
    shares = {"validation_from": 0.6, "test_from": 0.8} if kind == "unseen_users" else {}
    rows, vocabulary, result = built(0, kind=kind, **shares)
    index = dict(zip(vocabulary["item_id"], vocabulary["item_index"], strict=True))
    rows = rows[rows["item_id"].isin(index)].sort_values(["user_id", "step", "timestamp", "position"])
    again = learnt_histories(result.histories, result.validation, refitted=True)
    for user, user_id in enumerate(result.user_ids["user_id"]):
        own = rows[(rows["user_id"] == user_id) & (rows["split"] != "test")]
        assert again.take(np.array([user])).item_index.tolist() == [index[item] for item in own["item_id"]]
    first = learnt_histories(result.histories, result.validation, refitted=False)
    assert first.n_events == training_histories(result.histories, result.validation).n_events < again.n_events
