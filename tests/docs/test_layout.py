"""Tests mirror the source: a folder of tests is named after the room or the pipeline that it tests."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIRRORED = {"unit": ROOT / "src/nextact", "pipelines": ROOT / "src/nextact/pipelines"}


@pytest.mark.parametrize("name", MIRRORED)
def test_every_folder_of_tests_has_its_room(name):
    folders = {test.parent.relative_to(ROOT / "tests" / name) for test in (ROOT / "tests" / name).rglob("test_*.py")}
    assert len(folders) > 5
    assert [str(folder) for folder in folders if not (MIRRORED[name] / folder).is_dir()] == []


def test_every_pipeline_has_a_folder_of_tests():
    pipelines = {path.parent.name for path in (ROOT / "src/nextact/pipelines").glob("*/pipeline.py")}
    tested = {path.parent.name for path in (ROOT / "tests/pipelines").glob("*/test_*.py")}
    assert pipelines == tested
