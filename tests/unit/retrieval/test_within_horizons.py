import numpy as np

from nextact.retrieval.recommending import HORIZON_COLUMNS, predict_within_horizons
from nextact.sequences.histories import Histories


class ByLength:
    """Says in its numbers which user, type and horizon they are of."""

    def __init__(self):
        self.moments = []

    def horizons(self):
        return (1, 7, 30)

    def predict_horizons(self, histories, moments):
        self.moments += moments.tolist()
        cells = np.arange(2)[:, None] / 10 + np.arange(3)[None, :] / 100
        return histories.lengths[:, None, None] / 1000 + cells


def test_a_row_holds_the_probability_of_its_user_type_and_horizon():
    histories = Histories.from_lists([[1] * length for length in (5, 0, 2)])
    model = ByLength()
    ids = np.array(["e", "none", "b"], dtype=object)
    table = predict_within_horizons(model, histories, ids, ("view", "buy"), moment=77)
    assert tuple(table) == HORIZON_COLUMNS
    assert len(table) == 3 * 2 * 3
    assert model.moments == [77, 77, 77]
    for row in table.itertuples():
        user, kind = list(ids).index(row.user_id), ("view", "buy").index(row.event_type)
        place = (1, 7, 30).index(row.horizon_days)
        assert np.isclose(row.probability, histories.lengths[user] / 1000 + kind / 10 + place / 100)


def test_nobody_has_no_rows():
    table = predict_within_horizons(ByLength(), Histories.from_lists([]), np.array([], dtype=object), ("view",), 77)
    assert (len(table), tuple(table)) == (0, HORIZON_COLUMNS)
