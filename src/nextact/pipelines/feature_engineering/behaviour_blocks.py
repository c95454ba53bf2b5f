"""What needs training events beside the text; none of it sees an event after the validation cut."""

import numpy as np
import pandas as pd

from nextact.events import columns as c
from nextact.pipelines.feature_engineering.nodes import ItemTextOptions
from nextact.pipelines.feature_engineering.text_blocks import left_out
from nextact.retrieval.words import history_weights
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, training_histories
from nextact.sequences.user_blocks import user_blocks
from nextact.text.cleaning.table import TextTable
from nextact.text.encoder.contrastive import ContrastiveOptions, tuned_block
from nextact.text.words.item2vec import ItemSentencesOptions, item2vec_block
from nextact.text.words.profiles import KeyTerms, ProfileOptions

TERM, WEIGHT, RANK = "term", "weight", "rank"
USERS_AT_ONCE = 10_000


def embed_items(
    vocabulary: pd.DataFrame, histories: Histories, cuts: Cuts, texts: ItemTextOptions, options: ItemSentencesOptions
) -> np.ndarray:
    """Item2Vec: Word2Vec whose words are items; items without training events have the zero row."""
    if "item2vec" not in texts.blocks:
        return left_out(len(vocabulary))
    known = training_histories(histories, cuts)
    return item2vec_block(known.offsets, known.item_index, len(vocabulary), options)


def tune_encoder(
    encoder: np.ndarray, histories: Histories, cuts: Cuts, texts: ItemTextOptions, options: ContrastiveOptions
) -> np.ndarray:
    """The encoder's vectors, projected so that items used together are near each other."""
    if "encoder_tuned" not in texts.blocks or not encoder.shape[1]:
        return left_out(len(encoder) - 1)
    known = training_histories(histories, cuts)
    return tuned_block(np.asarray(encoder), known.offsets, known.item_index, options)


def profile_users(
    item_tokens: TextTable, histories: Histories, users: pd.DataFrame, cuts: Cuts, options: ProfileOptions
) -> pd.DataFrame:
    """The key terms of each user's training history: ``user_id, term, weight, rank``, rank 1 first."""
    columns = [c.USER_ID, TERM, WEIGHT, RANK]
    if options.terms == 0 or not any(item_tokens.texts(c.TOKENS)):
        return pd.DataFrame({c.USER_ID: users[c.USER_ID].iloc[:0], TERM: "", WEIGHT: 0.0, RANK: 0})[columns]
    terms, known = KeyTerms(item_tokens.tokens(c.TOKENS), options), training_histories(histories, cuts)
    parts = []
    for some in user_blocks(known.n_users, most=USERS_AT_ONCE):
        found = terms.of(history_weights(known.take(some), len(item_tokens), options))
        parts.append(_profile_rows(users[c.USER_ID].iloc[some], found))
    return pd.concat(parts, ignore_index=True)[columns]


def _profile_rows(user_ids: pd.Series, found: list[list[tuple[str, float]]]) -> pd.DataFrame:
    lengths = [len(terms) for terms in found]
    flat = [pair for terms in found for pair in terms]
    return pd.DataFrame(
        {
            c.USER_ID: user_ids.repeat(lengths).to_numpy(),
            TERM: pd.Series([term for term, _ in flat], dtype="str"),
            WEIGHT: np.array([weight for _, weight in flat], np.float64),
            RANK: np.concatenate([np.arange(1, n + 1) for n in lengths]) if flat else np.zeros(0, np.int64),
        }
    )
