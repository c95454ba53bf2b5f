import logging
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from nextact.errors import CannotFit, NextactError
from nextact.events.moments import DAY
from nextact.metrics.ranking import ranking_metrics
from nextact.metrics.targets import Targets
from nextact.models.recommender import Explains, PredictsEventType, PredictsHorizons
from nextact.models.sequence import evidence
from nextact.models.sequence.evidence import leave_out
from nextact.models.sequence.fitting import fit_network as fitting
from nextact.models.sequence.inference import score_event_types
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.models.sequence.sequence_options import SequenceOptions
from nextact.options import OptionsError
from nextact.sequences.histories import Histories

from .conftest import N_ITEMS, PLACES, holdout_of, options_of, random_histories, small, training_of

pytestmark = pytest.mark.slow


def test_scores_have_a_column_per_item_and_are_finite(fitted, histories):
    scores = fitted.score(histories)
    assert scores.shape == (histories.n_users, N_ITEMS + 1)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_an_empty_history_scores_by_the_item_bias_alone(fitted):
    scores = fitted.score(Histories.from_lists([[], [1, 2]]))
    np.testing.assert_array_equal(scores[0], fitted.network.item_bias_V.detach().numpy())
    assert not np.array_equal(scores[0], scores[1])
    assert fitted.score(Histories.from_lists([])).shape == (0, N_ITEMS + 1)


def test_scores_do_not_depend_on_who_else_is_scored(fitted, histories, monkeypatch):
    together = fitted.score(histories)
    alone = np.concatenate([fitted.score(histories.take(np.array([user]))) for user in range(histories.n_users)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    monkeypatch.setattr("nextact.models.sequence.inference.BLOCK_STEPS", 12)
    np.testing.assert_allclose(fitted.score(histories), together, atol=1e-5)


def test_only_the_newest_steps_are_read(fitted):
    long = Histories.from_lists([[9, 9, 9, 1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]])
    scores = fitted.score(long)
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)


def test_event_type_probabilities_sum_to_one(fitted, histories):
    probabilities = fitted.event_type_probabilities(histories)
    assert probabilities.dtype == np.float64
    assert probabilities.shape == (histories.n_users, 3)
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)


def test_event_types_are_foretold_by_the_heads_and_by_the_network_where_there_are_none(fitted, histories):
    by_network = score_event_types(fitted.network, histories, fitted.options.backbone.max_steps)
    by_heads = fitted.event_type_probabilities(histories)
    np.testing.assert_array_equal(by_heads, fitted.type_model.predict(histories))
    assert not np.allclose(by_heads, by_network)
    alone = SequenceRecommender(fitted.options)
    alone.network, alone.event_types = fitted.network, fitted.event_types
    np.testing.assert_array_equal(alone.event_type_probabilities(histories), by_network)


def test_a_refit_on_the_same_data_ends_with_the_weights_of_the_best_epoch(histories):
    options = small(learning_rate=0.02, epochs=4, patience=4)
    first = SequenceRecommender(options)
    best = first.fit(training_of(histories))["best_epoch"]
    assert best < 4  # else nothing shows that it ended early
    again, nobody = SequenceRecommender(options), holdout_of(histories.take(np.empty(0, np.int64)), [])
    report = again.fit(training_of(histories, validation=nobody, epochs=best))
    assert (report["epochs"], report["validation_ndcg@10"]) == (best, None)
    np.testing.assert_array_equal(again.score(histories), first.score(histories))


# Item n is always followed by item n + 1; even items are viewed, odd ones bought.
CIRCLE = [[1 + (start + step) % 8 for step in range(7)] for start in range(8)]
CIRCLE_HISTORIES = Histories.from_lists(CIRCLE, [[2 * (item % 2) for item in user] for user in CIRCLE])
CIRCLE_FOLLOWING = [user[-1] % 8 + 1 for user in CIRCLE]


def learns_quickly(**changes):
    return small(dimensions=16, learning_rate=0.02, dropout=0.0, max_steps=8, **changes)


def test_the_items_of_a_deterministic_log_are_learnt_by_heart():
    histories, following = CIRCLE_HISTORIES, CIRCLE_FOLLOWING
    model = SequenceRecommender(learns_quickly(epochs=40, patience=10))
    report = model.fit(training_of(histories, 8, holdout_of(histories, [[item] for item in following])))
    scores = model.score(histories)
    scores[:, 0] = -np.inf
    ndcg = ranking_metrics(scores, Targets.from_lists([[item] for item in following]), (10,))["ndcg@10"]
    assert ndcg.mean() > 0.99
    assert report["validation_ndcg@10"] == pytest.approx(ndcg.mean())


