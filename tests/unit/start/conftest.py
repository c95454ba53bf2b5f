import random
from datetime import datetime, timedelta

import pytest

from nextact.start.environment import start_environment
from nextact.start.proposal import Given
from nextact.start.understood import Wanted

PRODUCTS = [
    "Girokonto Plus",
    "Festgeld",
    "Kreditkarte",
    "Überweisung",
    "Sparplan",
    "Depot",
    "Baufinanzierung",
    "Tagesgeld",
]


def bank_rows(n=3_000, seed=0):
    """Bookings as a German bank exports them: local times, decimal commas, ids with leading zeros."""
    draw = random.Random(seed)
    start = datetime(2024, 1, 1, 8)
    moments = sorted(start + timedelta(minutes=draw.randrange(300 * 24 * 60)) for _ in range(n))
    for moment in moments:
        customer = f"{draw.randrange(150):07}"
        amount = f"{draw.randrange(1, 5000)},{draw.randrange(100):02} €"
        yield [
            customer,
            draw.choice(PRODUCTS),
            draw.choice(["Filiale", "Online"]),
            moment.strftime("%d.%m.%Y %H:%M"),
            amount,
        ]


HEADER = ["Kunde", "Produkt", "Kanal", "Buchungszeit", "Betrag"]


@pytest.fixture
def bank_csv(tmp_path):
    path = tmp_path / "buchungen.csv"
    rows = [HEADER, *bank_rows()]
    path.write_bytes("\r\n".join(";".join(row) for row in rows).encode("latin-1", "replace").replace(b"?", b"EUR"))
    return path


@pytest.fixture
def begin(tmp_path):
    """Start an environment in an empty project; gives the page and the folder."""
    (tmp_path / "conf").mkdir(exist_ok=True)

    def start(*events, ask=None, name="mine", given=None, **wanted):
        all_wanted = Wanted(name=name, events=[str(one) for one in events], given=Given(**(given or {})), **wanted)
        return start_environment(all_wanted, tmp_path, tmp_path / "conf", ask)

    return start
