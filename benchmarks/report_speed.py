"""Tables of seconds and memory."""

from __future__ import annotations

from report_parts import Row, Table, columns, dataset, number, text, three_digits


def handed_on(row: Row) -> str:
    """What a step hands on in memory, GiB."""
    return "on disk" if row["result_gib"] == 0 else f"{row['result_gib']:.2f}"


TABLES = {
    "speed": Table(
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
    "evaluation": Table(
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
    "rules": Table(
        "rules",
        ("measure", "dataset", "model"),
        columns(
            {
                "model": text("model"),
                "users": number("users", 0),
                "CPU seconds without rules": number("theirs_cpu", 1),
                "with rules": number("ours_cpu", 1),
                "ratio": number("ratio_cpu", 2),
                "target": three_digits("target"),
                "ms a user": number("ms_a_user", 2),
            }
        ),
    ),
    "events": Table(
        "events",
        ("rows", "engine", "part", "memory_limit"),
        columns(
            {
                "rows": number("rows", 0),
                "engine": text("engine"),
                "part": text("part"),
                "DuckDB's limit": text("memory_limit"),
                "seconds": number("seconds", 0),
                "CPU seconds": number("cpu_seconds", 0),
                "peak GiB": number("peak_gib", 1),
                "µs a row": number("us_per_row", 1),
            }
        ),
    ),
    "text speed": Table(
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
    "text memory": Table(
        "text_memory",
        ("measure",),
        columns(
            {
                "step": lambda row: row["measure"].removeprefix("memory: "),
                "texts": number("texts", 0),
                "peak GiB": number("peak_gib", 2),
                "of which the result": handed_on,
                "seconds": number("seconds", 0),
            }
        ),
    ),
    "forecast": Table(
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
    "hybrid memory": Table(
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
}
