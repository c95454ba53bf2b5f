"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.feature_engineering import nodes

TEXT = "params:item_text"


def create_pipeline() -> Pipeline:
    """Items to text, tokens and vectors."""
    return pipeline(
        [
            node(nodes.join_texts, ["items", "vocabulary", TEXT], "item_texts", name="join_texts"),
            node(nodes.clean_item_texts, ["item_texts", "params:cleaning"], "item_tokens", name="clean_item_texts"),
            node(
                nodes.encode_items,
                ["item_texts", TEXT, "params:encoder", "params:encoder_cache"],
                "item_vectors_encoder",
                name="encode_items",
                tags="gpu",
            ),
            node(
                nodes.embed_words, ["item_tokens", TEXT, "params:word2vec"], "item_vectors_word2vec", name="embed_words"
            ),
            node(
                nodes.join_blocks,
                ["item_vectors_encoder", "item_vectors_word2vec"],
                "item_vectors",
                name="join_blocks",
            ),
        ]
    )
