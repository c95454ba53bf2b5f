"""What each block of item vectors is worth: content-kNN on it against plain tf-idf of as many dimensions.

    python benchmarks/text_blocks.py beauty --data FOLDER --cache FOLDER
    python benchmarks/text_blocks.py mind_zh --data FOLDER --cache FOLDER

FOLDER holds ``amazon_beauty_s3rec`` and ``mind_sample_zh``. Protocol: leave-one-out in the order of the file, full
ranking; seen items are excluded on Beauty and stay on MIND-zh. Content-kNN has its defaults for all blocks; dense ones,
the controls among them, are whitened or not, as does better on a fixed sample of validation users. Blocks that learn
from events see those before the last two of each user.

Groups of users: ``all``; ``warm`` and ``cold``, whose target has or has not a training event; ``withheld``, whose
target has none after a tenth of the items was taken out of all histories. One line a block and group is appended to
the results.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from text_tasks import Task, beauty, cuts, mind_zh, stamp, without

from nextact.metrics.comparison import Comparison, bootstrap_intervals, holm, paired_comparison
from nextact.models.baselines.baseline_options import ContentKNNOptions
from nextact.models.baselines.content import ContentKNN
from nextact.models.recommender import FitContext, Training
from nextact.retrieval.scoring import evaluate
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout, make_holdout, training_histories
from nextact.text.cleaning.cleaning import CleaningOptions, clean_texts
from nextact.text.encoder.contrastive import ContrastiveOptions, tuned_block
from nextact.text.encoder.encoder import EncoderOptions, encode
from nextact.text.encoder.pooling import sif_item_vectors, unit_rows
from nextact.text.syntax.syntax_block import SyntaxOptions, item_syntax
from nextact.text.words.glove import GloVeOptions, train_glove
from nextact.text.words.item2vec import ItemSentencesOptions, item2vec_block
from nextact.text.words.tfidf import reduce, tfidf_vectors
from nextact.text.words.word2vec import Word2VecOptions, train_word2vec

RESULTS = Path(__file__).parent / "results" / "text_blocks.jsonl"
METRICS = ("ndcg@10", "hit_rate@10", "mrr@10")
WITHHELD_SHARE = 0.1
VALIDATION_USERS = 5_000
FEWEST_USERS = 100
WORDS = "tfidf, all words"


class Blocks:
    """Item vectors [n_items + 1, dimensions] by name, made when they are asked for; the text is read once."""

    def __init__(self, task: Task, cache: Path) -> None:
        self.task, self.cache = task, cache
        tokens = clean_texts(task.texts, CleaningOptions(language=task.language))
        self.tokens = tokens
        self.words, _ = tfidf_vectors(tokens, min_count=2)
        self._made: dict[str, np.ndarray] = {}

    def of_text(self) -> dict[str, np.ndarray]:
        """The blocks that read no event."""
        if not self._made:
            makers: dict[str, Callable[[], np.ndarray]] = {
                "tfidf": lambda: reduce(self.words, 384),
                "word2vec": lambda: sif_item_vectors(
                    self.tokens, train_word2vec(self.tokens, Word2VecOptions(subsample=0.0))
                ),
                "glove": lambda: sif_item_vectors(self.tokens, train_glove(self.tokens, GloVeOptions())),
                "syntax": self._syntax,
                "encoder": self._encoder,
            }
            for name, make in makers.items():
                started = time.perf_counter()
                self._made[name] = padded(make())
                print(f"{name}: {self._made[name].shape} in {time.perf_counter() - started:.0f} s", flush=True)
        return {name: block for name, block in self._made.items() if block.shape[1]}

    def of_events(self, known: Histories) -> dict[str, np.ndarray]:
        """The blocks that learn from training events."""
        encoder = padded(self._encoder())  # in the cache, if it was made before
        return {
            "encoder_tuned": tuned_block(encoder, known.offsets, known.item_index, ContrastiveOptions()),
            "item2vec": item2vec_block(known.offsets, known.item_index, self.task.n_items, ItemSentencesOptions()),
        }

    def _encoder(self) -> np.ndarray:
        return encode(self.task.texts, EncoderOptions(), self.cache, progress=False)

    def _syntax(self) -> np.ndarray:
        return item_syntax(self.task.texts, [self.task.language] * self.task.n_items, SyntaxOptions()).vectors


def padded(vectors: np.ndarray) -> np.ndarray:
    """A zero row before the items."""
    return np.vstack([np.zeros((1, vectors.shape[1]), np.float32), vectors]).astype(np.float32)


def union(blocks: dict[str, np.ndarray], names: list[str]) -> np.ndarray:
    """Blocks side by side, each centred over its items and scaled to length 1, so that each has the same say."""
    parts = []
    for name in names:
        has_vector = blocks[name].any(axis=1, keepdims=True)
        mean = blocks[name][has_vector.ravel()].mean(axis=0)
        parts.append(unit_rows(np.where(has_vector, blocks[name] - mean, 0)))
    return np.hstack(parts)


def with_unions(blocks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The blocks, and unions worth knowing."""
    text = [name for name in ("tfidf", "word2vec", "glove", "syntax", "encoder") if name in blocks]
    wanted = {
        "encoder + tfidf": ["encoder", "tfidf"],
        "encoder_tuned + tfidf": ["encoder_tuned", "tfidf"],
        "encoder_tuned + item2vec": ["encoder_tuned", "item2vec"],
        "all of text": text,
        "all": [*text, "encoder_tuned", "item2vec"],
    }
    return blocks | {name: union(blocks, parts) for name, parts in wanted.items()}


