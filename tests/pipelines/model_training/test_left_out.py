"""Models that this data does not allow are left out by name, and everything else goes on without them."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from nextact.datasets.generated import GeneratedShopDataset
from nextact.datasets.models import ModelFolderDataset, RefittedModelDataset
from nextact.errors import CannotFit, NextactError
from nextact.models.storage import FittedModel, ModelFolder
from nextact.pipelines.model_training.fit_nodes import members_of, or_left_out
from nextact.pipelines.model_training.nodes import ValidationOptions, compare, gather, validate
from nextact.pipelines.model_training.refit_nodes import refit
from nextact.protocol import UNTIL_TEST
from nextact.results.horizons import HorizonSection
from nextact.results.models import Candidate, Candidates, Fit, LeftOut
from nextact.text.blocks import ItemVectors
from nextact.tracking.store import TrackingStore
from nextact.tracking.tracking_options import TrackingOptions

from ...conftest import run_kedro
from ...protocols import make_certificate

LEFT_OUT = {
    "popularity_forecast": "no user with an event before one of",
    "words_knn": "this run has no item vectors 'words', only encoder",
    "stacked": "it needs 10 fitting users with a target among the candidates, got ",
}
NO_VECTORS = ItemVectors.of({})
CERTIFICATE = make_certificate(refit=UNTIL_TEST).model_copy(update={"run_id": "one"})
MADE = {**CERTIFICATE.stamp, "options_hash": "o", "item_vectors": {}}


def small_shop(folder):
    """Twelve users; months before them somebody looked at one item; no title has a word that stays."""
    events, items = (GeneratedShopDataset(table=table).load() for table in ("events", "items"))
    alone = pd.DataFrame([("alone", "i001", "view", pd.Timestamp("2023-06-01"))], columns=events.columns)
    raw = folder / "data/test/01_raw"
    raw.mkdir(parents=True, exist_ok=True)
    pd.concat([alone, events[events["user_id"] < "u012"]]).to_parquet(raw / "shop_events.parquet")
    items.assign(title="the of 🙂").to_parquet(raw / "shop_items.parquet")
    catalog = folder / "conf/test/catalog.yml"
    text = catalog.read_text()
    for table in ("events", "items"):
        generated = f"  type: nextact.datasets.generated.GeneratedShopDataset\n  table: {table}\n"
        assert generated in text
        file = f"${{globals:data}}/01_raw/shop_{table}.parquet"
        text = text.replace(generated, f"  type: pandas.ParquetDataset\n  filepath: {file}\n")
    catalog.write_text(text)


@pytest.fixture(scope="module")
def left_out(project, tmp_path_factory):
    """A second run in a project whose first one fitted every model: nothing of that may be used."""
    folder = tmp_path_factory.mktemp("left_out") / "again"
    shutil.copytree(project, folder, symlinks=True)
    for model in ("baselines.popularity_forecast", "baselines.words_knn", "hybrid.stacked"):
        assert ModelFolder(folder / "data/test/06_models" / model).exists
    small_shop(folder)
    done = run_kedro(folder, "run", "--env", "test")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, " ".join(done.stdout.split())


def read(project, name):
    return json.loads((project / "data/test" / name).read_text())


def test_each_model_that_could_not_be_fitted_is_named_with_its_reason(left_out):
    folder, output = left_out
    leaderboard = read(folder, "06_models/leaderboard.json")
    assert {one["name"] for one in leaderboard["left_out"]} == set(LEFT_OUT)
    for one in leaderboard["left_out"]:
        assert one["left_out"].startswith(LEFT_OUT[one["name"]])
        assert f"{one['family']}.{one['name']} is left out: {LEFT_OUT[one['name']]}" in output
    page = (folder / "data/test/08_reporting/evaluation_report.html").read_text()
    for text in (
        (folder / "data/test/08_reporting/run_summary.json").read_text(),
        (folder / "data/test/08_reporting/model_card.md").read_text().replace("\\_", "_"),
        page,
    ):
        assert all(f"{name} is left out: " in text for name in LEFT_OUT)


def test_nothing_of_an_earlier_run_stands_in_for_a_model_that_is_left_out(left_out):
    folder, _ = left_out
    for model in ("baselines.popularity_forecast", "baselines.words_knn", "hybrid.stacked"):
        for end in ("", ".refitted"):
            saved = ModelFolder(folder / f"data/test/06_models/{model}{end}")
            assert saved.is_left_out
            assert not saved.exists
            assert [path.name for path in saved.path.iterdir()] == ["left_out.json"]
    members = folder / "data/test/06_models/hybrid.blend/members"
    assert sorted(path.name for path in members.iterdir()) == sorted(
        [
            "personal_popularity",
            "tifu_knn",
            "transition",
            "item_knn",
            "ease",
            "recent_popularity",
            "content_knn",
            "gpt2",
        ]
    )


def test_the_rest_of_the_run_goes_on_without_them(left_out):
    folder, _ = left_out
    leaderboard, results = read(folder, "06_models/leaderboard.json"), read(folder, "08_reporting/test_results.json")
    names = [one["name"] for one in leaderboard["models"]]
    assert {"popularity", "transition", "content_knn", "gpt2", "blend"} <= set(names)
    assert not set(names) & set(LEFT_OUT)
    assert [one["name"] for one in results["models"]] == names
    assert not set(leaderboard["gate"]["models"]["blend"]["against"]) & set(LEFT_OUT)
    table = pd.read_parquet(folder / "data/test/07_model_output/recommendations.parquet")
    assert table["user_id"].nunique() == 13
    assert (folder / "data/test/07_model_output/packaged_model/package.json").exists()


def test_tracking_names_them_in_tags_and_gives_them_no_run_of_their_own(left_out):
    folder, _ = left_out
    at = TrackingOptions(tracking_uri="sqlite:///data/test/mlflow.db", artifacts="data/test/mlruns").at(folder)
    store, run_id = TrackingStore.open(at), read(folder, "05_model_input/certificate.json")["run_id"]
    (parent,) = store.search(f"tags.\"nextact.run_id\" = '{run_id}'")
    assert parent.info.status == "FINISHED"
    tagged = {name: text for name, text in parent.data.tags.items() if name.startswith("nextact.left_out.")}
    assert {name.rpartition(".")[2] for name in tagged} == set(LEFT_OUT)
    assert tagged["nextact.left_out.hybrid.stacked"].startswith(LEFT_OUT["stacked"])
    nested = store.search(f"tags.\"mlflow.parentRunId\" = '{parent.info.run_id}'")
    assert not {run.data.tags["nextact.model"].rpartition(".")[2] for run in nested} & set(LEFT_OUT)


def marker(name, why="there is none", family="baselines"):
    return LeftOut(**MADE, family=family, name=name, left_out=why)


def validated(name, **more):
    known = {"options": {}, "fit_seconds": 1.0, "folder": "somewhere", "users": 1, "validation": {}}
    unscored = HorizonSection(why_not="none")
    return Candidate(**MADE | known | more, family="baselines", name=name, validation_horizons=unscored)


def test_only_what_cannot_be_fitted_is_left_out_and_any_other_error_stops_the_run():
    from nextact.models.baselines.baseline_options import PopularityForecastOptions

    def refuse():
        raise CannotFit("there is none")

    def break_down():
        raise ZeroDivisionError

    named = "baselines", "popularity_forecast", PopularityForecastOptions(), NO_VECTORS, CERTIFICATE
    found = or_left_out(refuse, *named)
    assert (found.name, found.left_out) == ("popularity_forecast", "there is none")
    for error, work in ((ZeroDivisionError, break_down), (NextactError, refuse_options)):
        with pytest.raises(error):
            or_left_out(work, *named)


def refuse_options():
    raise NextactError("a wrong name")


@pytest.fixture
def saved(tmp_path):
    """The folders of a model that was left out, as its fit and its refit leave them."""
    model = ModelFolderDataset(filepath=str(tmp_path / "model"))
    model.save(marker("popularity_forecast"))
    refitted = RefittedModelDataset(filepath=str(tmp_path / "refitted"))
    refitted.save(refit("baselines", "popularity_forecast")(model.load(), None, None, CERTIFICATE, [], None, None))
    return model, refitted


def test_what_is_left_out_is_passed_on_by_every_node(saved):
    from nextact.models.baselines.baseline_options import PopularityForecastOptions
    from nextact.pipelines.model_training.fit_nodes import options_hash

    model, refitted = (one.load() for one in saved)
    assert saved[0].exists()
    candidate = validate(model, None, None, CERTIFICATE, [], ValidationOptions())
    assert candidate.left_out == "there is none"
    options = PopularityForecastOptions()
    both = marker("popularity_forecast").model_copy(update={"options_hash": options_hash(options)})
    refitted.path.joinpath("left_out.json").write_text(json.dumps(both.as_json()))
    of_model = {
        "popularity_forecast_options": options,
        "popularity_forecast_candidate": both,
        "popularity_forecast_refitted": refitted,
    }
    gather_all = gather("baselines", ["popularity_forecast"])
    assert gather_all(CERTIFICATE, NO_VECTORS, **of_model) == Candidates(left_out=(both,))
    assert gather_all(CERTIFICATE.model_copy(update={"run_id": "two"}), NO_VECTORS, **of_model) == Candidates()


def test_a_model_that_could_be_fitted_but_not_refitted_is_left_out(tmp_path):
    from nextact.models.baselines.baseline_options import PopularityForecastOptions
    from nextact.pipelines.model_training.fit_nodes import options_hash

    options = PopularityForecastOptions()
    named = {"options_hash": options_hash(options)}
    refitted = RefittedModelDataset(filepath=str(tmp_path / "refitted"))
    refitted.save(marker("popularity_forecast", "not again").model_copy(update=named))
    of_model = {
        "popularity_forecast_options": options,
        "popularity_forecast_candidate": validated("popularity_forecast", **named),
    }
    found = gather("baselines", ["popularity_forecast"])(
        CERTIFICATE, NO_VECTORS, **of_model, popularity_forecast_refitted=refitted.load()
    )
    assert [one.left_out for one in found.left_out] == ["not again"]
    assert found.models == ()


def test_where_no_model_can_be_fitted_the_run_ends_with_one_message_that_names_all():
    gathered = Candidates(left_out=(marker("popularity_forecast", "no demand"), marker("ease", "no Gram")))
    with pytest.raises(
        NextactError, match="no model of this run could be fitted; popularity_forecast is left out: no demand; ease"
    ):
        compare(CERTIFICATE, ValidationOptions(), baselines=gathered)
    with pytest.raises(NextactError, match="no model of this run was validated; run a model family first"):
        compare(CERTIFICATE, ValidationOptions(), baselines=Candidates())


def test_a_hybrid_whose_members_were_left_out_is_left_out_and_one_that_was_never_given_any_is_an_error():
    both = Candidates(models=(validated("ease"),), left_out=(marker("popularity_forecast"),))
    with pytest.raises(CannotFit, match="this run validated ease and had to leave out popularity_forecast"):
        members_of("blend", ("ease", "popularity_forecast"), [both], CERTIFICATE)
    with pytest.raises(NextactError, match="run `kedro run --pipelines model_training`") as raised:
        members_of("blend", ("ease", "gpt2"), [both], CERTIFICATE)
    assert not isinstance(raised.value, CannotFit)
    third = Candidates(models=(validated("transition"),))
    assert list(members_of("blend", ("ease", "popularity_forecast", "transition"), [both, third], CERTIFICATE)) == [
        "ease",
        "transition",
    ]


def test_a_marker_takes_the_place_of_a_fitted_model_and_the_other_way_round(tmp_path):
    from nextact.models.baselines.baseline_options import PopularityOptions
    from nextact.models.baselines.popularity import Popularity

    model = Popularity(PopularityOptions())
    model.counts = np.ones(3, np.float32)
    dataset = ModelFolderDataset(filepath=str(tmp_path / "model"))
    fitted = FittedModel(model, Fit.outside_a_run("baselines", "popularity").model_copy(update={"run_id": "one"}))
    for data, is_left_out in ((fitted, False), (marker("popularity"), True), (fitted, False)):
        dataset.save(data)
        assert dataset.exists()
        assert (dataset.load().is_left_out, dataset.load().exists) == (is_left_out, not is_left_out)
