"""Files of public data sets, written here in the very format in which their sites hand them out."""

import gzip
import json
from datetime import datetime

import pandas as pd
import pytest

from nextact.datasets.public_amazon import AmazonDataset, read_amazon
from nextact.datasets.public_mind import MindDataset, read_clicks, read_news, read_shown
from nextact.datasets.public_movielens import MovieLensDataset, read_movielens
from nextact.datasets.public_online_retail import OnlineRetailDataset, read_online_retail
from nextact.datasets.public_sequences import SequenceFileDataset, read_sequences
from nextact.errors import NextactError, TableError
from nextact.events.cleaning import accepted, clean_events
from nextact.events.contract import EventOptions


def write(path, text, encoding="utf-8"):
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def rows(frame):
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


# --- MovieLens ---------------------------------------------------------------------


def test_movielens_dat_files_are_latin_1_between_double_colons(tmp_path):
    ratings = write(tmp_path / "ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n")
    movies = write(tmp_path / "movies.dat", "73::Misérables, Les (1995)::Drama|Musical\n", "latin-1")
    found = MovieLensDataset(filepath=str(ratings), table="ratings").load()
    assert found.to_dict("list") == {
        "user_id": ["1", "1"],
        "item_id": ["1193", "661"],
        "rating": [5.0, 3.0],
        "timestamp": [pd.Timestamp("2000-12-31T22:12:40"), pd.Timestamp("2000-12-31T22:35:09")],
    }
    assert rows(MovieLensDataset(filepath=str(movies), table="movies").load()) == [
        ["73", "Misérables, Les (1995)", "Drama|Musical"]
    ]


@pytest.mark.parametrize("name", ["ratings.csv", "ratings.csv.gz"])
def test_movielens_csv_files_have_a_header_and_quoted_titles(tmp_path, name):
    ratings = write(tmp_path / name, "userId,movieId,rating,timestamp\r\n1,2,3.5,1112486027\r\n")
    movies = write(
        tmp_path / "movies.csv",
        'movieId,title,genres\n11,"American President, The (1995)",Comedy\n'
        '12,"""Great Performances"" Cats",(no genres listed)\n',
    )
    assert rows(read_movielens(ratings, "ratings")) == [["1", "2", 3.5, pd.Timestamp("2005-04-02T23:53:47")]]
    assert read_movielens(movies, "movies")["title"].tolist() == [
        "American President, The (1995)",
        '"Great Performances" Cats',
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1::2::5::9\n1::2::5\n3::4::5::x\n", r"line 2: a broken line \(3 fields instead of 4\) in 2 row.*1::2::5"),
        ("1::2::5::9\n\n1::2::good::9\n", r"line 3: .*could not convert string to float: 'good'"),
        ("1::2::5::1_0\n", "'1_0' is no whole number"),
        ("u::2::5::10\n", "'u' is no whole number"),
        ("", "the file holds no row"),
    ],
)  # fmt: skip
def test_broken_movielens_lines_are_named_with_file_line_and_example(tmp_path, text, message):
    with pytest.raises(NextactError, match=message):
        read_movielens(write(tmp_path / "ratings.dat", text), "ratings")


def test_a_movielens_file_under_another_header_or_ending_is_refused(tmp_path):
    with pytest.raises(NextactError, match="first line must be userId,movieId,rating,timestamp, got 'user,movie'"):
        read_movielens(write(tmp_path / "ratings.csv", "user,movie\n1,2\n"), "ratings")
    with pytest.raises(NextactError, match=r"ends in \.dat or \.csv"):
        read_movielens(write(tmp_path / "ratings.txt", "1::2::5::9\n"), "ratings")


def test_a_broken_csv_row_names_the_line_it_ends_on(tmp_path):
    text = 'movieId,title,genres\n1,"two\nlines",Drama\n2,too few\n'
    with pytest.raises(TableError, match="line 4: a broken line"):
        read_movielens(write(tmp_path / "movies.csv", text), "movies")


# --- Amazon ------------------------------------------------------------------------

