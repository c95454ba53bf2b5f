"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.model_evaluation import examining, nodes, reporting

OPTIONS = "params:evaluation"
READ = {
    "test_results": "test_results",
    "test_users": "test_users",
    "test_targets": "test_targets",
    "histories": "histories",
    "validation_cuts": "validation_cuts",
    "vocabulary": "vocabulary",
    "certificate": "certificate",
}
ATTRIBUTES = {"users": "user_attributes", "items": "item_attributes"}
RESULTS = {
    "test_results": "test_results",
    "slices": "evaluation_slices",
    "checks": "leak_checks",
    "leaderboard": "leaderboard",
    "certificate": "certificate",
}


def create_pipeline() -> Pipeline:
    """Every validated model on test, once; then a closer look at what was read."""
    return pipeline(
        [
            node(
                nodes.read_attributes,
                {
                    "items": "items",
                    "raw_users": "raw_users",
                    "vocabulary": "vocabulary",
                    "users": "users",
                    "options": OPTIONS,
                },
                ["user_attributes", "item_attributes"],
                name="read_attributes",
            ),
            node(
                nodes.evaluate_test,
                {
                    "leaderboard": "leaderboard",
                    "chosen_model": "chosen_model",
                    "histories": "histories",
                    "cuts": "test_cuts",
                    "validation_cuts": "validation_cuts",
                    "item_vectors": "item_vectors",
                    "vocabulary": "vocabulary",
                    "items": "item_attributes",
                    "item_texts": "item_texts",
                    "certificate": "certificate",
                    "event_types": "params:events.event_types",
                    "validation": "params:validation",
                    "lists": "params:lists",
                    "options": OPTIONS,
                },
                ["test_results", "test_users", "test_targets", "test_ranks", "test_lists"],
                name="evaluate_test",
            ),
            node(
                examining.slice_test,
                {
                    **READ,
                    **ATTRIBUTES,
                    "test_ranks": "test_ranks",
                    "events": "params:events",
                    "validation": "params:validation",
                    "options": OPTIONS,
                },
                "evaluation_slices",
                name="slice_test",
            ),
            node(
                examining.check_leaks,
                {**READ, "test_lists": "test_lists", "events": "params:events"},
                "leak_checks",
                name="check_leaks",
            ),
            node(
                examining.tell_examples,
                {
                    **READ,
                    "test_lists": "test_lists",
                    "users": "users",
                    "item_texts": "item_texts",
                    "options": OPTIONS,
                },
                "evaluation_examples",
                name="tell_examples",
            ),
            node(
                reporting.write_page,
                {**RESULTS, "examples": "evaluation_examples"},
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
                RESULTS,
                "model_card",
                name="write_model_card",
            ),
        ]
    )
