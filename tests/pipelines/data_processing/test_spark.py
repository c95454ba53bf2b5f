"""Spark answers as DuckDB does: the same log, messy on purpose, through both engines."""

import json
import shutil
from importlib.util import find_spec

import ibis
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from nextact.events.cleaning import clean_events
from nextact.events.contract import EventOptions
from nextact.events.engines import in_memory, row_number
from nextact.events.erase import ErasedUsers
from nextact.events.filtering import FilterOptions
from nextact.events.items import ItemOptions, clean_items
from nextact.events.labelling import count_rows, label_events
from nextact.events.quality.report import report_quality
from nextact.events.quality.warnings import QualityOptions
from nextact.events.splitting import SplitOptions, describe_split
from nextact.protocol import Filter
from nextact.sequences.build import VocabularyOptions, build_histories, fit_vocabulary

from ...protocols import make_certificate

pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("java"), reason="Spark needs Java 17: none on the path"),
    pytest.mark.skipif(not find_spec("pyspark"), reason="pyspark is missing: pip install 'nextact[spark]'"),
]

LOCAL = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}
INTERPRETED = {  # of hundreds of queries over tiny tables, compiling takes the time; the run of Kedro is compiled
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}
ODD_TIMES = [
    "2024-03-31 02:30",  # skipped by the clocks of Paris
    "2023-10-29 02:30",  # shown twice
    "2024-03-02T10:00:00.123456789+02:00",
    "2024-02-29T23:59:59.5Z",
    "2024-02-30",
    "2024-12-31T23:59:60",
    "2024-01-01T25:00",
    "2024-01-01T24:00:00",  # Spark reads midnight
    "2024-01-01 24:00",
    "1969-12-31",
    "0001-01-01",
    "9999-12-31T23:59:59.999999",
    "yesterday",
    " 2024-03-05 ",
    "",
    None,
]  # fmt: skip
ODD_VALUES = ["1.5", "x", "", "nan", "-inf", " 7 ", "1e400", None, "1e5", "0x10"]


def messy_log():
    """Users and items of uneven frequency, ties, repeats, unknown items, and every kind of broken cell."""
    random = np.random.default_rng(0)
    n = 400
    log = pd.DataFrame(
        {
            "who": [f"u{user:03}" for user in random.geometric(0.15, n)],
            "what": [f"{item:03}" for item in random.geometric(0.2, n)],
            "kind": random.choice(["detail", "buy"], n),
            "when": [f"2024-03-{1 + day // 5:02} {10 + day % 3}:00" for day in random.integers(0, 100, n)],
            "worth": "2.5",
            "visit": random.choice(["a", "b", None], n),
        }
    )
    log.loc[100:115, "when"] = ODD_TIMES
    log.loc[120:129, "worth"] = ODD_VALUES
    log.loc[130:135, "who"] = [None, "", " ", "\t", "ü", "U001"]
    log.loc[140:142, "what"] = [None, "", "not in the catalogue"]
    log.loc[150:152, "kind"] = [None, "", "scroll"]
    return pd.concat([log, log.iloc[20:60]], ignore_index=True)  # the repeats


