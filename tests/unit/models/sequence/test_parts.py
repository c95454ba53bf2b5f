import dataclasses
import shutil

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2Model

from nextact.errors import CannotFit, NextactError
from nextact.models.baselines.baseline_options import EASEOptions
from nextact.models.baselines.item_to_item import EASE
from nextact.models.device import seeded
from nextact.models.sequence import cost_forecast
from nextact.models.sequence.backbones import make_backbone
from nextact.models.sequence.fitting.fit_network import fit_network, start_network
from nextact.models.sequence.fitting.objective import Objective, chosen_loss, make_batches, soft_targets
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.options import OptionsError
from nextact.sequences.histories import Histories

from .conftest import holdout_of, random_histories, small, training_of

pytestmark = pytest.mark.slow

NOBODY = holdout_of(Histories.from_lists([]), [])  # all epochs run, and the last one stays

# Whoever met item 1 views 2 and buys 3; whoever met 4 views 5 and buys 6: the type asked for decides.
CHOICES = [[1, 2], [1, 3], [4, 5], [4, 6]] * 12
CHOICE_TYPES = [[0, 0], [0, 2], [0, 0], [0, 2]] * 12


@pytest.fixture(scope="module")
def chooser():
    model = SequenceRecommender(
        small(gate=True, epochs=40, learning_rate=0.03, dropout=0.0, id_dropout=0.0, patience=40)
    )
    training = training_of(
        Histories.from_lists(CHOICES, CHOICE_TYPES), target_event_types=("purchase",), validation=NOBODY
    )
    model.fit(training)
    return model


def test_items_are_scored_for_the_event_type_that_is_asked_for(chooser):
    history = Histories.from_lists([[1], [4]], [[0], [0]])  # items beyond 6 are in no history: text alone, noise here
    assert chooser.score_of_type(history, "view")[:, 1:7].argmax(axis=1).tolist() == [1, 4]
    assert chooser.score_of_type(history, "purchase")[:, 1:7].argmax(axis=1).tolist() == [2, 5]


def test_without_a_type_items_are_scored_for_the_types_that_count_as_targets(chooser, tmp_path):
    history = Histories.from_lists([[1], [4]], [[0], [0]])
    np.testing.assert_allclose(chooser.score(history), chooser.score_of_type(history, "purchase"), rtol=1e-5)
    chooser.save(tmp_path)
    np.testing.assert_array_equal(SequenceRecommender.load(tmp_path).score(history), chooser.score(history))


def test_an_unknown_event_type_is_refused_with_the_close_one(chooser):
    with pytest.raises(NextactError, match=r"'purchas'.*'purchase'"):
        chooser.score_of_type(Histories.from_lists([[1]]), "purchas")


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "sampled", "negatives": 40},
        {"loss": "gbce", "negatives": 8},
        {"soft_targets": 0.1},
        {"soft_targets": 0.1, "soft_source": "ease"},
        {"backbone": "nextact"},
        {"average_decay": 0.9},
        {"backbone": "nextact", "objective": "masked"},
    ],
    ids=lambda changes: " ".join(f"{k}={v}" for k, v in changes.items()),
)
def test_every_way_of_training_learns_a_circle(changes):
    circle = Histories.from_lists([[1 + (start + step) % 8 for step in range(7)] for start in range(8)] * 3)
    learning = {
        "epochs": 40,
        "learning_rate": 0.03,
        "dropout": 0.0,
        "id_dropout": 0.0,
        "patience": 40,
        "batch_steps": 48,
    }
    model = SequenceRecommender(small(**{**learning, **changes}))
    model.fit(training_of(circle, validation=NOBODY))
    after = Histories.from_lists([[1, 2, 3], [6, 7, 8], [3, 4, 5, 6]])
    assert model.score(after)[:, 1:9].argmax(axis=1).tolist() == [3, 0, 6]  # the others are in no history


def test_soft_targets_are_what_follows_most_within_three_steps():
    training = training_of(Histories.from_lists([[1, 2, 3], [1, 2], [1, 4]]))
    following = soft_targets(small(soft_targets=0.3), training).following.toarray()
    np.testing.assert_allclose(following[1, [2, 3, 4]], np.array([2, 0.7, 1]) / 3.7, rtol=1e-5)
    np.testing.assert_allclose(following.sum(axis=1)[[1, 2]], 1, rtol=1e-6)
    assert not following[3].any()
    assert soft_targets(small(), training) is None


