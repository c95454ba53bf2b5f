"""What docs/data_contract.md says is what the code does."""

import re
import textwrap
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from nextact.events import reasons
from nextact.events.contract import EventOptions
from nextact.events.splitting import SplitOptions

PAGE = (Path(__file__).parents[2] / "docs/data_contract.md").read_text()
BLOCKS = [textwrap.dedent(block) for block in re.findall(r" *```yaml\n(.*?)```", PAGE, re.S)]
MAPPINGS = [OmegaConf.to_container(OmegaConf.create(block)) for block in BLOCKS]


@pytest.mark.parametrize("text", [value for name, value in vars(reasons).items() if name.isupper()])
def test_every_reason_of_rejection_is_on_the_page(text):
    assert f"`{text.format('user_id')}`" in PAGE or f"`{text.format('position')}`" in PAGE


def test_the_page_names_the_reasons_in_the_order_in_which_they_are_looked_for():
    table = PAGE[PAGE.index("## Reasons of rejection") :]
    named = [value for name, value in vars(reasons).items() if name.isupper() and "{" not in value]
    places = [table.index(f"`{text}`") for text in named]
    assert places == sorted(places)


def test_the_examples_are_options_that_can_be():
    parameters = [one for one in MAPPINGS if "events" in one]
    assert len(parameters) == 2
    for one in parameters:
        EventOptions(**one["events"])
        SplitOptions(**one.get("split", {}))
    assert list(EventOptions(**parameters[1]["events"]).column_maps()) == ["orders", "clicks"]
    catalogs = [one["raw_events"] for one in MAPPINGS if "raw_events" in one]
    assert list(catalogs[1]["sources"]) == ["orders", "clicks"]
