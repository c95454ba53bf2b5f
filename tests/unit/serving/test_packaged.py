import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from nextact.errors import NextactError
from nextact.evaluation.one_pass import read_model
from nextact.metrics.targets import Targets
from nextact.models.registry import open_model
from nextact.models.storage import ModelFolder
from nextact.retrieval.recommending import ITEM_COLUMNS
from nextact.retrieval.rules.rule_options import RuleOptions
from nextact.retrieval.scoring import masked_scores, popular_first
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout
from nextact.serving.package import Package, mark_erased
from nextact.serving.packaged import PackagedModel
from nextact.stored import StoredError

from .conftest import ITEM_IDS

pytestmark = pytest.mark.slow

HISTORY = [
    {"user_id": "new", "item_id": "apple", "event_type": "view", "timestamp": 1},
    {"user_id": "new", "item_id": "bread", "event_type": "purchase", "timestamp": 2},
]


@pytest.fixture(scope="module")
def model(package):
    return PackagedModel(package)


def test_a_history_never_seen_gets_ranked_items_with_reasons(model, package):
    """Bread was followed by cheese twice and by dates once; items of the history are left out."""
    answer = model.recommend(HISTORY).items
    assert answer["rank"].tolist() == [1, 2, 3]
    assert answer["item_id"].tolist() == ["cheese", "dates", "eggs"]
    assert answer["item_text"].tolist() == ["blue cheese", "dates", "six eggs"]
    assert answer["reason"].tolist()[0] == "often follows bread"  # bread has no text, so its id stands for it
    scores = masked_scores(open_model(package.model), Histories.from_lists([[1, 2]], [[0, 1]]), exclude_seen=True)
    assert answer["score"].tolist() == scores[0, [3, 4, 5]].tolist()
    assert answer["probability"].tolist() == pytest.approx(softmax(scores[0] / 2.0)[[3, 4, 5]], rel=1e-6)


def test_a_model_that_reads_no_text_is_never_explained_by_words(model):
    """Nothing was followed by eggs; that their text says apple, as that of the history does, is no reason."""
    reason = model.recommend(HISTORY).items["reason"].tolist()[2]
    assert reason == "fills the list; nothing in the history speaks for it"


def test_a_package_without_tokens_is_opened_and_explains(package, tmp_path):
    bare = dataclasses.replace(package, items=package.items.drop(columns="tokens"))
    bare.save(tmp_path / "bare")
    found = PackagedModel.open(tmp_path / "bare").recommend(HISTORY).items["reason"].tolist()
    assert found == PackagedModel(package).recommend(HISTORY).items["reason"].tolist()


@pytest.mark.parametrize(("one_per_text", "last"), [("auto", "eggs"), (True, "eggs"), (False, "dates")])
def test_a_package_lists_items_of_the_same_text_as_it_was_told(package_of, tmp_path, one_per_text, last):
    """Dates have the text of cheese, which is listed above them: they give way to eggs."""
    package = package_of(tmp_path)
    items = package.items.assign(item_text=["red apple", "", "blue cheese", "Blue  Cheese", "six eggs"])
    manifest = dataclasses.replace(package.manifest, one_per_text=one_per_text)
    dataclasses.replace(package, items=items, manifest=manifest).save(tmp_path / "packaged")
    opened = PackagedModel.open(tmp_path / "packaged")
    assert opened.recommend(HISTORY, k=2).items["item_id"].tolist() == ["cheese", last]
    assert sorted(opened.recommend(HISTORY, k=3).items["item_id"]) == ["cheese", "dates", "eggs"]  # none else is left


def test_a_package_that_does_not_say_what_a_list_may_hold_is_refused(package_of, tmp_path):
    package_of(tmp_path).save(tmp_path / "packaged")
    file = tmp_path / "packaged/package.json"
    said = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in said.items() if name != "one_per_text"}))
    with pytest.raises(StoredError, match=r"describes no package that can be served: Manifest.one_per_text is missing"):
        PackagedModel.open(tmp_path / "packaged")