def test_soft_targets_of_ease_are_its_largest_weights_above_0_as_shares():
    training = training_of(random_histories())
    ease = EASE(EASEOptions())
    ease.fit(training)
    following = soft_targets(small(soft_targets=0.3, soft_source="ease", soft_items=2), training).following.toarray()
    for found, weights in zip(following, ease.weights.toarray(), strict=True):
        best = np.sort(weights)[-2:].clip(0)
        expected = np.where(weights >= max(best[0], 1e-12), weights.clip(0), 0)
        np.testing.assert_allclose(found, expected / max(expected.sum(), 1e-12), rtol=1e-4)
    assert following.any()


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles with g++ and there is none")
def test_a_compiled_backbone_learns_what_one_that_is_not_does():
    circle = Histories.from_lists([[1 + (start + step) % 8 for step in range(5)] for start in range(8)] * 2)
    quiet = {"dropout": 0.0, "id_dropout": 0.0, "layers": 1}
    plain, compiled = SequenceRecommender(small(**quiet)), SequenceRecommender(small(**quiet, compile=True))
    for model in (plain, compiled):
        model.fit(training_of(circle, validation=NOBODY))
    np.testing.assert_allclose(compiled.score(circle), plain.score(circle), rtol=1e-3, atol=1e-4)


def test_a_large_catalogue_gets_a_sampled_loss():
    assert chosen_loss(small(), 100_000) == "full"
    assert chosen_loss(small(), 100_001) == "sampled"
    assert chosen_loss(small(loss="gbce"), 10) == "gbce"


def test_training_starts_from_the_weights_of_a_folder(tmp_path):
    with seeded(0):
        language_model = GPT2Model(GPT2Config(n_embd=8, n_layer=2, n_head=2, n_positions=16, vocab_size=50))
    language_model.save_pretrained(tmp_path / "gpt2")
    options = small(pretrained=str(tmp_path / "gpt2"))
    backbone = make_backbone(options)
    for name, weight in language_model.state_dict().items():
        if name != "wte.weight":  # item vectors stand in for words
            torch.testing.assert_close(backbone.state_dict()[name], weight)
    model = SequenceRecommender(options)
    histories = random_histories()
    model.fit(training_of(histories))
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(SequenceRecommender.load(tmp_path / "model").score(histories), model.score(histories))


def test_pretrained_weights_that_do_not_fit_or_are_not_there_are_refused(tmp_path):
    GPT2Model(GPT2Config(n_embd=8, n_layer=1, n_head=2, vocab_size=5)).save_pretrained(tmp_path)
    with pytest.raises(NextactError, match="is a gpt2 of 8 dimensions; options say 'gpt2' of 16"):
        make_backbone(small(pretrained=str(tmp_path), dimensions=16))
    with pytest.raises(NextactError, match="cannot be read"):
        make_backbone(small(pretrained=str(tmp_path / "nothing")))
    with pytest.raises(OptionsError, match="None for the backbone 'nextact'"):
        small(backbone="nextact", pretrained="gpt2")


def test_soft_targets_of_hidden_steps_are_refused():
    with pytest.raises(OptionsError, match="soft_targets must be 0 with the objective 'masked'"):
        small(backbone="bert", objective="masked", soft_targets=0.1)


def forecast_of(options, training):
    with seeded(0):
        network = start_network(options, training)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    found = cost_forecast.forecast_training(
        network, make_batches(options, training), Objective(network, options, training), options, training
    )
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, before[name])
        assert parameter.grad is None
    return found


def test_the_forecast_of_updates_is_exact_and_leaves_the_result_alone():
    options, training = small(epochs=3), training_of(random_histories(40))
    found = forecast_of(options, training)
    assert found.updates == 3 * len(make_batches(options, training))
    assert found.parameters == sum(p.numel() for p in start_network(options, training).parameters())
    assert found.epoch_seconds > 0
    assert found.memory_gib >= 0
    _, report = fit_network(options, training)
    assert report["forecast"] == dataclasses.asdict(found) | {
        name: report["forecast"][name] for name in ("epoch_seconds", "free_gib")
    }


def test_more_windows_at_once_need_more_memory():
    training = training_of(Histories.from_lists([[1 + step % 12 for step in range(60)]] * 400))
    wide = {"dimensions": 32, "max_steps": 50}
    one = forecast_of(small(batch_steps=20_000, **wide), training)
    parts = forecast_of(small(batch_steps=20_000, micro_batches=8, **wide), training)
    assert parts.memory_gib < one.memory_gib / 2


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_the_forecast_measures_time_in_the_precision_that_will_train(precision, monkeypatch):
    asked, objective = [], Objective.__call__

    def watched(self, batch, done):
        asked.append(torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu"))
        return objective(self, batch, done)

    monkeypatch.setattr(Objective, "__call__", watched)
    forecast_of(small(precision=precision), training_of(random_histories(40)))
    assert asked[-1] == (torch.bfloat16 if precision == "bf16" else False)


def test_a_training_that_cannot_fit_says_what_would_help(monkeypatch):
    monkeypatch.setattr(cost_forecast, "_free_bytes", lambda device: 1000)
    with pytest.raises(CannotFit, match=r"needs about .* GiB are free .*; try micro_batches: 2, loss_chunk_steps"):
        fit_network(small(dimensions=64), training_of(random_histories(40)))
