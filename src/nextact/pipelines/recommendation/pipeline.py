"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.recommendation import nodes

TYPES = {"event_types": "params:events.event_types"}
OPTIONS = {"options": "params:recommendation", "lists": "params:lists", "rules": "params:rules"}
HISTORIES = {"histories": "histories", "certificate": "certificate"}
USERS = {**HISTORIES, "users": "users"}
CHOSEN = {"chosen_model": "chosen_model"}
CATALOGUE = {
    "vocabulary": "vocabulary",
    "item_texts": "item_texts",
    "item_tokens": "item_tokens",
    "items": "items",
    "item_vectors": "item_vectors",
}


def create_pipeline() -> Pipeline:
    """The chosen model, calibrated, for every user, then packaged; beside it the next behaviour and horizons."""
    return pipeline(
        [
            node(
                nodes.calibrate,
                {**CHOSEN, **HISTORIES, "cuts": "validation_cuts", **TYPES},
                "temperature",
                name="calibrate",
            ),
            node(
                nodes.recommend,
                {**CHOSEN, "temperature": "temperature", **USERS, **CATALOGUE, **OPTIONS},
                ["recommendations", "rule_cuts"],
                name="recommend",
            ),
            node(
                nodes.choose_behaviour_model,
                ["leaderboard", "chosen_model", "certificate"],
                "behaviour_model",
                name="choose_behaviour_model",
            ),
            node(
                nodes.predict_behaviours,
                {"behaviour_model": "behaviour_model", **USERS, **TYPES},
                "behaviour_predictions",
                name="predict_behaviours",
            ),
            node(
                nodes.predict_horizons,
                {"leaderboard": "leaderboard", **CHOSEN, **USERS, **TYPES},
                "horizon_predictions",
                name="predict_horizons",
            ),
            node(
                nodes.package,
                {
                    **CHOSEN,
                    "behaviour_model": "behaviour_model",
                    "temperature": "temperature",
                    **HISTORIES,
                    **CATALOGUE,
                    **OPTIONS,
                },
                "packaged_model",
                name="package",
            ),
            node(
                nodes.summarise,
                {
                    "test_results": "test_results",
                    "recommendations": "recommendations",
                    "events": "events",
                    "item_texts": "item_texts",
                    "certificate": "certificate",
                    "n_users": "params:summary_users",
                },
                "run_summary",
                name="summarise",
            ),
        ]
    )
