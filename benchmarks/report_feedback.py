"""Tables of what the feedback pipeline finds where the truth is known."""

from __future__ import annotations

from report_parts import Row, Table, columns, mean, number, text


def examined(row: Row) -> str:
    """How often the place is looked at; the first one is the measure."""
    return "1" if row["rank"] == 1 else mean("examination", digits=3)(row)


TABLES = {
    "position bias": Table(
        "feedback",
        ("measure", "rank", "policy"),
        columns(
            {
                "rank": text("rank"),
                "answered per shown": mean("answered", digits=3),
                "looked at, found": examined,
                "looked at, in truth": number("truth", 1),
                "by": text("method"),
            }
        ),
        lambda row: row["measure"] == "place",
    ),
    "policies": Table(
        "feedback",
        ("measure", "rank", "policy"),
        columns(
            {
                "policy": text("policy"),
                "rank": text("rank"),
                "effective rows": number("effective_rows", 1),
                "earned": mean("earned", digits=3),
                "ips": mean("ips", digits=3),
                "snips": mean("snips", digits=3),
                "clipped_ips": mean("clipped_ips", digits=3),
                "doubly_robust": mean("doubly_robust", digits=3),
                "in truth": number("truth", 3),
                "refused because": text("refused"),
            }
        ),
        lambda row: row["measure"] == "policy",
    ),
}