def test_next_behaviours_sum_to_one_and_are_the_sequence_models(model, package):
    behaviours = model.recommend(HISTORY).behaviours
    assert behaviours["event_type"].tolist() == ["view", "purchase"]
    history = Histories.from_lists([[1, 2]], [[0, 1]], [[1, 2]])  # as the request says
    expected = open_model(package.behaviour_model).event_type_probabilities(history)
    assert behaviours["probability"].tolist() == expected[0].tolist()
    assert behaviours["probability"].sum() == pytest.approx(1)


def test_k_asks_for_more_or_fewer_and_never_for_more_than_there_are(model):
    assert len(model.recommend(HISTORY, k=1).items) == 1
    assert len(model.recommend(HISTORY, k=50).items) == 3  # five items, two of them seen


@pytest.mark.parametrize("k", [0, -1, 2.0, True, "3"])
def test_k_must_be_a_whole_number_from_one(model, k):
    with pytest.raises(NextactError, match="k must be a whole number from 1"):
        model.recommend(HISTORY, k=k)


def test_a_user_without_events_gets_what_is_popular(model):
    answer = model.recommend([{"user_id": "new", "item_id": None, "event_type": None, "timestamp": None}])
    assert answer.items["item_id"].tolist() == ["bread", "cheese", "apple"]  # 3, 3, 2 training events
    assert answer.items["reason"].tolist() == ["no history yet; what anybody would be shown"] * 3
    assert answer.report["events"].tolist() == [0]


def test_the_packaged_model_lists_what_was_evaluated_to_the_last_item(package_of, tmp_path):
    """A transition table scores most items zero, and the five items have 2, 3, 3, 1 and 0 training events."""
    package_of(tmp_path, exclude_seen=False).save(tmp_path / "packaged")
    package = Package.open(tmp_path / "packaged")
    pasts = [["eggs"], ["apple"], ["bread", "eggs"], ["dates"], ["cheese", "apple"]]
    histories = Histories.from_lists([[ITEM_IDS.index(item) + 1 for item in past] for past in pasts])
    targets, users = Targets.from_lists([[1]] * len(pasts)), np.arange(len(pasts))
    tie_order = popular_first(package.items["n_training_events"].to_numpy())
    held_out = Holdout(users, histories, targets, np.ones((len(pasts), 2)))
    reading = read_model(
        open_model(package.model), held_out, targets, False, tie_order, None, len(ITEM_IDS), temperature=2.0
    )
    rows = [
        {"user_id": f"u{user}", "item_id": item, "event_type": "view", "timestamp": time}
        for user, past in enumerate(pasts)
        for time, item in enumerate(past)
    ]
    answer = PackagedModel(package).recommend(rows, k=len(ITEM_IDS)).items
    served = answer["item_id"].map(ITEM_IDS.index).to_numpy().reshape(reading.lists.shape) + 1
    assert served.tolist() == reading.lists.tolist()
    assert served[0].tolist() == [2, 3, 1, 4, 5]  # nothing ever followed eggs
    assert answer["probability"].astype(np.float32).tolist() == reading.probability.ravel().tolist()


def test_a_user_who_saw_everything_gets_nothing(model):
    everything = [
        {"user_id": "u", "item_id": item, "event_type": "view", "timestamp": moment}
        for moment, item in enumerate(["apple", "bread", "cheese", "dates", "eggs"])
    ]
    record = model.recommend(everything).records()[0]
    assert record["items"] == []
    assert record["events"] == 5


def test_records_are_json_with_what_was_not_understood(model):
    unknown = [{"user_id": "odd", "item_id": "fig", "event_type": "view", "timestamp": 1}]
    records = json.loads(json.dumps(model.recommend(HISTORY + unknown).records(), allow_nan=False))
    assert [record["user_id"] for record in records] == ["new", "odd"]
    assert [record["unknown_events"] for record in records] == [0, 1]
    assert [record["unknown_item"] for record in records] == [None, "fig"]
    assert set(records[0]["items"][0]) == {"rank", "item_id", "item_text", "score", "probability", "reason"}
    assert [one["event_type"] for one in records[0]["behaviours"]] == ["view", "purchase"]


