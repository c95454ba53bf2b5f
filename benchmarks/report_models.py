"""Tables of what models reach, of items and of behaviours."""

from __future__ import annotations

from report_parts import Lines, Row, Rows, Table, across, bold, columns, dataset, mean, number, text

METRIC = "ndcg@10"
OF_RUNS = ("dataset", "setup", "model")
SAMPLE = ("complete_journey", "global time, gone on until test; four boosters")
BEAUTY = ("beauty", "file order; current defaults, four boosters")
MOVIELENS = ("movielens", "leave-one-out, file order; candidates by mixture, demand")
YELP = ("yelp", "leave-one-out, file order")
# the newest whole run of each data set in its usual protocol, and Beauty split by time
NEWEST_RUNS = {
    SAMPLE: "Complete Journey",
    ("complete_journey", "every block of vectors and every model; gone on until test"): "Complete Journey, every model",
    BEAUTY: "Beauty, file order",
    (
        "beauty",
        "global time, validation from .85, refit; demand, candidates by mixture, repeats, four boosters",
    ): "Beauty, by time",
    MOVIELENS: "MovieLens-1M",
    ("online_retail", "last basket; current defaults, four boosters"): "Online Retail",
    YELP: "Yelp",
}
SHOWN_OF_EVERY_RUN = ("stacked", "blend", "gpt2", "ease", "transition", "personal_popularity")
PUBLISHED = {  # NDCG@10 of the papers and repositories that the README names
    BEAUTY: ("Amazon Beauty 2014", "SASRec .0318, S3-Rec .0327, TIGER .0384, HG-Rec .0473"),
    MOVIELENS: ("MovieLens-1M", "BERT4Rec .1516, gSASRec .1726"),
    YELP: ("Yelp 2019", "SASRec .0136, S3-Rec .0168, HG-Rec .0233"),
}


def run(row: Row) -> tuple[str, str]:
    """The run of a row."""
    return row["dataset"], row["setup"]


def newest_runs(rows: Rows) -> Lines:
    """A line a model, a column a run; the chosen model in bold."""
    ordered = sorted(rows, key=lambda row: list(NEWEST_RUNS).index(run(row)))
    chosen = bold(mean(METRIC), lambda row: row["chosen"])
    return across({"model": text("model")}, lambda row: NEWEST_RUNS[run(row)], chosen)(ordered)


def beside_published(rows: Rows) -> Lines:
    """A line a data set: what others published, GPT-2 here, and the best model here on validation."""
    lines = [["data", "published", "GPT-2 here", "chosen here"]]
    for one, (name, published) in PUBLISHED.items():
        own = {row["model"]: row for row in rows if run(row) == one}
        (chosen,) = (row for row in own.values() if row["chosen"])
        best = f"{chosen['model']} {mean(METRIC)(chosen)}"
        lines.append([name, published, mean(METRIC)(own["gpt2"]), best])
    return lines


def options_of(row: Row) -> str:
    """What the command set otherwise than its environment."""
    given = row["command"].partition("--set ")[2].replace(" --test", "")
    return ", ".join([*given.split(), *([] if row["text"] else ["without text"])])


def best_member(row: Row) -> str:
    """The best member by validation."""
    values = row["members_validation"]
    best = max(values, key=values.get)
    return f"{best}: {values[best]:.4f}"


COMPARED = {
    "data": dataset,
    "part": text("part"),
    "regression reads": text("reference"),
    "event type": text("event_type"),
    "within days": text("horizon_days"),
    "log loss": mean("log_loss_difference", "log_loss", sign="+"),
    "ROC-AUC": mean("roc_auc_difference", "roc_auc", sign="+"),
    "users": number("users", 0),
}
OF_HORIZONS = ("dataset", "part", "task", "event_type", "horizon_days", "reference")

TABLES = {
    "leaderboard": Table(
        "runs",
        OF_RUNS,
        columns(
            {
                "model": bold(text("model"), lambda row: row["chosen"]),
                "validation NDCG@10": number(f"validation_{METRIC}"),
                "test NDCG@10": mean(METRIC),
            }
        ),
        lambda row: run(row) == SAMPLE,
    ),
    "published": Table("runs", OF_RUNS, beside_published, lambda row: run(row) in PUBLISHED),
    "newest runs": Table("runs", OF_RUNS, newest_runs, lambda row: run(row) in NEWEST_RUNS),
    "all runs": Table(
        "runs",
        OF_RUNS,
        columns(
            {
                "data": dataset,
                "setup": text("setup"),
                "model": bold(text("model"), lambda row: row["chosen"]),
                "choosing half": number(f"validation_{METRIC}"),
                "test": mean(METRIC),
                "users": number("users", 0),
                "protocol": text("protocol"),
            }
        ),
        lambda row: row["model"] in SHOWN_OF_EVERY_RUN,
    ),
    "baselines": Table(
        "baselines",
        ("dataset", "model"),
        columns(
            {
                "data": dataset,
                "model": text("model"),
                "validation": number(f"validation_{METRIC}"),
                "test": mean(METRIC),
                "hit rate@10": number("hit_rate@10"),
                "seconds to fit": number("fit_seconds", 1),
                "peak GiB": number("peak_gib", 2),
            }
        ),
    ),
    "networks": Table(
        "quality",
        ("setup", "model", "seed", "command"),
        columns(
            {
                "data": dataset,
                "setup": text("setup"),
                "model": text("model"),
                "set on the command line": options_of,
                "seed": text("seed"),
                "choosing half": number(f"validation_{METRIC}"),
                "test": mean(METRIC),
                "best epoch": text("best_epoch"),
                "seconds to fit": number("fit_seconds", 0),
            }
        ),
    ),
    "stacked and members": Table(
        "hybrid",
        ("dataset", "model"),
        columns(
            {
                "data": dataset,
                "variant": text("model"),
                "choosing half": number(f"validation_{METRIC}"),
                "best member, choosing half": best_member,
                "test": mean(METRIC),
                "test, minus the best member": mean("difference", sign="+"),
                "targets among the candidates": number("candidate_recall"),
                "trees": text("trees"),
            }
        ),
    ),
    "horizons": Table("horizons", OF_HORIZONS, columns(COMPARED), lambda row: row["task"] == "horizon"),
    "next event type": Table("horizons", OF_HORIZONS, columns(COMPARED), lambda row: row["task"] == "next event type"),
}
