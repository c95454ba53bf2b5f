"""From two frames to lists: what is fitted, what is answered, and what is refused in one sentence."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

import nextact
from nextact.datasets.generated import GeneratedShopDataset
from nextact.errors import NextactError
from nextact.frames.line import wanted_models, with_members
from nextact.frames.parameters import BASE
from nextact.retrieval.rules.ruled_lists import RULE_COLUMNS
from nextact.serving.packaged import PackagedModel
from nextact.stored import StoredError

pytestmark = pytest.mark.slow

COLUMNS = ["user_id", "rank", "item_id", "item_text", "probability", "reason"]
QUICK = {"policy": {"exclude_seen": True}}


@pytest.fixture(scope="module")
def events():
    return GeneratedShopDataset(table="events").load()


@pytest.fixture(scope="module")
def items():
    return GeneratedShopDataset(table="items").load()


@pytest.fixture(scope="module")
def model(events, items):
    return nextact.fit(events, items, "transition", parameters=QUICK)


def test_importing_the_package_loads_nothing_and_asking_for_fit_no_torch():
    heavy = ("torch", "transformers", "spacy", "gensim", "mlflow", "kedro.framework")
    light = (*heavy, "pandas", "numpy", "kedro", "ibis")
    for code, kept_out in (("import nextact", light), ("import nextact; nextact.fit; nextact.load", heavy)):
        shown = f"import sys; {code}; print(*[name for name in {kept_out} if name in sys.modules])"
        run = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == "", code


def test_what_the_package_offers_is_listed():
    assert {"fit", "load", "FrameModel", "__version__"} <= set(dir(nextact))
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        nextact.fitt  # noqa: B018


def test_base_parameters_are_those_of_the_project():
    stated = Path(__file__).parents[3] / "conf/base/parameters.yml"
    base = yaml.safe_load(stated.read_text().replace("${globals:seed}", "0"))

    def said(block):
        """Without what says nothing, and without places in a project."""
        of_project = ("launch", "encoder_cache", "summary_users", "feedback")
        inner = {key: said(value) if isinstance(value, dict) else value for key, value in block.items()}
        return {key: value for key, value in inner.items() if value != {} and key not in of_project}

    assert said(base) == said(BASE)


def test_frames_are_left_as_they_were(events, items):
    before = events.copy(), items.copy()
    nextact.fit(events, items, "popularity", parameters=QUICK)
    pd.testing.assert_frame_equal(events, before[0])
    pd.testing.assert_frame_equal(items, before[1])


def test_everybody_gets_ranked_items_with_reasons(model, events):
    found = model.recommend(k=4)
    assert list(found) == COLUMNS
    assert found["user_id"].drop_duplicates().tolist() == model.users
    assert set(model.users) == set(events["user_id"])
    assert found.groupby("user_id")["rank"].apply(list).tolist() == [[1, 2, 3, 4]] * len(model.users)
    assert found["reason"].str.startswith("often follows ").mean() > 0.9
    assert model.name == "baselines.transition"
    assert model.leaderboard["model"].tolist() == ["transition"]


def test_users_come_in_the_order_asked_for_and_one_id_is_one_user(model):
    found = model.recommend(["u003", "u001"], k=1)
    assert found["user_id"].tolist() == ["u003", "u001"]
    pd.testing.assert_frame_equal(model.recommend("u001", k=1), found[1:].reset_index(drop=True))


def test_of_an_unknown_user_nothing_is_claimed(model, caplog):
    found = model.recommend(["nobody", "u001"], k=2)
    assert "1 of 2 users are not in the events, e.g. 'nobody'" in caplog.text
    assert set(found.loc[found["user_id"] == "nobody", "reason"]) == {"no history yet; what anybody would be shown"}


def test_a_history_is_answered_as_the_stored_user_is(model, events):
    own = events[events["user_id"] == "u007"].sample(frac=1, random_state=0).assign(user_id="somebody")
    stored, sent = model.recommend("u007", k=5), model.recommend(own, k=5)
    assert set(sent["user_id"]) == {"somebody"}
    pd.testing.assert_frame_equal(sent.drop(columns="user_id"), stored.drop(columns="user_id"))


def test_rules_are_laid_over_a_list_and_say_what_they_did(model, items):
    plain = model.recommend("u001", k=3)
    found = model.recommend("u001", k=3, rules={"exclude": plain["item_id"].head(1).tolist(), "where": "title != None"})
    assert list(found) == [*COLUMNS, *RULE_COLUMNS]
    assert found["item_id"].tolist()[:2] == plain["item_id"].tolist()[1:]
    with pytest.raises(NextactError, match=r"rules.where: the items have no column 'titel'; did you mean 'title'"):
        model.recommend("u001", rules={"where": "titel == 'x'"})


def test_rules_of_the_parameters_are_those_of_the_model_and_bring_the_vectors_that_they_read(events, items, tmp_path):
    rules = {"diversity": {"block": "tfidf"}, "exclude": ["i001"], "seen": "allow"}
    fitted = nextact.fit(events, items, "popularity", parameters=QUICK | {"rules": rules})
    fitted.save(tmp_path / "kept")
    found = nextact.load(tmp_path / "kept").recommend(k=24)
    assert found.groupby("user_id").size().unique().tolist() == [23]
    assert "i001" not in set(found["item_id"])
    assert found["moved_by"].str.contains("diversity").any()


def test_an_explanation_agrees_with_the_list(model):
    listed = model.recommend("u001", k=3).iloc[1]
    found = model.explain("u001", listed["item_id"])
    assert (found.rank, found.reason, found.item_text) == (2, listed["reason"], listed["item_text"])
    assert found.probability == pytest.approx(listed["probability"], rel=1e-9)
    assert found.because is not None
    assert str(found).startswith(f"{listed['item_text']} is number 2 for u001 (")


def test_a_seen_item_is_explained_by_the_policy(model, events):
    seen = events.loc[events["user_id"] == "u001", "item_id"].iloc[0]
    found = model.explain("u001", seen)
    assert found.rank is None
    assert found.probability == 0
    assert "had it before (policy.exclude_seen)" in str(found)


def test_a_saved_model_answers_the_same_and_its_package_stands_alone(model, tmp_path, events):
    model.save(tmp_path / "kept")
    model.save(tmp_path / "kept")  # an earlier one is replaced
    read = nextact.load(tmp_path / "kept")
    pd.testing.assert_frame_equal(read.recommend(k=3), model.recommend(k=3))
    assert read.parameters == model.parameters
    history = events.loc[events["user_id"] == "u001", ["user_id", "item_id", "event_type", "timestamp"]]
    served = PackagedModel.open(tmp_path / "kept/package").recommend(history, k=3).items
    assert served["item_id"].tolist() == model.recommend("u001", k=3)["item_id"].tolist()


def test_saving_replaces_nothing_but_a_model(model, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(NextactError, match="is there already and holds no saved model"):
        model.save(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_a_missing_or_damaged_part_is_named(model, tmp_path):
    with pytest.raises(StoredError, match=r"nowhere/fitted.json does not exist"):
        nextact.load(tmp_path / "nowhere")
    model.save(tmp_path / "kept")
    (tmp_path / "kept/users.parquet").write_bytes(b"")
    with pytest.raises(StoredError, match=r"users.parquet"):
        nextact.load(tmp_path / "kept")


def test_own_names_number_ids_and_no_item_table_are_understood(events):
    raw = events.rename(columns={"user_id": "client", "item_id": "sku", "timestamp": "when", "event_type": "did"})
    raw["client"] = raw["client"].str[1:].astype(int)
    found = nextact.fit(raw, model="popularity", user_id="client", item_id="sku", timestamp="when", event_type="did")
    assert found.parameters["events"]["user_id"] == "client"
    assert found.recommend([7], k=1)["user_id"].tolist() == ["7"]
    assert found.recommend(raw[raw["client"] == 7], k=1)["user_id"].tolist() == ["7"]


def test_models_are_asked_for_by_name_and_family():
    assert wanted_models("baselines.ease") == wanted_models(["ease"]) == ["ease"]
    assert "gpt2" not in wanted_models(None)
    assert "slim" not in wanted_models("baselines")  # not by default
    assert {"blend", "transition", "gpt2"} <= set(with_members(["blend"], {}))
    few = {"hybrid": {"blend": {"options": {"members": ["ease", "transition"]}}}}
    assert set(with_members(["blend"], few)) == {"blend", "ease", "transition"}


@pytest.mark.parametrize(
    ("change", "more", "said"),
    [
        (lambda log: log.to_dict("records"), {}, "events: a pandas data frame is needed, got list"),
        (lambda log: log.head(0), {}, "events: the frame has no row"),
        (lambda log: log, {"user_id": "usr"}, "user_id: no column 'usr' in the events; did you mean 'user_id'?"),
        (lambda log: log, {"model": "eas"}, "model: no model 'eas'; did you mean 'ease'?"),
        (lambda log: log, {"parameters": {"polisy": {}}}, "nothing reads 'polisy'; did you mean 'policy'?"),
        (lambda log: log, {"parameters": {"policy": {"exclude_sen": True}}}, "no option 'exclude_sen'"),
        (lambda log: log, {"parameters": {"policy": 3}}, "parameters: policy must be a block of options, got 3"),
        (lambda log: log, {"parameters": [1]}, "parameters: a mapping of blocks is needed, got list"),
        (lambda log: log, {"timezone": "Europe/Berln"}, "did you mean 'Europe/Berlin'"),
        (lambda log: log.set_index("user_id"), {}, "the index (user_id) is not read: reset_index() makes columns"),
        (lambda log: log.assign(item_id=[*["a"] * 719, 1]), {}, "events['item_id']: a column of mixed types"),
        (lambda log: log.assign(timestamp="soon"), {"timestamp": "timestamp"}, "as in timestamp_format='%d.%m.%Y"),
        (lambda log: log[log["user_id"] == "u000"], {"model": "ease"}, "1 user(s) are left; two are needed"),
        (lambda log: log, {"model": "content_knn"}, "content_knn is left out: this run has no item vectors"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(events, change, more, said):
    with pytest.raises(NextactError) as caught:
        nextact.fit(change(events), **more)
    assert said in str(caught.value)
    assert "--" not in str(caught.value)  # no option of a command line


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda model, log: model.recommend(k=0), "k must be a whole number from 1, got 0"),
        (lambda model, log: model.recommend([None, "u1"]), "user_id is missing in 1 of 2, e.g. None"),
        (lambda model, log: model.explain("u001", "i0001"), "knows no item 'i0001'; did you mean 'i001'"),
        (lambda model, log: model.recommend(log.head(0)), "history: no row"),
        (
            lambda model, log: model.recommend(log.drop(columns="item_id")),
            "history: column 'item_id' is missing",
        ),
        (
            lambda model, log: model.recommend(log.assign(event_type="gaze").head(3)),
            "is not declared (known: view, purchase) in 3 row(s), e.g. 'gaze'",
        ),
    ],
)
def test_questions_that_cannot_be_answered_are_refused_in_one_sentence(model, events, ask, said):
    with pytest.raises(NextactError) as caught:
        ask(model, events)
    assert said in str(caught.value)


def test_a_row_that_repeats_is_passed_over_in_a_history(model, events):
    own = events[events["user_id"] == "u002"]
    twice = model.recommend(pd.concat([own, own]), k=3)
    pd.testing.assert_frame_equal(twice, model.recommend(own, k=3))