def test_seen_items_stay_where_the_policy_says_so(package_of, tmp_path):
    package_of(tmp_path, exclude_seen=False).save(tmp_path / "packaged")
    answer = PackagedModel.open(tmp_path / "packaged").recommend(HISTORY, k=5)
    assert sorted(answer.items["item_id"]) == ["apple", "bread", "cheese", "dates", "eggs"]
    assert len(answer.behaviours) == 0  # no model predicts them here
    assert answer.records()[0]["behaviours"] == []


def test_one_model_may_rank_and_predict_behaviours(package_of, tmp_path):
    both = package_of(tmp_path, behaviour=True)
    handle = {"family": "sequence", "name": "gpt2", "refitted_folder": str(both.behaviour_model.path)}
    same = package_of_one(both, handle)
    same.save(tmp_path / "packaged")
    assert not (tmp_path / "packaged" / "behaviour_model").exists()
    opened = PackagedModel.open(tmp_path / "packaged")
    assert opened.behaviour_model is opened.model
    assert len(opened.recommend(HISTORY).behaviours) == 2


def package_of_one(package, handle):
    name = f"{handle['family']}.{handle['name']}"
    manifest = dataclasses.replace(package.manifest, model=name, behaviour_model=name)
    return dataclasses.replace(package, manifest=manifest, model=ModelFolder(package.behaviour_model.path))


def test_a_saved_package_says_the_same_of_itself(package_of, tmp_path):
    written = package_of(tmp_path, behaviour=True)
    written.save(tmp_path / "packaged")
    read = Package.open(tmp_path / "packaged")
    assert dataclasses.replace(read.manifest, fingerprints={}) == written.manifest
    assert set(read.manifest.fingerprints) == {
        file.name for file in (tmp_path / "packaged").iterdir() if file.name != "package.json"
    }
    assert read.certificate == written.certificate
    assert read.items.to_dict() == written.items.to_dict()


def test_a_package_that_learnt_from_an_erased_user_says_so_and_serves_on(package_of, tmp_path, caplog):
    package_of(tmp_path).save(tmp_path / "packaged")
    PackagedModel.open(tmp_path / "packaged")
    assert "erased" not in caplog.text
    mark_erased(tmp_path / "packaged", "2026-01-02")
    assert len(PackagedModel.open(tmp_path / "packaged").recommend(HISTORY).items) == 3
    assert "packaged learnt from a user who was erased at 2026-01-02; `kedro run` replaces it" in caplog.text
    mark_erased(tmp_path / "nothing", "2026-01-02")
    assert not (tmp_path / "nothing").exists()


def test_the_input_schema_is_written_beside_the_model(package_of, tmp_path):
    package_of(tmp_path).save(tmp_path / "packaged")
    schema = {column["name"]: column for column in json.loads((tmp_path / "packaged/input_schema.json").read_text())}
    assert [name for name, column in schema.items() if column["required"]] == ["user_id", "item_id"]
    assert {"what", "event_type", "when", "timestamp", "visit", "session_id"} <= set(schema)  # either name of each
    assert schema["what"]["meaning"] == "one of: view, purchase"
    assert schema["event_type"]["meaning"] == "one of: view, purchase; instead of 'what'"


def test_a_missing_or_foreign_package_is_named(package_of, tmp_path):
    with pytest.raises(StoredError, match=r"nowhere.*package.json does not exist"):
        PackagedModel.open(tmp_path / "nowhere")
    package_of(tmp_path).save(tmp_path / "packaged")
    change(tmp_path / "packaged", format=2)
    with pytest.raises(StoredError, match=r"package.json has layout 2, and .* 6; package the model again: `kedro run"):
        PackagedModel.open(tmp_path / "packaged")
    change(tmp_path / "packaged", format=6, nextact="0.0.9")
    with pytest.raises(StoredError, match=r"package.json is of nextact 0.0.9, and this is 0.1.0; package the model ag"):
        PackagedModel.open(tmp_path / "packaged")
    change(tmp_path / "packaged", nextact="0.1.0", top_q=2)
    with pytest.raises(StoredError, match=r"package.json describes no package .*did you mean 'top_k'"):
        PackagedModel.open(tmp_path / "packaged")


