"""Tables of what item text is worth."""

from __future__ import annotations

from collections.abc import Callable

from report_parts import Row, Show, Table, across, columns, dataset, mean, number, text

METRIC = "ndcg@10"
SHOWN = 0.05  # a difference is shown below this p, corrected


def of_block(row: Row) -> str:
    """The value, and what it has over its control where that is shown."""
    value = mean(METRIC)(row)
    return value if row.get("p_holm", 1.0) >= SHOWN else f"{value} **{row['difference']:+.4f}**"


def group(row: Row) -> str:
    """Group of users."""
    return f"{row['group']} ({row['users']:,})"


def over(control: Callable[[str], bool]) -> Show:
    """The difference to a control, in bold where it is shown; empty where there is no such control."""

    def shown(row: Row) -> str:
        name = next((key for key in row if key.startswith("over ") and "_" not in key and control(key[5:])), None)
        if name is None:
            return ""
        value = mean(name, sign="+")(row)
        return f"**{value}**" if row[f"{name}_p_holm"] < SHOWN else value

    return shown


def alone(name: str) -> Table:
    """Content-kNN on each block of one data set."""
    return Table(
        "text_blocks",
        ("dataset", "block", "group"),
        across({"block": text("block"), "dimensions": number("dimensions", 0)}, group, of_block),
        lambda row: row["dataset"] == name,
    )


def in_models(model: str) -> Table:
    """The blocks in a model that knows behaviour."""
    return Table(
        "text_models",
        ("dataset", "model", "block", "group"),
        columns(
            {
                "data": dataset,
                "users": group,
                "block": text("block"),
                "NDCG@10": mean(METRIC),
                "over tf-idf of its width": over(lambda name: name.startswith("tfidf")),
                "over no text": over(lambda name: name == "none"),
            }
        ),
        lambda row: row["model"] == model,
    )


TABLES = {
    "blocks alone, Beauty": alone("beauty"),
    "blocks alone, MIND-zh": alone("mind_zh"),
    "blocks in stacked": in_models("stacked"),
    "blocks in gpt2": in_models("gpt2"),
    "word neighbours": Table(
        "word_neighbours",
        ("dataset",),
        columns(
            {
                "texts": dataset,
                "items": number("items", 0),
                "words": number("words", 0),
                "GloVe and Word2Vec": lambda row: f"{row['glove_word2vec']:.2f} ± {row['standard_error']:.2f}",
                "GloVe, another seed": number("glove_other_seed", 2),
                "Word2Vec, another seed": number("word2vec_other_seed", 2),
                "GloVe's neighbours of another word": number("another_word", 3),
                "drawn at random": number("uniform", 3),
            }
        ),
    ),
}
