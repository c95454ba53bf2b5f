"""Thin nodes over :mod:`nextact.retrieval` and :mod:`nextact.serving`."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import ibis
import pandas as pd
from pydantic import Field

from nextact.evaluation.attributes import comparable_columns, item_attributes
from nextact.events import columns as c
from nextact.events.contract import EventOptions
from nextact.events.moments import iso_moment
from nextact.events.splitting import SplitOptions
from nextact.models.recommender import PredictsEventType, PredictsHorizons
from nextact.models.registry import MODELS, open_model
from nextact.models.storage import ModelFolder
from nextact.options import options
from nextact.protocol import Certificate, require_same_run
from nextact.reports.summary import ShownUser, Summary, leaderboard_lines, user_lines
from nextact.results.evaluation import TestResults
from nextact.results.models import BehaviourModel, ChosenModel, Leaderboard, ModelHandle
from nextact.retrieval.alike import ListOptions
from nextact.retrieval.catalogue import Catalogue
from nextact.retrieval.reasons import LogWords
from nextact.retrieval.recommending import (
    BEHAVIOUR_COLUMNS,
    HORIZON_COLUMNS,
    HORIZON_DAYS,
    MOST_PLACES,
    PROBABILITY,
    predict_behaviour,
    predict_within_horizons,
    recommend_items,
)
from nextact.retrieval.rules.compiled import compile_rules
from nextact.retrieval.rules.rule_options import RuleOptions, columns_named
from nextact.retrieval.rules.ruled_lists import LISTED, PLACES
from nextact.retrieval.scoring import fit_temperature
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, make_holdout, validation_halves
from nextact.serving.package import Package, describe_package
from nextact.text.blocks import ItemVectors
from nextact.text.cleaning.table import TextTable

logger = logging.getLogger(__name__)


@options
class RecommendationOptions:
    """What is recommended.

    Attributes:
        top_k: Items per user.
    """

    top_k: Annotated[int, Field(ge=1, le=MOST_PLACES)] = 10


def calibrate(
    chosen_model: ChosenModel, histories: Histories, cuts: Cuts, certificate: Certificate, event_types: list[str]
) -> float:
    """Softmax temperature of the chosen model, on the half of the validation users that did not choose it.

    Of the model that was validated: one that was refitted has learnt from these very users.
    """
    require_same_run("chosen_model", chosen_model.run_id, certificate, "model_training")
    fit_half, _ = validation_halves(histories.n_users, certificate.provenance.seed)
    holdout = make_holdout(histories, cuts, len(event_types), fit_half)
    model = open_model(ModelFolder(Path(chosen_model.folder)))
    return fit_temperature(model, holdout, certificate.protocol.exclude_seen)


def recommend(
    chosen_model: ChosenModel,
    temperature: float,
    histories: Histories,
    users: pd.DataFrame,
    vocabulary: pd.DataFrame,
    item_texts: TextTable,
    item_tokens: TextTable,
    items: ibis.Table,
    item_vectors: ItemVectors,
    certificate: Certificate,
    lists: ListOptions,
    rules: RuleOptions,
    options: RecommendationOptions,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The best items of every user after all their events, and what the rules cut of each list.

    Of items: rank, score, probability, reason, with rules where each row comes from, and the run's name. ``now`` of a
    rule is the newest event of the log.
    """
    require_same_run("chosen_model", chosen_model.run_id, certificate, "model_training")
    model = open_model(ModelFolder(Path(chosen_model.refitted_folder)))
    exclude_seen = certificate.protocol.exclude_seen
    user_ids = users[c.USER_ID].to_numpy()
    events = EventOptions(**certificate.data_options["events"])
    known = _catalogue_items(vocabulary, item_texts, item_tokens)
    names = [*comparable_columns(items), *columns_named(rules)] if rules.are_set else []
    attributes = _attributes(items, vocabulary, names)
    catalogue = Catalogue(known, lists.one_per_text, attributes, item_vectors.blocks)
    log, k = LogWords(events.event_types, events.has_times), min(options.top_k, len(vocabulary))
    newest = _end_of_log(events, histories)
    obeyed = compile_rules(rules, catalogue, exclude_seen, events.event_types, k, newest) if rules.are_set else None
    found = recommend_items(model, histories, user_ids, catalogue, log, temperature, exclude_seen, k, obeyed)
    named, cuts = _named(found.items), _named(found.cuts)
    if obeyed is None:
        _tell_of_empty_lists(int((user_ids != c.NOBODY).sum()), named[c.USER_ID].nunique(), len(vocabulary))
    else:
        _tell_of_short_lists(cuts)
    of_run = {"model": chosen_model.name, "run_id": chosen_model.run_id}
    return named.assign(**of_run), cuts.assign(run_id=chosen_model.run_id)