REVIEW_2014 = {
    "reviewerID": "A1YJEY40YUW4SE",
    "asin": "7806397051",
    "reviewerName": "Andrea",
    "helpful": [3, 4],
    "reviewText": "Very oily and creamy.",
    "overall": 1.0,
    "summary": "Don't waste your money",
    "unixReviewTime": 1391040000,
    "reviewTime": "01 30, 2014",
}
REVIEW_2018 = {
    "overall": 5.0,
    "verified": True,
    "reviewTime": "09 1, 2016",
    "reviewerID": "A3CIUOJXQ5VDQ2",
    "asin": "B0000530HU",
    "style": {"Size:": " 7.0 oz"},
    "reviewerName": "Shelly F",
    "reviewText": "As advertised.",
    "summary": "Five Stars",
    "unixReviewTime": 1472688000,
}
REVIEW_2023 = {
    "rating": 4.0,
    "title": "Nice",
    "text": "Works",
    "images": [],
    "asin": "B00YQ6X8EO",
    "parent_asin": "B00YQ6X8E0",
    "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ",
    "timestamp": 1588687728923,
    "helpful_vote": 0,
    "verified_purchase": True,
}
PRODUCT_2014 = {
    "asin": "B004756YJA",
    "title": "OPI Nail Lacquer & Co",
    "price": 8.95,
    "brand": "OPI",
    "categories": [["Beauty", "Makeup", "Nails"], ["Gifts"]],
    "description": "It's 'red'",
}
PRODUCT_2018 = {"category": ["Beauty", "Hair"], "description": ["a", "", "b"], "title": "T", "brand": "B", "asin": "B1"}
PRODUCT_2023 = {
    "main_category": "All Beauty",
    "title": "T3",
    "store": "S",
    "categories": [],
    "description": [],
    "parent_asin": "B3",
    "average_rating": 4.8,
}


@pytest.mark.parametrize(
    ("review", "expected"),
    [
        (REVIEW_2014, ["A1YJEY40YUW4SE", "7806397051", 1.0, pd.Timestamp("2014-01-30"), "Don't waste your money"]),
        (REVIEW_2018, ["A3CIUOJXQ5VDQ2", "B0000530HU", 5.0, pd.Timestamp("2016-09-01"), "Five Stars"]),
        (
            REVIEW_2023,
            ["AGKHLEW2SOWHNMFQIJGBECAF7INQ", "B00YQ6X8E0", 4.0, pd.Timestamp("2020-05-05T14:08:48.923"), "Nice"],
        ),
    ],
)
@pytest.mark.parametrize("style", [json.dumps, repr])  # the complete files of 2014 are Python literals
def test_amazon_reviews_of_each_year_are_read(tmp_path, review, expected, style):
    path = write(tmp_path / "reviews.json.gz", style(review) + "\n" + style(review) + "\n")
    assert rows(AmazonDataset(filepath=str(path), table="reviews").load()) == [expected, expected]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (repr(PRODUCT_2014), ["B004756YJA", "OPI Nail Lacquer & Co", "OPI", "Beauty > Makeup > Nails", "It's 'red'"]),
        (json.dumps(PRODUCT_2018), ["B1", "T", "B", "Beauty > Hair", "a b"]),
        (json.dumps(PRODUCT_2023), ["B3", "T3", "S", None, None]),
        ("{'asin': '0000000001'}", ["0000000001", None, None, None, None]),
    ],
)
def test_amazon_products_of_each_year_are_read(tmp_path, line, expected):
    assert rows(read_amazon(write(tmp_path / "meta.json", line), "products")) == [expected]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (json.dumps(REVIEW_2014)[:-9], r"reviews\.json, line 2: a broken line"),
        ("[1, 2]", "not an object"),
        ('{"asin": "B1"}', "no field 'unixReviewTime'"),
        (json.dumps(REVIEW_2014 | {"reviewerID": 7}), "an id must be text, got 7"),
        ("__import__('os').getcwd()", "a broken line"),
    ],
)
def test_broken_amazon_lines_are_named_and_never_run(tmp_path, line, message):
    path = write(tmp_path / "reviews.json", json.dumps(REVIEW_2014) + "\n" + line + "\n")
    with pytest.raises(TableError, match=message):
        read_amazon(path, "reviews")


def test_a_truncated_gzip_names_the_line_it_ends_after(tmp_path):
    path = tmp_path / "reviews.json.gz"
    whole = gzip.compress(b"".join(json.dumps(REVIEW_2014 | {"asin": f"{n:010}"}).encode() + b"\n" for n in range(500)))
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NextactError, match=r"reviews\.json\.gz: cannot be read after line \d+"):
        read_amazon(path, "reviews")


