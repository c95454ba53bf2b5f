"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.data_processing import nodes

EVENTS, SPLIT, FILTER = "params:events", "params:split", "params:filter"


def create_pipeline() -> Pipeline:
    """Raw tables to histories and certificate."""
    return pipeline(
        [
            node(nodes.clean_items, ["raw_items", "params:items"], "items", name="clean_items"),
            node(
                nodes.label_events,
                ["raw_events", "items", "erased_users", EVENTS, SPLIT, FILTER],
                ["events", "rejected_events", "event_counts"],
                name="label_events",
            ),
            node(nodes.fit_vocabulary, ["events", "items", "params:vocabulary"], "vocabulary", name="fit_vocabulary"),
            node(
                nodes.build_histories,
                ["events", "vocabulary", EVENTS, SPLIT, "params:seed"],
                ["users", "histories", "validation_cuts", "test_cuts"],
                name="build_histories",
            ),
            node(
                nodes.certify,
                ["histories", "vocabulary", "event_counts", EVENTS, SPLIT, FILTER, "params:policy", "params:seed"],
                "certificate",
                name="certify",
            ),
            node(
                nodes.describe_quality,
                [
                    "events",
                    "rejected_events",
                    "items",
                    "vocabulary",
                    "event_counts",
                    "certificate",
                    EVENTS,
                    "params:item_text.text_columns",
                    "params:quality",
                ],
                "quality_report",
                name="report_quality",
            ),
            node(
                nodes.write_quality_page,
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
