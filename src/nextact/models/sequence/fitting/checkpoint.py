"""One safetensors file that a killed training goes on from; replaced atomically, refused if it belongs to another."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from nextact.errors import NextactError
from nextact.processes.locks import HeldError, Hold
from nextact.stored import BESIDE, written_whole

logger = logging.getLogger(__name__)

FILE = "checkpoint.safetensors"
UNFINISHED = (f"*{BESIDE}", ".tmp*")  # ours, and the file that safetensors writes first, in the same folder


@dataclass
class Checkpoints:
    """Where a training leaves its state, and how often.

    Attributes:
        folder: Of this training alone.
        key: Names data, options and seed; a checkpoint of another key is refused.
        seconds: Least time between two checkpoints; 0 writes one after each update.
    """

    folder: Path
    key: str
    seconds: float = 300.0
    _written: float = field(default_factory=time.monotonic, repr=False)

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / FILE

    @property
    def due(self) -> bool:
        """Whether the last one is old enough."""
        return time.monotonic() - self._written >= self.seconds

    def write(self, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]) -> None:
        """Replace the checkpoint: a reader finds the old one or the new one, whole, whenever the writer is killed.

        What an earlier writer left unfinished is deleted, so that kills never fill the disk.
        """
        self._sweep()
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        with written_whole(self.path, alone=False) as unfinished:
            save_file(plain, unfinished, metadata={"key": self.key, "state": json.dumps(state)})
            with unfinished.open("rb+") as file:
                os.fsync(file.fileno())
        self._written = time.monotonic()

    def read(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Tensors and state of the checkpoint; None where there is none.

        Raises:
            NextactError: If the file is damaged, or belongs to another training.
        """
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            key, state = metadata["key"], json.loads(metadata["state"])
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise NextactError(
                f"checkpoint {self.path} is damaged ({error}); delete it to train from the start"
            ) from error
        if key != self.key:
            raise NextactError(
                f"checkpoint {self.path} belongs to another training (key {key}, this one is {self.key}: other data, "
                "options or seed); delete it to train from the start"
            )
        return tensors, state

    def remove(self) -> None:
        """Forget the training, since it ended."""
        self.path.unlink(missing_ok=True)
        self._sweep()
        with contextlib.suppress(OSError):  # something else lies there
            self.folder.rmdir()

    def _sweep(self) -> None:
        for path in (path for pattern in UNFINISHED for path in self.folder.glob(pattern)):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def held(checkpoints: Checkpoints | None) -> Iterator[None]:
    """Keep other processes out of the folder inside the block, by a file ``FOLDER.lock`` that says who is at work.

    Args:
        checkpoints: None leaves nothing, so there is nothing to keep out of.

    Raises:
        NextactError: If another process is at work there.
    """
    lock = None if checkpoints is None else _hold(checkpoints.folder)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _hold(folder: Path) -> Hold | None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f"{folder.name}.lock")
    try:
        return Hold(path)
    except HeldError as error:
        raise NextactError(
            f"checkpoints {folder}: the same training is under way in {error.holder or 'another process'}; "
            "wait for it, or stop it and run this again"
        ) from None
    except OSError as error:
        logger.warning("%s cannot be locked (%s): see to it that no second process trains there", path, error)
        return None
