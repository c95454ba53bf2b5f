"""A log that says when but not what: every event is of one item."""

import json
import random
from datetime import date, timedelta

import pandas as pd

CATALOG = """
raw_events: &events {type: pandas.CSVDataset, filepath: data/visits/01_raw/visits.csv}
raw_items: {type: nextact.datasets.distinct.DistinctDataset, tables: [{table: *events, id: item_id}]}
"""
STATED = {
    "events": {"user_id": "user_id", "item_id": "item_id", "event_type": None, "event_types": ["visit"],
               "timestamp": "day", "timestamp_unit": "iso", "repeat_columns": []},
    "policy": {"exclude_seen": False},
    "sequence": {"gpt2": {"options": {"backbone": {"dimensions": 16, "layers": 1}, "optimiser": {"epochs": 2},
                                      "horizons": {"days": [7, 30], "landmark_days": 10}}}},
}  # fmt: skip


def visits():
    """Two kinds of people, those who come every week and those who come twice a year."""
    draw = random.Random(0)
    rows = []
    for user in range(240):
        day = date(2024, 1, 1) + timedelta(days=draw.randrange(60))
        while day < date(2024, 12, 31):
            rows.append((f"{user:04}", "visit", day.isoformat()))
            day += timedelta(days=1 + int(draw.expovariate(1 / (7 if user % 2 else 180))))
    return pd.DataFrame(rows, columns=["user_id", "item_id", "day"])


def test_the_whole_line_runs_where_there_is_nothing_to_choose_from(tmp_path, copy_project, kedro):
    folder = copy_project(tmp_path)
    (folder / "conf/visits").mkdir()
    (folder / "conf/visits/catalog.yml").write_text(CATALOG)
    (folder / "conf/visits/globals.yml").write_text("data: data/visits\n")
    (folder / "conf/visits/parameters.yml").write_text(json.dumps(STATED))
    (folder / "data/visits/01_raw").mkdir(parents=True)
    visits().to_csv(folder / "data/visits/01_raw/visits.csv", index=False)
    done = kedro(folder, "run", "--env", "visits")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (folder / "out.txt").write_text(done.stdout)
    results = json.loads((folder / "data/visits/08_reporting/test_results.json").read_text())
    weekly = next(row for row in results["horizons"]["test"]["models"]["gpt2"] if row["horizon_days"] == 7)
    assert weekly["log_loss_against_share"]["high"] < 0  # who comes every week is told from who does not