# --- MIND --------------------------------------------------------------------------

BEHAVIORS = (
    "1\tU1\t11/11/2019 9:05:58 AM\tN55189 N42782 N55189\tN55689-1 N35729-0\n"
    "2\tU2\t11/12/2019 6:11:30 PM\t\tN35729-0 N1-1 N2-1\n"
    "3\tU1\t11/11/2019 8:05:58 AM\tN55189 N42782 N55189\tN9-1\n"
)


def test_mind_clicks_are_the_history_once_and_then_what_was_clicked(tmp_path):
    path = write(tmp_path / "behaviors.tsv", BEHAVIORS)
    found = MindDataset(filepath=str(path), table="clicks").load()
    first = found[found["user_id"] == "U1"].sort_values("position")
    assert first["item_id"].tolist() == ["N55189", "N42782", "N55189", "N9", "N55689"]
    assert first["timestamp"].isna().tolist() == [True, True, True, False, False]
    assert first["timestamp"].iloc[-1] == datetime(2019, 11, 11, 9, 5, 58)
    assert found[found["user_id"] == "U2"]["item_id"].tolist() == ["N1", "N2"]
    assert found[found["user_id"] == "U2"]["timestamp"].iloc[0] == datetime(2019, 11, 12, 18, 11, 30)


def test_mind_impressions_keep_what_was_shown_and_not_clicked(tmp_path):
    found = read_shown(write(tmp_path / "behaviors.tsv", BEHAVIORS))
    second = found[found["impression_id"] == "2"]
    assert rows(second[["item_id", "rank", "clicked"]]) == [["N35729", 0, False], ["N1", 1, True], ["N2", 2, True]]


def test_mind_clicks_without_times_pass_the_contract_by_position(tmp_path):
    clicks = read_clicks(write(tmp_path / "behaviors.tsv", BEHAVIORS))
    events = accepted(clean_events(clicks, EventOptions(timestamp=None, position="position"))).execute()
    assert len(events) == 7


def test_mind_news_take_quotation_marks_for_text(tmp_path):
    line = 'N88753\tlifestyle\troyals\t"The Brands Queen" Wears\tShop "the\thttps://x\t[]\t[]\n'
    assert rows(read_news(write(tmp_path / "news.tsv", line))) == [
        ["N88753", "lifestyle", "royals", '"The Brands Queen" Wears', 'Shop "the']
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("4\tU3\t11/11/2019 9:05:58 AM\tN1", "line 4: a broken line .4 fields instead of 5"),
        ("4\tU3\t2019-11-11\tN1\tN2-1", "does not match format"),
        ("4\t\t11/11/2019 9:05:58 AM\tN1\tN2-1", "no user"),
    ],
)
def test_broken_mind_lines_are_named(tmp_path, line, message):
    with pytest.raises(TableError, match=message):
        read_clicks(write(tmp_path / "behaviors.tsv", BEHAVIORS + line + "\n"))


def test_the_mind_test_set_has_no_clicks_to_read(tmp_path):
    path = write(tmp_path / "behaviors.tsv", "1\tU1\t11/11/2019 9:05:58 AM\tN5\tN55689 N35-7\n")
    assert read_shown(path)["item_id"].tolist() == ["N55689", "N35-7"]
    with pytest.raises(NextactError, match="keeps that back"):
        read_clicks(path)


# --- Online Retail -----------------------------------------------------------------

HEADER = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
RETAIL = [
    (536365, "85123A", "WHITE HANGING HEART T-LIGHT HOLDER", 6, datetime(2010, 12, 1, 8, 26), 2.55, 17850, "UK"),
    ("C536379", 22960, "JAM MAKING SET", -1, datetime(2010, 12, 1, 9, 41), 4.25, 14527, "EIRE"),
    (536414, 22139, None, 56, datetime(2010, 12, 1, 11, 52), 0.0, None, "UK"),
    (536420, 22960, "JAM MAKING SET WITH JARS", 2, datetime(2010, 12, 1, 12, 3), 4.25, 17850, "UK"),
    (536421, 22960, "JAM MAKING SET WITH JARS", 2, datetime(2010, 12, 2, 12, 3), 4.25, 17850, "UK"),
]  # fmt: skip


