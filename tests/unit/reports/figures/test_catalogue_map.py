"""Pictures of the catalogue."""

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.options import OptionsError
from nextact.reports.figures.catalogue_map import (
    CatalogueMapOptions,
    catalogue_map,
    colour_groups,
    coverage,
    nearest_items,
    project,
    vocabulary_figure,
)


@pytest.fixture(scope="module")
def block():
    """Two far groups of 30 items; item 61 has no vector."""
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(5)[:2] * 10, 30, axis=0)
    return np.vstack([np.zeros((1, 5)), centres + random.normal(size=(60, 5)), np.zeros((1, 5))]).astype(np.float32)


NAMES = [f"item {number}" for number in range(1, 62)]


def names(items):
    return [NAMES[item - 1] for item in items]


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_groups_of_items_stay_apart_on_the_map(block, method):
    places = project(block[1:61], method, seed=0)
    first, second = places[:30], places[30:]
    apart = np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))
    assert apart > 2 * max(first.std(), second.std())
    assert (project(block[1:61], method, seed=0) == places).all()


def test_pca_axes_are_those_of_a_singular_value_decomposition(block):
    rows = block[1:61] - block[1:61].mean(axis=0)
    left, spread, _ = np.linalg.svd(rows, full_matrices=False)
    np.testing.assert_allclose(abs(project(block[1:61], "pca", 0)), abs(left[:, :2] * spread[:2]), atol=1e-3)


def test_each_value_has_its_points_and_items_without_vectors_have_none(block):
    colours = ["a"] * 30 + ["b"] * 29 + [None, "a"]
    figure = catalogue_map(
        {"encoder": block},
        names,
        lambda items: [colours[item - 1] for item in items],
        CatalogueMapOptions(colour_by="kind"),
    )
    assert {trace.name: len(trace.x) for trace in figure.data} == {"a": 30, "b": 29, "(none)": 1}
    assert [text for trace in figure.data for text in trace.text] == NAMES[:60]


def test_a_large_catalogue_is_sampled_by_seed(block):
    def texts(seed):
        options = CatalogueMapOptions(max_items=10, seed=seed)
        return list(catalogue_map({"encoder": block}, names, None, options).data[0].text)

    assert len(texts(0)) == 10
    assert texts(0) == texts(0) != texts(1)


@pytest.mark.parametrize("blocks", [{}, {"encoder": np.zeros((62, 5), np.float32)}])
def test_without_vectors_the_map_says_so(blocks):
    figure = catalogue_map(blocks, names, None, CatalogueMapOptions())
    assert (len(figure.data), figure.layout.annotations[0].text) == (0, "no item vectors")


@pytest.mark.parametrize("method", ["pca", "tsne"])
@pytest.mark.parametrize("n_items", [2, 3, 4])
def test_a_tiny_catalogue_is_drawn(block, method, n_items):
    assert project(block[1 : n_items + 1, :1], method, seed=0).shape == (n_items, 2)


def test_items_with_the_same_vector_share_a_place(block):
    places = project(np.repeat(block[1:31], 20, axis=0), "tsne", seed=0)
    assert len(np.unique(places, axis=0)) == 30


def test_an_unknown_block_names_the_close_match(block):
    with pytest.raises(NextactError, match="no item vectors 'encodr'; did you mean 'encoder'"):
        catalogue_map({"encoder": block}, names, None, CatalogueMapOptions(block="encodr"))


def test_rare_values_share_one_group_at_the_end():
    groups = colour_groups(["x", "y", "y", "z", "y", "x"], 6, CatalogueMapOptions(max_colours=2))
    assert {name: rows.tolist() for name, rows in groups.items()} == {"y": [1, 2, 4], "x": [0, 5], "other": [3]}
    assert list(groups)[-1] == "other"


def test_a_value_called_other_is_not_counted_twice():
    groups = colour_groups(["other", "other", "x", "y"], 4, CatalogueMapOptions(max_colours=2))
    assert sum(len(rows) for rows in groups.values()) == 4


def test_neighbours_are_those_with_the_highest_cosine(block):
    found = nearest_items({"encoder": block}, [1, 61], names, 3)
    unit = block[1:61] / np.linalg.norm(block[1:61], axis=1, keepdims=True)
    cosines = unit @ unit[0]
    expected = [NAMES[place] for place in np.argsort(-cosines)[1:4]]
    assert found["neighbour"].tolist() == expected  # and none for item 61, which has no vector
    assert found["cosine"].tolist() == pytest.approx(np.sort(cosines)[::-1][1:4], abs=1e-4)
    assert found["rank"].tolist() == [1, 2, 3]


def test_names_that_a_spreadsheet_would_run_or_a_terminal_obey_are_written_out(block, tmp_path):
    told = ["=cmd|'/c calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "tea;=1+1", "red \x1b[31mwine"]
    found = nearest_items({"encoder": block[:9]}, [1], lambda items: [told[item - 1] for item in items], 7)
    found.to_csv(tmp_path / "table.csv", index=False)
    safe = ["'=cmd|'/c calc'!A0", "'+1", "'-1", "'@SUM(1)", "'\\t=1", "'\\r=1", "tea;=1+1", "red \\x1b[31mwine"]
    assert set(found["item"]) == {safe[0]}
    assert sorted(found["neighbour"]) == sorted(safe[1:])
    assert pd.read_csv(tmp_path / "table.csv")["neighbour"].tolist() == found["neighbour"].tolist()


def test_coverage_counts_items_with_tokens_and_with_vectors(block):
    tokens = [["tea"]] * 50 + [[]] * 11
    assert coverage(tokens, {"encoder": block}) == {"tokens": 50 / 61, "encoder": 60 / 61}
    assert coverage([], {}) == {"tokens": 0}


def test_the_curve_of_words_ends_at_all_of_them():
    above, below = vocabulary_figure([["tea", "tea", "soap"], ["tea"], []], {}).axes
    assert above.lines[0].get_xydata().tolist() == [[1, 0.75], [2, 1.0]]
    assert [bar.get_width() for bar in below.patches] == [2 / 3]
    assert [text.get_text() for text in below.texts] == ["66.7%"]


def test_a_catalogue_without_words_is_drawn():
    above, below = vocabulary_figure([[], []], {}).axes
    assert len(above.lines) == 0
    assert [bar.get_width() for bar in below.patches] == [0]


def test_options_out_of_range_raise():
    with pytest.raises(OptionsError, match="max_items must be at least 1"):
        CatalogueMapOptions(max_items=0)
