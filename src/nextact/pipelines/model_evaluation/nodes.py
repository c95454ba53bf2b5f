"""The node that opens test: one pass a model, and the numbers of the run."""

import logging
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.evaluation import results
from nextact.evaluation.attributes import item_attributes, item_codes, user_attributes
from nextact.evaluation.behaviour import evaluate_behaviour
from nextact.evaluation.evaluation_options import EvaluationOptions
from nextact.evaluation.gate import gate_lines, left_out_lines
from nextact.evaluation.horizons import evaluate_horizons, join_sections
from nextact.evaluation.one_pass import ModelReading, read_model, shuffle_targets
from nextact.evaluation.results import EvaluationSet
from nextact.evaluation.tables import list_table, rank_table, target_table, user_table
from nextact.events import columns as c
from nextact.models.recommender import PredictsHorizons
from nextact.models.registry import open_model
from nextact.models.storage import ModelFolder
from nextact.pipelines.model_training.nodes import ValidationOptions
from nextact.protocol import Certificate, require_same_run
from nextact.results.evaluation import TestedModel, TestResults
from nextact.results.horizons import Horizons
from nextact.results.models import Candidate, ChosenModel, Leaderboard
from nextact.retrieval.alike import ListOptions, alike_by_text
from nextact.retrieval.scoring import fit_temperature, popular_first
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, Holdout, learnt_histories, make_holdout, validation_halves
from nextact.text.blocks import ItemVectors
from nextact.text.cleaning.table import TextTable

logger = logging.getLogger(__name__)


