"""The report's figures beside the same figures worked out by pandas, row by row."""

import json
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.events.contract import as_table
from nextact.events.quality.report import report_quality
from nextact.events.quality.warnings import QualityOptions
from nextact.results.quality import QualityReport, Repeats

from ....protocols import make_certificate

DAY = 86_400_000_000
TYPES = ("view", "purchase")
CERTIFICATE = make_certificate(exclude_seen=False)


def log(seed=0, n=800, n_users=25, n_items=40):
    """Accepted events in three windows, with ties, repeats, popular items, and users new in validation."""
    random = np.random.default_rng(seed)
    day = np.sort(random.integers(0, 100, n))
    split = np.select([day < 60, day < 80], ["train", "validation"], "test")
    users = random.integers(0, n_users, n)
    users = np.where((users < 3) & (split == "train"), 5, users)  # users 0 to 2 are new after training
    events = pd.DataFrame(
        {
            "user_id": [f"u{user}" for user in users],
            "item_id": [f"i{item}" for item in (random.beta(0.6, 2, n) * n_items).astype(int)],
            "event_type": random.choice(TYPES, n),
            "timestamp": day * DAY,
            "split": split,
        }
    )
    events["step"] = events.groupby("user_id")["timestamp"].rank("dense").astype(int) - 1
    first = events.groupby(["user_id", "split"])["step"].transform("min")
    history = events["user_id"].isin(events.loc[events["split"] == "train", "user_id"])
    events["is_target"] = (events["split"] != "train") & (events["step"] == first) & history
    return events


def tables(events, vocabulary=None):
    training = events[events["split"] == "train"]
    if vocabulary is None:
        vocabulary = pd.DataFrame({"item_id": sorted(set(training["item_id"]))})
    rejected = pd.DataFrame({"source": ["a", "a", "b"], "rejected_reason": ["x is missing", "repeats", "x is missing"]})
    items = pd.DataFrame({"item_id": vocabulary["item_id"], "title": "some text"})
    return as_table(events), as_table(rejected), as_table(items), vocabulary


def report(
    events, *, certificate=CERTIFICATE, has_times=True, text_columns=("title",), vocabulary=None, items=None, **options
):
    accepted, rejected, known_items, vocabulary = tables(events, vocabulary)
    counts = events["split"].value_counts().to_dict()
    items = known_items if items is None else as_table(items)
    limits = QualityOptions(**options)
    return report_quality(
        accepted, rejected, items, vocabulary, counts, certificate, TYPES, has_times, text_columns, limits
    )


def messages(found):
    return " | ".join(warning.message for warning in found.warnings)


@pytest.fixture(scope="module", params=[0, 1])
def events(request):
    return log(request.param)


@pytest.fixture(scope="module")
def found(events):
    return report(events)


@pytest.fixture(scope="module")
def known(events):
    return events[events["split"] != "test"]


def test_the_report_is_json(found):
    assert QualityReport.of_json(json.loads(json.dumps(found.as_json(), allow_nan=False)), Path("r.json")) == found


def test_rows_by_source_and_reason_add_up(found, events):
    assert found.rows.by_split == events["split"].value_counts().to_dict()
    assert (found.rows.read, found.rows.rejected) == (len(events) + 3, 3)
    assert found.rows.by_reason == {"x is missing": 2, "repeats": 1}
    rejected = [(row.source, row.reason, row.n) for row in found.rows.by_source[1:]]
    assert rejected == [("a", "repeats", 1), ("a", "x is missing", 1), ("b", "x is missing", 1)]


def test_test_rows_change_nothing_but_their_own_count(events, found):
    other = events.copy()
    closed = other["split"] == "test"
    other.loc[closed, ["item_id", "event_type"]] = ["never seen", "purchase"]
    other.loc[closed, "timestamp"] += 900 * DAY
    other.loc[closed, "user_id"] = "someone new"
    assert report(other) == found


def test_sizes_and_the_span_are_those_outside_test(found, known):
    overview = found.overview
    assert overview.events == len(known)
    assert overview.users == known["user_id"].nunique()
    assert overview.items == known["item_id"].nunique()
    assert overview.event_types == known["event_type"].value_counts().to_dict()
    assert overview.busiest_user_share == pytest.approx(known["user_id"].value_counts().max() / len(known))
    assert (overview.first, overview.resolution) == ("1970-01-01T00:00:00", "day")


def test_history_lengths_are_training_events_and_steps_of_users_who_have_any(found, events):
    training = events[events["split"] == "train"]
    lengths, steps = training["user_id"].value_counts(), training.groupby("user_id")["step"].nunique()
    for got, expected in ((found.history_length.events, lengths), (found.history_length.steps, steps)):
        assert got.n == len(expected)
        assert got.mean == pytest.approx(expected.mean())
        for name, share in {"q25": 0.25, "median": 0.5, "q75": 0.75, "q90": 0.9, "q99": 0.99, "max": 1.0}.items():
            assert getattr(got, name) == np.quantile(expected, share, method="inverted_cdf")
    assert sum(bar.n for bar in found.history_length.histogram) == len(lengths)


