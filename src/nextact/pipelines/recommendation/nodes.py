"""Thin nodes over :mod:`nextact.retrieval`."""

from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd

from nextact.events import columns as c
from nextact.models.registry import ModelFolder
from nextact.options import options
from nextact.protocol import Certificate, require_same_run
from nextact.retrieval.reasons import reasons
from nextact.retrieval.scoring import fit_temperature, log_softmax, masked_scores, top_k, user_blocks
from nextact.retrieval.summary import leaderboard_lines, user_lines
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, make_holdout, validation_halves


@options
class RecommendationOptions:
    """What is recommended.

    Attributes:
        top_k: Items per user.
    """

    top_k: int = 10

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, got {self.top_k}")


def calibrate(
    chosen_model: dict[str, Any], histories: Histories, cuts: Cuts, certificate: Certificate, event_types: list[str]
) -> float:
    """Softmax temperature of the chosen model, on the half of the validation users that did not choose it."""
    require_same_run("chosen_model", chosen_model, certificate, "model_training")
    fit_half, _ = validation_halves(histories.n_users, certificate["provenance"]["seed"])
    holdout = make_holdout(histories, cuts, len(event_types), fit_half)
    model = ModelFolder(Path(chosen_model["folder"])).open()
    return fit_temperature(model, holdout, certificate["protocol"]["exclude_seen"])


def recommend(
    chosen_model: dict[str, Any],
    temperature: float,
    histories: Histories,
    users: pd.DataFrame,
    item_texts: pd.DataFrame,
    certificate: Certificate,
    options: RecommendationOptions,
) -> pd.DataFrame:
    """The best items of every user after all their events: rank, score, probability, reason, and the run's name."""
    require_same_run("chosen_model", chosen_model, certificate, "model_training")
    model = ModelFolder(Path(chosen_model["folder"])).open()
    names = ["", *(text or item for text, item in zip(item_texts[c.ITEM_TEXT], item_texts[c.ITEM_ID], strict=True))]
    item_ids = np.array(["", *item_texts[c.ITEM_ID]], dtype=object)
    parts = []
    for which in user_blocks(histories.n_users):
        block = histories.take(which)
        scores = masked_scores(model, block, certificate["protocol"]["exclude_seen"])
        best = top_k(scores, options.top_k)
        rows = np.arange(len(which))[:, None]
        part = pd.DataFrame(
            {
                c.USER_ID: np.repeat(users[c.USER_ID].to_numpy()[which], options.top_k),
                "rank": np.tile(np.arange(1, options.top_k + 1), len(which)),
                c.ITEM_ID: item_ids[best].ravel(),
                c.ITEM_TEXT: [names[item] for item in best.ravel()],
                "score": scores[rows, best].ravel(),
                "probability": np.exp(log_softmax(scores, temperature)[rows, best]).ravel(),
                "reason": [one for user in reasons(model, block, best, names) for one in user],
            }
        )
        parts.append(part[best.ravel() > 0])
    run = {"model": chosen_model["name"], "run_id": chosen_model["run_id"]}
    return pd.concat(parts, ignore_index=True).assign(**run)


def summarise(
    test_results: dict[str, Any],
    recommendations: pd.DataFrame,
    events: ibis.Table,
    item_texts: pd.DataFrame,
    certificate: Certificate,
    n_users: int,
) -> str:
    """The leaderboard, and the first few users with their past and their recommendations."""
    require_same_run("test_results", test_results, certificate, "model_evaluation")
    lines = leaderboard_lines(test_results)
    for user_id in recommendations[c.USER_ID].drop_duplicates().head(n_users):
        newest = events.filter(events[c.USER_ID] == user_id).order_by([c.TIMESTAMP, c.POSITION]).execute().tail(50)
        past = newest.merge(item_texts, on=c.ITEM_ID, how="left")
        past[c.ITEM_TEXT] = past[c.ITEM_TEXT].where(past[c.ITEM_TEXT].fillna("") != "", past[c.ITEM_ID])
        recommended = recommendations[recommendations[c.USER_ID] == user_id]
        lines += ["", *user_lines(user_id, past, recommended)]
    return "\n".join(lines)
