"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.feature_engineering import behaviour_blocks, nodes, pictures, text_blocks, word_blocks
from nextact.text.blocks import BLOCKS

TEXT = "params:item_text"
TRAINING = {"histories": "histories", "cuts": "validation_cuts"}


def create_pipeline() -> Pipeline:
    """Items to text, tokens and vectors; what users' histories say in words; pictures of all that."""
    return _text() + _blocks() + _results()


def _text() -> Pipeline:
    return pipeline(
        [
            node(nodes.join_texts, ["items", "vocabulary", TEXT], "item_texts", name="join_texts"),
            node(nodes.clean_item_texts, ["item_texts", "params:cleaning"], "item_tokens", name="clean_item_texts"),
        ]
    )


def _blocks() -> Pipeline:
    return pipeline(
        [
            node(
                text_blocks.encode_items,
                ["item_texts", TEXT, "params:encoder", "params:encoder_cache"],
                "item_vectors_encoder",
                name="encode_items",
                tags="gpu",
            ),
            node(
                text_blocks.embed_words,
                ["item_tokens", TEXT, "params:word2vec", "params:word_pooling"],
                "item_vectors_word2vec",
                name="embed_words",
            ),
            node(
                text_blocks.embed_words_by_glove,
                ["item_tokens", TEXT, "params:glove", "params:word_pooling"],
                "item_vectors_glove",
                name="embed_words_by_glove",
            ),
            node(
                text_blocks.weigh_words,
                ["item_tokens", TEXT, "params:tfidf"],
                "item_vectors_tfidf",
                name="weigh_words",
            ),
            node(
                word_blocks.weigh_item_words,
                {
                    "item_tokens": "item_tokens",
                    "items": "items",
                    "vocabulary": "vocabulary",
                    "texts": TEXT,
                    "options": "params:item_words",
                    "cleaning": "params:cleaning",
                },
                "item_words",
                name="weigh_item_words",
            ),
            node(
                text_blocks.parse_items,
                ["item_texts", TEXT, "params:syntax", "params:cleaning"],
                ["item_vectors_syntax", "item_nouns"],
                name="parse_items",
            ),
            node(
                behaviour_blocks.embed_items,
                {"vocabulary": "vocabulary", **TRAINING, "texts": TEXT, "options": "params:item2vec"},
                "item_vectors_item2vec",
                name="embed_items",
            ),
            node(
                behaviour_blocks.tune_encoder,
                {"encoder": "item_vectors_encoder", **TRAINING, "texts": TEXT, "options": "params:encoder_tuning"},
                "item_vectors_encoder_tuned",
                name="tune_encoder",
            ),
        ]
    )


def _results() -> Pipeline:
    blocks = {name: f"item_vectors_{name}" for name in BLOCKS}
    return pipeline(
        [
            node(
                nodes.join_blocks,
                {"options": TEXT, "item_words": "item_words", **blocks},
                "item_vectors",
                name="join_blocks",
            ),
            node(
                behaviour_blocks.profile_users,
                {"item_tokens": "item_tokens", **TRAINING, "users": "users", "options": "params:user_profiles"},
                "user_profiles",
                name="profile_users",
            ),
            node(
                pictures.draw_catalogue,
                {
                    "item_vectors": "item_vectors",
                    "item_texts": "item_texts",
                    "item_tokens": "item_tokens",
                    "vocabulary": "vocabulary",
                    "items": "items",
                    "options": "params:catalogue_map",
                },
                ["catalogue_map", "item_neighbours", "vocabulary_figure"],
                name="draw_catalogue",
            ),
        ]
    )
