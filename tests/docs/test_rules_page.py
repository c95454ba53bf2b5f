"""What docs/rules.md shows can be written."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from nextact.retrieval.rules.expressions import parse
from nextact.retrieval.rules.places import Source
from nextact.retrieval.rules.rule_options import RuleOptions

PAGE = (Path(__file__).parents[2] / "docs/rules.md").read_text(encoding="utf-8")
BLOCKS = [
    OmegaConf.to_container(OmegaConf.create(one))["rules"] for one in re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
]
TABLE = PAGE[PAGE.index("| write | for |") : PAGE.index("`now` is the newest event")]
CELLS = [line.split("|")[1] for line in TABLE.splitlines()[2:] if line]
CONDITIONS = [found for cell in CELLS for found in re.findall(r"`` (.+?) ``|`([^`]+)`", cell)]


@pytest.mark.parametrize("block", BLOCKS, ids=", ".join)
def test_the_examples_are_rules(block):
    assert RuleOptions(**block).are_set


@pytest.mark.parametrize("text", [one or other for one, other in CONDITIONS])
def test_the_conditions_can_be_read(text):
    assert parse(text).columns


def test_examples_were_found_and_every_rule_and_source_is_on_the_page():
    assert len(BLOCKS) >= 4
    assert len(CONDITIONS) >= 10
    for name in RuleOptions.__dataclass_fields__:
        assert name in PAGE
    assert all(f"`{source.name.lower()}`" in PAGE for source in Source if source)