def _end_of_log(events: EventOptions, histories: Histories) -> int | None:
    """The moment of the newest event, microseconds since 1970 UTC; None where the log has no times."""
    return int(histories.timestamp.max()) if events.has_times and histories.n_events else None


def _tell_of_short_lists(cuts: pd.DataFrame) -> None:
    short = cuts[cuts[LISTED] < cuts[PLACES]]
    if len(short):
        logger.warning(
            "%d of %d lists have fewer than %d items, the shortest %d: the rules leave no more to show; rule_cuts says "
            "which cut what",
            len(short),
            len(cuts),
            short[PLACES].iloc[0],
            short[LISTED].min(),
        )


def _tell_of_empty_lists(n_users: int, n_served: int, n_items: int) -> None:
    if n_served < n_users:
        logger.warning(
            "%d of %d users are recommended nothing: they had all of %d items, which policy.exclude_seen leaves out",
            n_users - n_served,
            n_users,
            n_items,
        )


def choose_behaviour_model(
    leaderboard: Leaderboard, chosen_model: ChosenModel, certificate: Certificate
) -> BehaviourModel:
    """The chosen model where it predicts event types, else the best-ranked one that does, else an empty handle."""
    require_same_run("leaderboard", leaderboard.run_id, certificate, "model_training")
    require_same_run("chosen_model", chosen_model.run_id, certificate, "model_training")
    found = next(_that(PredictsEventType, leaderboard, chosen_model), None)
    if found is None:
        logger.info("No model of this run predicts event types, so the table of next behaviours is empty")
    return BehaviourModel(**certificate.stamp, model=found)


def _that(can: type, leaderboard: Leaderboard, chosen_model: ChosenModel) -> Iterator[ModelHandle]:
    """The models of a kind that can do something: the chosen one first, then from the best on validation on."""
    for one in (chosen_model.handle, *(candidate.handle for candidate in leaderboard.models)):
        if issubclass(MODELS[one.family][one.name].recommender, can):
            yield one


def predict_behaviours(
    behaviour_model: BehaviourModel,
    histories: Histories,
    users: pd.DataFrame,
    certificate: Certificate,
    event_types: list[str],
) -> pd.DataFrame:
    """Probability of each event type in every user's next step, and the run's name; no row where no model predicts."""
    handle = behaviour_model.model
    if handle is None:
        columns = [*BEHAVIOUR_COLUMNS, "model", "run_id"]
        return pd.DataFrame({name: pd.Series(dtype="float64" if name == "probability" else "str") for name in columns})
    require_same_run("behaviour_model", behaviour_model.run_id, certificate, "model_training")
    model: Any = open_model(ModelFolder(Path(handle.refitted_folder)))
    found = predict_behaviour(model, histories, users[c.USER_ID].to_numpy(), event_types)
    return _named(found).assign(model=handle.name, run_id=handle.run_id)


def predict_horizons(
    leaderboard: Leaderboard,
    chosen_model: ChosenModel,
    histories: Histories,
    users: pd.DataFrame,
    certificate: Certificate,
    event_types: list[str],
) -> pd.DataFrame:
    """Probability of each event type within each horizon after the newest event of the log, and the run's name.

    By the chosen model where it has horizons, else by the best-ranked one that has; no row where none has.
    """
    require_same_run("leaderboard", leaderboard.run_id, certificate, "model_training")
    require_same_run("chosen_model", chosen_model.run_id, certificate, "model_training")
    for one in _that(PredictsHorizons, leaderboard, chosen_model):
        model: Any = open_model(ModelFolder(Path(one.refitted_folder)))
        if model.horizons():
            moment = int(histories.timestamp.max()) + 1
            found = predict_within_horizons(model, histories, users[c.USER_ID].to_numpy(), event_types, moment)
            return _named(found).assign(moment=iso_moment(moment), model=one.name, run_id=one.run_id)
    logger.info("No model of this run says anything of horizons, so their table is empty")
    kinds = {HORIZON_DAYS: "int32", PROBABILITY: "float64"}
    columns = [*HORIZON_COLUMNS, "moment", "model", "run_id"]
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "str")) for name in columns})


