"""Go on from the weights of a fitted network, with the steps that came since."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from nextact.models.device import seeded
from nextact.models.recommender import FitReport, Training
from nextact.models.sequence.cold_items import ColdItems
from nextact.models.sequence.fitting.fit_network import available_text, event_counts, loop_settings, report_of
from nextact.models.sequence.fitting.loop import train
from nextact.models.sequence.fitting.objective import Objective, make_batches
from nextact.models.sequence.network import SequenceNetwork
from nextact.models.sequence.sequence_options import SequenceOptions


def continue_network(network: SequenceNetwork, options: SequenceOptions, training: Training) -> FitReport:
    """Train a network on the steps that ``training.learnt`` does not hold, in place, and leave it in evaluation mode.

    The optimiser starts afresh, with a smaller step size and its own warm-up. Every newer step is a target; what came
    before it is read but not learnt again. Items that had no event before start from what stood in for them. It takes
    one process and leaves no checkpoint, since it takes a fraction of the first fit.

    Args:
        network: Fitted with these options.
        options: Of the first fit; ``optimiser.newer_epochs`` and ``newer_rate`` say how it goes on.
        training: All events up to today, and which of them are learnt.

    Returns:
        What is worth knowing; ``epochs`` is 0 where no user has a newer step.
    """
    started = time.perf_counter()
    updates = make_batches(options, training)
    with torch.no_grad():
        network.is_warm_V.copy_(torch.from_numpy(event_counts(training) > 0))
    if not len(updates):
        return {"epochs": 0, "seconds": 0.0}
    first = loop_settings(options, training)
    settings = replace(
        first,
        epochs=options.optimiser.newer_epochs,
        learning_rate=first.learning_rate * options.optimiser.newer_rate,
        last_epoch=None,
    )
    for block in network.text_projections():
        block.share_repeated()
    with seeded(training.context.seed):
        cold = ColdItems.of(network, next(iter(available_text(options.text.blocks, training).values()), None))
        objective = Objective(network, options, training)
        result = train(network, updates, objective, None, settings)
    cold.fill(network)
    return report_of(network, result, time.perf_counter() - started) | {"loss": objective.loss}
