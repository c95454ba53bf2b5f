import numpy as np

from nextact.models.sequence.text_start import START_SPREAD, Standard, start_from_text, whiten


def text(n_rows=200, width=6, seed=0):
    random = np.random.default_rng(seed)
    vectors = (random.normal(size=(n_rows, width)) @ random.normal(size=(width, width)) + 5).astype(np.float32)
    vectors[[0, 4]] = 0
    return vectors


def test_whitened_text_has_unit_variance_and_no_correlation():
    white = whiten(text(), 4)
    rows = np.delete(white, [0, 4], axis=0)
    np.testing.assert_allclose(rows.T @ rows / len(rows), np.eye(4), atol=1e-4)
    assert not white[[0, 4]].any()


def test_text_that_varies_in_few_directions_gives_few_columns():
    vectors = text()
    vectors[:, 2:] = 0
    assert whiten(vectors, 5).shape[1] == 2
    assert whiten(vectors[:2], 5).shape[1] == 0


def test_standardised_text_is_centred_and_of_length_one_on_average():
    standard = np.delete(Standard.of(text()).apply(text()), [0, 4], axis=0)
    np.testing.assert_allclose(standard.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.square(standard).sum(axis=1).mean(), 1, rtol=1e-5)


def test_other_vectors_are_standardised_as_the_first_were():
    standard, others = Standard.of(text()), text(seed=1)
    moved = np.where(others.any(axis=1, keepdims=True), (others - standard.centre) / standard.length, 0)
    np.testing.assert_allclose(standard.apply(others), moved, rtol=1e-5)
    assert not np.allclose(standard.apply(others), Standard.of(others).apply(others))


def test_vectors_without_text_stay_zero():
    assert not Standard.of(np.zeros((3, 2), np.float32)).apply(np.zeros((3, 2), np.float32)).any()


def test_ids_start_from_text_where_there_is_text():
    noise = np.full((200, 8), 9, np.float32)
    start = start_from_text(noise, text())
    np.testing.assert_array_equal(start[[0, 4]], noise[[0, 4]])
    np.testing.assert_array_equal(start[:, 6:], noise[:, 6:])  # six directions of text fill six columns
    np.testing.assert_allclose(np.delete(start, [0, 4], axis=0)[:, :6].std(axis=0), START_SPREAD, rtol=1e-3)
    assert (noise == 9).all()
