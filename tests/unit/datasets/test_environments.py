"""The ready-made environments, on a handful of rows in the format of their files."""

import gzip
from pathlib import Path

import ibis
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from nextact.datasets.folders import VARIABLE
from nextact.events.cleaning import count_reasons
from nextact.events.items import clean_items
from nextact.events.labelling import label_events

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
DAY = 86_400
S3REC = "user_id,item_id,position,timestamp\n" + "".join(f"1,0{k},{k},{1318896000 + k // 2 * DAY}\n" for k in range(6))
DAYS_OF_MARKETPLACE = ("2017-11-26", "2017-11-27", "2017-11-28", "2017-11-29", "2017-12-01", "2017-12-02")
DAYS_OF_BANK = ("1993-01-01", "1993-02-01", "1993-03-01", "1993-04-01", "1994-02-01", "1994-03-01")
FILES = {
    "beauty": {
        "amazon_beauty_s3rec/interactions.csv.gz": S3REC,
        "amazon_beauty_s3rec/items.csv.gz": "item_id,asin,title,categories,s3rec_attribute_ids\n01,B0,Polish,A > B,1\n",
    },
    "yelp": {
        "yelp_s3rec/interactions.csv.gz": S3REC.replace("1318896000", ""),
        "yelp_s3rec/items.csv.gz": "item_id,business_id,name,categories,s3rec_attribute_ids\n01,5eV,Greek,Diners,1\n",
    },
    "movielens": {
        "ml1m_sasrec/sequences.txt": "1 00 01 02 03 04 05\n",
        "ml1m_sasrec/items.tsv": "item_id\tmovielens_id\ttitle\tgenres\n01\t1198\tNA (1981)\tAction|Adventure\n",
    },
    "online_retail": {
        "online_retail_uci/events.csv.gz": ""
        "customer_id,timestamp,event,invoice,stock_code,quantity,unit_price,country\n"
        + "".join(
            f"12346,{1295344860 + k // 2 * DAY},{'return' if k == 5 else 'purchase'},54{k // 2},0{k},2,1.04,UK\n"
            for k in range(6)
        ),
        "online_retail_uci/items.csv.gz": "stock_code,description\n01,INFLATABLE GLOBE\n",
    },
    "mind_zh": {
        "mind_sample_zh/interactions.csv.gz": "user_id,news_id,position,source,timestamp\n"
        + "".join(f"U1,0{k},{k},history,\n" for k in range(6)),
        "mind_sample_zh/items.csv.gz": "news_id,title_zh,abstract_zh,category,subcategory,title_en,abstract_en\n"
        + "".join(f"0{k},跑步運動減肥,摘要,,,,\n" for k in range(6)),
    },
    "bank": {
        "finance_berka/events.csv.gz": "user_id,event_type,item_id,timestamp,amount,balance_after,source_row\n"
        + "".join(f"1,cash_deposit,0{k},{day},700.00,700.00,{k}\n" for k, day in enumerate(DAYS_OF_BANK)),
        "finance_berka/items.csv.gz": "item_id,category,name\n01,cash_deposit,Cash deposit\n",
    },
    "clinic": {
        "health_synthea/events.csv.gz": "user_id,event_type,item_id,timestamp,ended,reason\n"
        + "".join(f"p1,encounter,0{k},{1917 + 20 * k}-08-21,,\n" for k in range(6)),
        "health_synthea/items.csv.gz": "item_id,category,code_system,code,name\n01,encounter,snomed,1,Check-up\n",
        "health_synthea/users.csv.gz": "user_id,birth_year,died,gender\np1,1910,,F\n",
    },
    "social": {
        "social_deskdrop/events.csv.gz": "user_id,event_type,item_id,timestamp,session_id\n"
        + "".join(f"u1,view,0{k},2016-03-14T13:54:3{k}Z,s1\n" for k in range(6)),
        "social_deskdrop/items.csv.gz": "item_id,title,lang,content_type,site,shared_at,shared_by\n"
        "01,Tour,en,HTML,example.org,2016-03-28T19:47:54Z,u1\n",
    },
    "marketplace": {
        "ecom_taobao/events.csv.gz": "user_id,event_type,item_id,timestamp\n"
        + "".join(f"u1,buy,0{k},{day}T17:00:00Z\n" for k, day in enumerate(DAYS_OF_MARKETPLACE))
        + "".join(f"u2,view,0{k % 6},2017-11-25T10:00:{k + 10}Z\n" for k in range(12)),
        "ecom_taobao/items.csv.gz": "item_id,category_id\n01,2772071\n",
    },
    "purchases": {
        "purchase_cdnow/events.csv.gz": "user_id,event_type,item_id,timestamp,quantity,value,sample_id\n"
        + "".join(f"00001,purchase,0{k},1997-0{k + 1}-01,1,11.77,\n" for k in range(6)),
    },
}
TIME_SPLITS = {"bank", "clinic", "social", "marketplace", "purchases"}


@pytest.fixture(params=sorted(FILES))
def name_of_environment(request, tmp_path, monkeypatch):
    for name, text in FILES[request.param].items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    bootstrap_project(ROOT)
    return request.param


@pytest.fixture
def environment(name_of_environment):
    with KedroSession.create(ROOT, env=name_of_environment) as session:
        yield session.load_context()


def test_an_environment_reads_its_files_and_holds_out_two_targets_a_user(environment):
    parameters, catalog = environment.params, environment.catalog
    ibis.set_backend(catalog.get("events").connection)
    items = clean_items(catalog.load("raw_items"), parameters["items"])
    options = [parameters[name] for name in ("events", "split", "filter")]  # built and checked by Kedro
    labelled = label_events(catalog.load("raw_events"), items, *options)
    rows = labelled.accepted.order_by(["timestamp", "position"]).execute()
    rows = rows[
        rows["user_id"] == rows["user_id"].iloc[-1]
    ]  # another one's stand before, where items need several events
    assert rows["item_id"].tolist() == [f"0{k}" for k in (0, 1, 2, 3, 4, 5)]
    assert set(rows[rows["is_target"]]["split"]) == {"validation", "test"}
    assert count_reasons(labelled.rejected) == {}
    assert set(parameters["item_text"].text_columns) <= set(items.columns)


def test_an_environment_states_its_policy_and_its_order_of_ties(environment):
    assert environment.params["split"].kind == ("global_time" if environment.env in TIME_SPLITS else "leave_one_out")
    assert environment.params["policy"].exclude_seen == (environment.env in {"beauty", "movielens", "yelp"})
    assert environment.catalog.get("events")._filepath.as_posix().endswith("03_primary/events.parquet")


def test_nothing_is_to_be_put_right_where_the_files_are_there(name_of_environment, run_here):
    done = run_here(ROOT, "check-env", name_of_environment)
    assert (done.exit_code, done.stderr) == (0, "")


def test_where_they_are_not_one_message_says_where_to_put_them(name_of_environment, run_here, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "elsewhere"))
    done = run_here(ROOT, "check-env", name_of_environment)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    said = done.stderr
    folder = next(iter(FILES[name_of_environment])).partition("/")[0]
    assert f"Name the folder that holds {folder!r}: export {VARIABLE}=" in said
    assert "docs/data_contract.md, 'Ready-made environments'" in said


def test_every_environment_is_tried_here():
    known = {path.parent.name for path in (ROOT / "conf").glob("*/globals.yml")} - {"base", "local", "test"}
    reading_files = {name for name in known if "data_folder" in (ROOT / f"conf/{name}/globals.yml").read_text()}
    assert reading_files == set(FILES)
