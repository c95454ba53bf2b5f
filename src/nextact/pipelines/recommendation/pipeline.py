"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.recommendation import nodes

TYPES, OPTIONS = "params:events.event_types", "params:recommendation"


def create_pipeline() -> Pipeline:
    """The chosen model, calibrated, for every user, then packaged; beside it the next behaviour and horizons."""
    return pipeline(
        [
            node(
                nodes.calibrate,
                ["chosen_model", "histories", "validation_cuts", "certificate", TYPES],
                "temperature",
                name="calibrate",
            ),
            node(
                nodes.recommend,
                [
                    "chosen_model",
                    "temperature",
                    "histories",
                    "users",
                    "vocabulary",
                    "item_texts",
                    "item_tokens",
                    "certificate",
                    OPTIONS,
                ],
                "recommendations",
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
                ["behaviour_model", "histories", "users", "certificate", TYPES],
                "behaviour_predictions",
                name="predict_behaviours",
            ),
            node(
                nodes.predict_horizons,
                ["leaderboard", "chosen_model", "histories", "users", "certificate", TYPES],
                "horizon_predictions",
                name="predict_horizons",
            ),
            node(
                nodes.package,
                [
                    "chosen_model",
                    "behaviour_model",
                    "temperature",
                    "vocabulary",
                    "item_texts",
                    "item_tokens",
                    "certificate",
                    OPTIONS,
                    "histories",
                ],
                "packaged_model",
                name="package",
            ),
            node(
                nodes.summarise,
                ["test_results", "recommendations", "events", "item_texts", "certificate", "params:summary_users"],
                "run_summary",
                name="summarise",
            ),
        ]
    )
