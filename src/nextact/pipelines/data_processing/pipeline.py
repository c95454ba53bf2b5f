"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.data_processing import nodes, reporting

SPLITTING = {"split": "params:split", "keep": "params:filter"}


def create_pipeline() -> Pipeline:
    """Raw tables to histories and certificate."""
    return pipeline(
        [
            node(nodes.clean_items, ["raw_items", "params:items"], "items", name="clean_items"),
            node(
                nodes.label_events,
                {
                    "raw_events": "raw_events",
                    "item_table": "items",
                    "erased_users": "erased_users",
                    "events": "params:events",
                    **SPLITTING,
                },
                ["events", "rejected_events", "event_counts"],
                name="label_events",
            ),
            node(nodes.fit_vocabulary, ["events", "items", "params:vocabulary"], "vocabulary", name="fit_vocabulary"),
            node(
                nodes.build_histories,
                {
                    "events": "events",
                    "vocabulary": "vocabulary",
                    "options": "params:events",
                    "split": "params:split",
                    "seed": "params:seed",
                },
                ["users", "histories", "validation_cuts", "test_cuts"],
                name="build_histories",
            ),
            node(
                nodes.certify,
                {
                    "histories": "histories",
                    "vocabulary": "vocabulary",
                    "counts": "event_counts",
                    "events": "params:events",
                    **SPLITTING,
                    "policy": "params:policy",
                    "seed": "params:seed",
                },
                "certificate",
                name="certify",
            ),
            node(
                reporting.describe_quality,
                {
                    "events": "events",
                    "rejected": "rejected_events",
                    "item_table": "items",
                    "vocabulary": "vocabulary",
                    "counts": "event_counts",
                    "certificate": "certificate",
                    "options": "params:events",
                    "text_columns": "params:item_text.text_columns",
                    "limits": "params:quality",
                },
                "quality_report",
                name="report_quality",
            ),
            node(
                reporting.write_quality_page,
                "quality_report",
                {
                    "page": "quality_page",
                    "events_over_time": "events_over_time_plot",
                    "history_lengths": "history_lengths_plot",
                    "item_popularity": "item_popularity_plot",
                    "rejected_rows": "rejected_rows_plot",
                    "held_out_beside_seen": "held_out_beside_seen_plot",
                },
                name="write_quality_page",
            ),
        ],
        tags="data",
    )
