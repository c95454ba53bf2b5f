"""The quality report, its page and the figures of both pages, on the tiny generated shop."""

import json
import re

import numpy as np
import pandas as pd
import pytest

PLOTS = (
    "events_over_time",
    "history_lengths",
    "item_popularity",
    "rejected_rows",
    "held_out_beside_seen",
    "leaderboard",
    "slices",
    "calibration",
    "trade_off",
    "training_curves",
)


def read(project, name):
    return json.loads((project / "data/test" / name).read_text())


@pytest.fixture(scope="module")
def shop(project):
    """The shared run; nothing here writes into it."""
    return project


def test_the_report_names_its_run_and_agrees_with_the_counts_of_the_line(shop):
    report, certificate = read(shop, "08_reporting/quality_report.json"), read(shop, "05_model_input/certificate.json")
    counts = read(shop, "03_primary/event_counts.json")
    assert (report["run_id"], report["protocol_hash"]) == (certificate["run_id"], certificate["protocol_hash"])
    assert report["rows"]["by_split"] == counts["rows_by_split"]
    assert report["rows"]["read"] == sum(counts["rows_by_reason"].values())
    assert report["overview"]["catalogue_items"] == certificate["protocol"]["data"]["items"]


def test_the_targets_are_those_that_models_are_validated_on(shop):
    targets = read(shop, "08_reporting/quality_report.json")["targets"]
    events = pd.read_parquet(shop / "data/test/03_primary/events.parquet")
    asked = events[(events["split"] == "validation") & events["is_target"]].drop_duplicates(["user_id", "item_id"])
    assert (targets["all"], targets["users"]) == (len(asked), asked["user_id"].nunique())


@pytest.mark.parametrize("name", PLOTS)
def test_each_figure_is_a_picture_that_kedro_viz_previews(shop, name):
    from matplotlib.image import imread

    picture = imread(shop / f"data/test/08_reporting/plots/{name}.png")
    assert len(np.unique(picture[..., :3].reshape(-1, 3), axis=0)) > 10  # something is drawn on the white
    assert picture.shape[2] == 3 or (picture[..., 3] == 1).all()  # and reads on any background


def test_the_leaderboard_plot_of_the_page_shows_every_model_of_the_results(shop):
    results = read(shop, "08_reporting/test_results.json")
    page = (shop / "data/test/08_reporting/evaluation_report.html").read_text(encoding="utf-8")
    figure = page[page.index("<svg") : page.index("</svg>")]
    names = [name.removesuffix(" (chosen)") for name in re.findall(r"<text[^>]*>([^<]*)</text>", figure)]
    shown = {model["name"] for model in results["models"]}
    assert [name for name in names if name in shown] == [model["name"] for model in results["models"]]


def test_the_page_stands_alone(shop):
    page = (shop / "data/test/08_reporting/quality_report.html").read_text()
    assert read(shop, "05_model_input/certificate.json")["run_id"] in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
