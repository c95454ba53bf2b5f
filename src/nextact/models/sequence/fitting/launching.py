"""A training in several processes: the data is put down as files, and each process opens it by path.

    torchrun --nproc-per-node 2 -m nextact.models.sequence.fitting.launching FOLDER

is what a fit runs for itself where it is asked for processes, each of which ends with the one that started it.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from pathlib import Path

import numpy as np
import torch

from nextact.errors import CannotFit, NextactError, NotEnoughMemory
from nextact.metrics.targets import Targets
from nextact.models.recommender import FitContext, FitReport, LaunchOptions, Training
from nextact.models.sequence.fitting.checkpoint import held
from nextact.models.sequence.fitting.fit_network import checkpoints_of, train_network
from nextact.models.sequence.network import SequenceNetwork
from nextact.models.sequence.sequence_options import SequenceOptions
from nextact.models.sequence.storage import load_network, save_network
from nextact.processes import children
from nextact.processes.scratch import scratch_folder
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout
from nextact.stored import read_json, write_json

PLAIN = ("n_items", "event_types", "exclude_seen", "target_event_types", "observed_until")
CANNOT_FIT_FILES = {"not_enough_memory.txt": NotEnoughMemory, "cannot_fit.txt": CannotFit}  # the narrower ones first


def fit_in_processes(options: SequenceOptions, training: Training) -> tuple[SequenceNetwork, FitReport]:
    """What :func:`fit_network` gives, from as many processes as the launch options say.

    Raises:
        CannotFit: As :func:`fit_network`.
        NextactError: If the processes fail (what they said stands above it in the output), or another process trains
            the same network.
    """
    with held(checkpoints_of(options, training)), scratch_folder("training") as folder:
        save_training(options, training, folder)
        status = _run(training.context.launch, folder)
        if status or not (folder / "report.json").exists():
            _say_what_cannot_be_fitted(folder)
            raise NextactError(
                f"training in {training.context.launch.processes} processes ended with status {status}; its output "
                "stands above"
            )
        network, _, _ = load_network(folder)
        report: FitReport = read_json(folder / "report.json")
    return network, report


def _run(launch: LaunchOptions, folder: Path) -> int:
    """Exit status of ``torchrun``, which keeps its own files in the folder too."""
    arguments = [f"--nproc-per-node={launch.processes}", f"--log-dir={folder / 'torchrun'}"]
    arguments += launch.launcher_arguments or ("--standalone",)
    arguments += ["-m", children.__name__, __name__, str(folder)]
    on_cpu = {} if torch.cuda.is_available() else {"ACCELERATE_USE_CPU": "true"}
    return children.run_child("torch.distributed.run", arguments, os.environ | on_cpu)


def _say_what_cannot_be_fitted(folder: Path) -> None:
    for name, kind in CANNOT_FIT_FILES.items():
        if (folder / name).exists():
            raise kind((folder / name).read_text(encoding="utf-8"))


def save_training(options: SequenceOptions, training: Training, folder: Path) -> None:
    """Write options and data into a folder."""
    training.histories.save(folder / "histories")
    holdout = training.validation
    holdout.histories.save(folder / "validation")
    arrays = {"users": holdout.users, "next_types": holdout.next_types, **vars(holdout.targets)}
    for name, array in arrays.items():
        np.save(folder / "validation" / f"holdout_{name}.npy", array, allow_pickle=False)
    blocks = [name for name in options.text.blocks if name in training.item_vectors]
    for name in blocks:
        np.save(folder / f"vectors_{name}.npy", training.item_vectors[name], allow_pickle=False)
    launch = dataclasses.asdict(training.context.launch) | {"processes": 1}
    plain = {name: getattr(training, name) for name in PLAIN}
    write_json(
        folder / "training.json",
        {
            "options": dataclasses.asdict(options),
            "blocks": blocks,
            "launch": launch,
            "seed": training.context.seed,
            "epochs": training.context.epochs,
            "plain": plain,
        },
    )


def open_training(folder: Path) -> tuple[SequenceOptions, Training]:
    """Read what :func:`save_training` wrote, arrays memory-mapped."""
    described = read_json(folder / "training.json")

    def array(name: str) -> np.ndarray:
        return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))

    targets = Targets(**{name: array(f"validation/holdout_{name}") for name in ("offsets", "item_index", "n_missing")})
    holdout = Holdout(
        array("validation/holdout_users"),
        Histories.open(folder / "validation"),
        targets,
        array("validation/holdout_next_types"),
    )
    plain = described["plain"]
    training = Training(
        Histories.open(folder / "histories"),
        plain["n_items"],
        tuple(plain["event_types"]),
        {name: array(f"vectors_{name}") for name in described["blocks"]},
        holdout,
        plain["exclude_seen"],
        FitContext(described["seed"], LaunchOptions(**described["launch"]), described["epochs"]),
        target_event_types=tuple(plain["target_event_types"]),
        observed_until=plain["observed_until"],
    )
    return SequenceOptions(**described["options"]), training


def main(folder: Path) -> None:
    """Train as one of the processes; the first one writes the network and its report."""
    is_first = os.environ.get("RANK", "0") == "0"
    logging.basicConfig(level=logging.INFO if is_first else logging.ERROR, format="%(levelname)s %(message)s")
    options, training = open_training(folder)
    try:
        network, report = train_network(options, training, checkpoints_of(options, training))
    except CannotFit as error:
        name = next(name for name, kind in CANNOT_FIT_FILES.items() if isinstance(error, kind))
        (folder / name).write_text(str(error), encoding="utf-8")
        raise
    if is_first:
        save_network(network, options, training.event_types, folder)
        write_json(folder / "report.json", report)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
