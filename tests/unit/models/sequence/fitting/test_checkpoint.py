import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nextact.errors import NextactError
from nextact.models.sequence.fitting.checkpoint import Checkpoints

pytestmark = pytest.mark.slow

TRAIN = """
import json, sys
import numpy as np
from safetensors.torch import save_file
from nextact.models.recommender import LaunchOptions
from nextact.models.sequence.fitting.fit_network import fit_network
from tests.unit.models.sequence.conftest import random_histories, small, training_of

folder, result, changes = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
launch = LaunchOptions(checkpoint_folder=None if folder == "none" else folder, checkpoint_seconds=0.0)
training = training_of(random_histories(40), launch=launch)
network, report = fit_network(small(epochs=5, batch_steps=8, dropout=0.2, **changes), training)
curve = [[epoch["loss"], epoch["validation"]] for epoch in report["curve"]]
save_file({n: p.detach().clone() for n, p in network.named_parameters()}, result, metadata={"curve": json.dumps(curve)})
"""
ROOT = Path(__file__).parents[5]


def start(folder, result, **changes):
    environ = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", TRAIN, str(folder), str(result), json.dumps(changes)]
    return subprocess.Popen(command, cwd=ROOT, env=environ)


def kill_soon_after_a_checkpoint(process, folder, wait):
    limit = time.monotonic() + 120
    while process.poll() is None and not list(folder.glob("*/checkpoint.safetensors")):
        assert time.monotonic() < limit
        time.sleep(0.002)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({}, (0.0, 0.1)),
        ({"backbone": "bert", "objective": "masked", "average_decay": 0.9}, (0.03,)),
        ({"backbone": "nextact", "loss": "sampled", "negatives": 6, "full_last": 0.3, "micro_batches": 2}, (0.05,)),
    ],
    ids=["gpt2", "bert", "nextact"],
)
def test_a_training_that_was_killed_ends_with_the_same_weights_bit_for_bit(tmp_path, changes, waits):
    folder = tmp_path / "checkpoints"
    whole = start("none", tmp_path / "whole.safetensors", **changes)
    assert whole.wait(120) == 0
    for wait in waits:
        kill_soon_after_a_checkpoint(start(folder, tmp_path / "resumed.safetensors", **changes), folder, wait)
    assert start(folder, tmp_path / "resumed.safetensors", **changes).wait(120) == 0
    expected, resumed = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "resumed"))
    assert expected.keys() == resumed.keys()
    for name, weights in expected.items():
        assert torch.equal(weights, resumed[name]), name
    assert not list(folder.glob("*/*"))  # a training that ended leaves nothing


def test_what_was_written_is_read(tmp_path):
    checkpoints = Checkpoints(tmp_path / "a", "key")
    assert checkpoints.read() is None
    checkpoints.write({"weight": torch.arange(3.0)}, {"place": [1, 2]})
    checkpoints.write({"weight": torch.arange(4.0)}, {"place": [1, 3]})
    tensors, state = checkpoints.read()
    assert (tensors["weight"].tolist(), state) == ([0, 1, 2, 3], {"place": [1, 3]})
    assert [path.name for path in checkpoints.folder.iterdir()] == ["checkpoint.safetensors"]
    checkpoints.remove()
    assert not checkpoints.folder.exists()


def leave_unfinished(folder):
    (folder / ".tmpMonwrs").write_bytes(b"safetensors was killed")
    (folder / "checkpoint.safetensors.4711.new").write_bytes(b"we were")


def test_what_killed_writers_left_is_deleted_by_the_next_write_and_at_the_end(tmp_path):
    checkpoints = Checkpoints(tmp_path / "a", "key")
    checkpoints.folder.mkdir()
    leave_unfinished(checkpoints.folder)
    checkpoints.write({"weight": torch.arange(3.0)}, {})
    assert [path.name for path in checkpoints.folder.iterdir()] == ["checkpoint.safetensors"]
    leave_unfinished(checkpoints.folder)
    checkpoints.remove()
    assert not checkpoints.folder.exists()


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    checkpoints = Checkpoints(tmp_path, "key")
    checkpoints.write({"weight": torch.zeros(100)}, {})
    whole = checkpoints.path.read_bytes()
    checkpoints.path.write_bytes(whole[:-10] if damage is None else damage)
    with pytest.raises(NextactError, match=r"checkpoint .* is damaged .*; delete it"):
        checkpoints.read()


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    Checkpoints(tmp_path, "one").write({}, {})
    with pytest.raises(NextactError, match=r"belongs to another training \(key one, this one is two"):
        Checkpoints(tmp_path, "two").read()


def test_a_checkpoint_is_due_when_the_last_is_old_enough(tmp_path):
    assert not Checkpoints(tmp_path, "key", seconds=60.0).due
    assert Checkpoints(tmp_path, "key", seconds=0.0).due