def change(folder, **changes):
    """Write other values into a manifest."""
    file = folder / "package.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize("temperature", [0, -1.5, float("nan"), float("inf"), "warm", None])
def test_a_package_whose_temperature_is_none_is_refused(package_of, tmp_path, temperature):
    package_of(tmp_path).save(tmp_path / "packaged")
    change(tmp_path / "packaged", temperature=temperature)
    with pytest.raises(StoredError, match=r"package.json describes no package .*Manifest.temperature .*got"):
        PackagedModel.open(tmp_path / "packaged")


SPOILT_ITEMS = {
    "shorter": lambda items: items.iloc[:-1],
    "longer": lambda items: pd.concat([items, items.iloc[:1].assign(item_id="figs")]),
    "reversed": lambda items: items.iloc[::-1],
    "of another catalogue": lambda items: items.assign(item_id=[f"other {i}" for i in items["item_id"]]),
}


@pytest.mark.parametrize("spoil", SPOILT_ITEMS.values(), ids=SPOILT_ITEMS)
def test_a_package_whose_items_are_not_those_of_its_model_is_refused(package_of, tmp_path, spoil):
    package_of(tmp_path).save(tmp_path / "packaged")
    file = tmp_path / "packaged/items.parquet"
    spoil(pd.read_parquet(file)).to_parquet(file, index=False)
    with pytest.raises(
        StoredError, match=r"items.parquet is not what was packaged with the rest; package the model ag"
    ):
        PackagedModel.open(tmp_path / "packaged")


@pytest.mark.parametrize("n_items", [4, 6])
def test_a_package_that_names_other_items_than_its_model_ranks_is_refused(package_of, tmp_path, n_items):
    package = package_of(tmp_path)
    items = pd.concat([package.items, package.items.iloc[:1].assign(item_id="figs")]).iloc[:n_items]
    dataclasses.replace(package, items=items).save(tmp_path / "packaged")
    with pytest.raises(
        StoredError, match=f"packaged/model ranks 5 items, but the package names {n_items}; package the"
    ):
        PackagedModel.open(tmp_path / "packaged")


def test_a_file_taken_out_of_the_packaged_model_is_noticed(package_of, tmp_path):
    package_of(tmp_path).save(tmp_path / "packaged")
    next(file for file in (tmp_path / "packaged/model").iterdir() if file.name != "fitted.json").unlink()
    with pytest.raises(StoredError, match=r"packaged/model is not what was packaged with the rest"):
        PackagedModel.open(tmp_path / "packaged")


DAMAGES = {
    "cut in half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "empty": lambda file: file.write_bytes(b""),
    "of another kind": lambda file: file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4),
    "missing": lambda file: file.unlink(),
}
FILES = ["package.json", "certificate.json", "items.parquet", "model/fitted.json", "model/model.json"]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", [*FILES, "model/model.safetensors", "behaviour_model/network.safetensors"])
def test_a_damaged_part_of_a_package_is_named(package_of, tmp_path, name, damage):
    package_of(tmp_path, behaviour=True).save(tmp_path / "packaged")
    damage(tmp_path / "packaged" / name)
    part = tmp_path / "packaged" / name.split("/")[0]
    with pytest.raises(
        StoredError, match=f"^{part} (cannot be read: |is empty|does not exist|is not what was packaged)"
    ):
        PackagedModel.open(tmp_path / "packaged")


def with_rules(package, **rules):
    """The package with default rules, and with columns that rules may name."""
    attributes = pd.DataFrame(
        {
            "price": [1.0, 2, None, 4, 5],
            "kind": ["fruit", "bread", "milk", "fruit", "milk"],
            "until": ["2999-01-01"] * 5,
        }
    )
    attributes.loc[4, "until"] = "1999-01-01"
    manifest = dataclasses.replace(package.manifest, rules=RuleOptions(**rules))
    vectors = np.vstack([np.zeros(3), np.eye(5, 3) + 0.1]).astype(np.float32) if "diversity" in rules else None
    return dataclasses.replace(package, manifest=manifest, attributes=attributes, vectors=vectors)


