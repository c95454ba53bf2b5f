"""The page of what item text is worth."""

from __future__ import annotations

from collections.abc import Callable

from report_parts import Page, Row, Show, Table, across, columns, dataset, mean, number, text

METRIC = "ndcg@10"
SHOWN = 0.05  # a difference is shown below this p, corrected

WORDS = """What each block of item vectors adds, alone and in models that know behaviour. NDCG@10 on test, leave-one-out in
the order of the file, with 95 % bootstrap intervals over users; seen items are excluded on Beauty and stay on MIND-zh; one
seed. Differences are paired by user and in bold where they are shown at 5 % by Holm's correction over the comparisons of a
group. The *control* of a block is tf-idf of as many dimensions, that of a union tf-idf of all words. What the blocks are is
told in [text](../text.md).

Groups of users: *all*; *warm* and *cold*, whose target has or has not a training event (138 cold users on Beauty say
little); *withheld*, whose target has none after a tenth of the items was taken out of all histories. Dense blocks are
whitened or not, as did better on validation users.
"""


def of_block(row: Row) -> str:
    """The value, and what it has over its control where that is shown."""
    value = mean(METRIC)(row)
    return value if row.get("p_holm", 1.0) >= SHOWN else f"{value} **{row['difference']:+.4f}**"


def group(row: Row) -> str:
    """Group of users."""
    return f"{row['group']} ({row['users']:,})"


def over(control: Callable[[str], bool]) -> Show:
    """The difference to a control, in bold where it is shown."""

    def shown(row: Row) -> str:
        name = next((key for key in row if key.startswith("over ") and "_" not in key and control(key[5:])), None)
        if name is None:
            return ""
        value = mean(name, sign="+")(row)
        return f"**{value}**" if row[f"{name}_p_holm"] < SHOWN else value

    return shown


def alone(name: str, says: str) -> Table:
    """Content-kNN on each block of one data set."""
    table = across({"block": text("block"), "dimensions": number("dimensions", 0)}, group, of_block)
    return Table(
        f"Content-kNN on each block, {name}",
        says,
        "text_blocks",
        ("dataset", "block", "group"),
        table,
        lambda row: dataset(row) == name,
    )


def in_models(model: str, title: str, says: str) -> Table:
    """The blocks in a model that knows behaviour."""
    return Table(
        title,
        says,
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


PAGE = Page(
    "text",
    "Measurements: item text",
    WORDS,
    (
        alone(
            "Beauty",
            "On English titles the encoder beats tf-idf of its width by a quarter, and the two together beat tf-idf of "
            "all words on trained and on withheld items. Word2Vec and GloVe make much of few dimensions and add next to "
            "nothing to encoder and tf-idf. Syntax is below tf-idf of its width. Item2Vec, which reads no text, knows "
            "nothing of an item without events.",
        ),
        alone(
            "MIND-zh",
            "The installed encoder reads English, so it adds nothing to Chinese text. Item2Vec is the best single block.",
        ),
        in_models(
            "stacked",
            "Blocks in a stacked ranker",
            "Trees over the transition table, item-kNN and content-kNN on the block; *none* goes without content-kNN. "
            "On Beauty text lifts the ranker by up to a quarter, and the encoder gives most. On MIND-zh nothing is "
            "shown. Candidates were found by ranks.",
        ),
        in_models(
            "gpt2",
            "Blocks in GPT-2",
            "64 wide; item ids start from the block, *none* reads ids alone. On Beauty, after three epochs, tf-idf and "
            "the tuned encoder lift GPT-2 most, and the plain encoder is below tf-idf of its width. On MIND-zh every "
            "block lifts GPT-2, also Item2Vec, which reads no text: there a better start of the ids is what helps. The "
            "runs on MIND-zh are older than the treatment of items without events.",
        ),
        Table(
            "GloVe beside Word2Vec",
            "Of the ten nearest neighbours of the 300 most frequent words both models name a third, 25 times what chance "
            "gives: they find each other's main neighbours, not the same structure.",
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
    ),
)
