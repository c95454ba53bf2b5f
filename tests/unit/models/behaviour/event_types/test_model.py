import dataclasses

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from nextact.errors import NextactError
from nextact.events.moments import DAY
from nextact.models.behaviour.event_types.head import TypeHead, TypeHeads, type_loss
from nextact.models.behaviour.event_types.model import EventTypeModel, fit_event_types
from nextact.models.behaviour.event_types.rows import step_rows, type_features, type_shares
from nextact.models.recommender import FitContext, Training
from nextact.sequences.histories import Histories

TYPES = ("view", "purchase", "return")


def random_log(n_users=90, n_steps=30, seed=0):
    """Users who mostly view, mostly buy, or do the other of their last two; some steps hold two events."""
    random = np.random.default_rng(seed)
    items, types, times = [], [], []
    for user in range(n_users):
        own = []
        for step in range(n_steps):
            if user % 3 == 2 and step:
                own.append(1 - own[-1])
            else:
                own.append(int(random.random() < (0.1, 0.8, 0.5)[user % 3]))
        moments = np.cumsum(random.integers(1, 5 * DAY, n_steps))
        twice = random.random(n_steps) < 0.2
        types.append(np.repeat(own, 1 + twice).tolist())
        times.append(np.repeat(moments, 1 + twice).tolist())
        items.append(random.integers(1, 9, len(types[-1])).tolist())
    return Histories.from_lists(items, types, times)


def training_of(histories, seed=0, types=TYPES):
    return Training(histories, 8, types, {}, None, False, FitContext(seed))


@pytest.fixture(scope="module")
def log():
    return random_log()


@pytest.fixture(scope="module")
def known(log):
    return log.between(log.offsets[:-1], log.step_start(1))


@pytest.fixture(scope="module")
def fitted(known):
    return fit_event_types(training_of(known))


def next_shares(log):
    return type_shares(log.last_steps(1), len(TYPES))


def test_users_are_left_out_only_where_their_rows_are_too_many():
    short = Histories.from_lists([[1]] * 5 + [[1, 2, 3]] * 20, timestamps=[[0]] * 5 + [[0, 1, 2]] * 20)
    everything = step_rows(short, 1, newest_steps=10, most_rows=40, seed=0)
    assert np.bincount(everything.user).tolist() == [0] * 5 + [2] * 20
    some = step_rows(short, 1, newest_steps=10, most_rows=13, seed=0)
    assert np.unique(some.user, return_counts=True)[1].tolist() == [2] * 6
    one = step_rows(short, 1, newest_steps=10, most_rows=1, seed=0)
    assert len(one.user) == 2  # a user at least


def test_rows_are_those_of_a_slow_walk_through_the_log():
    log = random_log(n_users=4, n_steps=5)
    rows = step_rows(log, 3, newest_steps=3, most_rows=1000, seed=0)
    expected = []
    for back in (3, 2, 1):
        for user in range(4):
            events = range(log.offsets[user], log.offsets[user + 1])
            steps = sorted({int(log.timestamp[event]) for event in events})
            at = steps[-back]
            before = [int(log.event_type[e]) for e in events if log.timestamp[e] < at]
            inside = [int(log.event_type[e]) for e in events if log.timestamp[e] == at]
            shares = [inside.count(code) / len(inside) for code in range(3)]
            of_all = [before.count(code) / len(before) for code in range(3)]
            expected.append((user, shares, of_all))
    assert rows.user.tolist() == [one[0] for one in expected]
    np.testing.assert_allclose(rows.shares, [one[1] for one in expected], rtol=1e-6)
    np.testing.assert_allclose(rows.features[:, -3:], [one[2] for one in expected], rtol=1e-6)


def test_a_step_is_not_read_to_foretell_itself(log):
    changed = dataclasses.replace(log, event_type=np.asarray(log.event_type).copy())
    newest = log.step_start(1)
    for user in range(log.n_users):
        changed.event_type[newest[user] : log.offsets[user + 1]] = 2
    one, other = (step_rows(part, 3, 1, 1000, seed=0) for part in (log, changed))
    np.testing.assert_array_equal(one.features, other.features)
    assert (other.shares[:, 2] == 1).all()
    assert (one.shares[:, 2] == 0).all()


def test_a_bound_on_rows_draws_users_by_the_seed(log):
    one, same, other = (step_rows(log, 3, 10, 200, seed=seed) for seed in (0, 0, 1))
    assert len(one.user) == 200
    np.testing.assert_array_equal(one.features, same.features)
    assert not np.array_equal(one.features, other.features)


