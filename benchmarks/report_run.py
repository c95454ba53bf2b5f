"""Table and picture of what ``make run`` takes, step by step, beside the measurement before."""

from __future__ import annotations

from pathlib import Path

from report_parts import Lines, Row, Rows, Table, read

MEASURE, MOST_STEPS = "make run", 15
KEY = ("measure", "commit")
PARTS = ("validation", "test")


def lines_of_steps(rows: Rows) -> Lines:
    """The whole, then the longest steps of the newest row; a column of seconds a measurement, then the peak memory."""
    rows = rows[-2:]
    newest = rows[-1]
    heads = [f"seconds, {row['commit']}" for row in rows]
    found = [["step", *heads, "peak GiB"]]
    found.append(
        ["**all, with start and end**", *(f"{row['seconds']:.0f}" for row in rows), f"{newest['peak_gib']:.1f}"]
    )
    for name in longest(newest):
        seconds = [f"{row['steps'][name][0]:.1f}" if name in row["steps"] else "" for row in rows]
        found.append([name, *seconds, f"{newest['steps'][name][1]:.1f}"])
    return found


def longest(row: Row) -> list[str]:
    """Names of its longest steps, longest first."""
    ordered: list[str] = sorted(row["steps"], key=lambda name: -row["steps"][name][0])
    return ordered[:MOST_STEPS]


def draw(into: Path) -> None:
    """The longest steps of the newest measurement as bars, those of the one before beside them."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = [row for row in read("run") if row["measure"] == MEASURE][-2:]
    names = longest(rows[-1])[::-1]
    with rc_context({"svg.hashsalt": "nextact", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(7.5, 0.3 * len(names) + 1), layout="constrained")
        axes = figure.add_subplot()
        height = 0.8 / len(rows)
        for place, row in enumerate(reversed(rows)):
            seconds = [row["steps"].get(name, [0])[0] for name in names]
            heights = [at + (place - (len(rows) - 1) / 2) * height for at in range(len(names))]
            axes.barh(heights, seconds, height, label=f"{row['commit']}, {row['date']}: {row['seconds']:.0f} s in all")
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("seconds")
        axes.legend(loc="lower right", frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(into, metadata={"Date": None})


REPEATED = ("stacked", "blend", "gpt2", "ease")


def lines_of_repeats(rows: Rows) -> Lines:
    """A line a run: NDCG@10 of some models on the choosing half and on test, with all digits that may differ."""
    found = [["environment", "run", *(f"{model}, {part}" for model in REPEATED for part in PARTS)]]
    for row in rows:
        values = [f"{row['models'][model][part]:.6f}" for model in REPEATED for part in PARTS]
        found.append([row["env"], row["variant"], *values])
    return found


TABLES = {
    "run": Table("run", KEY, lines_of_steps, lambda row: row["measure"] == MEASURE),
    "same numbers": Table("same_numbers", ("env", "variant"), lines_of_repeats),
}
