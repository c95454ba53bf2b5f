import pandas as pd
import pytest

from nextact.events.cleaning import accepted
from nextact.feedback.cleaning import clean_feedback
from nextact.feedback.contract import OPTIONAL_COLUMNS, FeedbackOptions

EVENT_TYPES = ["view", "purchase"]


@pytest.fixture
def raw():
    """Ten users who are shown three items each on one day; the first one answers the second item."""

    def build(n_users=10, **columns):
        rows = [(f"u{user}", f"00{rank}", rank) for user in range(n_users) for rank in (1, 2, 3)]
        table = pd.DataFrame(rows, columns=["user_id", "item_id", "rank"])
        table["shown_at"] = pd.Timestamp("2024-03-01")
        table["outcome"] = pd.Series([None, "view"] + [None] * (len(table) - 2), dtype="str")
        return table.assign(**columns)

    return build


@pytest.fixture
def clean():
    """Clean a frame; every optional column that it has under the contract's name is mapped."""

    def run(table, **options):
        mapped = {name: name for name in OPTIONAL_COLUMNS if name in table.columns}
        return clean_feedback(table, FeedbackOptions(**(mapped | options)), EVENT_TYPES)

    return run


@pytest.fixture
def shown(clean):
    """The accepted rows of a frame."""
    return lambda table, **options: accepted(clean(table, **options))