def test_who_buys_is_told_from_who_views(fitted, log, known):
    model, report = fitted
    found, shares = model.predict(known), next_shares(log)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    users = np.arange(log.n_users)
    assert found[users % 3 == 1, 1].mean() > found[users % 3 == 0, 1].mean() + 0.3
    turned = users % 3 == 2  # do the other thing: what frequency does not say, the newest step does
    assert (found[turned].argmax(axis=1) == shares[turned].argmax(axis=1)).mean() > 0.8
    constant = np.tile(model.heads.share_C.double().numpy(), (log.n_users, 1))
    assert log_loss(shares.argmax(axis=1), found, labels=[0, 1, 2]) < 0.8 * log_loss(
        shares.argmax(axis=1), constant, labels=[0, 1, 2]
    )
    assert (report["rows"], report["users"], len(report["members"])) == (90 * 28, 90, 3)


def test_it_is_no_worse_than_a_logistic_regression_on_the_same_features(fitted, log, known):
    rows = step_rows(known, 3, 40, 10**6, seed=0)
    scale = rows.features.std(axis=0) + 1e-6
    logistic = LogisticRegression(C=0.1, max_iter=500).fit(rows.features / scale, rows.shares.argmax(axis=1))
    theirs = logistic.predict_proba(type_features(known, 3) / scale)
    observed = next_shares(log).argmax(axis=1)
    ours = fitted[0].predict(known)[:, :2]
    assert log_loss(observed, ours / ours.sum(axis=1, keepdims=True)) < log_loss(observed, theirs) + 0.03


def test_without_a_past_the_shares_of_training_stand(fitted):
    found = fitted[0].predict(Histories.from_lists([[], [1]], [[], [1]]))
    np.testing.assert_allclose(found[0], fitted[0].heads.share_C.double().numpy(), atol=1e-6)
    assert not np.allclose(found[0], found[1])


def test_who_else_is_asked_for_does_not_matter(fitted, known):
    together = fitted[0].predict(known)
    np.testing.assert_allclose(fitted[0].predict(known.take(np.array([7, 3]))), together[[7, 3]], atol=1e-6)


def test_the_same_seed_gives_the_same_bits_and_leaves_global_randomness_alone(fitted, known):
    state = torch.get_rng_state()
    again, _ = fit_event_types(training_of(known))
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(again.predict(known), fitted[0].predict(known))
    other, _ = fit_event_types(training_of(known, seed=1))
    assert not np.array_equal(other.predict(known), fitted[0].predict(known))


def test_loaded_heads_say_what_the_saved_ones_said(fitted, known, tmp_path):
    assert EventTypeModel.load(tmp_path) is None
    fitted[0].save(tmp_path)
    loaded = EventTypeModel.load(tmp_path)
    assert loaded.event_types == TYPES
    np.testing.assert_array_equal(loaded.predict(known), fitted[0].predict(known))
    (tmp_path / "event_types.safetensors").write_bytes(b"broken")
    with pytest.raises(NextactError, match=r"event_types\.safetensors cannot be read: "):
        EventTypeModel.load(tmp_path)


def test_where_nothing_is_to_be_told_apart_there_are_no_heads_and_the_report_says_why(log):
    model, report = fit_event_types(training_of(Histories.from_lists([[1], [2]])))
    assert (model, report["skipped"]) == (None, "no user has two steps")
    model, report = fit_event_types(training_of(log, types=("buy",)))
    assert (model, report["skipped"]) == (None, "there is one event type alone")


def test_a_head_starts_at_the_shares_and_members_are_averaged_as_probabilities():
    heads = TypeHeads(2, n_inputs=2, n_event_types=2).eval()
    heads.start_at_shares(torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    with torch.no_grad():
        torch.testing.assert_close(heads(torch.randn(3, 2)), torch.tensor([[0.75, 0.25]] * 3))
        for member, share in zip(heads.members, (0.2, 0.6), strict=True):
            member.start_at(torch.tensor([share, 1 - share]).log())
        torch.testing.assert_close(heads(torch.zeros(1, 2)), torch.tensor([[0.4, 0.6]]))


def test_the_loss_is_the_cross_entropy_of_the_shares():
    logits, shares = torch.randn(5, 3), torch.rand(5, 3).softmax(dim=1)
    expected = -(shares * logits.log_softmax(dim=1)).sum(dim=1).mean()
    torch.testing.assert_close(type_loss(logits, shares), expected)
    assert isinstance(TypeHeads(1, 2, 3).heads()[0], TypeHead)