SKUS = [f"{item:03}" for item in range(1, 40)]
ITEMS = pd.DataFrame({"sku": SKUS, "name": [None, " ", *(f"Thing {sku}" for sku in SKUS[2:])]})
TEXT_TIMES = EventOptions(
    user_id="who",
    item_id="what",
    event_type="kind",
    event_type_map={"detail": "view", "buy": "purchase"},
    event_types=("view", "purchase"),
    timestamp="when",
    timestamp_unit="iso",
    timezone="Europe/Paris",
    value="worth",
    session_id="visit",
    max_events_per_day=12,
    unknown_items="reject",
    latest="2030-01-01",
    stop_above_rejected_share=1.0,
)
SPLITS = {
    "global_time": SplitOptions(),
    "sessions": SplitOptions(session_gap_minutes=90, target_event_types=("purchase",)),
    "leave_one_out": SplitOptions(
        kind="leave_one_out", target_event_types=("purchase",), ties="shuffled", ties_seed=3, min_history=2
    ),
    "unseen_users": SplitOptions(kind="unseen_users", baskets=False, ties="file", validation_from=0.6, test_from=0.8),
}
CORES = {
    "training": FilterOptions(min_item_events=4, min_user_events=3),
    "all": FilterOptions(min_item_events=4, min_user_events=3, window="all"),
}


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """Both, and the engine that was there before is put back."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]")
    warehouse = {"spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse"))}
    for name, value in (LOCAL | INTERPRETED | warehouse).items():
        builder = builder.config(name, value)
    before = ibis.options.default_backend
    session = builder.getOrCreate()
    yield {"duckdb": ibis.duckdb.connect(), "spark": ibis.pyspark.connect(session)}
    ibis.options.default_backend = before
    session.stop()


def through(engine, folder, raw, events, split, core, erased=None):
    """Everything the line makes of a log on an engine, as frames and arrays."""
    ibis.set_backend(engine)
    items = clean_items(ITEMS, ItemOptions(item_id="sku"))
    labelled = label_events(raw, items, events, split, core, erased)
    vocabulary = fit_vocabulary(labelled.accepted, items, VocabularyOptions())
    built = build_histories(labelled.accepted, vocabulary, events.event_types)
    frames = {name: as_written(engine, getattr(labelled, name), folder) for name in ("accepted", "rejected")}
    arrays = {
        f"{part}.{name}": np.array(array)
        for part in ("histories", "validation", "test")
        for name, array in vars(getattr(built, part)).items()
        if isinstance(array, np.ndarray)
    }
    counts = count_rows(labelled) | {"moments": labelled.moments}
    return frames, arrays, (vocabulary, built.user_ids), counts


def quality(engine, frames, tables, counts, split, core):
    """The report on what :func:`through` gave."""
    ibis.set_backend(engine)
    window = Filter(item=1, user=1, window=core.window)
    certificate = make_certificate(split=describe_split(split, counts["moments"]), exclude_seen=False, filter=window)
    accepted, rejected = (in_memory(frames[name]) for name in ("accepted", "rejected"))
    items = clean_items(ITEMS, ItemOptions(item_id="sku"))
    return report_quality(
        accepted,
        rejected,
        items,
        tables[0],
        counts["rows_by_split"],
        certificate,
        ("view", "purchase"),
        True,
        ["name"],
        QualityOptions(),
    )


def as_written(engine, table, folder):
    path = folder / f"{engine.name}_{len(list(folder.iterdir()))}.parquet"  # Ibis reads Spark's whole numbers as floats
    engine.to_parquet(table, str(path))
    return pq.read_table(path)


def assert_equal(one, other):
    (frames, arrays, tables, counts), (their_frames, their_arrays, their_tables, their_counts) = one, other
    assert counts == their_counts
    for name, frame in frames.items():
        assert kinds(frame) == kinds(their_frames[name])
        rows, their_rows = (in_order(table) for table in (frame, their_frames[name]))
        differing = [pair for pair in zip(rows, their_rows, strict=True) if pair[0] != pair[1]]
        assert differing == []
    for table, their_table in zip(tables, their_tables, strict=True):
        pd.testing.assert_frame_equal(table, their_table, check_dtype=False)
    assert arrays.keys() == their_arrays.keys()
    for name, array in arrays.items():
        assert array.dtype == their_arrays[name].dtype
        np.testing.assert_array_equal(array, their_arrays[name], err_msg=name)


def kinds(table):
    return [(field.name, field.type) for field in table.schema]


def in_order(table):
    return sorted(table.to_pylist(), key=lambda row: (row["source"], row["source_row"]))


CASES = [  # between them every kind of split, step and tie, and both windows of the core
    ("global_time", "training"),
    ("sessions", "training"),
    ("leave_one_out", "all"),
    ("unseen_users", "training"),
]


@pytest.mark.parametrize(("split", "core"), CASES)
def test_a_messy_log_gives_the_same_rows_splits_histories_and_cuts(engines, tmp_path, split, core):
    found = {
        name: through(engine, tmp_path, messy_log(), TEXT_TIMES, SPLITS[split], CORES[core])
        for name, engine in engines.items()
    }
    assert_equal(found["duckdb"], found["spark"])
    frames, arrays, _, counts = found["spark"]
    assert len(counts["rows_by_reason"]) >= 12
    assert len(counts["rows_by_split"]) == 3
    assert sum(len(frame) for frame in frames.values()) == len(messy_log())
    assert len(arrays) >= 8


def test_the_quality_report_says_the_same(engines, tmp_path):
    split, core = SPLITS["global_time"], CORES["training"]
    ours = through(engines["duckdb"], tmp_path, messy_log(), TEXT_TIMES, split, core)
    frames, _, tables, counts = ours
    reports = {name: quality(engine, frames, tables, counts, split, core) for name, engine in engines.items()}
    duckdb, spark = (reports[name].model_dump(exclude={"run_id"}) for name in ("duckdb", "spark"))
    assert duckdb == spark
    assert reports["spark"].text.filled["name"] < 1
    assert reports["spark"].targets.all > 0


def test_native_times_numbers_as_ids_and_erased_users_are_read_alike(engines, tmp_path):
    moments = pd.date_range("2024-03-30 22:00", periods=60, freq="20min")  # over the change of the clocks
    log = pd.DataFrame(
        {"user": [1.0, 2.0, 3.0] * 20, "item": range(60), "at": moments, "amount": [0.5, np.inf, None] * 20}
    )
    log.loc[7:8, "user"] = [np.nan, 2.5]
    log["item"] %= 7
    events = EventOptions(user_id="user", item_id="item", timestamp="at", timezone="Europe/Paris", value="amount",
                          latest="2030-01-01", stop_above_rejected_share=1.0)  # fmt: skip
    erased = ErasedUsers("salt", {}).with_user("3", "2024-04-01")
    split = SplitOptions(kind="leave_one_out", baskets=False, ties="file", min_history=2)
    found = {
        name: through(engine, tmp_path, log, events, split, FilterOptions(), erased) for name, engine in engines.items()
    }
    assert_equal(found["duckdb"], found["spark"])
    assert found["spark"][3]["rows_by_reason"]["erased"] == 19


def test_rows_keep_their_place_in_the_file_on_many_partitions(engines, tmp_path):
    log = pd.DataFrame({"user_id": "u", "item_id": [f"{n}" for n in range(5000)]})
    log.to_parquet(tmp_path / "log.parquet", row_group_size=500)
    engines["spark"]._session.conf.set("spark.sql.files.maxPartitionBytes", "4096")
    try:
        ibis.set_backend(engines["spark"])
        table = engines["spark"].read_parquet(tmp_path / "log.parquet")
        placed = table.mutate(place=row_number(table)).execute().sort_values("place")
    finally:
        engines["spark"]._session.conf.unset("spark.sql.files.maxPartitionBytes")
    assert list(placed["item_id"]) == list(log["item_id"])
    assert list(placed["place"]) == list(range(5000))


UNTIL_REPORT = ("--to-outputs", "quality_report")  # its figures and its page are drawn without an engine


def test_a_kedro_run_on_spark_writes_the_tables_of_a_run_on_duckdb(tmp_path, copy_project, kedro, monkeypatch):
    settings = (f"--conf {name}={value}" for name, value in LOCAL.items())
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", " ".join(["--master local[2]", *settings, "pyspark-shell"]))
    project = copy_project(tmp_path)
    for name in ("catalog.yml", "parameters.yml"):  # the generated shop
        shutil.copy(project / "conf" / "test" / name, project / "conf" / "spark" / name)
    (project / "conf" / "spark" / "parameters_text.yml").unlink()  # the sample's
    for environment in ("test", "spark"):
        done = kedro(project, "run", "--env", environment, "--pipelines", "data_processing", *UNTIL_REPORT)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    ours, spark = (project / "data" / environment for environment in ("test", "spark"))
    for name in ("03_primary/events", "03_primary/items", "02_intermediate/rejected_events"):
        table, their_table = (pq.read_table(side / f"{name}.parquet") for side in (ours, spark))
        assert kinds(table) == kinds(their_table)
        assert sorted(map(str, table.to_pylist())) == sorted(map(str, their_table.to_pylist()))
    for name in ("03_primary/vocabulary", "05_model_input/users"):
        pd.testing.assert_frame_equal(*(pd.read_parquet(side / f"{name}.parquet") for side in (ours, spark)))
    for path in sorted((ours / "05_model_input").rglob("*.npy")):
        np.testing.assert_array_equal(np.load(path), np.load(spark / path.relative_to(ours)), err_msg=path.name)
    for name in ("03_primary/event_counts", "05_model_input/certificate", "08_reporting/quality_report"):
        ours_says, spark_says = (json.loads((side / f"{name}.json").read_text()) for side in (ours, spark))
        for of_the_run in ("run_id", "provenance"):  # when it ran, and with what
            assert (ours_says.pop(of_the_run, None) is None) == (spark_says.pop(of_the_run, None) is None)
        assert ours_says == spark_says


WRITTEN_TIMES = [
    "31.03.2024 2:30",
    "5.1.2024 09:05",
    "30.02.2024 10:00",
    "05-Jan-24 1:05:09 pm +0530",
    "240105",
    "2024-01-05",
]
WRITTEN_AMOUNTS = ["1.234,50 €", "€ 12,5", "3,20-", "(7)", "1.5", "CHF 1'000"]


def test_times_and_amounts_as_people_write_them_are_read_alike(engines, tmp_path):
    log = pd.DataFrame({"user_id": "u", "item_id": "i", "timestamp": WRITTEN_TIMES, "price": WRITTEN_AMOUNTS})
    forms = ("%d.%m.%Y %H:%M", "%d-%b-%y %I:%M:%S %p %z", "%y%m%d", "iso")
    events = EventOptions(timestamp_format=forms, timezone="Europe/Paris", value="price", value_decimal=",",
                          latest="2030-01-01", stop_above_rejected_share=1.0)  # fmt: skip
    found = {}
    for name, engine in engines.items():
        ibis.set_backend(engine)
        found[name] = in_order(as_written(engine, clean_events(log, events), tmp_path))
    assert found["duckdb"] == found["spark"]
    assert [row["rejected_reason"] is None for row in found["spark"]] == [True, True, False, True, False, True]
    assert [row["value"] for row in found["spark"]] == [1234.5, 12.5, -3.2, -7.0, None, 1000.0]
