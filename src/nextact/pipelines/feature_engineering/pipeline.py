"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.feature_engineering import nodes


def create_pipeline() -> Pipeline:
    """Items to text and vectors."""
    return pipeline(
        [
            node(nodes.join_texts, ["items", "vocabulary", "params:item_text"], "item_texts", name="join_texts"),
            node(
                nodes.encode_items,
                ["item_texts", "params:encoder", "params:encoder_cache"],
                "item_vectors_encoder",
                name="encode_items",
                tags="gpu",
            ),
        ]
    )
