"""A table for each domain: what the run's models reach on test beside popularity and counting."""

from __future__ import annotations

from report_parts import Lines, Row, Rows, Table, mean

METRIC = "ndcg@10"
COUNTING = {"popularity": "popularity", "personal_popularity": "own counts (personal_popularity)"}
HORIZONS = {  # event type and days of the rows that are shown; a domain's page says which others there are
    "bank": (("cash_withdrawal", 30), ("transfer_out", 30), ("loan_grant", 30)),
    "clinic": (("encounter", 180), ("immunization", 365), ("condition", 365)),
    "social": (("view", 7), ("like", 30), ("comment", 30)),
    "marketplace": (("view", 1), ("cart", 1), ("buy", 1)),
    "purchases": (("purchase", 7), ("purchase", 30), ("purchase", 90)),
}


def lines(rows: Rows) -> Lines:
    """A line a comparison: a model, the simple way beside it (of two the better), and the paired difference."""
    found = [["predicted", "by", "on test", "simple way", "reaches", "difference"]]
    types = [row for row in rows if row["task"] == "next event type"]
    hardest = [row for row in types if row["difference"] == max(one["difference"] for one in types)]
    horizons = [row for row in rows if row["task"] == "horizon"]
    return [*found, *next_item(rows), *(of_behaviour(row) for row in hardest + horizons)]


def next_item(rows: Rows) -> Lines:
    """The chosen model beside the best baseline, popularity and the user's own counts; nothing where all are equal."""
    tested = [row for row in rows if row["task"] == "next item"]
    if len({row[METRIC] for row in tested}) == 1:
        return []
    (chosen,) = (row for row in tested if row["chosen"])
    other = "other " if chosen["family"] == "baselines" else ""
    simple = [row for row in tested if row is not chosen and (row["best_baseline"] or row["model"] in COUNTING)]
    return [
        [
            "next item, NDCG@10",
            chosen["model"],
            mean(METRIC)(chosen),
            COUNTING.get(row["model"], f"{row['model']}, the best {other}baseline"),
            f"{row[METRIC]:.4f}",
            mean("difference", sign="+")(row),
        ]
        for row in simple
    ]


def of_behaviour(row: Row) -> list[str]:
    """What a model says of behaviour beside a way of counting; lower is better."""
    unit = "day" if row.get("horizon_days") == 1 else "days"
    within = f"{row['event_type']} within {row['horizon_days']} {unit}" if row["task"] == "horizon" else row["task"]
    reached = f"{row['log_loss'] - row['difference']:.4f}"
    difference = mean("difference", sign="+")(row)
    return [f"{within}, log loss", row["model"], mean("log_loss")(row), row["beside"], reached, difference]


def of_domain(environment: str) -> Table:
    """The table of a domain."""

    def keep(row: Row) -> bool:
        of_horizon = (row.get("event_type"), row.get("horizon_days")) in HORIZONS[environment]
        return row["environment"] == environment and (row["task"] in ("next item", "next event type") or of_horizon)

    return Table("domains", ("environment", "task", "model", "beside", "event_type", "horizon_days"), lines, keep)


TABLES = {environment: of_domain(environment) for environment in HORIZONS}
