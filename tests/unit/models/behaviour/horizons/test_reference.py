"""The regressions that heads are compared with, against scikit-learn used by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nextact.models.behaviour.heads.fit_heads import user_folds
from nextact.models.behaviour.horizons.model import LandmarkChoice, horizon_rows
from nextact.models.behaviour.horizons.reference import GRID, fit_horizon_reference, fit_tuned, predict_reference

from .conftest import training_of

CHOICE = LandmarkChoice(horizon_days=(1, 7), step_days=5, most=6, most_rows=10_000)


@pytest.fixture(scope="module")
def rows(log):
    return horizon_rows(training_of(log), CHOICE, None)[0]


def test_each_type_and_horizon_has_the_regression_of_the_best_penalty(rows):
    fitted = fit_horizon_reference(rows, seed=0)
    predicted = predict_reference(fitted, rows.activity)
    assert predicted.shape == (len(rows.user), 2, 2)
    kept = user_folds(rows.user, 0) == 0
    seen, label = rows.observed[:, 1], rows.happened[:, 0, 1]

    def by_hand(penalty, which):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=300))
        return model.fit(rows.activity[which], label[which])

    scaled = StandardScaler().fit(rows.activity[seen])
    losses = {
        penalty: log_loss(
            label[seen & kept],
            LogisticRegression(C=penalty, max_iter=300)
            .fit(scaled.transform(rows.activity[seen & ~kept]), label[seen & ~kept])
            .predict_proba(scaled.transform(rows.activity[seen & kept]))[:, 1],
        )
        for penalty in GRID
    }
    assert fitted[0][1].chosen == min(losses, key=losses.get)
    expected = by_hand(fitted[0][1].chosen, seen).predict_proba(rows.activity)[:, 1]
    np.testing.assert_allclose(predicted[:, 0, 1], expected, atol=2e-3)


def test_what_never_happens_has_no_probability():
    inputs = np.random.default_rng(0).normal(size=(30, 4))
    fitted = fit_tuned(inputs, np.zeros(30, np.int64), np.ones(30), np.arange(30) < 6)
    assert fitted.predict(inputs, 3).tolist() == [[1, 0, 0]] * 30


def test_a_class_that_the_fit_lacks_gets_nothing_and_rows_sum_to_one():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(200, 4))
    label = np.where(inputs[:, 0] + random.normal(size=200) > 0, 2, 0)
    found = fit_tuned(inputs, label, np.ones(200), np.arange(200) < 40).predict(inputs, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert not found[:, 1].any()
    assert found[label == 2, 2].mean() > found[label == 0, 2].mean() + 0.2
