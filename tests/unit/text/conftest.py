"""Corpora that several tests of this room train on."""

import random

import pandas as pd
import pytest

from nextact.datasets.complete_journey import package_file
from nextact.text.cleaning.cleaning import CleaningOptions, clean_texts
from nextact.text.cleaning.item_text import join_item_text

TOPICS = (
    ("tea", "coffee", "milk", "juice", "water", "cocoa"),
    ("hammer", "saw", "drill", "nail", "wrench", "screw"),
)


@pytest.fixture(scope="session")
def two_topics():
    """Items of two topics that never share an item, so that neighbours must stay inside a topic."""
    rng = random.Random(0)
    return [rng.sample(topic, 4) for _ in range(300) for topic in TOPICS]


@pytest.fixture(scope="session")
def share_within_topic():
    """The share of the five nearest words that are of the word's own topic."""

    def share(words):
        own = [near in topic for topic in TOPICS for word in topic for near, _ in words.nearest(word, 5)]
        return sum(own) / len(own)

    return share


@pytest.fixture(scope="session")
def product_tokens():
    """Clean tokens of 6,000 distinct products of the embedded sample."""
    columns = ["product_type", "product_category", "department", "package_size"]
    products = pd.read_parquet(package_file("products"), columns=columns).drop_duplicates()
    some = products.sample(6_000, random_state=0).astype(object)
    return clean_texts(join_item_text(some.where(some.notna(), None), columns), CleaningOptions())
