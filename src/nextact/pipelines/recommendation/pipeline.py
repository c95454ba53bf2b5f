"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.recommendation import nodes


def create_pipeline() -> Pipeline:
    """The chosen model, calibrated, for every user."""
    return pipeline(
        [
            node(
                nodes.calibrate,
                ["chosen_model", "histories", "validation_cuts", "certificate", "params:events.event_types"],
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
                    "item_texts",
                    "certificate",
                    "params:recommendation",
                ],
                "recommendations",
                name="recommend",
            ),
            node(
                nodes.summarise,
                ["test_results", "recommendations", "events", "item_texts", "certificate", "params:summary_users"],
                "run_summary",
                name="summarise",
            ),
        ]
    )
