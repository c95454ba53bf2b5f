"""The heads: what they are by construction, what they learn, and what is written down."""

import dataclasses
import logging

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from nextact.errors import NextactError
from nextact.events.moments import DAY
from nextact.models.behaviour.heads.fit_heads import user_folds
from nextact.models.behaviour.horizons.head import HorizonHead, HorizonHeads, horizon_loss
from nextact.models.behaviour.horizons.model import HorizonModel, LandmarkChoice, fit_horizons, horizon_rows
from nextact.models.recommender import FitContext
from nextact.sequences.histories import Histories
from nextact.sequences.moments import days_to_first, known_before

from .conftest import TYPES, UNTIL, no_states, random_log, training_of

CHOICE = LandmarkChoice(horizon_days=(1, 7, 30), step_days=5, most=8, most_rows=10_000)
NOW = 80 * DAY


@pytest.fixture(scope="module")
def fitted(log):
    training = training_of(known_before(log, np.full(log.n_users, NOW)), until=NOW)
    return fit_horizons(training, CHOICE, no_states)


def predict(model, histories, moment=NOW):
    return model.predict(histories, np.full(histories.n_users, moment), no_states)


def test_probabilities_never_fall_with_the_horizon_whatever_the_weights():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = HorizonHead(n_inputs=6, n_states=2, n_event_types=3, n_horizons=4).eval()
        for weights in head.parameters():
            torch.nn.init.normal_(weights)
        hazard = head(torch.randn(50, 6))
    assert hazard.shape == (50, 3, 4)
    assert (hazard >= 0).all()
    assert (hazard.diff(dim=2) >= 0).all()


def test_the_first_horizon_of_the_linear_part_is_logistic_regression():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = HorizonHead(n_inputs=4, n_states=0, n_event_types=1, n_horizons=1).eval()
        torch.nn.init.normal_(head.linear.weight)
        inputs = torch.randn(20, 4)
    with torch.no_grad():
        expected = torch.sigmoid(head.linear(inputs))[:, :, None]
        torch.testing.assert_close(1 - torch.exp(-head(inputs)), expected)


def test_a_head_starts_at_what_happened():
    head = HorizonHead(n_inputs=4, n_states=1, n_event_types=2, n_horizons=3).eval()
    share = torch.tensor([[0.1, 0.4, 0.9], [0.01, 0.02, 0.3]])
    head.start_at_shares(share)
    with torch.no_grad():
        torch.testing.assert_close(1 - torch.exp(-head(torch.zeros(1, 4)))[0], share, atol=1e-4, rtol=1e-3)


def test_the_loss_is_the_cross_entropy_of_observed_windows_alone():
    random = np.random.default_rng(0)
    probability = random.uniform(0.05, 0.9, (40, 2, 3))
    happened, observed = random.random((40, 2, 3)) < 0.4, random.random((40, 3)) < 0.7
    hazard = torch.from_numpy(-np.log1p(-probability))
    found = horizon_loss(hazard, torch.from_numpy(happened).double(), torch.from_numpy(observed).double())
    kept = np.repeat(observed[:, None, :], 2, axis=1)
    assert found.item() == pytest.approx(log_loss(happened[kept], probability[kept]))


def test_a_censored_window_moves_no_weight():
    head = HorizonHead(n_inputs=3, n_states=0, n_event_types=1, n_horizons=1)
    happened, observed = torch.tensor([[[1.0]], [[0.0]]]), torch.tensor([[1.0], [0.0]])
    gradients = []
    for second in (0.5, 9.0):
        head.zero_grad()
        head.eval()
        horizon_loss(head(torch.tensor([[1.0, 2.0, 3.0], [second, 0.0, 0.0]])), happened, observed).backward()
        gradients.append(head.linear.weight.grad.clone())
    torch.testing.assert_close(*gradients)


def test_who_comes_often_is_told_from_who_does_not(fitted, log):
    model, report = fitted
    users = np.flatnonzero(known_before(log, np.full(log.n_users, NOW)).lengths > 0)
    found = predict(model, log.take(users))
    days = days_to_first(log.take(users), np.full(len(users), NOW), 2, UNTIL)
    for place, horizon in enumerate((1, 7)):
        assert roc_auc_score(days[:, 0] <= horizon, found[:, 0, place]) > 0.75
    assert found[users % 2 == 1, 0, 0].mean() > 3 * found[users % 2 == 0, 0, 0].mean()
    assert abs(found[:, 0, 0].mean() - (days[:, 0] <= 1).mean()) < 0.1
    assert (np.diff(found, axis=2) >= 0).all()
    assert report["horizon_days"] == [1, 7, 30]
    assert len(report["members"]) == 3


