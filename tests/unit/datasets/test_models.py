import pytest
from kedro.io import DatasetError

from nextact.datasets.models import CandidateDataset, CandidatesDataset, ModelFolderDataset, RefittedModelDataset
from nextact.models.baselines.baseline_options import PopularityOptions
from nextact.models.baselines.popularity import Popularity
from nextact.models.recommender import FitContext, Training
from nextact.models.registry import open_model
from nextact.models.storage import FittedModel
from nextact.results.horizons import HorizonSection
from nextact.results.models import Candidate, Candidates, Fit
from nextact.sequences.histories import Histories


def fitted():
    model = Popularity(PopularityOptions())
    model.fit(Training(Histories.from_lists([[1, 2], [2]]), 2, ("click",), {}, None, False, FitContext(0)))
    return FittedModel(model, Fit.outside_a_run("baselines", "popularity").model_copy(update={"run_id": "one"}))


def test_a_model_that_was_saved_already_takes_no_room_and_outlives_the_first(tmp_path):
    first, again = (ModelFolderDataset(filepath=str(tmp_path / name)) for name in ("model", "refitted"))
    first.save(fitted())
    again.save(first.load())
    files = sorted(path.name for path in first.load().path.iterdir())
    assert all((tmp_path / "model" / name).samefile(tmp_path / "refitted" / name) for name in files)
    first.save(fitted())
    histories = Histories.from_lists([[1]])
    assert again.load().fit().run_id == "one"
    assert open_model(again.load()).score(histories).tolist() == open_model(first.load()).score(histories).tolist()


def test_a_folder_without_a_model_is_not_there(tmp_path):
    dataset = ModelFolderDataset(filepath=str(tmp_path / "model"))
    assert not dataset.exists()
    assert not dataset.load().exists


def test_a_refitted_model_that_was_never_made_stops_no_gathering(tmp_path):
    dataset = RefittedModelDataset(filepath=str(tmp_path / "refitted"))
    assert dataset.exists()
    assert not dataset.load().exists


def candidate(name):
    fit = Fit.outside_a_run("baselines", name)
    return Candidate(
        **fit.fields, folder=f"/elsewhere/{name}", users=1, validation={}, validation_horizons=HorizonSection()
    )


def candidates(name):
    return Candidates(models=(candidate(name),))


@pytest.mark.parametrize(("kind", "of"), [(CandidateDataset, candidate), (CandidatesDataset, candidates)])
def test_a_candidate_that_cannot_be_written_to_its_end_leaves_the_old_one(kind, of, tmp_path, monkeypatch):
    dataset = kind(filepath=str(tmp_path / "ease.candidate.json"))
    dataset.save(of("ease"))
    with monkeypatch.context() as broken:
        broken.setattr("nextact.versioned.Versioned.as_json", lambda self: {"name": object()})
        with pytest.raises(DatasetError, match="not JSON serializable"):
            dataset.save(of("gpt2"))
    assert dataset.load() == of("ease")
    dataset.save(of("gpt2"))
    assert dataset.load() == of("gpt2")
    assert [path.name for path in tmp_path.iterdir()] == ["ease.candidate.json"]
