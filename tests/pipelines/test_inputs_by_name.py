"""How nodes take what they read."""

import pytest

from nextact.pipeline_registry import register_pipelines

MOST_BY_PLACE = 4  # two frames swapped in a longer list pass silently
NODES = {node.name: node for one in register_pipelines().values() for node in one.nodes}


@pytest.mark.parametrize("name", sorted(NODES))
def test_many_inputs_are_named(name):
    inputs = NODES[name]._inputs
    assert isinstance(inputs, dict) or len([inputs] if isinstance(inputs, str) else inputs or []) <= MOST_BY_PLACE