def test_it_is_near_a_logistic_regression_where_there_is_nothing_more_to_learn(fitted, log):
    training = training_of(known_before(log, np.full(log.n_users, NOW)), until=NOW)
    rows, _, _ = horizon_rows(training, CHOICE, None)
    users = np.flatnonzero(known_before(log, np.full(log.n_users, NOW)).lengths > 0)
    week = days_to_first(log.take(users), np.full(len(users), NOW), 2, UNTIL)[:, 0] <= 7
    logistic = LogisticRegression(C=0.01, max_iter=500).fit(rows.activity, rows.happened[:, 0, 1])
    moments = np.full(len(users), NOW)
    from nextact.models.behaviour.horizons.activity import activity_features

    inputs = activity_features(known_before(log.take(users), moments), moments, 2)
    reference = log_loss(week, logistic.predict_proba(inputs)[:, 1])
    assert log_loss(week, predict(fitted[0], log.take(users))[:, 0, 1]) < reference + 0.05


def test_the_future_of_a_history_is_not_read(fitted, log):
    np.testing.assert_array_equal(
        predict(fitted[0], log), predict(fitted[0], known_before(log, np.full(log.n_users, NOW)))
    )


def test_a_user_without_a_past_gets_what_happened_to_others(fitted):
    found = predict(fitted[0], Histories.from_lists([[], [1]], timestamps=[[], [NOW + 1]]))
    np.testing.assert_allclose(found, np.tile(fitted[0].heads.share_CH.numpy(), (2, 1, 1)))


def test_rows_come_in_the_order_of_the_users(fitted, log):
    users = np.array([9, 4, 9, 0])
    np.testing.assert_allclose(predict(fitted[0], log.take(users)), predict(fitted[0], log)[users], atol=1e-6)


def test_the_same_seed_gives_the_same_bits_and_leaves_global_randomness_alone(fitted, log):
    state = torch.get_rng_state()
    training = training_of(known_before(log, np.full(log.n_users, NOW)), until=NOW)
    again, _ = fit_horizons(training, CHOICE, no_states)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(predict(again, log), predict(fitted[0], log))
    other, _ = fit_horizons(dataclasses.replace(training, context=FitContext(1)), CHOICE, no_states)
    assert not np.array_equal(predict(other, log), predict(fitted[0], log))


def test_loaded_heads_say_what_the_saved_ones_said(fitted, log, tmp_path):
    fitted[0].save(tmp_path)
    loaded = HorizonModel.load(tmp_path)
    assert (loaded.event_types, loaded.horizon_days) == (TYPES, (1, 7, 30))
    np.testing.assert_array_equal(predict(loaded, log), predict(fitted[0], log))
    (tmp_path / "horizons.safetensors").write_bytes(b"broken")
    with pytest.raises(NextactError, match=r"horizons\.safetensors cannot be read: "):
        HorizonModel.load(tmp_path)


def test_a_folder_without_heads_holds_none(tmp_path):
    assert HorizonModel.load(tmp_path) is None


@pytest.mark.parametrize(
    ("changed", "until", "why"),
    [
        ({"horizon_days": ()}, NOW, "horizon_days is empty"),
        ({}, None, "not known under this split"),
        ({"horizon_days": (200, 300)}, NOW, "training is shorter than 200 days, or has no times"),
    ],
)
def test_without_what_it_takes_there_are_no_heads_and_the_report_says_why(log, changed, until, why):
    model, report = fit_horizons(training_of(log, until=until), dataclasses.replace(CHOICE, **changed), no_states)
    assert model is None
    assert why in report["skipped"]


def test_positions_in_place_of_times_teach_nothing(caplog):
    with caplog.at_level(logging.INFO):
        model, _ = fit_horizons(training_of(Histories.from_lists([[1, 2, 3]]), until=3), CHOICE, no_states)
    assert model is None
    assert "or has no times" in caplog.text


def test_a_horizon_that_never_ends_in_training_is_left_out(log):
    choice = dataclasses.replace(CHOICE, horizon_days=(1, 7, 500))
    model, report = fit_horizons(training_of(log), choice, no_states)
    assert model.horizon_days == (1, 7)
    assert predict(model, log).shape == (log.n_users, 2, 2)
    assert report["horizon_days"] == [1, 7]


def test_one_user_is_learnt_from_and_stopped_by():
    alone = random_log(n_users=2)
    model, report = fit_horizons(training_of(alone), CHOICE, no_states)
    assert report["users"] == 1
    assert np.isfinite(predict(model, alone)).all()


def test_all_rows_of_a_user_are_in_one_fold():
    users = np.random.default_rng(0).integers(0, 40, 500)
    folds = user_folds(users, seed=3)
    assert set(folds) == set(range(5))
    assert all(len(set(folds[users == user])) == 1 for user in range(40))


def test_members_are_averaged_as_probabilities():
    heads = HorizonHeads(2, n_inputs=2, n_states=0, n_event_types=1, n_horizons=1).eval()
    for member, share in zip(heads.members, (0.2, 0.6), strict=True):
        member.start_at_shares(torch.tensor([[share]]))
    with torch.no_grad():
        torch.testing.assert_close(heads(torch.zeros(1, 2)), torch.tensor([[[0.4]]]), atol=1e-4, rtol=0)
