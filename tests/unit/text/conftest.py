"""Corpora that several tests of this room train on."""

import random

import pytest

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
