"""What one node hands another as JSON: typed, frozen, and refused by name where another version wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from nextact.errors import shorten
from nextact.stored import StoredError

V = TypeVar("V", bound="Versioned")


class Frozen(BaseModel):
    """A part of a result: its fields are those named, and stay as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Versioned(Frozen):
    """A stored result.

    Attributes:
        version: Of its fields and their meaning; a subclass that changes either raises its default.
    """

    version: int = 1

    @model_validator(mode="after")
    def _is_of_today(self) -> Self:
        """The version of another class, copied with its fields, would be stored and never be read again."""
        wanted = type(self).model_fields["version"].default
        if self.version != wanted:
            raise ValueError(f"a {type(self).__name__} of today has version {wanted}, not {self.version}")
        return self

    @property
    def fields(self) -> dict[str, Any]:
        """All but the version, for a class that adds to them."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "version"}

    @classmethod
    def of_json(cls: type[V], found: object, place: Path) -> V:
        """What was read of a file, as this class.

        Args:
            found: JSON.
            place: The file, as messages name it.

        Raises:
            StoredError: If it is of another version, or is no such result.
        """
        if not isinstance(found, dict):
            raise StoredError(place, f"is no object but {shorten(found, limit=40)}")
        wanted, version = cls.model_fields["version"].default, found.get("version")
        if version != wanted:
            said = "states no version" if version is None else f"has version {shorten(version, limit=20)}"
            raise StoredError(place, f"{said}, and this release of nextact reads version {wanted} of {cls.__name__}")
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            raise StoredError(place, f"is no {cls.__name__}: {_problems(error)}") from error

    def as_json(self) -> Any:
        """What :meth:`of_json` reads."""
        return self.model_dump(mode="json")


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False)
    first = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:3])
    return first if len(found) <= 3 else f"{first}; and {len(found) - 3} more"
