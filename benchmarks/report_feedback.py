"""The page of what the feedback pipeline finds where the truth is known."""

from __future__ import annotations

from report_parts import Page, Row, Table, columns, mean, number, text

WORDS = """The feedback pipeline on the generated shop of the environment `test`, whose truth is known: 60 users, 6,000 shown items.
What the numbers mean and when to trust them is told in [feedback](../feedback.md).
"""


def examined(row: Row) -> str:
    """How often the place is looked at; the first one is the measure."""
    return "1" if row["rank"] == 1 else mean("examination", digits=3)(row)


PAGE = Page(
    "feedback",
    "Measurements: feedback",
    WORDS,
    (
        Table(
            "Position bias",
            "Pairs of a user and an item that were shown at both places find how often a place is looked at. Of four "
            "95 % intervals one may miss.",
            "feedback",
            ("measure", "rank"),
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
        Table(
            "What a policy would have earned",
            "The robust estimate of the greedy policy covers what it would earn. Places further down are refused where "
            "the log says too little of them.",
            "feedback",
            ("measure", "policy", "rank"),
            columns(
                {
                    "policy": text("policy"),
                    "rank": text("rank"),
                    "rows": number("rows", 0),
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
    ),
)
