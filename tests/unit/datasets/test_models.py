import pytest
from kedro.io import DatasetError

from nextact.datasets.models import CandidateDataset, CandidatesDataset, ModelFolderDataset, RefittedModelDataset
from nextact.models.baselines.options import PopularityOptions
from nextact.models.baselines.popularity import Popularity
from nextact.models.recommender import Training
from nextact.models.registry import open_model
from nextact.models.storage import FittedModel
from nextact.sequences.histories import Histories


def fitted():
    model = Popularity(PopularityOptions())
    model.fit(Training(Histories.from_lists([[1, 2], [2]]), 2, ("click",), {}, None, False, 0))
    return FittedModel("baselines", "popularity", model, {"run_id": "one"})


def test_a_model_that_was_saved_already_takes_no_room_and_outlives_the_first(tmp_path):
    first, again = (ModelFolderDataset(filepath=str(tmp_path / name)) for name in ("model", "refitted"))
    first.save(fitted())
    again.save(first.load())
    files = sorted(path.name for path in first.load().path.iterdir())
    assert all((tmp_path / "model" / name).samefile(tmp_path / "refitted" / name) for name in files)
    first.save(fitted())
    histories = Histories.from_lists([[1]])
    assert again.load().describe()["run_id"] == "one"
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
    return {"family": "baselines", "name": name, "run_id": "one", "folder": f"/elsewhere/{name}", "validation": {}}


@pytest.mark.parametrize(("kind", "of"), [(CandidateDataset, candidate), (CandidatesDataset, lambda n: [candidate(n)])])
def test_a_candidate_that_cannot_be_written_to_its_end_leaves_the_old_one(kind, of, tmp_path):
    dataset = kind(filepath=str(tmp_path / "ease.candidate.json"))
    dataset.save(of("ease"))
    with pytest.raises(DatasetError, match="not JSON serializable"):
        dataset.save({"name": "gpt2", "values": object()})
    assert dataset.load() == of("ease")
    dataset.save(of("gpt2"))
    assert dataset.load() == of("gpt2")
    assert [path.name for path in tmp_path.iterdir()] == ["ease.candidate.json"]
