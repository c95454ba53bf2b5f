import time
from types import SimpleNamespace

import numpy as np
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import node, pipeline

from nextact.console import steps
from nextact.console.step_hooks import StepHooks
from nextact.console.steps import StepTime, StepTimes, Watch

NAMES = ("first", "second", "third")
PIPELINE = pipeline([node(lambda x: x, one, two, name=two) for one, two in zip(("in", *NAMES), NAMES, strict=False)])


def run(folder, slow=(), fails=None):
    """The hooks' share of a run; what it says comes back by capsys."""
    hooks, by_name = StepHooks(), {one.name: one for one in PIPELINE.nodes}
    catalog = DataCatalog({"records": MemoryDataset(SimpleNamespace(folder=folder), copy_mode="assign")})
    hooks.before_pipeline_run(PIPELINE, catalog)
    for name in NAMES:
        hooks.before_node_run(by_name[name])
        if name in slow:
            time.sleep(0.05)
        if name == fails:
            hooks.on_node_error(by_name[name])
            hooks.on_pipeline_error(catalog)
            return
        hooks.after_node_run(by_name[name])
    hooks.after_pipeline_run(catalog)


def test_a_line_a_step_with_its_number_and_time(tmp_path, capsys):
    run(tmp_path, slow=("second",))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" · ")[0] for line in lines] == ["1/3 first", "2/3 second", "3/3 third"]
    assert all("left" not in line for line in lines)  # nobody knows yet


def test_what_is_left_is_said_from_what_the_steps_took_before(tmp_path, capsys):
    before = {
        name: StepTime(seconds=seconds, peak_gib=1.0) for name, seconds in zip(NAMES, (0.01, 120, 60), strict=True)
    }
    StepTimes(steps=before).write(tmp_path)
    run(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(" · about 3 min left")
    assert "left" not in lines[2]


def test_steps_that_ended_are_kept_where_a_later_one_fails(tmp_path):
    run(tmp_path)
    run(tmp_path, slow=("first",), fails="second")
    kept = StepTimes.read(tmp_path).steps
    assert set(kept) == set(NAMES)
    assert kept["first"].seconds >= 0.05 > kept["second"].seconds


def test_times_that_cannot_be_read_are_none(tmp_path):
    (tmp_path / steps.FILE).write_text("{")
    assert StepTimes.read(tmp_path).steps == {}


def test_a_long_step_gives_a_sign_of_life(monkeypatch):
    monkeypatch.setattr(steps, "LOOK_SECONDS", 0.005)
    monkeypatch.setattr(steps, "LINE_SECONDS", 0.05)
    said = []
    watch = Watch(said.append)
    time.sleep(0.2)
    found = watch.end()
    assert len(said) >= 2
    assert said[0] == pytest.approx(0.05, abs=0.045)
    assert found.seconds >= 0.2


def test_the_peak_of_a_step_is_that_of_the_process_meanwhile(monkeypatch):
    monkeypatch.setattr(steps, "LOOK_SECONDS", 0.001)
    small = Watch(lambda seconds: None).end()
    watch = Watch(lambda seconds: None)
    block = np.ones(40_000_000, np.uint8)
    time.sleep(0.05)
    assert watch.end().peak_gib > small.peak_gib + 0.02
    assert block[0] == 1
