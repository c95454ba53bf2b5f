"""Build a sequence network from training data, train it and report."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nextact.errors import CannotFit
from nextact.metrics.ranking import ranking_metrics
from nextact.models.device import seeded
from nextact.models.masking import mask
from nextact.models.recommender import FitReport, Training
from nextact.models.sequence.cold_items import ColdItems
from nextact.models.sequence.cost_forecast import check_it_fits, forecast_training
from nextact.models.sequence.fitting.checkpoint import Checkpoints, held
from nextact.models.sequence.fitting.loop import LoopResult, train
from nextact.models.sequence.fitting.objective import Objective, make_batches
from nextact.models.sequence.fitting.state import LoopSettings
from nextact.models.sequence.inference import score_items
from nextact.models.sequence.network import NetworkSize, SequenceNetwork
from nextact.models.sequence.sequence_options import SequenceOptions
from nextact.models.sequence.text_start import start_from_text
from nextact.sequences.user_blocks import score_bytes, user_blocks

logger = logging.getLogger(__name__)


def fit_network(options: SequenceOptions, training: Training) -> tuple[SequenceNetwork, FitReport]:
    """A trained network in evaluation mode, and what is worth knowing about it.

    Raises:
        CannotFit: If no user has two steps, or the training does not fit in memory.
        NextactError: If it goes astray, or another process trains the same network.
    """
    checkpoints = checkpoints_of(options, training)
    with held(checkpoints):
        return train_network(options, training, checkpoints)


def train_network(
    options: SequenceOptions, training: Training, checkpoints: Checkpoints | None
) -> tuple[SequenceNetwork, FitReport]:
    """What :func:`fit_network` gives, where somebody holds the folder of the checkpoints already."""
    started = time.perf_counter()
    updates = make_batches(options, training)
    if not len(updates):
        raise CannotFit("no user has two steps in the training histories, so there is nothing to predict")
    with seeded(training.context.seed):
        network = start_network(options, training)
        cold = ColdItems.of(network, next(iter(available_text(options.text.blocks, training).values()), None))
        objective = Objective(network, options, training)
        forecast = forecast_training(network, updates, objective, options, training)
        logger.info("%s", forecast.in_words())
        check_it_fits(forecast, options)
        result = train(
            network,
            updates,
            objective,
            _validation(network, cold, training, options.backbone.max_steps),
            loop_settings(options, training),
            checkpoints,
        )
    cold.fill(network)
    report = report_of(network, result, time.perf_counter() - started)
    return network, report | {"loss": objective.loss, "forecast": asdict(forecast)}


def _validation(
    network: SequenceNetwork, cold: ColdItems, training: Training, max_steps: int
) -> Callable[[], float] | None:
    """None where nobody validates: there is no such user, or an earlier fit has said when to end."""
    if training.context.epochs is not None or not len(training.validation.users):
        return None

    def validate() -> float:
        cold.fill(network)
        return validation_ndcg(network, training, max_steps)

    return validate


def start_network(options: SequenceOptions, training: Training) -> SequenceNetwork:
    """A network before its first update: text in place, biases at the items' training frequency.

    Raises:
        CannotFit: If items are read by their text alone and there is none.
    """
    text = available_text(options.text.blocks, training)
    if not options.text.item_ids and not text:
        raise CannotFit(f"item_ids is off and the run has none of the text blocks {options.text.blocks}")
    size = NetworkSize(
        training.n_items, len(training.event_types), {name: vectors.shape[1] for name, vectors in text.items()}
    )
    network = SequenceNetwork(options, size)
    if options.backbone.compile:
        network.backbone.compile()
    with torch.no_grad():
        if training.target_event_types:
            is_target = [name in training.target_event_types for name in training.event_types]
            network.is_target_C.copy_(torch.tensor(is_target))
        network.is_warm_V.copy_(torch.from_numpy(event_counts(training) > 0))
        for block, vectors in zip(network.text_projections(), text.values(), strict=True):
            block.fill(vectors)
            network.has_text_V |= torch.from_numpy(vectors.any(axis=1))
        if options.text.item_ids:
            network.item_bias_V.copy_(torch.from_numpy(log_frequency(training)))
        if options.text.item_ids and options.text.start and text:
            start = start_from_text(network.item_table_VD.numpy(), next(iter(text.values())))
            network.item_table_VD.copy_(torch.from_numpy(start))
    return network


def available_text(names: tuple[str, ...], training: Training) -> dict[str, NDArray[np.float32]]:
    """The text blocks that this run has; the others step aside with a line in the log."""
    found = {}
    for name in names:
        vectors = training.item_vectors.get(name)
        if vectors is None or not vectors.shape[1]:
            logger.info("sequence: no item vectors %r in this run, trained without them", name)
        else:
            found[name] = np.asarray(vectors, np.float32)
    return found


def event_counts(training: Training) -> NDArray[np.int64]:
    """Training events of each item, int64 [n_items + 1]."""
    return np.bincount(training.histories.item_index, minlength=training.n_items + 1)


def log_frequency(training: Training) -> NDArray[np.float32]:
    """Log of each item's training events plus one, moved to mean 0; 0 for padding."""
    logs = np.log1p(event_counts(training)).astype(np.float32)
    logs[1:] -= logs[1:].mean()
    logs[0] = 0
    return logs


