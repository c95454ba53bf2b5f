"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.model_evaluation import nodes


def create_pipeline() -> Pipeline:
    """Every validated model on test, once."""
    return pipeline(
        [
            node(
                nodes.evaluate_test,
                [
                    "leaderboard",
                    "chosen_model",
                    "histories",
                    "test_cuts",
                    "certificate",
                    "params:events.event_types",
                    "params:validation",
                ],
                "test_results",
                name="evaluate_test",
            )
        ]
    )