def test_popularity_is_training_events_by_item(found, events):
    counts = events.loc[events["split"] == "train", "item_id"].value_counts().sort_values(ascending=False)
    assert found.popularity.events.median == np.quantile(counts, 0.5, method="inverted_cdf")
    whole, part = divmod(0.1 * len(counts), 1)
    expected = counts.iloc[: int(whole)].sum() + part * counts.iloc[int(whole)]
    assert found.popularity.top_shares["0.1"] == pytest.approx(expected / counts.sum())
    for rank, n in found.popularity.curve:
        assert counts.iloc[rank - 1] == n


def test_repeats_are_events_on_items_of_earlier_steps(found, known):
    seen, n_repeats = set(), 0
    for (user, _), step in known.sort_values("step").groupby(["user_id", "step"], sort=True):
        n_repeats += sum((user, item) in seen for item in step["item_id"])
        seen |= {(user, item) for item in step["item_id"]}
    assert found.repeats == Repeats(events=len(known), n=n_repeats, share=n_repeats / len(known))


def test_ties_are_neighbours_of_one_moment(found, known):
    ordered = known.sort_values(["user_id", "timestamp"])
    same_user = ordered["user_id"].eq(ordered["user_id"].shift())
    tied = same_user & ordered["timestamp"].eq(ordered["timestamp"].shift())
    assert (found.ties.neighbours, found.ties.n) == (same_user.sum(), tied.sum())


def test_validation_targets_agree_with_the_holdout_that_models_are_validated_on(events):
    from nextact.sequences.build import build_histories
    from nextact.sequences.holdout import make_holdout

    vocabulary = pd.DataFrame({"item_id": sorted(set(events.loc[events["split"] == "train", "item_id"]))[:25]})
    vocabulary.insert(0, "item_index", np.arange(1, len(vocabulary) + 1, dtype=np.int32))
    unknown = pd.DataFrame(  # a target, but nothing of the catalogue before it
        {
            "user_id": "w",
            "item_id": ["zz", "i0"],
            "event_type": "view",
            "timestamp": [0, 70 * DAY],
            "split": ["train", "validation"],
            "step": [0, 1],
            "is_target": [False, True],
        }
    )
    events = pd.concat([events, unknown], ignore_index=True)
    full = as_table(events.assign(position=0.0, source="raw", source_row=np.arange(len(events))))
    built = build_histories(full, vocabulary, TYPES)
    holdout = make_holdout(built.histories, built.validation, len(TYPES))
    targets = report(events, vocabulary=vocabulary).targets
    assert targets.users_without_history == 1
    assert targets.users == len(holdout.users) + 1
    assert targets.reachable == holdout.targets.offsets[-1] + 1
    assert targets.all - targets.reachable == holdout.targets.n_missing.sum() > 0


def test_seen_targets_are_those_of_the_users_own_past(found, known):
    target = known[known["is_target"]].drop_duplicates(["user_id", "item_id"])
    training = known[known["split"] == "train"]
    past = set(zip(training["user_id"], training["item_id"], strict=True))
    n_seen = sum(pair in past for pair in zip(target["user_id"], target["item_id"], strict=True))
    assert (found.targets.all, found.targets.seen) == (len(target), n_seen)
    assert found.targets.seen_share == pytest.approx(n_seen / len(target))


def test_drift_counts_items_and_users_that_training_does_not_know(found, known):
    training, validation = (known[known["split"] == name] for name in ("train", "validation"))
    unseen = ~validation["item_id"].isin(training["item_id"])
    users = set(validation["user_id"])
    assert found.drift.unseen_items == pytest.approx(unseen.mean())
    assert found.drift.new_users == pytest.approx(len(users - set(training["user_id"])) / len(users))
    assert 0 < found.drift.new_users < 1
    types = found.drift.event_types
    assert types.train == pytest.approx([(training["event_type"] == name).mean() for name in TYPES])


def test_divergences_agree_with_scipy(found):
    from scipy.spatial.distance import jensenshannon

    for name in ("event_types", "popularity"):
        drift = getattr(found.drift, name)
        expected = jensenshannon(drift.train, drift.validation, base=2) ** 2
        assert drift.jensen_shannon == pytest.approx(expected, abs=1e-12)
        assert sum(drift.train) == pytest.approx(1)


def test_the_core_table_counts_items_events_and_targets_by_training_count(found, known):
    training = known[known["split"] == "train"]["item_id"].value_counts()
    targets = known[known["is_target"]].drop_duplicates(["user_id", "item_id"])["item_id"].value_counts()
    items = pd.DataFrame({"n": training}).join(targets.rename("targets"), how="outer").fillna(0)
    others = [item for item in known["item_id"].unique() if item not in items.index]
    items = pd.concat([items, pd.DataFrame({"n": 0.0, "targets": 0.0}, index=others)])
    edges = [0, 1, 2, 5, 10, 20, 50, 100, 200]
    for row in found.core:
        high = int(row.bin.split("-")[-1])
        low = 0 if high == 0 else edges[edges.index(high) - 1] + 1
        inside = items[items["n"].between(low, high)]
        assert (row.items, row.events, row.targets) == (
            len(inside),
            inside["n"].sum(),
            inside["targets"].sum(),
        )
    assert sum(row.targets for row in found.core) == found.targets.all