def validation_ndcg(network: SequenceNetwork, training: Training, max_steps: int) -> float:
    """Mean NDCG@10 over the validation users, by the rule of the evaluation."""
    total, holdout = 0.0, training.validation
    for which in user_blocks(len(holdout.users), score_bytes(training.n_items)):
        block = holdout.take(which)
        scores = mask(score_items(network, block.histories, max_steps), block.histories, training.exclude_seen)
        total += float(ranking_metrics(scores, block.targets, (10,))["ndcg@10"].sum())
    return total / len(holdout.users)


def checkpoints_of(options: SequenceOptions, training: Training) -> Checkpoints | None:
    """Where this training leaves checkpoints: a folder named after all that decides what it ends with."""
    if training.context.launch.checkpoint_folder is None:
        return None
    key = training_key(options, training)
    return Checkpoints(
        Path(training.context.launch.checkpoint_folder) / key, key, training.context.launch.checkpoint_seconds
    )


def training_key(options: SequenceOptions, training: Training) -> str:
    """Sixteen hexadecimal digits over options, seed, versions, data and text."""
    parts = [asdict(options), training.context.seed, training.n_items, training.event_types, training.exclude_seen]
    parts += [training.target_event_types, training.context.epochs, version("nextact"), version("torch")]
    found = hashlib.sha256(repr(parts).encode())
    for histories in (training.histories, training.validation.histories):
        for array in vars(histories).values():
            found.update(np.ascontiguousarray(array).data)
    found.update(training.validation.targets.item_index.tobytes())
    for name in options.text.blocks:
        if name in training.item_vectors:
            found.update(np.ascontiguousarray(training.item_vectors[name]).data)
    return found.hexdigest()[:16]


def loop_settings(options: SequenceOptions, training: Training) -> LoopSettings:
    """How the loop trains by these options."""
    shared = {field.name for field in fields(LoopSettings)} - {"seed", "last_epoch", "is_narrow"}
    values = {name: getattr(options.optimiser, name) for name in shared}
    return LoopSettings(
        **values,
        seed=training.context.seed,
        last_epoch=training.context.epochs,
        is_narrow=options.backbone.is_narrow,
    )


def report_of(network: SequenceNetwork, result: LoopResult, seconds: float) -> FitReport:
    """What is worth knowing of a training."""
    return {
        "epochs": len(result.curve),
        "best_epoch": result.best.epoch,
        "validation_ndcg@10": result.best.validation,
        "parameters": sum(p.numel() for p in network.parameters()),
        "seconds": round(seconds, 2),
        "curve": [asdict(epoch) for epoch in result.curve],
    }