def package(
    chosen_model: ChosenModel,
    behaviour_model: BehaviourModel,
    temperature: float,
    vocabulary: pd.DataFrame,
    item_texts: TextTable,
    item_tokens: TextTable,
    items: ibis.Table,
    item_vectors: ItemVectors,
    certificate: Certificate,
    lists: ListOptions,
    rules: RuleOptions,
    options: RecommendationOptions,
    histories: Histories,
) -> Package:
    """Everything that answers for a history never seen, in one folder that stands alone."""
    require_same_run("chosen_model", chosen_model.run_id, certificate, "model_training")
    known = _catalogue_items(vocabulary, item_texts, item_tokens)
    attributes = _attributes(items, vocabulary, comparable_columns(items))
    trained_with = certificate.data_options
    events, split = EventOptions(**trained_with["events"]), SplitOptions(**trained_with["split"])
    if rules.are_set:  # what no list can obey is said now, not to the first request
        catalogue = Catalogue(known, lists.one_per_text, attributes, item_vectors.blocks)
        exclude_seen, k = certificate.protocol.exclude_seen, min(options.top_k, len(known))
        compile_rules(rules, catalogue, exclude_seen, events.event_types, k, _end_of_log(events, histories))
    times = (int(histories.timestamp.min()), int(histories.timestamp.max())) if histories.n_events else None
    return describe_package(
        chosen_model,
        behaviour_model.model,
        temperature,
        known,
        certificate,
        events,
        split,
        lists,
        options.top_k,
        times,
        rules,
        attributes,
        None if rules.diversity is None else item_vectors.blocks.get(rules.diversity.block),
    )


def _attributes(items: ibis.Table, vocabulary: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Columns of the item table in the order of the item index; misnamed ones are left to the rule that names them."""
    known = [name for name in names if name in items.columns]
    return item_attributes(items, vocabulary, known).iloc[:, 1:]


def _named(of_users: pd.DataFrame) -> pd.DataFrame:
    """Without the places of users who were erased."""
    return of_users[of_users[c.USER_ID] != c.NOBODY]


def _catalogue_items(vocabulary: pd.DataFrame, item_texts: TextTable, item_tokens: TextTable) -> pd.DataFrame:
    """One row an item in the order of its index: whoever answers at once has the names at hand."""
    texts = item_texts.frame()[[c.ITEM_INDEX, c.ITEM_TEXT]]
    named = vocabulary.merge(texts, on=c.ITEM_INDEX, how="left", validate="1:1")
    tokens = item_tokens.frame()[[c.ITEM_INDEX, c.TOKENS]]
    return named.merge(tokens, on=c.ITEM_INDEX, how="left", validate="1:1")


def summarise(
    test_results: TestResults,
    recommendations: pd.DataFrame,
    events: ibis.Table,
    item_texts: TextTable,
    certificate: Certificate,
    n_users: int,
) -> Summary:
    """The leaderboard, and the first few users with their past and their recommendations."""
    require_same_run("test_results", test_results.run_id, certificate, "model_evaluation")
    shown: list[ShownUser] = []
    texts = item_texts.frame()
    for user_id in recommendations[c.USER_ID].drop_duplicates().head(n_users):
        newest = events.filter(events[c.USER_ID] == user_id).order_by([c.TIMESTAMP, c.POSITION]).execute().tail(50)
        past = newest.merge(texts, on=c.ITEM_ID, how="left")
        past[c.ITEM_TEXT] = past[c.ITEM_TEXT].where(past[c.ITEM_TEXT].fillna("") != "", past[c.ITEM_ID])
        recommended = recommendations[recommendations[c.USER_ID] == user_id]
        shown.append(ShownUser(user_id=user_id, lines=tuple(user_lines(user_id, past, recommended))))
    return Summary(leaderboard=tuple(leaderboard_lines(test_results)), users=tuple(shown))
