"""The pages of what models reach, of items and of behaviours."""

from __future__ import annotations

from report_parts import Page, Row, Rows, Table, across, bold, columns, dataset, mean, number, text

METRIC = "ndcg@10"
OF_RUNS = ("dataset", "setup", "model")
# of each data set the newest whole run of its usual protocol, and Beauty split by time
NEWEST_RUNS = {
    ("complete_journey", "global time, refit until test; four boosters"): "Complete Journey",
    ("beauty", "file order; current defaults, four boosters"): "Beauty, file order",
    (
        "beauty",
        "global time, validation from .85, refit; demand, candidates by mixture, repeats, four boosters",
    ): "Beauty, by time",
    ("movielens", "leave-one-out, file order; candidates by mixture, demand"): "MovieLens-1M",
    ("online_retail", "last basket; current defaults, four boosters"): "Online Retail",
    ("yelp", "leave-one-out, file order"): "Yelp",
}
SHOWN_OF_EVERY_RUN = ("stacked", "blend", "gpt2", "ease", "transition", "own_most_bought")

MODELS_WORDS = """What models reach, as NDCG@10 with 95 % bootstrap intervals over users, against the whole catalogue, one
seed each unless a table says otherwise. *Choosing half* is the half of the validation users that chose; *test* was read
once for each row. What the models are is told in [models](../models.md), the words of a protocol in
[protocols](../protocols.md). Test users differ by protocol, so compare within one protocol alone.
"""


def options_of(row: Row) -> str:
    """What the command set otherwise than its environment."""
    given = row["command"].partition("--set ")[2].replace(" --test", "")
    return ", ".join([*given.split(), *([] if row["text"] else ["without text"])])


def members_of(row: Row) -> str:
    """The best member by validation."""
    values = row["members_validation"]
    best = max(values, key=values.get)
    return f"{best}: {values[best]:.4f}"


def newest_runs(rows: Rows) -> list[list[str]]:
    """A line a model, a column a run; the chosen model in bold."""
    ordered = sorted(rows, key=lambda row: list(NEWEST_RUNS.values()).index(_run(row)))
    return across({"model": text("model")}, _run, bold(mean(METRIC), lambda row: row["chosen"]))(ordered)


def _run(row: Row) -> str:
    return NEWEST_RUNS[row["dataset"], row["setup"]]


MODELS = Page(
    "models",
    "Measurements: models",
    MODELS_WORDS,
    (
        Table(
            "Whole runs: every model of the newest run",
            "NDCG@10 on test; the model that validation chose is in bold. The runs of MovieLens-1M and Yelp had one "
            "booster instead of four, and that of Yelp was made before demand and the mixture; it was read on test "
            "twice, since its transition table had other options at first than the search had found.",
            "runs",
            OF_RUNS,
            newest_runs,
            lambda row: (row["dataset"], row["setup"]) in NEWEST_RUNS,
        ),
        Table(
            "Whole runs: every protocol and every stage of the hybrids",
            "A time split with a refit asks most of a model. Without the refit a model is stale by the whole validation "
            "window; the refit more than doubles the network. Ties in the order of the file are worth something to "
            "GPT-2, the transition table and the stacked ranker, nothing to the others. Rows of one data set whose "
            "protocol differs have other users.",
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
        Table(
            "Baselines, tuned on validation",
            "Each baseline with the options that one pass over a small stated grid found; `conf/<environment>` has the "
            "same ones. On Beauty and MovieLens-1M, which are sequences without repeats, the transition table is the "
            "best of them. EASE, SLIM, ALS, Item2Vec and TIFU-kNN on Beauty were read on test twice: their grids were "
            "widened where validation had chosen an edge.",
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
        Table(
            "Sequence networks",
            "GPT-2 and the `nextact` backbone are equally good on Beauty; text adds a little there, bf16 costs nothing, "
            "and BERT stays far behind. The gate by event type lowers NDCG on Complete Journey. Rows without test were "
            "compared on validation alone.",
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
        Table(
            "The stacked ranker beside its members, and without popularity",
            "The ranker is far above its best member. Little of that is owed to how popular and how old items are: "
            "without these features the choosing half falls by a hundredth. Measured with candidates by ranks and "
            "larger trees than today's defaults.",
            "hybrid",
            ("dataset", "model"),
            columns(
                {
                    "data": dataset,
                    "variant": text("model"),
                    "choosing half": number(f"validation_{METRIC}"),
                    "best member, choosing half": members_of,
                    "test": mean(METRIC),
                    "test, minus the best member": mean("difference", sign="+"),
                    "targets among the candidates": number("candidate_recall"),
                    "trees": text("trees"),
                }
            ),
        ),
    ),
)

HORIZONS_WORDS = """How good the heads for behaviour are, beside logistic regressions at the same moments, the penalty of each
chosen on held-out users. All differences are heads minus regression, paired by user, with 95 % intervals: below 0 is better
of the log loss, above 0 of the area (ROC-AUC). GPT-2, one seed, global time split; on validation the users are those on
whom the network did not stop. Design and options were chosen on Complete Journey's validation, whose values flatter for it.
[Models](../models.md#horizons) tells what the heads are.
"""

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

HORIZONS = Page(
    "horizons",
    "Measurements: horizons and the next event type",
    HORIZONS_WORDS,
    (
        Table(
            "Horizons",
            "On Complete Journey the heads are better for purchases of both kinds and taken together; for coupons, "
            "which few users redeem, nothing is shown at 1 and 7 days. About half of the gain is the days of the week: "
            "beside regressions that read them, too, a gain in log loss is left and none in the area. On Online Retail "
            "test shows no difference but for returns within 7 days, and a regression on recency and frequency alone "
            "is as good.",
            "horizons",
            OF_HORIZONS,
            columns(COMPARED),
            lambda row: row["task"] == "horizon",
        ),
        Table(
            "The next event type",
            "The heads are better than a regression on recency and frequency; one that reads the recent shares of the "
            "types, too, is as good as they are.",
            "horizons",
            OF_HORIZONS,
            columns(COMPARED),
            lambda row: row["task"] == "next event type",
        ),
    ),
)