def retail_csv(path):
    lines = [",".join(HEADER)]
    for invoice, code, name, quantity, time, price, customer, country in RETAIL:
        number = "" if customer is None else f"{customer}.0"
        moment = f"{time.month}/{time.day}/{time.year} {time.hour}:{time.minute:02}"
        lines.append(f'{invoice},{code},"{name or ""}",{quantity},{moment},{price},{number},{country}')
    return write(path, "\r\n".join(lines) + "\r\n")


def retail_workbook(path):
    openpyxl = pytest.importorskip("openpyxl")
    workbook = openpyxl.Workbook()
    workbook.active.append(HEADER)
    for row in RETAIL:
        workbook.active.append(row)
    workbook.save(path)
    return path


@pytest.mark.parametrize(("make", "name"), [(retail_csv, "data.csv"), (retail_workbook, "Online Retail.xlsx")])
def test_online_retail_gives_purchases_and_returns_from_either_file(tmp_path, make, name):
    path = make(tmp_path / name)
    found = OnlineRetailDataset(filepath=str(path), table="events").load()
    assert found["event_type"].tolist() == ["purchase", "return", "purchase", "purchase", "purchase"]
    assert found["stock_code"].tolist() == ["85123A", "22960", "22139", "22960", "22960"]
    assert rows(found[["customer_id", "invoice"]])[:3] == [["17850", "536365"], ["14527", "C536379"], [None, "536414"]]
    assert found["timestamp"].tolist() == [row[4] for row in RETAIL]
    items = OnlineRetailDataset(filepath=str(path), table="items").load()
    assert rows(items) == [
        ["22139", None],
        ["22960", "JAM MAKING SET WITH JARS"],
        ["85123A", "WHITE HANGING HEART T-LIGHT HOLDER"],
    ]


def test_online_retail_times_are_london_clock_times(tmp_path):
    table = read_online_retail(retail_csv(tmp_path / "data.csv"))
    summer = table.assign(timestamp=table["timestamp"] + pd.Timedelta(days=200))
    options = EventOptions(
        user_id="customer_id", item_id="stock_code", timezone="Europe/London", stop_above_rejected_share=0.5
    )
    hours = [accepted(clean_events(one, options)).timestamp.min().execute() for one in (table, summer)]
    assert hours[1] - hours[0] == (200 * 24 - 1) * 3_600_000_000


def test_broken_rows_of_online_retail_are_named(tmp_path):
    text = ",".join(HEADER) + "\n536365,85123A,X,six,12/1/2010 8:26,2.55,17850,UK\n"
    with pytest.raises(TableError, match=r"data\.csv, line 2: a broken line .invalid literal.*'six'"):
        read_online_retail(write(tmp_path / "data.csv", text))
    with pytest.raises(NextactError, match="first line must be InvoiceNo"):
        read_online_retail(write(tmp_path / "data.csv", "a,b\n"))


def test_another_time_format_can_be_stated(tmp_path):
    text = ",".join(HEADER) + "\n536365,85123A,X,6,01/12/2010 08:26,2.55,17850,UK\n"
    found = read_online_retail(write(tmp_path / "data.csv", text), "%d/%m/%Y %H:%M")
    assert found["timestamp"].tolist() == [datetime(2010, 12, 1, 8, 26)]


# --- sequence files ----------------------------------------------------------------


def test_sequence_files_give_a_row_an_item_in_order(tmp_path):
    path = write(tmp_path / "Beauty.txt", "1 10 11 10\n02 7\n")
    assert rows(SequenceFileDataset(filepath=str(path)).load()) == [
        ["1", "10", 0],
        ["1", "11", 1],
        ["1", "10", 2],
        ["02", "7", 0],
    ]


def test_a_user_without_items_is_a_broken_line(tmp_path):
    with pytest.raises(TableError, match=r"line 2: a broken line \(a user without items\)"):
        read_sequences(write(tmp_path / "s.txt", "1 10\n2\n"))


def test_public_files_are_read_only_and_know_whether_they_exist(tmp_path):
    dataset = SequenceFileDataset(filepath=str(tmp_path / "s.txt"))
    assert not dataset.exists()
    with pytest.raises(Exception, match="read only"):
        dataset.save(pd.DataFrame())


def test_text_in_another_encoding_is_named(tmp_path):
    path = write(tmp_path / "news.tsv", "N1\té\n", "latin-1")
    with pytest.raises(NextactError, match=r"news\.tsv: not utf-8 text after line 0"):
        read_news(path)
