"""``nextact.fit`` of the shop's frames beside ``kedro run`` over the same shop."""

import pandas as pd
import pytest
import yaml

import nextact
from nextact.datasets.generated import GeneratedShopDataset


@pytest.fixture(scope="module")
def stated(project):
    """What the environment states, less what belongs to models that are not asked for."""
    blocks = yaml.safe_load((project / "conf/test/parameters.yml").read_text())
    return {name: block for name, block in blocks.items() if name not in ("sequence", "hybrid")}


def test_frames_and_the_pipelines_recommend_the_same(project, stated):
    batch = pd.read_parquet(project / "data/test/07_model_output/recommendations.parquet")
    events, items = (GeneratedShopDataset(table=name).load() for name in ("events", "items"))
    split = {"split": {"kind": "global_time", "target_event_types": None}}  # as the environment leaves it
    model = nextact.fit(events, items, batch["model"].iloc[0], parameters=stated | split)
    found = model.recommend()
    pd.testing.assert_frame_equal(found, batch[list(found)], check_exact=True)