def read_attributes(
    items: ibis.Table, raw_users: Any, vocabulary: pd.DataFrame, users: pd.DataFrame, options: EvaluationOptions
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns of users and items that slices and diversity ask for; a missing one is found before training."""
    category = () if options.category_column is None else (options.category_column,)
    of_users = user_attributes(raw_users, users, options.user_id, options.user_columns)
    return of_users, item_attributes(items, vocabulary, (*category, *options.item_columns))


def evaluate_test(
    leaderboard: Leaderboard,
    chosen_model: ChosenModel,
    histories: Histories,
    cuts: Cuts,
    validation_cuts: Cuts,
    item_vectors: ItemVectors,
    vocabulary: pd.DataFrame,
    items: pd.DataFrame,
    item_texts: TextTable,
    certificate: Certificate,
    event_types: list[str],
    validation: ValidationOptions,
    lists: ListOptions,
    options: EvaluationOptions,
) -> tuple[TestResults, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Test metrics of every validated model with intervals, and what the readings were, as tables.

    Where runs are tracked, the tracking hook puts ``test_readings`` into ``chosen_model``: how often test was opened
    under this protocol, this time included.
    """
    require_same_run("leaderboard", leaderboard.run_id, certificate, "model_training")
    require_same_run("chosen_model", chosen_model.run_id, certificate, "model_training")
    training = learnt_histories(histories, validation_cuts, certificate.is_refitted)
    holdout = make_holdout(histories, cuts, len(event_types))
    fitting = _fitting_half(histories, validation_cuts, certificate, len(event_types))
    block = _diversity_block(item_vectors, options.diversity_block)
    vectors = item_vectors.blocks[block] if block else None
    alike = alike_by_text(item_texts.texts(c.ITEM_TEXT), lists.one_per_text)
    held_out = _evaluation_set(holdout, training, vectors, vocabulary, alike, items, certificate, validation, options)
    chosen = chosen_model.name
    readings, models = {}, []
    for one in leaderboard.models:
        few = None if one.name == chosen else options.calibration_users
        readings[one.name], tested = _read(one, held_out, fitting, few)
        models.append(tested)
    values = {name: results.per_user_values(reading, held_out) for name, reading in readings.items()}
    types = {name: reading.event_types for name, reading in readings.items() if reading.event_types is not None}
    horizons = evaluate_horizons(
        _horizon_predictors(leaderboard),
        histories,
        certificate.protocol.split,
        "test",
        event_types,
        validation.draws,
    )
    found = TestResults(
        **certificate.stamp,
        protocol=certificate.protocol,
        provenance=certificate.provenance,
        metric=validation.metric,
        users=len(holdout.users),
        users_left_out=histories.n_users - len(holdout.users),
        left_out=_left_out(histories, cuts),
        list_length=options.list_length,
        diversity_block=block,
        chosen=chosen,
        one_list=results.is_one_list(chosen_model, readings[chosen].lists[:, : options.list_length]),
        reason=chosen_model.reason,
        gate=tuple(gate_lines(leaderboard.gate, leaderboard.families)),
        models_left_out=tuple(left_out_lines(leaderboard.left_out)),
        baseline=results.best_baseline(leaderboard, chosen),
        models=tuple(models),
        chosen_against=results.chosen_against(values, chosen, validation.metric, validation.draws),
        behaviour=evaluate_behaviour(
            types, holdout, training, event_types, certificate.protocol.target_event_types, validation.draws
        ),
        horizons=Horizons(
            validation=join_sections([one.validation_horizons for one in leaderboard.models]), test=horizons
        ),
        test_readings=chosen_model.test_readings,
    )
    targets = target_table(holdout, histories, cuts)
    tables = (
        user_table(holdout, cuts),
        targets,
        rank_table(readings, targets),
        list_table(readings, holdout, options.list_length),
    )
    test_users, targets, ranks, test_lists = (table.assign(run_id=certificate.run_id) for table in tables)
    return found, test_users, targets, ranks, test_lists


def _evaluation_set(
    holdout: Holdout,
    training: Histories,
    vectors: NDArray[np.float32] | None,
    vocabulary: pd.DataFrame,
    alike: NDArray[np.int32] | None,
    items: pd.DataFrame,
    certificate: Certificate,
    validation: ValidationOptions,
    options: EvaluationOptions,
) -> EvaluationSet:
    category = options.category_column
    return EvaluationSet(
        holdout=holdout,
        shuffled_targets=shuffle_targets(holdout.targets, certificate.provenance.seed),
        popularity=np.bincount(training.item_index, minlength=len(vocabulary) + 1),
        tie_order=popular_first(vocabulary[c.N_TRAINING_EVENTS].to_numpy()),
        alike=alike,
        vectors=vectors,
        categories=None if category is None else item_codes(items[category]),
        exclude_seen=certificate.protocol.exclude_seen,
        ks=validation.ks,
        metric=validation.metric,
        list_length=options.list_length,
        draws=validation.draws,
        calibration_bins=options.calibration_bins,
    )


def _read(
    one: Candidate, held_out: EvaluationSet, fitting: Holdout, calibration_users: int | None
) -> tuple[ModelReading, TestedModel]:
    """The refitted model on test, with the temperature of the validated one, which has not seen validation.

    The chosen model, of no stated number of users, has the very temperature that it recommends with.
    """
    few = {} if calibration_users is None else {"max_users": calibration_users}
    validated = open_model(ModelFolder(Path(one.folder)))
    temperature = fit_temperature(validated, fitting, held_out.exclude_seen, **few)
    model = open_model(ModelFolder(Path(one.served_folder)))
    reading = read_model(
        model,
        held_out.holdout,
        held_out.shuffled_targets,
        held_out.exclude_seen,
        held_out.tie_order,
        held_out.alike,
        held_out.depth,
        temperature,
    )
    tested = results.evaluated_model(one, reading, held_out, temperature)
    earlier, now = tested.validation[held_out.metric], tested.test[held_out.metric]
    logger.info("%-18s validation %.4f  test %.4f [%.4f, %.4f]", one.name, earlier.mean, now.mean, now.low, now.high)
    return reading, tested


def _horizon_predictors(leaderboard: Leaderboard) -> dict[str, PredictsHorizons]:
    """Models whose validation says something of horizons."""
    found = {
        one.name: open_model(ModelFolder(Path(one.served_folder)))
        for one in leaderboard.models
        if one.validation_horizons.models
    }
    return {name: model for name, model in found.items() if isinstance(model, PredictsHorizons)}


def _fitting_half(histories: Histories, cuts: Cuts, certificate: Certificate, n_types: int) -> Holdout:
    """The validation users who did not choose the model: temperatures are fitted on them."""
    fit_half, _ = validation_halves(histories.n_users, certificate.provenance.seed)
    return make_holdout(histories, cuts, n_types, fit_half)


def _diversity_block(item_vectors: ItemVectors, wanted: str) -> str | None:
    names = [wanted] if wanted in item_vectors.blocks else list(item_vectors.blocks)
    if wanted not in names:
        logger.info("No item vectors %r in this run; diversity is taken of %s", wanted, names[0] if names else "none")
    return names[0] if names else None


def _left_out(histories: Histories, cuts: Cuts) -> dict[str, int]:
    """Why users of the log are not evaluated."""
    has_target = (cuts.target_end - cuts.history_end + cuts.n_missing) > 0
    has_history = cuts.history_end > histories.offsets[:-1]
    return {
        "no target in the test window": int((~has_target).sum()),
        "no history before the target": int((has_target & ~has_history).sum()),
    }
