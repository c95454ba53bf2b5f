"""Each notebook runs from top to bottom against the data catalog, and every cell that plots shows rows."""

import os
import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import plotly.express as px
import pytest
from matplotlib.image import imread
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
FIGURE, IMAGE = "application/vnd.plotly.v1+json", "image/png"
PLOTS = re.compile(r"\bpx\.\w+\(|\bgo\.Figure\(|\.plot\(|\bImage\(")
N_FIGURES = {"1_events": 2, "2_evaluation": 2, "3_recommendations": 0, "4_items": 1}
N_IMAGES = {"4_items": 1}


def shown(cell, kind):
    """What a cell put out of a kind."""
    return [output.data[kind] for output in cell.get("outputs", []) if kind in output.get("data", {})]


def values(array):
    """The values of a trace along one axis; plotly writes numbers in base 64."""
    if isinstance(array, dict):
        array = np.frombuffer(b64decode(array["bdata"]), array["dtype"])
    return pd.Series(list(array), dtype=object)


def n_rows(trace):
    """Rows of a trace that a reader sees: with a value on each of its axes."""
    axes = [values(trace[axis]) for axis in ("x", "y", "values") if axis in trace]
    return int(pd.concat(axes, axis=1).notna().all(axis=1).sum()) if axes else 0


def n_colours(image):
    """Colours of a picture; one, where nothing is drawn on it."""
    return len(np.unique(imread(BytesIO(b64decode(image)))[..., :3].reshape(-1, 3), axis=0))


def test_there_are_four_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["1_events", "2_evaluation", "3_recommendations", "4_items"]


def test_rows_are_those_with_a_value_on_each_axis():
    table = pd.DataFrame({"a": [1.0, 2.0, np.nan], "b": [np.nan, 1.0, np.nan]})
    traces = [px.line(frame, x="a", y="b").to_dict()["data"] for frame in (table, table.tail(1), table.head(0))]
    written = [px.line(frame, x="a", y="b").to_plotly_json()["data"] for frame in (table, table.tail(1))]
    assert [sum(map(n_rows, trace)) for trace in traces] == [1, 0, 0]
    assert [sum(map(n_rows, trace)) for trace in written] == [1, 0]
    assert n_rows({"x": {"dtype": "i1", "bdata": "AQID"}}) == 3
    assert n_rows({"type": "scatter"}) == 0


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_every_cell_that_plots_shows_rows(path, project, monkeypatch):
    monkeypatch.setenv("KEDRO_ENV", "test")
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(project / "notebooks")}})
    client.execute(env=os.environ.copy())
    failed = [cell for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    assert failed == []
    assert any(cell.get("outputs") for cell in notebook.cells)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert sum(len(shown(cell, FIGURE)) for cell in cells) == N_FIGURES[path.stem]
    assert sum(len(shown(cell, IMAGE)) for cell in cells) == N_IMAGES.get(path.stem, 0)
    for cell in cells:
        drawn, pictures = shown(cell, FIGURE), shown(cell, IMAGE)
        assert drawn or pictures or not PLOTS.search(cell.source), cell.source
        for figure in drawn:
            assert figure["data"], cell.source
            assert all(n_rows(trace) for trace in figure["data"]), cell.source
        assert all(n_colours(picture) > 10 for picture in pictures), cell.source


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
