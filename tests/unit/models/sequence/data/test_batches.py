import numpy as np
import pytest

from nextact.models.sequence.data.batches import Batches, MaskedStepBatches
from nextact.models.sequence.data.step_log import StepLog
from nextact.models.sequence.data.windows import with_open_step
from nextact.sequences.histories import Histories


def baskets(items, times):
    return Histories.from_lists(items, timestamps=times)


LOG = baskets(
    [[1, 2, 3, 4, 5, 6, 7], [8, 9], [10], [11, 12, 11, 13]],
    [[0, 0, 1, 2, 3, 4, 5], [0, 0], [0], [0, 1, 1, 2]],
)


def targets_of(batch):
    """(step's row, item, weight) as lists."""
    t = batch.targets
    return list(zip(t.row_P.tolist(), t.item_P.tolist(), t.weight_P.tolist(), strict=True))


@pytest.mark.parametrize(("max_steps", "batch_steps"), [(2, 3), (3, 100), (50, 1)])
def test_every_step_but_a_users_first_is_a_target_exactly_once(max_steps, batch_steps):
    batches = Batches(LOG, 1, max_steps, batch_steps, seed=3)
    seen = sorted(item for (batch,) in batches.epoch(1) for _, item, _ in targets_of(batch))
    assert seen == [3, 4, 5, 6, 7, 11, 12, 13]


def test_a_window_reads_the_steps_before_its_targets():
    batches = Batches(LOG, 1, max_steps=2, batch_steps=2, seed=0)
    read_before = {}
    for (batch,) in batches.epoch(1):
        items, steps = batch.inputs.item_index_E.numpy(), batch.inputs.step_E.numpy()
        read_before |= {item: sorted(items[steps == row].tolist()) for row, item, _ in targets_of(batch)}
    assert read_before == {3: [1, 2], 4: [3], 5: [4], 6: [5], 7: [6], 12: [11], 11: [11], 13: [11, 12]}


def test_the_distinct_items_of_a_next_step_share_its_weight():
    histories = baskets([[1, 2, 3, 2, 4]], [[0, 1, 1, 1, 2]])
    ((batch,),) = Batches(histories, 1, max_steps=9, batch_steps=9, seed=0).epoch(1)
    assert targets_of(batch) == [(0, 2, 0.5), (0, 3, 0.5), (1, 4, 1.0)]


def test_next_types_are_shares_of_the_next_steps_events():
    histories = Histories.from_lists([[1, 2, 3, 2]], [[0, 1, 1, 0]], [[0, 1, 1, 1]])
    ((batch,),) = Batches(histories, 3, max_steps=9, batch_steps=9, seed=0).epoch(1)
    np.testing.assert_allclose(batch.targets.next_types_AC.numpy(), [[1 / 3, 2 / 3, 0]], rtol=1e-6)


def test_batches_keep_within_the_budget_of_steps():
    histories = Histories.from_lists([list(range(1, 2 + n)) for n in range(1, 12)])
    batches = Batches(histories, 1, max_steps=10, batch_steps=20, seed=0)
    sizes = [batch.n_steps for (batch,) in batches.epoch(1)]
    assert len(sizes) == len(batches)
    assert max(sizes) <= 20


def test_the_order_depends_on_seed_and_epoch_alone():
    histories = Histories.from_lists([[i, i + 1, i + 2] for i in range(1, 40)])

    def order(seed, epoch):
        batches = Batches(histories, 1, max_steps=5, batch_steps=8, seed=seed)
        return [batch.targets.item_P.tolist() for (batch,) in batches.epoch(epoch)]

    assert order(1, 1) == order(1, 1)
    assert order(1, 1) != order(1, 2)
    assert order(1, 1) != order(2, 1)


def test_padding_stands_on_the_right():
    log = StepLog(LOG)
    inputs = log.inputs(log.first_step[np.array([1, 3])], np.array([1, 3]))
    assert (inputs.n_windows, inputs.n_columns) == (2, 3)
    assert inputs.places_N.tolist() == [0, 3, 4, 5]
    assert inputs.step_E.tolist() == [0, 0, 1, 2, 2, 3]
    assert inputs.n_events_N.tolist() == [2, 1, 2, 1]


def test_no_user_with_two_steps_gives_no_batch():
    assert len(Batches(baskets([[1, 2], []], [[0, 0], []]), 1, 5, 5, seed=0)) == 0


def hidden(share=0.4, max_steps=4, seed=0):
    return MaskedStepBatches(LOG, 1, max_steps, 6, seed, share)