def test_the_network_learns_the_event_types_of_a_deterministic_log_by_heart():
    nobody = holdout_of(Histories.from_lists([]), [])
    model = SequenceRecommender(learns_quickly(epochs=30))
    model.fit(training_of(CIRCLE_HISTORIES, 8, nobody))
    probabilities = score_event_types(model.network, CIRCLE_HISTORIES, model.options.backbone.max_steps)
    assert probabilities[np.arange(8), [2 * (item % 2) for item in CIRCLE_FOLLOWING]].min() > 0.9


def test_the_same_seed_gives_the_same_bits_and_leaves_global_randomness_alone(histories):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    scores = []
    for _ in range(2):
        model = SequenceRecommender(small())
        model.fit(training_of(histories))
        scores.append(model.score(histories))
        assert torch.equal(torch.get_rng_state(), state)
        torch.rand(3)
        state = torch.get_rng_state()
    np.testing.assert_array_equal(scores[0], scores[1])
    other = SequenceRecommender(small())
    other.fit(training_of(histories, seed=1))
    assert not np.array_equal(other.score(histories), scores[0])


def test_the_seed_reaches_the_first_weights():
    starts = []
    for seed in (0, 1):  # one batch and no dropout: nothing but the first weights differs
        model = SequenceRecommender(small(epochs=1, batch_steps=999, dropout=0.0, id_dropout=0.0, learning_rate=1e-9))
        model.fit(training_of(CIRCLE_HISTORIES, seed=seed))
        starts.append(model.network.type_table_CD.detach().numpy())
    assert not np.allclose(*starts, atol=1e-3)


def test_a_loaded_model_scores_as_the_saved_one(fitted, histories, tmp_path):
    fitted.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "event_types.json",
        "event_types.safetensors",
        "network.safetensors",
        "sequence.json",
    ]
    loaded = SequenceRecommender.load(tmp_path)
    assert (loaded.options, loaded.event_types) == (fitted.options, fitted.event_types)
    np.testing.assert_array_equal(loaded.score(histories), fitted.score(histories))
    np.testing.assert_array_equal(
        loaded.event_type_probabilities(histories), fitted.event_type_probabilities(histories)
    )


def test_a_broken_model_file_names_itself(fitted, tmp_path):
    fitted.save(tmp_path)
    (tmp_path / "network.safetensors").write_bytes(b"not a model")
    with pytest.raises(NextactError, match=str(tmp_path)):
        SequenceRecommender.load(tmp_path)


def test_the_report_says_what_happened(fitted):
    report = fitted.report
    assert report["epochs"] == len(report["curve"]) == 2
    assert report["curve"][report["best_epoch"] - 1]["validation"] == report["validation_ndcg@10"]
    assert report["parameters"] == sum(p.numel() for p in fitted.network.parameters())


def test_validation_masks_seen_items_where_the_policy_says_so(fitted):
    histories = Histories.from_lists([[1, 2, 3]])
    validation = holdout_of(histories, [[1, 2, 3]])  # one of three is among the best ten of twelve
    keep = training_of(histories, validation=validation)
    drop = training_of(histories, validation=validation, exclude_seen=True)
    assert fitting.validation_ndcg(fitted.network, keep, 6) > 0
    assert fitting.validation_ndcg(fitted.network, drop, 6) == 0


def test_without_validation_users_all_epochs_run(histories):
    nobody = holdout_of(Histories.from_lists([]), [])
    report = SequenceRecommender(small(patience=1)).fit(training_of(histories, validation=nobody))
    assert (report["epochs"], report["best_epoch"], report["validation_ndcg@10"]) == (2, 2, None)


def test_a_non_finite_loss_stops_training(histories, monkeypatch):
    start = fitting.start_network

    def broken(*args):
        network = start(*args)
        with torch.no_grad():
            network.item_table_VD[2] = float("nan")
        return network

    monkeypatch.setattr(fitting, "start_network", broken)
    with pytest.raises(NextactError, match="loss is nan in epoch 1, update 1 of"):
        SequenceRecommender(small()).fit(training_of(histories))


def test_a_log_of_single_steps_is_refused():
    histories = Histories.from_lists([[1], [2], []])
    with pytest.raises(CannotFit, match="no user has two steps"):
        SequenceRecommender(small()).fit(training_of(histories, validation=holdout_of(histories, [[1]] * 3)))


@pytest.mark.parametrize("block", [None, np.zeros((N_ITEMS + 1, 0), np.float32)])
def test_missing_text_steps_aside_with_a_line_in_the_log(histories, caplog, block):
    training = training_of(histories)
    training.item_vectors.clear()
    if block is not None:
        training.item_vectors["encoder"] = block
    caplog.set_level(logging.INFO)
    model = SequenceRecommender(small())
    model.fit(training)
    assert "no item vectors 'encoder'" in caplog.text
    assert model.network.size.text_widths == {}
    assert np.isfinite(model.score(histories)).all()


