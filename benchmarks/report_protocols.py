"""Tables of what each choice of a protocol does to the numbers."""

from __future__ import annotations

from collections.abc import Callable

from report_parts import Row, Show, Table, across, columns, dataset, mean, number, text

KEY = ("dataset", "choice", "value", "model")
METRIC = "ndcg@10"
BOTH = ("complete_journey", "beauty")


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


def models(keep: Callable[[Row], bool], **more: Show) -> Table:
    """A line a variant, a column a model."""
    shown = {"data": dataset, "variant": variant, "users": number("users", 0)}
    shown |= {name.replace("_", " "): show for name, show in more.items()}
    table = across(shown, text("model"), mean(METRIC))
    return Table("protocols", KEY, lambda rows: table(sorted(rows, key=_place)), keep)


def _place(row: Row) -> int:
    """Data set by data set, the first protocol first."""
    return 2 * BOTH.index(row["dataset"]) + (row["choice"] != "protocol")


TABLES = {
    "split": models(
        of("split"), targets_outside_the_catalogue=share("missing_share"), items_in_the_catalogue=number("items", 0)
    ),
    "core": models(
        of("k-core window", "k-core"),
        targets_outside_the_catalogue=share("missing_share"),
        targets_per_training_event=ratios,
    ),
    "ties": models(of("ties", datasets=("beauty",))),
    "baskets": models(of("baskets")),
    "seen": models(of("exclude_seen"), targets_in_the_history=share("in_history_share")),
    "refit": models(of("refit")),
    "refit policies": Table(
        "refit",
        ("dataset", "window", "model", "policy"),
        columns(
            {
                "data": dataset,
                "model": text("model"),
                "policy": text("policy"),
                METRIC: mean(METRIC),
                "less `none`": lambda row: (
                    f"{row['difference']:+.4f} [{row['difference_low']:+.4f}, {row['difference_high']:+.4f}]"
                ),
                "seconds": number("refit_seconds", 0),
            }
        ),
    ),
    "reachable": Table(
        "protocols",
        KEY,
        columns(
            {
                "data": dataset,
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
    "halves": Table(
        "protocols",
        KEY,
        columns(
            {
                "data": dataset,
                "users that chose": number("users", 0),
                "the winner on them": number("chosen_on"),
                "on as many others": number("others"),
            }
        ),
        lambda row: row["choice"] == "validation halves",
    ),
    "candidates": Table(
        "protocols",
        KEY,
        across({"data": dataset, "model": text("model")}, text("value"), number(METRIC)),
        lambda row: row["choice"] == "candidates",
    ),
    "intervals": Table(
        "protocols",
        KEY,
        columns(
            {
                "data": dataset,
                "users": number("users", 0),
                "transition minus popularity": mean("difference", "paired", sign="+"),
                "width, paired": number("paired_width"),
                "width, not paired": number("unpaired_width"),
                "p": number("p_value"),
            }
        ),
        lambda row: row["choice"] == "intervals",
    ),
}
