"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.model_evaluation import examining, nodes, reporting

OPTIONS = "params:evaluation"
READ = ["test_results", "test_users", "test_targets"]
DATA = ["histories", "validation_cuts", "vocabulary"]


def create_pipeline() -> Pipeline:
    """Every validated model on test, once; then a closer look at what was read."""
    return pipeline(
        [
            node(
                nodes.read_attributes,
                ["items", "raw_users", "vocabulary", "users", OPTIONS],
                ["user_attributes", "item_attributes"],
                name="read_attributes",
            ),
            node(
                nodes.evaluate_test,
                [
                    "leaderboard",
                    "chosen_model",
                    "histories",
                    "test_cuts",
                    "validation_cuts",
                    "item_vectors",
                    "vocabulary",
                    "item_attributes",
                    "certificate",
                    "params:events.event_types",
                    "params:validation",
                    OPTIONS,
                ],
                ["test_results", "test_users", "test_targets", "test_ranks", "test_lists"],
                name="evaluate_test",
            ),
            node(
                examining.slice_test,
                [
                    *READ,
                    "test_ranks",
                    *DATA,
                    "user_attributes",
                    "item_attributes",
                    "certificate",
                    "params:events",
                    "params:validation",
                    OPTIONS,
                ],
                "evaluation_slices",
                name="slice_test",
            ),
            node(
                examining.check_leaks,
                [*READ, "test_lists", *DATA, "certificate", "params:events"],
                "leak_checks",
                name="check_leaks",
            ),
            node(
                examining.tell_examples,
                [*READ, "test_lists", *DATA, "users", "item_texts", "certificate", OPTIONS],
                "evaluation_examples",
                name="tell_examples",
            ),
            node(
                reporting.write_page,
                [
                    "test_results",
                    "evaluation_slices",
                    "leak_checks",
                    "evaluation_examples",
                    "leaderboard",
                    "certificate",
                ],
                {
                    "page": "evaluation_page",
                    "leaderboard": "leaderboard_plot",
                    "slices": "slices_plot",
                    "calibration": "calibration_plot",
                    "trade_off": "trade_off_plot",
                    "training_curves": "training_curves_plot",
                },
                name="write_page",
            ),
            node(
                reporting.write_model_card,
                ["test_results", "evaluation_slices", "leak_checks", "leaderboard", "certificate"],
                "model_card",
                name="write_model_card",
            ),
        ]
    )
