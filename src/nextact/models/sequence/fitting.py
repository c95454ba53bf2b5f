"""Build a sequence network from training data, train it and report."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from nextact.errors import NextactError
from nextact.metrics.ranking import ranking_metrics
from nextact.models.masking import mask
from nextact.models.recommender import FitReport, Training
from nextact.models.sequence.inference import score_items
from nextact.models.sequence.losses import next_items_loss
from nextact.models.sequence.network import NetworkSize, SequenceNetwork
from nextact.models.sequence.options import SequenceOptions
from nextact.models.sequence.text_start import standardise, start_from_text
from nextact.sequences.histories import Histories
from nextact.training.batches import Batches, HiddenStepBatches, StepBatch
from nextact.training.device import seeded
from nextact.training.loop import LoopResult, LoopSettings, train

logger = logging.getLogger(__name__)

BLOCK_USERS = 512


def fit_network(options: SequenceOptions, training: Training) -> tuple[SequenceNetwork, FitReport]:
    """A trained network in evaluation mode, and what is worth knowing about it.

    Raises:
        NextactError: If no user has two steps, or training goes astray.
    """
    started = time.perf_counter()
    n_types = len(training.event_types)
    batches = make_batches(options, training.histories, n_types, training.seed)
    if not len(batches):
        raise NextactError("sequence: no user has two steps in the training histories, so there is nothing to predict")
    with seeded(training.seed):
        network = start_network(options, training)
        result = train(
            network,
            batches,
            lambda batch: batch_loss(network, batch, options),
            (lambda: validation_ndcg(network, training, options.max_steps)) if len(training.validation.users) else None,
            _loop_settings(options),
            training.log_curve,
        )
    return network, _report(network, result, time.perf_counter() - started)


def make_batches(options: SequenceOptions, histories: Histories, n_event_types: int, seed: int) -> Batches:
    """Batches for the objective."""
    if options.objective == "next":
        return Batches(histories, n_event_types, options.max_steps, options.batch_steps, seed)
    return HiddenStepBatches(
        histories, n_event_types, options.max_steps, options.batch_steps, seed, options.hidden_share
    )


def start_network(options: SequenceOptions, training: Training) -> SequenceNetwork:
    """A network before its first update: text in place, biases at the items' training frequency."""
    text = available_text(options.text_blocks, training)
    size = NetworkSize(
        training.n_items, len(training.event_types), {name: vectors.shape[1] for name, vectors in text.items()}
    )
    network = SequenceNetwork(options, size)
    with torch.no_grad():
        network.item_bias_V.copy_(torch.from_numpy(log_frequency(training)))
        for block, vectors in zip(network.text_projections(), text.values(), strict=True):
            block.fill(torch.from_numpy(vectors))
            network.has_text_V |= torch.from_numpy(vectors.any(axis=1))
        if options.text_start and text:
            start = start_from_text(network.item_table_VD.numpy(), next(iter(text.values())))
            network.item_table_VD.copy_(torch.from_numpy(start))
    return network


def available_text(names: tuple[str, ...], training: Training) -> dict[str, NDArray[np.float32]]:
    """The text blocks that this run has, standardised; the others step aside with a line in the log."""
    found = {}
    for name in names:
        vectors = training.item_vectors.get(name)
        if vectors is None or not vectors.shape[1]:
            logger.info("sequence: no item vectors %r in this run, trained without them", name)
        else:
            found[name] = standardise(np.asarray(vectors, np.float32))
    return found


def log_frequency(training: Training) -> NDArray[np.float32]:
    """Log of each item's training events plus one, moved to mean 0; 0 for padding."""
    counts = np.bincount(training.histories.item_index, minlength=training.n_items + 1)
    logs = np.log1p(counts).astype(np.float32)
    logs[1:] -= logs[1:].mean()
    logs[0] = 0
    return logs


def batch_loss(network: SequenceNetwork, batch: StepBatch, options: SequenceOptions) -> Tensor:
    """Mean loss over the steps of a batch: items, plus the weighted loss of event types."""
    matrix_VD = network.item_matrix()
    states_AD = network.states(batch.inputs, matrix_VD).index_select(0, batch.asked_A)
    targets = batch.targets
    item_loss = next_items_loss(
        states_AD,
        matrix_VD,
        network.item_bias_V,
        targets.row_P,
        targets.item_P,
        targets.weight_P,
        options.loss_chunk_steps,
    )
    return item_loss + options.event_type_weight * cross_entropy(network.type_logits(states_AD), targets.next_types_AC)


def validation_ndcg(network: SequenceNetwork, training: Training, max_steps: int) -> float:
    """Mean NDCG@10 over the validation users, by the rule of the evaluation."""
    total, holdout = 0.0, training.validation
    for start in range(0, len(holdout.users), BLOCK_USERS):
        block = holdout.take(np.arange(start, min(start + BLOCK_USERS, len(holdout.users))))
        scores = mask(score_items(network, block.histories, max_steps), block.histories, training.exclude_seen)
        total += float(ranking_metrics(scores, block.targets, (10,))["ndcg@10"].sum())
    return total / len(holdout.users)


def _loop_settings(options: SequenceOptions) -> LoopSettings:
    return LoopSettings(
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        warmup_share=options.warmup_share,
        clip_norm=options.clip_norm,
        patience=options.patience,
        precision=options.precision,
    )


def _report(network: SequenceNetwork, result: LoopResult, seconds: float) -> FitReport:
    return {
        "epochs": len(result.curve),
        "best_epoch": result.best.epoch,
        "validation_ndcg@10": result.best.validation,
        "parameters": sum(p.numel() for p in network.parameters()),
        "seconds": round(seconds, 2),
        "curve": [asdict(epoch) for epoch in result.curve],
    }
