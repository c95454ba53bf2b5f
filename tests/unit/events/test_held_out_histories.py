"""What the splits mean once events stand in arrays: training histories hold nothing that is held out."""

import numpy as np
import pandas as pd
import pytest

from nextact.events.contract import EventOptions, as_table
from nextact.events.filtering import FilterOptions
from nextact.events.labelling import label_events
from nextact.events.splitting import SplitOptions
from nextact.sequences.build import VocabularyOptions, build_histories, fit_vocabulary
from nextact.sequences.holdout import make_holdout, training_histories

TYPES = ("view", "purchase")
NO_ITEMS = as_table(pd.DataFrame({"item_id": pd.Series([], dtype="str")}))


def log(n=600, n_users=25):
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "user_id": [f"u{k}" for k in draw.integers(n_users, size=n)],
            "item_id": [f"i{k}" for k in draw.integers(12, size=n)],
            "kind": draw.choice(TYPES, n),
            "timestamp": draw.integers(1, 100_000, size=n),
        }
    )


def built(**split):
    options = EventOptions(event_type="kind", event_types=TYPES, timestamp_unit="s")
    rows = label_events(log(), None, options, SplitOptions(**split), FilterOptions()).accepted
    vocabulary = fit_vocabulary(rows, NO_ITEMS, VocabularyOptions())
    return rows.execute(), vocabulary, build_histories(rows, vocabulary, TYPES)


@pytest.mark.parametrize("holdout", ["validation", "test"])
def test_the_views_between_two_purchases_belong_to_the_history_of_the_later_one(holdout):
    rows, vocabulary, result = built(kind="leave_one_out", target_event_types=("purchase",))
    index = dict(zip(vocabulary["item_id"], vocabulary["item_index"], strict=True))
    rows = rows.sort_values(["user_id", "step", "timestamp", "position"])
    found = make_holdout(result.histories, getattr(result, holdout), len(TYPES))
    learnt = training_histories(result.histories, result.validation)
    assert len(found.users) > 20
    for place, user in enumerate(found.users):
        own = rows[rows["user_id"] == result.user_ids["user_id"][user]]
        target = own[own["is_target"] & (own["split"] == holdout)]
        before = own[own["step"] < target["step"].min()]
        this = np.array([place])
        assert found.histories.take(this).item_index.tolist() == [index[item] for item in before["item_id"]]
        assert found.targets.take(this).item_index.tolist() == sorted({index[item] for item in target["item_id"]})
        assert set(target["event_type"]) == {"purchase"}
        train = own[own["split"] == "train"]["item_id"]
        assert learnt.take(np.array([user])).item_index.tolist() == [index[item] for item in train]
    assert found.next_types[:, 1].tolist() == [1.0] * len(found.users)
