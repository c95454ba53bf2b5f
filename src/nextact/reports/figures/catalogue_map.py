"""Pictures of the catalogue: a map of its vectors, nearest neighbours, vocabulary and coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError, suggest
from nextact.options import Count, Seed, options
from nextact.printing import csv_cell
from nextact.reports.figures.drawing import COLOURS, SOFT, drawn, log_marks, percent_marks, row_labels, rows_height
from nextact.text.cleaning.corpus import Corpus

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Vectors = NDArray[np.float32]
Items = Sequence[int]  # item indices, 1 .. n_items
OTHER, NONE = "other", "(none)"
GREY = "#c8c8c8"
METHOD_NAMES = {"pca": "PCA", "tsne": "t-SNE"}
_FEWEST_FOR_TSNE = 20  # distinct vectors; below it PCA shows all there is
_TSNE_DIMENSIONS = 50  # t-SNE starts from so many principal components, as its authors do
_CURVE_POINTS = 200


@options
class CatalogueMapOptions:
    """What the pictures of the catalogue show.

    Attributes:
        block: Item vectors of the map; None takes the first block that the run made.
        method: ``pca`` keeps distances as far as two axes can; ``tsne`` keeps neighbourhoods and takes seconds.
        max_items: A larger catalogue is sampled.
        colour_by: Column of the item table; None, or a column that is not there, colours all points alike.
        max_colours: Values with a colour of their own, the most frequent ones.
        neighbours_of: Items whose neighbours are listed; where none is named, those with most training events.
        n_items: How many items are taken where none is named.
        neighbours: Neighbours of each item in each block.
        seed: Seed of the sample and of t-SNE.
    """

    block: str | None = None
    method: Literal["pca", "tsne"] = "pca"
    max_items: Count = 3000
    colour_by: str | None = None
    max_colours: Count = 10
    neighbours_of: tuple[str, ...] = ()
    n_items: Count = 5
    neighbours: Count = 5
    seed: Seed = 0


def catalogue_map(
    blocks: Mapping[str, Vectors],
    names: Callable[[Items], list[str]],
    colours: Callable[[Items], Sequence[object]] | None,
    options: CatalogueMapOptions,
) -> Any:
    """A plotly figure with one point an item, near what has near vectors.

    Args:
        blocks: Block name -> float32 ``[n_items + 1, dimensions]``; items with a zero row are left out.
        names: The texts of a few items, shown where the mouse points.
        colours: The values of ``options.colour_by`` of a few items.
        options: Block, method and colours.

    Returns:
        The figure; an empty one that says so where no item has a vector.

    Raises:
        NextactError: If there is no such block.
    """
    import plotly.graph_objects as go

    figure = go.Figure(layout={"template": "plotly_white"})
    name = _block_name(blocks, options)
    rows = np.zeros(0, np.int64) if name is None else _sample(np.asarray(blocks[name]), options)
    if name is None or len(rows) < 2:
        return figure.add_annotation(text="no item vectors", showarrow=False, font={"size": 20})
    places = project(np.asarray(blocks[name][rows], np.float32), options.method, options.seed)
    texts = names(rows.tolist())
    groups = colour_groups(None if colours is None else colours(rows.tolist()), len(rows), options)
    for value, members in groups.items():
        figure.add_trace(_points(go, value, places[members], [texts[place] for place in members]))
    title = f"{len(rows):,} items by block {name} ({METHOD_NAMES[options.method]})"
    legend = {"title": options.colour_by, "itemsizing": "constant"}
    figure.update_layout(title=title, legend=legend, margin={"l": 20, "r": 20, "t": 60, "b": 20})
    return figure.update_xaxes(visible=False).update_yaxes(visible=False, scaleanchor="x")


def project(vectors: Vectors, method: Literal["pca", "tsne"], seed: int) -> Vectors:
    """Place vectors in the plane.

    Args:
        vectors: float32 ``[items, dimensions]``, at least two rows.
        method: ``pca``, or ``tsne`` (cosine of the vectors, by scikit-learn; PCA where fewer than 20 are distinct).
        seed: Seed of t-SNE.

    Returns:
        float32 ``[items, 2]``; the axes have no meaning of their own.
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    distinct, places = np.unique(unit.round(5), axis=0, return_inverse=True)
    if method == "pca" or len(distinct) < _FEWEST_FOR_TSNE:
        return _principal(vectors, 2)
    from sklearn.manifold import TSNE

    tsne = TSNE(perplexity=min(30, (len(distinct) - 1) / 3), init="pca", random_state=seed)
    found = np.asarray(tsne.fit_transform(_principal(distinct, _TSNE_DIMENSIONS)), np.float32)
    return found[places.ravel()]  # scikit-learn's tree of places breaks where many are the same


def colour_groups(
    values: Sequence[object] | None, n_items: int, options: CatalogueMapOptions
) -> dict[str, NDArray[np.int64]]:
    """Positions of the items of each value, the most frequent value first, rare ones together at the end.

    Example:
        >>> options = CatalogueMapOptions(max_colours=1)
        >>> {name: rows.tolist() for name, rows in colour_groups(["tea", None, "soap", "tea"], 4, options).items()}
        {'tea': [0, 3], 'other': [1, 2]}
    """
    if values is None:
        return {"items": np.arange(n_items)}
    named = [NONE if pd.isna(value) else str(value) for value in values]  # type: ignore[call-overload]
    frequent = [value for value, _ in Counter(named).most_common(options.max_colours)]
    shown = np.array([value if value in frequent else OTHER for value in named], dtype=object)
    order = [value for value in frequent if value != OTHER] + [OTHER]
    groups = {value: np.flatnonzero(shown == value) for value in order}
    return {value: members for value, members in groups.items() if len(members)}


