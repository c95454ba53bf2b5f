"""Keep users who asked to be erased out of later runs, without keeping their ids."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import ibis

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.events.coding import Texts
from nextact.events.engines import keep
from nextact.results.erasing import PendingErasure

ERASED = "erased"  # the reason of a rejected row
KEPT_COLUMNS = (c.SOURCE, c.SOURCE_ROW, c.REJECTED_REASON)  # say where the raw row stands, and nothing of the user


@dataclass(frozen=True)
class ErasedUsers:
    """Salted hashes of erased users.

    The salt hinders tables of hashes made in advance; whoever has it and a list of user ids can still test them, so the
    file that holds both belongs with the private data.

    Attributes:
        salt: Random text of the project, before each id.
        erased_at: SHA-256 of salt and user id, as hexadecimal text -> ISO moment.
        pending: What is left to do of an erasure that has begun; see :mod:`nextact.erasing.erase`. None mostly.
    """

    salt: str
    erased_at: dict[str, str]
    pending: PendingErasure | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave; of nothing, nobody is erased and a new salt is drawn.

        Raises:
            NextactError: If it is anything else. Hashes without their salt would let every erased user in again.
        """
        salt, hashes = (data.get("salt"), data.get("erased_at")) if isinstance(data, Mapping) else (None, None)
        if data == {}:
            return cls(secrets.token_hex(16), {})
        if not (isinstance(salt, str) and salt and isinstance(hashes, Mapping)):
            raise NextactError("holds no salt with hashes of users; put it back from a backup, or erased users return")
        pending = data.get("pending")
        return cls(salt, dict(hashes), None if pending is None else PendingErasure(**pending))

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        plain: dict[str, Any] = {"salt": self.salt, "erased_at": self.erased_at}
        return plain if self.pending is None else {**plain, "pending": self.pending.model_dump(mode="json")}

    def hash_of(self, user_id: str) -> str:
        """The salted hash of an id, written as the events write it.

        Example:
            >>> ErasedUsers("salt", {}).hash_of("u1")[:12]
            'bd168727daff'
        """
        return hashlib.sha256((self.salt + user_id).encode()).hexdigest()

    def with_user(self, user_id: str, moment: str, pending: PendingErasure | None = None) -> Self:
        """One user more, perhaps with what is left to do."""
        return type(self)(self.salt, {**self.erased_at, self.hash_of(user_id): moment}, pending)

    def done(self) -> Self:
        """With nothing left to do."""
        return type(self)(self.salt, self.erased_at)


def reject_erased(events: ibis.Table, erased: ErasedUsers, texts: Texts | None = None) -> ibis.Table:
    """Give every row of an erased user the reason :data:`ERASED`, and empty it.

    Rejected rows are kept, so these must not hold what was to be erased: only ``source`` and ``source_row`` are left,
    which say where to remove the raw row.

    Args:
        events: Contract columns with ``rejected_reason``, of good and of broken rows.
        erased: Whom to look for.
        texts: What the user ids stand for, where they are coded.

    Returns:
        The table with the same columns and rows.
    """
    if not erased.erased_at:
        return events
    users = events.select(c.USER_ID).distinct()
    named = (texts or Texts()).decoded(users.mutate(user=users[c.USER_ID]), [c.USER_ID])
    hashes = ibis.literal(erased.salt).concat(named[c.USER_ID]).hexdigest("sha256")
    gone = keep(named.filter(hashes.isin(list(erased.erased_at))).select("user"))
    is_gone = events[c.USER_ID].isin(gone["user"]).fill_null(False)
    changed = {
        name: is_gone.ifelse(ibis.null(kind), events[name])
        for name, kind in events.schema().items()
        if name not in KEPT_COLUMNS
    }
    reason = is_gone.ifelse(ibis.literal(ERASED), events[c.REJECTED_REASON])
    return keep(events.mutate(**changed, **{c.REJECTED_REASON: reason}))
