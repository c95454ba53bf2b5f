import numpy as np
import torch
from scipy.sparse import csr_matrix

from nextact.models.sequence.data.batches import Batches, MaskedStepBatches
from nextact.models.sequence.data.targets import SoftTargets
from nextact.sequences.histories import Histories

FOLLOWING = np.zeros((6, 6), np.float32)
FOLLOWING[1, [3, 4]] = 0.75, 0.25  # what tends to follow item 1; nothing is known of the others


def targets_of(histories, soft):
    ((batch,),) = Batches(histories, 1, 9, 99, 0, soft).epoch(1)
    dense = torch.zeros(batch.n_steps, 6)
    dense.index_put_((batch.targets.row_P, batch.targets.item_P), batch.targets.weight_P, accumulate=True)
    assert torch.equal(batch.targets.row_P, batch.targets.row_P.sort().values)
    return dense


def test_followers_of_the_last_item_share_the_target():
    dense = targets_of(Histories.from_lists([[1, 3, 2]]), SoftTargets(csr_matrix(FOLLOWING), 0.4))
    np.testing.assert_allclose(dense, [[0, 0, 0, 0.6 + 0.4 * 0.75, 0.1, 0], [0, 0, 1, 0, 0, 0]], rtol=1e-6)


def test_without_soft_targets_the_next_items_have_it_all():
    dense = targets_of(Histories.from_lists([[1, 3, 2]]), None)
    np.testing.assert_array_equal(dense, [[0, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0]])


def all_of(updates):
    """Every target of an epoch as (items read so far by the window, target item), however it is cut into batches."""
    found = []
    for batches in updates:
        for batch in batches:
            if batch.n_steps:
                found += batch.targets.item_P.tolist()
    return sorted(found)


def test_shards_hold_together_what_the_whole_update_holds():
    histories = Histories.from_lists([[user, user + 1, user + 2] for user in range(1, 30)])
    batches = Batches(histories, 1, 5, 8, seed=0)
    whole, cut = list(batches.epoch(3)), list(batches.epoch(3, shards=3))
    for (one,), parts in zip(whole, cut, strict=True):
        assert sorted(one.targets.item_P.tolist()) == all_of([parts])
        assert one.n_steps == sum(part.n_steps for part in parts)


def test_an_update_is_the_same_whether_or_not_those_before_it_were_seen():
    histories = Histories.from_lists([[user, user + 1, user + 2, user + 3] for user in range(1, 30)])
    for batches in (Batches(histories, 1, 5, 8, 0), MaskedStepBatches(histories, 1, 5, 8, 0, 0.4)):
        later = [batch.targets.item_P.tolist() for (batch,) in list(batches.epoch(2))[3:]]
        skipped = [batch.targets.item_P.tolist() for (batch,) in batches.epoch(2, skip=3)]
        assert later == skipped
        assert len(skipped) == len(batches) - 3
