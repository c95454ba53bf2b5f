"""The page of what each choice of a protocol does to the numbers."""

from __future__ import annotations

from collections.abc import Callable

from report_parts import Page, Row, Show, Table, across, columns, dataset, mean, number, text

KEY = ("dataset", "choice", "value", "model")
METRIC = "ndcg@10"
BOTH = ("complete_journey", "beauty")
MODELS = ("popularity", "transition", "own_most_bought")

WORDS = """How much one choice changes the numbers of three models that have next to nothing to tune: popularity, a
transition table of one lag, and each user's most bought items. Each choice is explained in [protocols](../protocols.md).
All values are NDCG@10 on test against the whole catalogue, with 95 % bootstrap intervals over users.

One choice at a time departs from the *first protocol* of each data set:

| | Complete Journey | Beauty |
| --- | --- | --- |
| what it is | a year of purchases of 2,469 households | Amazon reviews of 2014, cut to the 5-core of the whole log by others |
| split | `global_time`, 80 % / 10 % / 10 % of events | `leave_one_out` |
| steps | baskets: events of one moment are one step | single events |
| k-core | items of 20 training events, on the training window | none of ours |
| seen items | may be recommended again | excluded |
| ties | order of the file | order of the file |
"""


def variant(row: Row) -> str:
    """What departs from the first protocol."""
    return "first protocol" if row["choice"] == "protocol" else f"{row['choice']}: {row['value']}"


def of(*choices: str, datasets: tuple[str, ...] = BOTH) -> Callable[[Row], bool]:
    """The first protocols and the variants of these choices."""
    return lambda row: row["choice"] in ("protocol", *choices) and row["dataset"] in datasets


def share(name: str) -> Show:
    """In per cent."""
    return lambda row: f"{row[name]:.1%}"


def ratios(row: Row) -> str:
    """Targets per training event of the three rarest groups of items."""
    return ", ".join(f"{name}: {ratio:g}" for name, ratio in list(row["targets_per_training_event"].items())[:3])


def models(title: str, says: str, keep: Callable[[Row], bool], **more: Show) -> Table:
    """A line a variant, a column a model."""
    shown = {"": dataset, "variant": variant, "users": number("users", 0)}
    shown |= {name.replace("_", " "): show for name, show in more.items()}
    table = across(shown, text("model"), mean(METRIC))
    return Table(title, says, "protocols", KEY, lambda rows: table(sorted(rows, key=_place)), keep)


def _place(row: Row) -> int:
    """Data set by data set, the first protocol first."""
    return 2 * BOTH.index(row["dataset"]) + (row["choice"] != "protocol")


TABLES = (
    models(
        "Split",
        "Under the time split of Beauty the transition table loses four fifths of its value: nothing is known of what "
        "others did later, and a fifth of the targets is new. On Complete Journey leave-one-out is no easier.",
        of("split"),
        targets_outside_the_catalogue=share("missing_share"),
        items=number("items", 0),
    ),
    models(
        "k-core: which window",
        "The last number before the models is targets per training event, by the item's training events, relative to "
        "the mean; 1 means that the past foretells the future. It is near 1 with the training window and with no "
        "filter. With the whole log rare items are targets far too often, and every model gains from it.",
        of("k-core window", "k-core"),
        targets_outside_the_catalogue=share("missing_share"),
        targets_per_training_event=ratios,
    ),
    models(
        "Ties",
        "A fifth of what the transition table knows on Beauty is the order of the file. Popularity rises by nearly "
        "half when ties are shuffled: the file tends to put rarer items last in a day.",
        of("ties", datasets=("beauty",)),
    ),
    models(
        "Baskets",
        "The two settings answer different questions, so their values must not be compared. On Beauty a fifth of the "
        "users have too few days left to hold two of them out.",
        of("baskets"),
    ),
    models(
        "Seen items",
        "Where people buy again, excluding seen items takes away most of what can be predicted. Beauty holds no "
        "repeats, so excluding them helps every model there.",
        of("exclude_seen"),
        targets_in_the_history=share("in_history_share"),
    ),
    Table(
        "All targets, and those that can be reached",
        "The first value is what users get, the second what the model makes of what it may recommend.",
        "protocols",
        KEY,
        columns(
            {
                "": dataset,
                "variant": variant,
                "model": text("model"),
                "all targets": mean(METRIC),
                "reachable": number(f"reachable_{METRIC}"),
                "users": number("users", 0),
                "users with a reachable one": number("users_reachable", 0),
            }
        ),
        of("exclude_seen"),
    ),
    Table(
        "Validation halves",
        "The best of forty random blends of the three models, on the users that chose it and on as many others. With a "
        "thousand users the choice hardly flatters itself; with a hundred or fewer it does, by a tenth on Beauty.",
        "protocols",
        KEY,
        columns(
            {
                "": dataset,
                "users that chose": number("users", 0),
                "the winner on them": number("chosen_on"),
                "on as many others": number("others"),
            }
        ),
        lambda row: row["choice"] == "validation halves",
    ),
    models(
        "Refit",
        "On Beauty under the time split the transition table is worth 1.7 times as much after the refit, since nine "
        "weeks of reviews lie in the validation window. On Complete Journey models of order gain 4 %, and each "
        "user's most bought items gain nothing.",
        of("refit"),
    ),
    Table(
        "Full ranking and sampled negatives",
        "Ranking against a hundred random items answers an easier question and changes what models are worth beside "
        "each other: on Beauty the transition table is worth eight times popularity in the full ranking, a third more "
        "in the sampled one. Sampled values appear nowhere else. Here each user has one relevant item that can be "
        "reached, so the full ranking differs from the tables above.",
        "protocols",
        KEY,
        across({"": dataset, "model": text("model")}, text("value"), number(METRIC)),
        lambda row: row["choice"] == "candidates",
    ),
    Table(
        "Paired intervals",
        "Where two models serve the same users well, as on Complete Journey, two separate intervals waste most of what "
        "is known. Where they serve different users, as on Beauty, pairing costs nothing.",
        "protocols",
        KEY,
        columns(
            {
                "": dataset,
                "users": number("users", 0),
                "transition minus popularity": mean("difference", "paired", sign="+"),
                "width, paired": number("paired_width"),
                "width, not paired": number("unpaired_width"),
                "p": number("p_value"),
            }
        ),
        lambda row: row["choice"] == "intervals",
    ),
)

PAGE = Page("protocols", "Measurements: protocols", WORDS, TABLES)
