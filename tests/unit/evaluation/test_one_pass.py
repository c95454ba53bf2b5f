import numpy as np
import pytest
from scipy.special import log_softmax as scipy_log_softmax

from nextact.evaluation.one_pass import metrics_of_part, shuffle_targets
from nextact.evaluation.results import evaluated_model
from nextact.metrics.ranking import ranking_metrics
from nextact.metrics.targets import Targets
from nextact.models.top_items import top_k
from nextact.retrieval.scoring import evaluate, masked_scores
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout
from nextact.sequences.user_blocks import user_blocks

from .conftest import CANDIDATE, N_ITEMS, N_TYPES, Factors, FactorsAndTypes, make_holdout, make_set, read


def in_blocks(monkeypatch, size):
    monkeypatch.setattr("nextact.evaluation.one_pass.user_blocks", lambda n, bytes: user_blocks(n, bytes, size))


@pytest.mark.parametrize("exclude_seen", [False, True])
@pytest.mark.parametrize("round_to", [None, 0])
def test_one_pass_gives_the_numbers_of_the_scorer(holdout, exclude_seen, round_to):
    model, held_out = Factors(round_to=round_to), make_set(holdout, exclude_seen=exclude_seen)
    reading = read(model, held_out)
    expected = evaluate(model, holdout, exclude_seen, (3, 10))
    found = evaluated_model(CANDIDATE, reading, held_out, temperature=0.7).test
    for name, values in expected.items():
        assert found[name].mean == pytest.approx(values.mean(), abs=1e-12), name


def test_probabilities_are_those_of_a_softmax_over_what_may_be_recommended(holdout):
    model, held_out = Factors(), make_set(holdout, exclude_seen=True)
    reading = read(model, held_out, temperature=0.3)
    scores = masked_scores(model, holdout.histories, exclude_seen=True).astype(np.float64)
    expected = scipy_log_softmax(scores / 0.3, axis=1)
    targets = holdout.targets
    np.testing.assert_allclose(
        reading.log_probability, expected[targets.users_of_items, targets.item_index], rtol=1e-5, atol=1e-5
    )
    lists = top_k(scores.astype(np.float32), 10)
    assert reading.lists.tolist() == lists.tolist()
    np.testing.assert_allclose(reading.probability, np.exp(np.take_along_axis(expected, lists, 1)), rtol=1e-5)


def test_places_that_no_item_takes_have_no_probability():
    holdout = make_holdout()
    held_out = make_set(holdout, ks=(3, 40))
    reading = read(Factors(), held_out)
    assert (reading.lists[:, 30:] == 0).all()
    assert (reading.probability[:, 30:] == 0).all()
    np.testing.assert_allclose(reading.probability.sum(axis=1), 1, atol=1e-5)


def test_a_user_to_whom_nothing_may_be_recommended_has_no_probability_of_any_target():
    everything = Histories.from_lists([list(range(1, N_ITEMS + 1))])
    nobody = Holdout(np.array([0]), everything, Targets.from_lists([[3, 7]]), np.ones((1, N_TYPES)))
    reading = read(Factors(), make_set(nobody, exclude_seen=True))
    assert reading.log_probability.tolist() == [-np.inf] * 2
    assert not reading.lists.any()
    assert not reading.probability.any()


def test_event_types_are_read_where_a_model_predicts_them(holdout):
    held_out = make_set(holdout)
    np.testing.assert_allclose(
        read(FactorsAndTypes(), held_out).event_types, FactorsAndTypes().event_type_probabilities(holdout.histories)
    )
    assert read(Factors(), held_out).event_types is None


@pytest.mark.parametrize("size", [1, 7, 16, 1000])
def test_any_block_size_gives_the_same_numbers(holdout, monkeypatch, size):
    model, held_out = FactorsAndTypes(), make_set(holdout, exclude_seen=True)
    whole = evaluated_model(CANDIDATE, read(model, held_out), held_out, temperature=0.7)
    in_blocks(monkeypatch, size)
    parts = evaluated_model(CANDIDATE, read(model, held_out), held_out, temperature=0.7)
    assert_close(parts.model_dump(), whole.model_dump())


def test_any_user_order_gives_the_same_means(holdout):
    order = np.random.default_rng(1).permutation(len(holdout.users))
    other = holdout.take(order)
    held_out = make_set(holdout)
    shuffled = make_set(other, shuffled_targets=held_out.shuffled_targets.take(order))
    one = evaluated_model(CANDIDATE, read(Factors(), held_out), held_out, temperature=0.7)
    two = evaluated_model(CANDIDATE, read(Factors(), shuffled), shuffled, temperature=0.7)
    for part in ("test", "test_reachable", "shuffled"):
        for name, interval in getattr(one, part).items():
            assert getattr(two, part)[name].mean == pytest.approx(interval.mean, abs=1e-6), (part, name)
    assert_close(two.catalogue, one.catalogue)
    assert two.calibration.error == pytest.approx(one.calibration.error, abs=1e-6)


def test_the_same_block_size_gives_the_same_bits(holdout, monkeypatch):
    in_blocks(monkeypatch, 7)
    held_out = make_set(holdout, exclude_seen=True)
    first, second = read(FactorsAndTypes(), held_out), read(FactorsAndTypes(), held_out)
    for name in ("log_probability", "lists", "probability", "event_types"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name
    rows = [
        evaluated_model(CANDIDATE, one, held_out, temperature=0.7).model_copy(update={"score_seconds": 0})
        for one in (first, second)
    ]
    assert rows[0] == rows[1]


def test_a_part_of_the_targets_counts_alone(holdout):
    held_out = make_set(holdout)
    kept = np.arange(len(holdout.targets.item_index)) % 3 == 0
    users, values = metrics_of_part(read(Factors(), held_out).ranks, holdout.targets, kept, (3, 10))
    part = holdout.targets.keep(kept).take(users)
    scores = masked_scores(Factors(), holdout.histories.take(users), exclude_seen=False)
    for name, expected in ranking_metrics(scores, part, (3, 10)).items():
        np.testing.assert_allclose(values[name], expected, atol=1e-6)


def test_shuffling_gives_everybody_the_items_of_somebody_else():
    targets = Targets.from_lists([[user + 1] for user in range(9)], n_missing=list(range(9)))
    shuffled = shuffle_targets(targets, seed=3)
    assert sorted(shuffled.item_index.tolist()) == list(range(1, 10))
    assert (shuffled.item_index != targets.item_index).all()
    assert (shuffled.n_missing == shuffled.item_index - 1).all()


def assert_close(found, expected):
    """Numbers of nested results to 1e-6; seconds may differ."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            if key != "score_seconds":
                assert_close(found[key], expected[key])
    elif isinstance(expected, tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-6)
    else:
        assert found == expected
