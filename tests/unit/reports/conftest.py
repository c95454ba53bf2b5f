import numpy as np
import pandas as pd
import pytest

from nextact.events.contract import as_table
from nextact.events.quality.report import report_quality
from nextact.events.quality.warnings import QualityOptions

from ...protocols import make_certificate

DAY = 86_400_000_000


@pytest.fixture(scope="session")
def make_report():
    """A report of a small log, its names as asked for."""

    def make(source="shop", kind="view", column="title", has_times=True):
        random = np.random.default_rng(0)
        n = 400
        day = np.sort(random.integers(0, 50, n))
        events = pd.DataFrame(
            {
                "user_id": [f"u{user}" for user in random.integers(0, 9, n)],
                "item_id": [f"i{item}" for item in (random.beta(0.5, 2, n) * 30).astype(int)],
                "event_type": np.where(random.random(n) < 0.5, kind, "purchase"),
                "timestamp": day * DAY,
                "split": np.select([day < 30, day < 40], ["train", "validation"], "test"),
                "step": day,
                "is_target": day == 30,
                "source": source,
            }
        )
        rejected = pd.DataFrame(
            {"source": [source] * 3, "rejected_reason": ["x is missing", "x is missing", "repeats"]}
        )
        vocabulary = pd.DataFrame({"item_id": sorted(set(events.loc[events["split"] == "train", "item_id"]))})
        items = vocabulary.assign(**{column: "<script>alert(1)</script>"})
        certificate = make_certificate(exclude_seen=False)
        counts = events["split"].value_counts().to_dict()
        return report_quality(
            as_table(events),
            as_table(rejected),
            as_table(items),
            vocabulary,
            counts,
            certificate,
            (kind, "purchase"),
            has_times,
            [column],
            QualityOptions(),
        )

    return make
