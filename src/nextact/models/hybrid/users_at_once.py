"""How many users are worked on at once, so that users x items of all members never stand in memory together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nextact.models.hybrid.members import Members
from nextact.sequences.user_blocks import MOST_USERS

GIB = 2**30
FLOAT = 4  # bytes
# Arrays of users x items beside one a member, in numbers of four bytes: sums, masks, and what a selection sorts. Many
# equal scores take most; tests measure it.
BESIDE = 16


@dataclass(frozen=True)
class AtOnce:
    """Of what a block consists at most.

    Attributes:
        users: Rows, at least 1.
        events: Events of the histories of these rows; a row with more is a block of its own.
    """

    users: int = MOST_USERS
    events: int = 1_000_000

    def slices(self, n_users: int) -> Iterator[slice]:
        """Consecutive users.

        Example:
            >>> list(AtOnce(users=2).slices(3))
            [slice(0, 2, None), slice(2, 3, None)]
        """
        for start in range(0, n_users, self.users):
            yield slice(start, min(start + self.users, n_users))


def bytes_a_user(members: Members) -> int:
    """Memory that all members' scores of one user take, with what is worked out beside them."""
    return FLOAT * members.width * (len(members.names) + BESIDE)


def users_at_once(members: Members, memory_gib: float) -> int:
    """Users whose scores by all members fit; at least one."""
    return min(max(int(memory_gib * GIB) // bytes_a_user(members), 1), MOST_USERS)
