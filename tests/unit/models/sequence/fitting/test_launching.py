import dataclasses

import numpy as np
import pytest
import torch

from nextact.errors import CannotFit, NextactError
from nextact.models.recommender import FitContext, LaunchOptions
from nextact.models.sequence.fitting.fit_network import fit_network
from nextact.models.sequence.fitting.launching import open_training, save_training
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.sequences.histories import Histories

from ..conftest import holdout_of, random_histories, small, training_of

pytestmark = pytest.mark.slow


def options(**changes):
    return small(epochs=3, dropout=0.0, id_dropout=0.0, **changes)


def test_two_processes_learn_as_one_does():
    histories = random_histories(40)
    _, alone = fit_network(options(), training_of(histories))
    launch = LaunchOptions(processes=2)
    together = SequenceRecommender(options())
    report = together.fit(training_of(histories, launch=launch))
    for one, other in zip(alone["curve"], report["curve"], strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)
        assert one["validation"] == pytest.approx(other["validation"], rel=1e-3)
    assert together.score(histories).shape == (histories.n_users, 13)


def test_micro_batches_learn_as_whole_updates_do():
    training = training_of(random_histories(40))
    whole, _ = fit_network(options(), training)
    parts, _ = fit_network(options(micro_batches=3), training)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_processes_that_fail_are_reported():
    with pytest.raises(NextactError, match="training in 2 processes ended with status 1"):
        SequenceRecommender(options(learning_rate=1e30, clip_norm=1e30)).fit(
            training_of(random_histories(10), launch=LaunchOptions(processes=2))
        )


def test_what_cannot_be_fitted_in_one_process_cannot_be_fitted_in_two():
    single_steps = Histories.from_lists([[1], [2]])
    training = training_of(single_steps, validation=holdout_of(single_steps, [[1]] * 2))
    two = dataclasses.replace(training, context=FitContext(training.context.seed, LaunchOptions(processes=2)))
    with pytest.raises(CannotFit, match="no user has two steps"):
        SequenceRecommender(options()).fit(two)


def test_a_training_is_read_as_it_was_written(tmp_path):
    training = training_of(random_histories(10), seed=3, observed_until=99)
    save_training(options(), training, tmp_path)
    read_options, read = open_training(tmp_path)
    assert read_options == options()
    assert (read.n_items, read.event_types, read.context.seed) == (training.n_items, training.event_types, 3)
    assert read.observed_until == 99
    for name in ("offsets", "item_index", "event_type", "timestamp", "starts_step"):
        np.testing.assert_array_equal(getattr(read.histories, name), getattr(training.histories, name))
    np.testing.assert_array_equal(read.validation.targets.item_index, training.validation.targets.item_index)
    np.testing.assert_array_equal(read.item_vectors["encoder"], training.item_vectors["encoder"])