def nearest_items(
    blocks: Mapping[str, Vectors], chosen: Items, names: Callable[[Items], list[str]], n: int
) -> pd.DataFrame:
    """The items nearest to chosen ones in each block.

    Args:
        blocks: Block name -> float32 ``[n_items + 1, dimensions]``.
        chosen: Item indices, 1 .. n_items; one with a zero row in a block has no neighbours there.
        names: The texts of a few items.
        n: Neighbours of each.

    Returns:
        Frame ``item, block, rank, neighbour, cosine`` with texts as names, safe to open in a spreadsheet;
        ties in the order of the catalogue.
    """
    found = []
    for item in chosen:
        for block, vectors in blocks.items():
            for rank, (other, cosine) in enumerate(_nearest(np.asarray(vectors, np.float32), item, n), start=1):
                found.append((item, block, rank, other, round(cosine, 4)))
    table = pd.DataFrame(found, columns=["item", "block", "rank", "neighbour", "cosine"])
    for column in ("item", "neighbour"):
        table[column] = pd.Series([csv_cell(name) for name in names(table[column].tolist())], dtype="str")
    return table


def vocabulary_figure(tokens: Corpus[list[str]], blocks: Mapping[str, Vectors]) -> Figure:
    """How few words carry the catalogue, and how many items have text, tokens and each block.

    Args:
        tokens: The tokens of items 1 .. n_items.
        blocks: Block name -> float32 ``[n_items + 1, dimensions]``.

    Returns:
        A Matplotlib figure of two plots.
    """
    counts = np.array(sorted(Counter(word for words in tokens for word in words).values(), reverse=True), np.int64)
    covered = coverage(tokens, blocks)
    with drawn("Words of the catalogue, and items with vectors", 250 + rows_height(list(covered))) as figure:
        above, below = figure.subplots(2, 1, height_ratios=[170, 30 + rows_height(list(covered))])
        above.set_title(f"{len(counts):,} distinct words", fontsize=10, loc="left", color=SOFT)
        above.set(xlabel="most frequent words", ylabel="share of all words read")
        if len(counts):
            above.set_xscale("log")
            above.plot(*_coverage_curve(counts), color=COLOURS[0])
            log_marks(above.xaxis)
        percent_marks(above.yaxis)
        above.set_ylim(0, 1.02)
        below.set_title(f"{len(tokens):,} items", fontsize=10, loc="left", color=SOFT)
        below.set(xlabel="share of the items", xlim=(0, 1.12))
        bars = below.barh(range(len(covered)), list(covered.values()), 0.5, color=COLOURS[0])
        below.bar_label(bars, [f"{part:.1%}" for part in covered.values()], padding=3, fontsize=9)
        row_labels(below, list(covered))
        percent_marks(below.xaxis)
    return figure


def coverage(tokens: Corpus[list[str]], blocks: Mapping[str, Vectors]) -> dict[str, float]:
    """Share of the items with a token, and with a vector in each block.

    Example:
        >>> coverage([["tea"], []], {"encoder": np.array([[0.0], [1.0], [2.0]], np.float32)})
        {'tokens': 0.5, 'encoder': 1.0}
    """
    n_items = max(len(tokens), 1)
    covered = {"tokens": sum(map(bool, tokens)) / n_items}
    return covered | {name: float(np.asarray(block).any(axis=1).sum()) / n_items for name, block in blocks.items()}


def _block_name(blocks: Mapping[str, Vectors], options: CatalogueMapOptions) -> str | None:
    if options.block is None:
        return next(iter(blocks), None)
    if options.block not in blocks:
        raise NextactError(f"catalogue_map.block: no item vectors {options.block!r}; {suggest(options.block, blocks)}")
    return options.block


def _sample(vectors: Vectors, options: CatalogueMapOptions) -> NDArray[np.int64]:
    rows = np.flatnonzero(vectors.any(axis=1))
    if len(rows) <= options.max_items:
        return rows
    return np.sort(np.random.default_rng(options.seed).choice(rows, options.max_items, replace=False))


def _principal(vectors: Vectors, dimensions: int) -> Vectors:
    """The first principal components; missing ones are 0."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    places = np.zeros((len(vectors), dimensions), np.float32)
    kept = axes[:, ::-1][:, :dimensions]
    places[:, : kept.shape[1]] = centred @ kept
    return places


def _points(go: Any, value: str, places: Vectors, texts: list[str]) -> Any:
    marker = {"size": 5, "opacity": 0.75} | ({"color": GREY} if value == OTHER else {})
    hover = "%{text}<extra>" + value + "</extra>"
    x, y = places[:, 0].tolist(), places[:, 1].tolist()
    return go.Scattergl(x=x, y=y, text=texts, name=value, mode="markers", marker=marker, hovertemplate=hover)


def _nearest(vectors: Vectors, item: int, n: int) -> list[tuple[int, float]]:
    norms = np.linalg.norm(vectors, axis=1)
    if not norms[item]:
        return []
    cosines = vectors @ vectors[item] / np.maximum(norms * norms[item], np.finfo(np.float32).tiny)
    cosines[(norms == 0) | (np.arange(len(norms)) == item)] = -np.inf
    order = np.argsort(-cosines, kind="stable")[:n]
    return [(int(other), float(cosines[other])) for other in order if np.isfinite(cosines[other])]


def _coverage_curve(counts: NDArray[np.int64]) -> tuple[list[int], list[float]]:
    """Share of all words read that the most frequent ones make up, at few places of a logarithmic scale."""
    places = np.unique(np.geomspace(1, len(counts), _CURVE_POINTS).round().astype(np.int64))
    shares = np.cumsum(counts)[places - 1] / counts.sum()
    return places.tolist(), shares.round(4).tolist()
