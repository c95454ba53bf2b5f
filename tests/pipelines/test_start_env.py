"""From a bank's CSV to a run over it, with the commands that the page names."""

import random
import time
from datetime import datetime, timedelta

import pandas as pd
import pytest

PRODUCTS = ["Girokonto Plus", "Festgeld", "Kreditkarte Gold", "Überweisung", "Sparplan", "Depot", "Baufinanzierung"]


def bookings(path):
    """Semicolons, Latin-1, local times, decimal commas, ids with leading zeros, two rows that nobody can read."""
    draw = random.Random(0)
    moments = sorted(datetime(2024, 1, 1, 8) + timedelta(minutes=draw.randrange(300 * 24 * 60)) for _ in range(3_000))
    lines = ["Kunde;Produkt;Kanal;Buchungszeit;Betrag"]
    for moment in moments:
        amount = f"{draw.randrange(1, 5000)},{draw.randrange(100):02}"
        cells = [f"{draw.randrange(150):07}", draw.choice(PRODUCTS), draw.choice(["Filiale", "Netz"])]
        lines.append(";".join([*cells, moment.strftime("%d.%m.%Y %H:%M"), amount]))
    lines += ["0000007;Depot;Netz;gestern;1,00", "0000007;;Netz;01.02.2024 10:00;1,00"]
    path.write_bytes("\n".join(lines).encode("latin-1"))


@pytest.fixture(scope="module")
def bank(tmp_path_factory, copy_project):
    folder = copy_project(tmp_path_factory.mktemp("bank"))
    bookings(folder / "bookings.csv")
    return folder


def test_two_commands_lead_from_a_csv_to_histories(bank, run_here):
    begun = time.monotonic()
    started = run_here(bank, "start-env", "giro", "--events", "bookings.csv", "--timezone", "Europe/Berlin")
    assert started.exit_code == 0, started.output
    assert "Rows: 3,000 of 3,002 would be accepted" in started.output
    assert "timestamp 'gestern'" in started.output
    assert "kedro run --env giro --pipelines data_processing" in started.output
    done = run_here(bank, "run", "--env", "giro", "--pipelines", "data_processing")
    assert done.exit_code == 0, done.output
    assert time.monotonic() - begun < 900
    events = pd.read_parquet(bank / "data/giro/03_primary/events.parquet").sort_values("source_row")
    assert len(events) == 3_000
    assert events["user_id"].str.fullmatch(r"0000\d{3}").all()
    first = (bank / "bookings.csv").read_text("latin-1").splitlines()[1].split(";")
    local = datetime.strptime(first[3], "%d.%m.%Y %H:%M")
    assert events["timestamp"].iloc[0] == (local - timedelta(hours=1) - datetime(1970, 1, 1)) // timedelta(
        microseconds=1
    )
    assert events["value"].iloc[0] == float(first[4].replace(",", "."))
    assert sorted(pd.read_parquet(bank / "data/giro/03_primary/items.parquet")["item_id"]) == sorted(PRODUCTS)


def test_what_cannot_be_told_ends_in_one_line_and_writes_nothing(bank, run_here):
    (bank / "odd.csv").write_text("a,b,c\n" + "\n".join(f"x{n % 5},y{n % 7},{n}" for n in range(99)))
    done = run_here(bank, "start-env", "odd", "--events", "odd.csv")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: odd: the user could be ")
    assert done.stderr.count("\n") == 1
    assert not (bank / "conf/odd").exists()


def test_options_that_cannot_be_read_are_named(bank, run_here):
    for option, value, said in (
        ("--timezone", "Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("--timestamp-format", "%Q", "nothing reads '%Q'"),
        ("--event-type-map", "1:view", "'1:view' is no pair"),
        ("--targets", "sale", "no event type 'sale'"),
    ):
        done = run_here(bank, "start-env", "other", "--events", "bookings.csv", option, value)
        assert done.exit_code == 1, option
        assert said in done.stderr, done.stderr