def controls(blocks: dict[str, np.ndarray], words: object) -> dict[str, object]:
    """Tf-idf of as many dimensions as each block; with all words for unions, which are wider than its best."""
    from scipy.sparse import csr_matrix, vstack

    full = vstack([csr_matrix((1, words.shape[1]), dtype=np.float32), words]).tocsr()
    widths = {name: block.shape[1] for name, block in blocks.items() if "+" not in name and not name.startswith("all")}
    reduced = {f"tfidf, {width}": blocks["tfidf"][:, :width] for width in sorted(set(widths.values()))}
    return {WORDS: full} | reduced


def scores(
    task: Task, histories: Histories, block: object, holdout: Holdout, whitening: bool = False
) -> dict[str, np.ndarray]:
    """Metrics of content-kNN of each user of a holdout."""
    model = ContentKNN(ContentKNNOptions(block="block", whitening=whitening))
    model.fit(
        Training(histories, task.n_items, ("event",), {"block": block}, holdout, task.exclude_seen, FitContext(0))
    )
    found = evaluate(model, holdout, task.exclude_seen, (10,))
    return {name: found[name] for name in METRICS}


def best_whitening(task: Task, histories: Histories, block: object, validation: Holdout) -> tuple[bool, float]:
    """The whitening that does better on validation users, and its NDCG@10."""
    tried = (False, True) if isinstance(block, np.ndarray) else (False,)
    found = {one: float(scores(task, histories, block, validation, one)["ndcg@10"].mean()) for one in tried}
    best = max(found, key=lambda one: found[one])
    return best, found[best]


@dataclass(frozen=True)
class Found:
    """Values a user of one block, and what was chosen on validation."""

    values: dict[str, np.ndarray]
    dimensions: int
    whitening: bool
    validation_ndcg: float


def rows(
    task: Task, found: dict[str, Found], control_of: dict[str, str], groups: dict[str, np.ndarray]
) -> Iterator[dict[str, object]]:
    """One row a block and group."""
    for group, members in groups.items():
        if members.sum() < FEWEST_USERS:
            continue
        values = {name: {metric: one.values[metric][members] for metric in METRICS} for name, one in found.items()}
        tests = {
            name: paired_comparison(own["ndcg@10"], values[control_of[name]]["ndcg@10"])
            for name, own in values.items()
            if control_of[name] != name
        }
        adjusted = holm({name: test.p_value for name, test in tests.items()})
        for name, own in values.items():
            row = {"dataset": task.name, "group": group, "block": name, "users": int(members.sum())}
            row |= {"dimensions": found[name].dimensions, "whitened": found[name].whitening}
            row |= {"validation_ndcg@10": round(found[name].validation_ndcg, 5)}
            for metric, interval in bootstrap_intervals(own).items():
                ends = {"": interval.mean, "_low": interval.low, "_high": interval.high}
                row |= {f"{metric}{end}": round(value, 5) for end, value in ends.items()}
            if name in tests:
                row |= _compared(control_of[name], tests[name], adjusted[name])
            yield row


