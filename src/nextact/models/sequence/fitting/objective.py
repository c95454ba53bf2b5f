"""What a sequence network learns from: its batches, and the loss of one."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from torch import Tensor
from torch.nn.functional import cross_entropy

from nextact.models.baselines.baseline_options import EASEOptions, TransitionOptions
from nextact.models.baselines.item_to_item import EASE, TransitionTable
from nextact.models.baselines.storage import keep_largest
from nextact.models.recommender import Training
from nextact.models.sequence.data.batches import Batches, MaskedStepBatches
from nextact.models.sequence.data.step_log import StepLog
from nextact.models.sequence.data.targets import SoftTargets
from nextact.models.sequence.data.windows import StepBatch
from nextact.models.sequence.fitting.losses import next_items_loss
from nextact.models.sequence.fitting.sampled import draw_negatives, gbce_loss, sampled_softmax_loss
from nextact.models.sequence.network import SequenceNetwork
from nextact.models.sequence.sequence_options import SequenceOptions

FULL_SOFTMAX_ITEMS = 100_000  # above it a sample of the catalogue is the rule
FOLLOWING_LAGS, FOLLOWING_DECAY = 3, 0.7


def make_batches(options: SequenceOptions, training: Training) -> Batches:
    """Batches for the objective: of all steps, or of those that are not in ``training.learnt``."""
    histories, n_types, seed = training.histories, len(training.event_types), training.context.seed
    sizes = options.backbone.max_steps, options.optimiser.batch_steps
    n_learnt = None if training.learnt is None else StepLog(training.learnt).n_steps
    if options.loss.objective == "next":
        return Batches(histories, n_types, *sizes, seed, soft_targets(options, training), n_learnt)
    return MaskedStepBatches(histories, n_types, *sizes, seed, options.loss.masked_share, n_learnt)


def soft_targets(options: SequenceOptions, training: Training) -> SoftTargets | None:
    """What tends to follow each item, or None where no share of the target goes to it."""
    if not options.loss.soft_targets:
        return None
    following = what_follows(options, training)
    totals = np.asarray(following.sum(axis=1)).ravel()
    shares = csr_matrix(diags(1 / np.maximum(totals, 1e-12)) @ following, dtype=np.float32)
    return SoftTargets(shares, options.loss.soft_targets)


def what_follows(options: SequenceOptions, training: Training) -> csr_matrix:
    """Weights above 0 from an item (row) to ``soft_items`` others at most, by the baseline of ``soft_source``."""
    if options.loss.soft_source == "ease":
        ease = EASE(EASEOptions())
        ease.fit(training)
        return keep_largest(csr_matrix(ease.weights.maximum(0)), options.loss.soft_items)
    table = TransitionTable(
        TransitionOptions(lags=FOLLOWING_LAGS, lag_decay=FOLLOWING_DECAY, kept_per_item=options.loss.soft_items)
    )
    table.fit(training)
    return table.weights


def chosen_loss(options: SequenceOptions, n_items: int) -> str:
    """The loss by name, where ``auto`` leaves it to the size of the catalogue."""
    if options.loss.kind != "auto":
        return options.loss.kind
    return "full" if n_items <= FULL_SOFTMAX_ITEMS else "sampled"


class Objective:
    """Loss of a batch: items, plus the weighted loss of event types.

    Args:
        network: Learns.
        options: Which loss, and its parts.
        training: Says how popular each item is.
    """

    def __init__(self, network: SequenceNetwork, options: SequenceOptions, training: Training) -> None:
        self.network, self.options = network, options
        self.loss = chosen_loss(options, training.n_items)
        counts = np.bincount(training.histories.item_index, minlength=training.n_items + 1).astype(np.float64)
        shares = torch.from_numpy(counts / max(counts.sum(), 1)).float()
        self.log_popularity_V = shares.log()

    def __call__(self, batch: StepBatch, done: float) -> Tensor:
        """Mean over the steps of a batch.

        Args:
            batch: At least one step.
            done: Share of the training that is done, in [0, 1).
        """
        network, types_AC = self.network, batch.targets.next_types_AC
        matrix_VD = network.item_matrix()
        states_AD = network.states(batch.inputs, matrix_VD).index_select(0, batch.asked_A)
        type_loss = cross_entropy(network.type_logits(states_AD), types_AC)
        item_loss = self._item_loss(network.item_states(states_AD, types_AC), matrix_VD, batch, done)
        return item_loss + self.options.loss.event_type_weight * type_loss

    def _item_loss(self, states_AD: Tensor, matrix_VD: Tensor, batch: StepBatch, done: float) -> Tensor:
        targets, bias_V = batch.targets, self.network.learnt_bias()
        parts = states_AD, matrix_VD, bias_V, targets.row_P, targets.item_P, targets.weight_P
        loss = "full" if done >= 1 - self.options.loss.full_last else self.loss
        if loss == "full":
            return next_items_loss(*parts, self.options.loss.chunk_steps)
        self.log_popularity_V = self.log_popularity_V.to(states_AD.device)
        if loss == "sampled":
            return sampled_softmax_loss(*parts, draw_negatives(self.log_popularity_V, targets.item_P, *self._mix()))
        even = draw_negatives(self.log_popularity_V, targets.item_P, self.options.loss.negatives, 0, 0)
        return gbce_loss(*parts, even, self.options.loss.gbce_calibration)

    def _mix(self) -> tuple[int, int, int]:
        """How many negatives are drawn evenly, by popularity and from the batch."""
        popular = round(self.options.loss.popular_negatives * self.options.loss.negatives)
        of_batch = round(self.options.loss.batch_negatives * self.options.loss.negatives)
        return self.options.loss.negatives - popular - of_batch, popular, of_batch
