"""Predict what each user will do next from an event log and item text, and recommend from it.

``nextact.fit`` and ``nextact.load`` do so from data frames; they are imported when they are first asked for, so that
importing the package stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nextact.release import VERSION

if TYPE_CHECKING:
    from nextact.frames.fitting import fit
    from nextact.frames.frame_model import FrameModel, load

__all__ = ["FrameModel", "fit", "load"]
__version__ = VERSION


def __getattr__(name: str) -> Any:
    if name == "fit":
        from nextact.frames.fitting import fit

        return fit
    if name in ("FrameModel", "load"):
        from nextact.frames import frame_model

        return getattr(frame_model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