def _compared(control: str, test: Comparison, p_holm: float) -> dict[str, object]:
    ends = {"difference": test.difference, "difference_low": test.low, "difference_high": test.high, "p_holm": p_holm}
    return {"control": control} | {name: round(value, 5) for name, value in ends.items()}


def run(task: Task, cache: Path) -> Iterator[dict[str, object]]:
    """All groups of a data set."""
    made = Blocks(task, cache)
    for protocol, histories in protocols(task):
        known = training_histories(histories, cuts(histories, 2))
        blocks = with_unions(made.of_text() | made.of_events(known))
        control = controls(blocks, made.words)
        control_of = {name: _control_of(name, block) for name, block in blocks.items()} | dict(
            zip(control, control, strict=True)
        )
        holdout, validation = make_holdout(histories, cuts(histories, 1), 1), _validation(histories)
        found = {}
        for name, block in (control | {name: block for name, block in blocks.items() if name != "tfidf"}).items():
            whitening, ndcg = best_whitening(task, known, block, validation)
            values = scores(task, known, block, holdout, whitening)
            found[name] = Found(values, block.shape[1], whitening, ndcg)
            print(f"{protocol} {name}: {values['ndcg@10'].mean():.4f}, whitened {whitening}", flush=True)
        yield from rows(task, found, control_of, groups(protocol, known, holdout, task.n_items))


def _validation(histories: Histories) -> Holdout:
    """The validation holdout of a fixed sample of users."""
    users = np.random.default_rng(1).permutation(histories.n_users)[:VALIDATION_USERS]
    return make_holdout(histories, cuts(histories, 2), 1, np.sort(users))


def _control_of(name: str, block: np.ndarray) -> str:
    return WORDS if "+" in name or name.startswith("all") else f"tfidf, {block.shape[1]}"


def protocols(task: Task) -> Iterator[tuple[str, Histories]]:
    """The log as it is, and with a tenth of the items withheld from all histories."""
    yield "leave-one-out", task.histories
    random = np.random.default_rng(0)
    chosen = random.choice(np.arange(1, task.n_items + 1), int(WITHHELD_SHARE * task.n_items), replace=False)
    yield "withheld", without(task.histories, chosen)


def groups(protocol: str, known: Histories, holdout: Holdout, n_items: int) -> dict[str, np.ndarray]:
    """Which users count, by the training events of their target."""
    is_warm = np.bincount(known.item_index, minlength=n_items + 1)[holdout.targets.item_index] > 0
    if protocol == "withheld":
        return {"withheld": ~is_warm}
    return {"all": np.ones(len(is_warm), np.bool_), "warm": is_warm, "cold": ~is_warm}


def main() -> None:
    """Measure one data set and append to the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=["beauty", "mind_zh"])
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--cache", type=Path, required=True, help="folder of the encoder's cache")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    task = {"beauty": beauty, "mind_zh": mind_zh}[asked.dataset](asked.data)
    print(f"{task.name}: {task.histories.n_users:,} users, {task.n_items:,} items, {task.histories.n_events:,} events")
    named = {
        "protocol": "leave-one-out",
        "ties": "file",
        "seen_items": "excluded" if task.exclude_seen else "kept",
        "model": "content_knn",
    } | stamp(f"python benchmarks/text_blocks.py {asked.dataset}")
    with asked.results.open("a", encoding="utf-8") as file:
        for row in run(task, asked.cache):
            file.write(json.dumps(row | named, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