def test_a_hidden_step_has_no_events_and_its_own_items_as_target():
    for number in range(1, 6):
        for (batch,) in hidden().epoch(number):
            asked = set(batch.asked_A.tolist())
            assert asked == set(np.flatnonzero(batch.inputs.n_events_N.numpy() == 0).tolist())
            assert not asked & set(batch.inputs.step_E.tolist())
            assert set(batch.targets.row_P.tolist()) == set(range(len(asked)))


def test_the_items_read_and_asked_for_are_those_of_the_windows():
    for (batch,) in hidden().epoch(2):
        read = sorted(batch.inputs.item_index_E.tolist())
        asked = sorted({(row, item) for row, item, _ in targets_of(batch)})
        together = sorted([*read, *(item for _, item in asked)])
        assert len(together) >= int(batch.inputs.n_windows) * 2
        assert set(together) <= set(range(1, 14))


def test_every_window_hides_something_and_half_end_with_the_one_that_they_hide():
    histories = Histories.from_lists([list(range(1, 9))] * 400)
    lengths = []
    for (batch,) in MaskedStepBatches(histories, 1, 8, 64, 0, 0.01).epoch(1):
        window = batch.inputs.places_N.numpy() // batch.inputs.n_columns
        n_steps = np.bincount(window, minlength=batch.inputs.n_windows)
        hidden = np.bincount(window[batch.asked_A.numpy()], minlength=batch.inputs.n_windows)
        assert (hidden > 0).all()
        lengths += n_steps.tolist()
    counts = np.bincount(lengths, minlength=9)
    assert counts.sum() == 400
    assert 200 < counts[8] < 260  # the whole ones, and those of the others that end at the newest step
    assert (counts[2:8] > 10).all()
    assert counts[:2].tolist() == [0, 0]


def test_what_is_hidden_depends_on_seed_and_epoch_alone():
    def asked(batches, number):
        return [batch.asked_A.tolist() for (batch,) in batches.epoch(number)]

    assert asked(hidden(), 1) == asked(hidden(), 1)
    assert asked(hidden(), 1) != asked(hidden(), 2)


def test_an_open_step_stands_after_each_window():
    log = StepLog(baskets([[1, 2, 3], [4], [5, 6]], [[0, 0, 1], [0], [0, 1]]))
    inputs = log.inputs(log.first_step[:-1], log.n_steps)
    opened = with_open_step(inputs, log.n_steps)
    assert (opened.n_windows, opened.n_columns) == (3, 3)
    assert opened.places_N.tolist() == [0, 1, 2, 3, 4, 6, 7, 8]
    assert opened.n_events_N.tolist() == [2, 1, 0, 1, 0, 1, 1, 0]
    assert opened.step_E.tolist() == [0, 0, 1, 3, 5, 6]
    assert opened.item_index_E.tolist() == inputs.item_index_E.tolist()


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_places_are_those_of_the_padded_batches(shards):
    batches = Batches(LOG, 1, max_steps=3, batch_steps=6, seed=3)
    made = [
        [batch.inputs.n_windows * batch.inputs.n_columns for batch in update] for update in batches.epoch(1, 0, shards)
    ]
    assert sorted(made) == sorted(batches.places(shards).tolist())


LEARNT = np.array([4, 1, 0, 3])  # steps of each user of LOG


def test_of_steps_that_are_learnt_the_newer_ones_alone_are_targets_and_all_before_them_are_read():
    batches = Batches(LOG, 1, max_steps=2, batch_steps=100, seed=0, n_learnt=LEARNT)
    ((batch,),) = batches.epoch(1)
    assert sorted(item for _, item, _ in targets_of(batch)) == [6, 7]
    assert sorted(batch.inputs.item_index_E.tolist()) == [5, 6]  # the last window; no other holds a newer step
    assert batch.n_steps == 2


def test_with_nothing_newer_there_is_no_update():
    assert len(Batches(LOG, 1, 2, 100, seed=0, n_learnt=StepLog(LOG).n_steps)) == 0


def test_of_steps_that_are_learnt_the_newer_ones_alone_are_masked():
    batches = MaskedStepBatches(LOG, 1, 5, 100, seed=0, masked_share=0.9, n_learnt=LEARNT)
    hidden = {item for epoch in range(1, 30) for (batch,) in batches.epoch(epoch) for _, item, _ in targets_of(batch)}
    assert hidden == {6, 7}
