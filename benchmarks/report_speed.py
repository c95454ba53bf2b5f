"""The page of seconds and memory."""

from __future__ import annotations

from report_parts import Page, Row, Table, columns, dataset, number, text, three_digits

WORDS = """Seconds, memory, and how well they are forecast, on 2 cores of an x86_64 machine with 24 GiB and without a GPU. Read
ratios within one sitting: seconds change with what else the machine does. What to do about speed is told in
[speed](../speed.md).
"""


def kept(row: Row) -> str:
    """What a step hands on in memory."""
    return "on disk" if row["result_gib"] == 0 else f"{row['result_gib']:.2f}"


def limit(row: Row) -> str:
    """Of DuckDB's memory."""
    return row["memory_limit"] or ""


PAGE = Page(
    "speed",
    "Measurements: speed and memory",
    WORDS,
    (
        Table(
            "Training and ranking beside other libraries",
            "A ratio is ours to theirs; for EASE and item-kNN times as fast as they are, for memory less is better. Each "
            "contender runs in a process of its own, in turn, and the median of the rounds counts. Networks have the "
            "same sizes: 2 layers, 2 heads, length 200, dropout 0.2, full softmax, 128 windows an update. *Limit share* "
            "is the arithmetic of real positions as a share of `sgemm` (2048 x 2048, same threads) in the same minutes; "
            "at 256 wide it misses its target. The time to a validation NDCG@10 was taken once, and item-kNN beside "
            "implicit, on a machine with other work.",
            "speed",
            ("measure", "dataset", "reference"),
            columns(
                {
                    "measure": text("measure"),
                    "data": dataset,
                    "ours": three_digits("ours"),
                    "theirs": three_digits("theirs"),
                    "unit": text("unit"),
                    "beside": text("reference"),
                    "ratio": three_digits("ratio"),
                    "target": three_digits("target"),
                    "limit share": three_digits("limit_share"),
                }
            ),
        ),
        Table(
            "Evaluation beside the bare product and top-k",
            "All metrics with their intervals take twice the time of the matrix product and `argpartition` alone.",
            "evaluation",
            ("measure", "dataset"),
            columns(
                {
                    "measure": text("measure"),
                    "data": text("dataset"),
                    "ours": number("ours", 2),
                    "bare": number("theirs", 2),
                    "ratio": number("ratio", 2),
                    "bootstrap draws": number("draws", 0),
                }
            ),
        ),
        Table(
            "From raw rows to histories",
            "`data_processing` with its quality report on a generated log, DuckDB's memory limited; beside it the part "
            "that pandas can do by hand, whose results are equal. Ten times the rows take little more a row if DuckDB "
            "may have 6 GB.",
            "events",
            ("rows", "engine", "part", "memory_limit"),
            columns(
                {
                    "rows": number("rows", 0),
                    "engine": text("engine"),
                    "part": text("part"),
                    "DuckDB's limit": limit,
                    "seconds": number("seconds", 0),
                    "CPU seconds": number("cpu_seconds", 0),
                    "peak GiB": number("peak_gib", 1),
                    "µs a row": number("us_per_row", 1),
                }
            ),
        ),
        Table(
            "Item text",
            "Product texts of the sample, best of three. Word2Vec with one thread repeats its vectors; two threads meet "
            "the target and do not.",
            "text_speed",
            ("measure",),
            columns(
                {
                    "measure": text("measure"),
                    "texts": number("texts", 0),
                    "ours": three_digits("ours"),
                    "unit": text("unit"),
                    "beside": text("reference"),
                    "ratio": three_digits("ratio"),
                    "target": three_digits("target"),
                    "load of the machine": number("load", 1),
                }
            ),
        ),
        Table(
            "A million item texts",
            "Peak memory of a process of each step, of which 0.27 GiB are there before it starts (interpreter, "
            "libraries, vocabulary). No step holds all texts; what is left is the result of a block. Word vectors are "
            "trained for one epoch, and the encoder reads a full cache.",
            "text_memory",
            ("measure",),
            columns(
                {
                    "step": lambda row: row["measure"].removeprefix("memory: "),
                    "texts": number("texts", 0),
                    "peak GiB": number("peak_gib", 2),
                    "of which the result": kept,
                    "seconds": number("seconds", 0),
                }
            ),
        ),
        Table(
            "The forecast of a training beside what it took",
            "Updates are forecast exactly and memory within 25 %. The share that the allocator keeps was chosen on the "
            "first four sizes and the 96 wide one, the libraries' share on the first, that of bf16 on those of 128 and "
            "256 wide; the others were measured after.",
            "forecast",
            ("size", "allocator"),
            columns(
                {
                    "size": text("size"),
                    "forecast, GiB": number("forecast_gib", 2),
                    "measured, GiB": number("memory_gib", 2),
                    "forecast / measured": number("memory_ratio", 2),
                    "seconds an epoch": number("epoch_seconds", 1),
                }
            ),
            lambda row: row["allocator"] == "glibc",
        ),
        Table(
            "Memory of the hybrids",
            "Two inputs that once took the machine: one user of 200,000 events, and 300,000 items.",
            "hybrid_memory",
            ("case", "hybrid"),
            columns(
                {
                    "case": text("case"),
                    "hybrid": text("hybrid"),
                    "forecast, GiB": number("forecast_memory_gib", 2),
                    "to fit, GiB": number("fit_gib", 2),
                    "to score all users, GiB": number("score_gib", 2),
                    "seconds to fit": number("fit_seconds", 0),
                }
            ),
        ),
    ),
)