def test_two_text_blocks_are_both_read_and_saved(histories, tmp_path):
    training = training_of(histories)
    training.item_vectors["glove.100"] = np.ones((N_ITEMS + 1, 2), np.float32) * np.arange(N_ITEMS + 1)[:, None]
    model = SequenceRecommender(small(text_blocks=("glove.100", "encoder")))
    model.fit(training)
    model.save(tmp_path)
    loaded = SequenceRecommender.load(tmp_path)
    assert list(loaded.network.size.text_widths) == ["glove.100", "encoder"]
    np.testing.assert_array_equal(loaded.score(histories), model.score(histories))


def test_training_does_not_write_into_its_input(histories):
    training = training_of(histories)
    before = training.item_vectors["encoder"].copy()
    SequenceRecommender(small(epochs=1)).fit(training)
    np.testing.assert_array_equal(training.item_vectors["encoder"], before)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains_and_scores_in_full(histories, precision):
    model = SequenceRecommender(small(precision=precision))
    model.fit(training_of(histories))
    assert np.isfinite(model.score(histories)).all()
    assert model.network.item_table_VD.dtype == torch.float32


def test_the_model_says_event_types_and_evidence():
    model = SequenceRecommender(small())
    assert isinstance(model, PredictsEventType)
    assert isinstance(model, Explains)


def test_rounding_never_makes_a_step_that_is_not_there_the_evidence(fitted, monkeypatch):
    exact, calls = evidence.last_item_states, []

    def rounded(network, matrix_VD, histories, max_steps):
        calls.append(len(calls))
        # The further back the step that is left out, the more each state moves against all items alike.
        return exact(network, matrix_VD, histories, max_steps) - 1e-2 * len(calls) * matrix_VD[1:].mean(dim=0)

    monkeypatch.setattr(evidence, "last_item_states", rounded)
    found = fitted.evidence(Histories.from_lists([[3], [5, 2], []]), np.tile(np.arange(1, 9, dtype=np.int32), (3, 1)))
    assert len(calls) == 1 + evidence.NEWEST_STEPS
    assert set(found[0].tolist()) <= {0, 3}
    assert set(found[1].tolist()) <= {0, 2, 5}
    assert not found[2].any()


def test_evidence_is_the_nearest_item_of_the_step_that_counts_most(fitted):
    histories = random_histories(12, seed=4)
    item_index = np.tile(np.array([1, 5, 9], np.int32), (histories.n_users, 1))
    found = fitted.evidence(histories, item_index)
    vectors = fitted.network.item_matrix().detach().numpy()
    recent = histories.last_steps(6)
    full = fitted.score(recent)
    wanted = np.zeros_like(found)
    for user in range(histories.n_users):
        own = recent.take(np.array([user]))
        steps = np.split(own.item_index, own.step_bounds()[1:]) if own.n_events else []
        for place, item in enumerate(item_index[user]):
            falls = []
            for back in range(1, min(5, len(steps)) + 1):
                falls.append(full[user, item] - fitted.score(leave_out(own, back))[0, item])
            if falls and max(falls) > 1e-6:
                step = steps[-1 - int(np.argmax(falls))]
                wanted[user, place] = step[(vectors[step] @ vectors[item]).argmax()]
    np.testing.assert_array_equal(found, wanted)
    assert found.any()
    assert not found[0].any()  # no history


def test_leaving_out_a_step_keeps_the_others():
    histories = Histories.from_lists([[3, 1, 2], [4, 5], []], timestamps=[[0, 1, 1], [0, 0], []])
    newest, second = leave_out(histories, 1), leave_out(histories, 2)
    assert (newest.item_index.tolist(), newest.offsets.tolist()) == ([3], [0, 1, 1, 1])
    assert (second.item_index.tolist(), second.offsets.tolist()) == ([1, 2, 4, 5], [0, 2, 4, 4])
    assert newest.starts_step.tolist() == [True]
    assert second.starts_step.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    "wrong",
    [
        {"dimensions": 10, "heads": 4},
        {"epochs": 0},
        {"dropout": 1.0},
        {"learning_rate": 0.0},
        {"weight_decay": -1.0},
        {"loss_chunk_steps": 0},
        {"text_blocks": ("a", "a")},
        {"precision": "int8"},
    ],
)
def test_options_that_make_no_sense_are_refused(wrong):
    name = next(iter(wrong))
    with pytest.raises(OptionsError, match=re.escape(f"SequenceOptions.{PLACES[name]}")):
        options_of(**wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"dimension": 8}, "SequenceOptions has no option 'dimension'"),
        ({"dimensions": 8}, "SequenceOptions.dimensions is SequenceOptions.backbone.dimensions now"),
        (
            {"backbone": {"dimension": 8}},
            "SequenceOptions.backbone has no option 'dimension'; did you mean 'dimensions'?",
        ),
        ({"backbone": "gpt2"}, "SequenceOptions.backbone must be a block of options, got 'gpt2'"),
        (
            {"optimiser": {"learning_rate": True}},
            "SequenceOptions.optimiser.learning_rate should be a number, got True",
        ),
    ],
)
def test_a_name_that_is_none_is_answered_with_the_one_that_is(wrong, said):
    with pytest.raises(OptionsError, match=re.escape(said)):
        SequenceOptions(**wrong)


