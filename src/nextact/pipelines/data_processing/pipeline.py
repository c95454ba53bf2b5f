"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.data_processing import nodes

EVENTS, SPLIT, FILTER = "params:events", "params:split", "params:filter"


def create_pipeline() -> Pipeline:
    """Raw tables to histories and certificate."""
    return pipeline(
        [
            node(nodes.clean_items, ["raw_items", "params:items.item_id"], "items", name="clean_items"),
            node(
                nodes.label_events,
                ["raw_events", EVENTS, SPLIT, FILTER],
                ["events", "rejected_events", "event_counts"],
                name="label_events",
            ),
            node(nodes.fit_vocabulary, ["events", "items", "params:vocabulary"], "vocabulary", name="fit_vocabulary"),
            node(
                nodes.build_histories,
                ["events", "vocabulary", EVENTS],
                ["users", "histories", "validation_cuts", "test_cuts"],
                name="build_histories",
            ),
            node(
                nodes.certify,
                ["histories", "vocabulary", "event_counts", SPLIT, FILTER, "params:policy", "params:seed"],
                "certificate",
                name="certify",
            ),
        ],
        tags="data",
    )