@pytest.mark.parametrize(
    ("n_days", "bucket"), [(62, "day"), (63, "week"), (735, "week"), (736, "month"), (3_000, "month")]
)
def test_the_stretch_of_time_goes_with_the_span_and_no_event_is_lost(n_days, bucket):
    day = np.linspace(0, n_days - 1, 50).astype(int)
    events = log(n=50).assign(timestamp=day * DAY, split="train", is_target=False)
    over_time = report(events).over_time
    assert over_time.bucket == bucket
    assert len(over_time.starts) <= 125
    assert over_time.starts[0] <= "1970-01-01"
    totals = {kind: sum(counts) for kind, counts in over_time.counts.items()}
    assert totals == events["event_type"].value_counts().to_dict()
    starts = pd.DatetimeIndex(over_time.starts)
    days = pd.to_datetime(events["timestamp"], unit="us")
    expected = np.bincount(starts.searchsorted(days, side="right") - 1, minlength=len(starts))
    assert np.sum(list(over_time.counts.values()), axis=0).tolist() == expected.tolist()


def test_items_without_text_are_counted_in_the_catalogue_not_in_the_item_table():
    events = log()
    vocabulary = pd.DataFrame({"item_id": ["a", "b", "c", "d"]})
    items = pd.DataFrame(
        {"item_id": ["a", "b", "c", "z"], "title": ["x", None, " ", "y"], "brand": [None, "B", "", None]}
    )
    text = report(events, vocabulary=vocabulary, items=items, text_columns=("title", "brand")).text
    assert dict(text) == {
        "items": 4,
        "without_text": 2,
        "not_in_item_table": 1,
        "filled": {"title": 0.25, "brand": 0.25},
    }


def test_the_id_of_an_item_may_be_its_text():
    vocabulary = pd.DataFrame({"item_id": ["a", "b"]})
    items = pd.DataFrame({"item_id": ["a", "z"], "title": ["x", "y"]})
    text = report(log(), vocabulary=vocabulary, items=items, text_columns=("item_id", "title")).text
    assert dict(text) == {
        "items": 2,
        "without_text": 1,
        "not_in_item_table": 1,
        "filled": {"item_id": 0.5, "title": 0.5},
    }


def test_a_project_without_text_has_no_text_part(events):
    found = report(events, text_columns=())
    assert found.text is None
    assert "text" not in {warning.topic for warning in found.warnings}


def test_a_misspelt_text_column_names_the_close_match(events):
    with pytest.raises(NextactError, match="did you mean 'title'"):
        report(events, text_columns=("titel",))


def test_a_log_without_times_has_no_days(events):
    found = report(events.assign(timestamp=events["timestamp"] // DAY), has_times=False)
    assert found.over_time is None
    assert found.overview.first is None
    assert found.ties == report(events).ties


@pytest.mark.parametrize("column", [[], ["source"]])
def test_a_table_with_or_without_a_source_column_is_read(events, column):
    accepted, rejected, items, vocabulary = tables(events.assign(source="shop"))
    accepted = accepted if column else accepted.drop("source")
    rejected = rejected if column else rejected.drop("source")
    counts = events["split"].value_counts().to_dict()
    found = report_quality(
        accepted, rejected, items, vocabulary, counts, CERTIFICATE, TYPES, True, (), QualityOptions()
    )
    sources = {row.source for row in found.rows.by_source}
    assert sources == ({"shop", "a", "b"} if column else {None})


def test_an_empty_validation_window_and_no_rejected_row_are_described(events):
    only = events[events["split"] == "train"]
    found = report(only)
    assert found.targets.all == found.targets.unreachable_share == 0
    assert found.drift.new_users == found.drift.unseen_items == 0
    assert found.drift.popularity.stability_index == 0
    assert "only 0 users can be validated" in messages(found)
    assert json.dumps(found.as_json(), allow_nan=False)


def test_no_event_outside_test_is_described(events):
    found = report(events.assign(split="test"), vocabulary=pd.DataFrame({"item_id": ["i1"]}))
    assert found.overview.events == 0
    assert found.over_time.starts == ()
    assert json.dumps(found.as_json(), allow_nan=False)


def test_the_figures_are_worked_out_by_the_engine_not_from_whole_frames(events, monkeypatch):
    accepted, rejected, items, vocabulary = tables(events)
    read = []
    original = ibis.Table.to_pyarrow
    monkeypatch.setattr(ibis.Table, "to_pyarrow", lambda self, **more: read.append(original(self, **more)) or read[-1])
    counts = events["split"].value_counts().to_dict()
    report_quality(
        accepted, rejected, items, vocabulary, counts, CERTIFICATE, TYPES, True, ("title",), QualityOptions()
    )
    # events by day and type is the largest table that is read
    assert read
    assert max(map(len, read)) <= 80 * len(TYPES) < len(events)