@pytest.mark.parametrize("module", ["recommender", "sequence_options"])
def test_importing_needs_no_torch(module):
    heavy = "{'torch', 'transformers', 'accelerate'}"
    code = f"import sys, nextact.models.sequence.{module}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_bert_learns_what_follows_what_and_is_the_same_after_loading(tmp_path):
    """Six items in a circle; one in six would be right by chance."""
    circle = Histories.from_lists([[(start + step) % 6 + 1 for step in range(6)] for start in range(6)] * 8)
    asked = [[(start + step) % 6 + 1 for step in range(n)] for start in range(6) for n in (1, 2, 3, 4)]
    following = [user[-1] % 6 + 1 for user in asked]
    histories = Histories.from_lists(asked)
    options = small(
        backbone="bert",
        objective="masked",
        dimensions=16,
        epochs=20,
        patience=20,
        batch_steps=32,
        learning_rate=0.01,
        dropout=0.0,
        id_dropout=0.0,
    )
    model = SequenceRecommender(options)
    model.fit(training_of(circle, validation=holdout_of(histories, [[item] for item in following])))
    best = model.score(histories)[:, 1:7].argmax(axis=1) + 1
    assert (best == following).mean() > 0.6
    model.save(tmp_path)
    again = SequenceRecommender.load(tmp_path)
    np.testing.assert_array_equal(again.score(histories), model.score(histories))


DAYS = Histories(
    CIRCLE_HISTORIES.offsets,
    CIRCLE_HISTORIES.item_index,
    CIRCLE_HISTORIES.event_type,
    CIRCLE_HISTORIES.timestamp * DAY,  # one event a day, for seven days
    CIRCLE_HISTORIES.starts_step,
)


def with_heads(**changed):
    model = SequenceRecommender(small(epochs=1, horizon_days=(1, 2), horizon_landmark_days=1))
    report = model.fit(training_of(DAYS, 8, holdout_of(Histories.from_lists([]), []), **changed))
    return model, report


def test_heads_are_fitted_to_the_frozen_network_saved_with_it_and_loaded(tmp_path):
    model, report = with_heads(observed_until=7 * DAY)
    assert isinstance(model, PredictsHorizons)
    assert model.horizons() == (1, 2)
    assert report["horizons"]["rows"] == 8 * 6
    bare, _ = with_heads()
    np.testing.assert_array_equal(model.score(DAYS), bare.score(DAYS))
    moments = np.full(8, 6 * DAY)
    found = model.predict_horizons(DAYS, moments)
    assert found.shape == (8, 3, 2)
    assert ((found >= 0) & (found <= 1)).all()
    model.save(tmp_path)
    loaded = SequenceRecommender.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_horizons(DAYS, moments), found)


def test_states_of_the_network_reach_the_heads():
    model, _ = with_heads(observed_until=7 * DAY)
    moments = np.full(8, 6 * DAY)
    before = model.predict_horizons(DAYS, moments)
    for head in model.horizon_model.heads.members:
        torch.nn.init.normal_(head.linear.weight[:, -8:].data)
    assert not np.allclose(model.predict_horizons(DAYS, moments), before)


def test_without_an_end_of_observation_there_are_no_heads(tmp_path):
    model, report = with_heads()
    assert model.horizons() == ()
    assert "not known under this split" in report["horizons"]["skipped"]
    with pytest.raises(NextactError, match="no horizon heads were fitted"):
        model.predict_horizons(DAYS, np.full(8, 6 * DAY))
    model.save(tmp_path)
    assert SequenceRecommender.load(tmp_path).horizons() == ()


@pytest.mark.parametrize("days", [(7, 1), (0, 7), (7, 7)])
def test_horizons_that_do_not_rise_are_refused(days):
    with pytest.raises(OptionsError, match=r"horizons\.days must be at least 1 and ascending"):
        options_of(horizon_days=days)
