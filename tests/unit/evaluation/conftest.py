"""A shop of random factors: histories, targets, and models that cost nothing."""

import numpy as np
import pytest

from nextact.evaluation.one_pass import read_model, shuffle_targets
from nextact.evaluation.results import EvaluationSet
from nextact.metrics.targets import Targets
from nextact.results.horizons import HorizonSection
from nextact.results.models import Candidate
from nextact.retrieval.scoring import popular_first
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout

CANDIDATE = Candidate(
    run_id="r",
    protocol_hash="p",
    family="baselines",
    name="factors",
    options_hash="o",
    item_vectors={},
    options={},
    fit_seconds=1.0,
    folder="here",
    users=9,
    validation={},
    validation_horizons=HorizonSection(why_not="none"),
)
N_USERS, N_ITEMS, N_TYPES = 40, 30, 3


class Factors:
    """Scores a history by the mean of its items' random vectors."""

    def __init__(self, seed=0, round_to=None):
        self.vectors = np.random.default_rng(seed).normal(size=(N_ITEMS + 1, 8)).astype(np.float32)
        self.round_to = round_to

    def score(self, histories):
        sums = np.zeros((histories.n_users, 8), np.float32)
        np.add.at(sums, histories.users_of_events, self.vectors[histories.item_index])
        scores = sums / np.maximum(histories.lengths, 1)[:, None].astype(np.float32) @ self.vectors.T
        return scores if self.round_to is None else np.round(scores, self.round_to)


class FactorsAndTypes(Factors):
    """Says the event type, too."""

    def event_type_probabilities(self, histories):
        raw = np.exp(self.score(histories)[:, :N_TYPES].astype(np.float64))
        return raw / raw.sum(axis=1, keepdims=True)


def make_holdout(seed=0, n_users=N_USERS, most_targets=4):
    rng = np.random.default_rng(seed)
    items = [rng.integers(1, N_ITEMS + 1, rng.integers(1, 9)).tolist() for _ in range(n_users)]
    types = [rng.integers(0, N_TYPES, len(own)).tolist() for own in items]
    targets = [
        sorted(rng.choice(N_ITEMS, rng.integers(1, most_targets + 1), replace=False) + 1) for _ in range(n_users)
    ]
    shares = rng.dirichlet(np.ones(N_TYPES), n_users)
    missing = rng.integers(0, 2, n_users)
    return Holdout(
        np.arange(n_users), Histories.from_lists(items, types), Targets.from_lists(targets, missing), next_types=shares
    )


def make_set(holdout, **changed):
    defaults = {
        "holdout": holdout,
        "shuffled_targets": shuffle_targets(holdout.targets, seed=0),
        "popularity": np.bincount(holdout.histories.item_index, minlength=N_ITEMS + 1),
        "tie_order": popular_first(np.bincount(holdout.histories.item_index, minlength=N_ITEMS + 1)[1:]),
        "alike": None,
        "vectors": np.random.default_rng(5).normal(size=(N_ITEMS + 1, 4)).astype(np.float32),
        "categories": np.arange(N_ITEMS + 1) % 4,
        "exclude_seen": False,
        "ks": (3, 10),
        "metric": "ndcg@10",
        "list_length": 5,
        "draws": 50,
        "calibration_bins": 4,
    }
    return EvaluationSet(**defaults | changed)


def read(model, held_out, temperature=0.7):
    return read_model(
        model,
        held_out.holdout,
        held_out.shuffled_targets,
        held_out.exclude_seen,
        held_out.tie_order,
        held_out.alike,
        held_out.depth,
        temperature,
    )


@pytest.fixture
def holdout():
    return make_holdout()
