"""Nodes that look closer at what was read of test: slices, checks for leaks, examples. None opens test again."""

import logging

import numpy as np
import pandas as pd

from nextact.evaluation import leaks
from nextact.evaluation.evaluation_options import EvaluationOptions
from nextact.evaluation.examples import pick_examples
from nextact.evaluation.slices import HeldOut, column_groupings, score_groupings, standard_groupings
from nextact.evaluation.tables import ranks_of
from nextact.events import columns as c
from nextact.events.contract import EventOptions
from nextact.pipelines.model_training.nodes import ValidationOptions
from nextact.protocol import Certificate, require_same_run
from nextact.results.evaluation import Examples, LeakChecks, Slices, TestResults
from nextact.retrieval.catalogue import Catalogue
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, learnt_histories, training_histories
from nextact.text.cleaning.table import TextTable

logger = logging.getLogger(__name__)


def slice_test(
    test_results: TestResults,
    test_users: pd.DataFrame,
    test_targets: pd.DataFrame,
    test_ranks: pd.DataFrame,
    histories: Histories,
    validation_cuts: Cuts,
    vocabulary: pd.DataFrame,
    users: pd.DataFrame,
    items: pd.DataFrame,
    certificate: Certificate,
    events: EventOptions,
    validation: ValidationOptions,
    options: EvaluationOptions,
) -> Slices:
    """The chosen model beside the best baseline in groups of users and of items."""
    require_same_run("test_results", test_results.run_id, certificate, "model_evaluation")
    held_out = _held_out(test_users, test_targets, histories, validation_cuts, vocabulary, certificate.is_refitted)
    groupings = standard_groupings(held_out, events.event_types, events.has_times)
    groupings += column_groupings(
        held_out, users, items, options.user_columns, options.item_columns, options.max_groups
    )
    models = tuple(name for name in (test_results.chosen, test_results.baseline) if name)
    metrics = tuple(dict.fromkeys([test_results.metric, f"hit_rate@{test_results.metric.rpartition('@')[2]}"]))
    ranks = {name: ranks_of(test_ranks, name) for name in models}
    return Slices(
        **certificate.stamp,
        metrics=metrics,
        models=models,
        users=len(test_users),
        left_out=test_results.left_out,
        slices=score_groupings(groupings, ranks, held_out.relevant, metrics, validation.draws),
    )


def check_leaks(
    test_results: TestResults,
    test_users: pd.DataFrame,
    test_targets: pd.DataFrame,
    test_lists: pd.DataFrame,
    histories: Histories,
    validation_cuts: Cuts,
    vocabulary: pd.DataFrame,
    certificate: Certificate,
    events: EventOptions,
) -> LeakChecks:
    """What may make the results look better than the models are; training events after the split stop the run."""
    require_same_run("test_results", test_results.run_id, certificate, "model_evaluation")
    refitted, protocol = certificate.is_refitted, certificate.protocol
    held_out = _held_out(test_users, test_targets, histories, validation_cuts, vocabulary, refitted)
    first, relevant = training_histories(histories, validation_cuts), held_out.relevant
    checks = [
        leaks.check_training_moment(first, vocabulary, protocol.split),
        *([leaks.check_refit_moment(held_out.training, protocol.split)] if refitted else []),
        leaks.check_order(held_out),
        leaks.check_repeats(held_out, protocol.exclude_seen),
        leaks.check_shuffled(test_results, relevant, held_out.popularity),
        leaks.check_core(relevant, held_out.popularity, test_results.metric, protocol.filter.window),
    ]
    if events.has_times:
        checks += [leaks.check_duplicates(held_out), leaks.check_existence(held_out, test_lists)]
    leaks.refuse_outright_leaks(checks)
    for check in checks:
        if not check.passed:
            logger.warning("Check of %s: %s", check.name, check.words)
    return LeakChecks(**certificate.stamp, checks=tuple(checks))


def tell_examples(
    test_results: TestResults,
    test_users: pd.DataFrame,
    test_targets: pd.DataFrame,
    test_lists: pd.DataFrame,
    histories: Histories,
    validation_cuts: Cuts,
    vocabulary: pd.DataFrame,
    users: pd.DataFrame,
    item_texts: TextTable,
    certificate: Certificate,
    options: EvaluationOptions,
) -> Examples:
    """Right and wrong recommendations of the chosen model in words."""
    require_same_run("test_results", test_results.run_id, certificate, "model_evaluation")
    held_out = _held_out(test_users, test_targets, histories, validation_cuts, vocabulary, certificate.is_refitted)
    ids, names = users.sort_values(c.USER_INDEX)[c.USER_ID].tolist(), Catalogue(item_texts.frame()).names
    chosen, seed = test_results.chosen, certificate.provenance.seed
    picked = pick_examples(held_out, test_lists, chosen, ids, names, options.examples, seed)
    return Examples(**certificate.stamp, model=chosen, **picked)


def _held_out(
    users: pd.DataFrame,
    targets: pd.DataFrame,
    histories: Histories,
    validation_cuts: Cuts,
    vocabulary: pd.DataFrame,
    refitted: bool,
) -> HeldOut:
    training = learnt_histories(histories, validation_cuts, refitted)
    popularity = np.bincount(training.item_index, minlength=len(vocabulary) + 1)
    return HeldOut(users, targets, histories, training, popularity)