@pytest.fixture
def ruled(package_of, tmp_path):
    """A function from default rules to a package that was written and opened."""

    def make(**rules):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        with_rules(package_of(folder), **rules).save(folder / "packaged")
        return PackagedModel.open(folder / "packaged")

    return make


def test_a_package_obeys_its_rules_and_those_of_a_request_over_them(ruled):
    """The history has apple and bread; cheese, dates and eggs are left."""
    model = ruled(where="price == None or price < 5", pinned=["dates"])
    answer = model.recommend(HISTORY)
    assert answer.items["item_id"].tolist() == ["dates", "cheese"]
    assert answer.items["source"].tolist() == ["pinned", "model"]
    assert answer.cuts[["places", "listed", "cut_by_where", "cut_by_seen"]].values.tolist() == [[3, 2, 1, 2]]
    assert model.recommend(HISTORY, rules={"pinned": None, "seen": "allow"}, k=5).items["item_id"].tolist() == [
        "cheese",
        "bread",
        "dates",
        "apple",
    ]
    with pytest.raises(NextactError, match=r"rules.pinned: exclude forbids 1 of 1 ids, e.g. 'dates'"):
        model.recommend(HISTORY, rules={"exclude": ["dates"]})


def test_now_is_the_moment_of_a_request(ruled):
    assert "eggs" not in set(ruled().recommend(HISTORY, rules={"where": "until > now"}).items["item_id"])
    rules = {"where": "until > now", "as_of": "1998-01-01"}
    assert "eggs" in set(ruled().recommend(HISTORY, rules=rules).items["item_id"])


def test_without_rules_an_answer_has_neither_their_columns_nor_cuts(model):
    answer = model.recommend(HISTORY)
    assert list(answer.items) == list(ITEM_COLUMNS)
    assert answer.cuts.empty
    assert "rules" not in answer.records()[0]
    pd.testing.assert_frame_equal(model.recommend(HISTORY, rules={}).items, answer.items)


def test_an_answer_by_rules_is_json_without_nan(ruled):
    model = ruled(diversity={}, exploration={"epsilon": 0.5, "seed": 2}, pinned=["dates"])
    (record,) = json.loads(json.dumps(model.recommend(HISTORY).records(), allow_nan=False))
    assert record["rules"]["cut_by_seen"] == 2
    assert record["items"][0]["propensity"] is record["items"][0]["seed"] is record["items"][0]["policy"] is None
    assert 0 < record["items"][1]["propensity"] < 1
    assert (record["items"][1]["seed"], record["items"][1]["policy"]) == (2, "epsilon 0.5, temperature 0")


def test_a_package_without_vectors_refuses_diversity_and_says_what_carries_them(ruled):
    with pytest.raises(NextactError, match=r"rules.diversity.block: there are no item vectors 'encoder' here; known"):
        ruled().recommend(HISTORY, rules={"diversity": {}})
    found = ruled(diversity={"strength": 0}).recommend(HISTORY, rules={"diversity": {"strength": 2}}).items
    assert len(found) == 3


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"where": "cost < 3"}, "rules.where: the items have no column 'cost'; known: kind, price, until"),
        ({"where": "open('x')"}, "rules.where calls "),
        ({"seen": {"only": ["buy"]}}, "rules.seen: no event type 'buy'"),
        ({"pinned": {4: "dates"}}, "rules.pinned: place 4 is below the 3 places of a list"),
        ("exclude", "rules: a mapping is needed"),
    ],
)
def test_a_request_that_cannot_be_obeyed_gets_one_message(ruled, rules, message):
    with pytest.raises(NextactError) as refused:
        ruled().recommend(HISTORY, rules=rules)
    assert message in str(refused.value)


def test_a_billion_items_are_refused(model):
    with pytest.raises(NextactError, match="k: a list has at most 10,000 places, got 1,000,000,000"):
        model.recommend(HISTORY, k=1_000_000_000)
