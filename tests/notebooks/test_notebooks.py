"""Each notebook runs from top to bottom against the data catalog, and its pictures show something."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
FIGURE = "application/vnd.plotly.v1+json"
N_FIGURES = {"1_events": 2, "2_evaluation": 2, "3_recommendations": 0, "4_items": 1}
N_IMAGES = {"4_items": 1}


def figures(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.data[FIGURE] for output in outputs if FIGURE in output.get("data", {})]


def images(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]


def n_points(trace):
    """Points of a trace; plotly writes an array as text in base 64 under ``bdata``."""
    values = trace.get("x", trace.get("values", []))
    return len(values["bdata"] if isinstance(values, dict) else values)


def test_there_are_four_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["1_events", "2_evaluation", "3_recommendations", "4_items"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_every_picture_has_points(path, project, monkeypatch):
    monkeypatch.setenv("KEDRO_ENV", "test")
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(project / "notebooks")}})
    client.execute(env=os.environ.copy())
    failed = [cell for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    assert failed == []
    assert any(cell.get("outputs") for cell in notebook.cells)
    drawn = figures(notebook)
    assert len(drawn) == N_FIGURES[path.stem]
    for figure in drawn:
        assert figure["data"], figure["layout"].get("title")
        assert all(n_points(trace) for trace in figure["data"]), figure["layout"].get("title")
    assert len(images(notebook)) == N_IMAGES.get(path.stem, 0)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs_and_defines_nothing(path):
    cells = nbformat.read(path, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert "def " not in code
    assert "class " not in code


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_words_of_a_notebook_hold_no_escaped_line_breaks(path):
    words = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    assert [text for text in words if "\\n" in text] == []
