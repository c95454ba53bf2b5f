"""Environments say that their baselines are as tuned on validation: they must be what the search ended with."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from nextact.models.registry import MODELS

ROOT = Path(__file__).parents[2]
FOUND = [json.loads(line) for line in (ROOT / "benchmarks/results/baselines.jsonl").read_text("utf-8").splitlines()]
NEWEST = {(line["dataset"], line["model"]): line["options"] for line in FOUND}
UNSAID = {"block"}  # named after the search's own blocks of text


def options_of(path: str, model: str) -> dict[str, Any]:
    """What a file of parameters says of a baseline; empty where it says nothing."""
    parameters = yaml.safe_load((ROOT / "conf" / path).read_text("utf-8"))
    return dict(parameters["baselines"].get(model, {}).get("options", {}))


NAMED = [key for key in sorted(NEWEST) if options_of(f"{key[0]}/parameters.yml", key[1])]


@pytest.mark.parametrize(("dataset", "model"), NAMED)
def test_an_environment_names_the_options_that_the_search_found(dataset: str, model: str) -> None:
    stated = options_of(f"{dataset}/parameters.yml", model)
    options = dataclasses.asdict(MODELS["baselines"][model].options(**stated))
    plain = json.loads(json.dumps(options))
    searched = NEWEST[dataset, model]
    assert {key: plain[key] for key in searched if key not in UNSAID} == {
        key: value for key, value in searched.items() if key not in UNSAID
    }
