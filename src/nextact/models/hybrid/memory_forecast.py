"""What fitting a hybrid will take in memory, said before it starts; blocks are made smaller where little is free."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from nextact.errors import NotEnoughMemory
from nextact.models.hybrid.hybrid_options import BlendOptions, StackedOptions
from nextact.models.hybrid.members import Members
from nextact.models.hybrid.ranking_examples import RankingExamples
from nextact.models.hybrid.users_at_once import GIB, AtOnce, bytes_a_user, users_at_once

EVENT = 180  # bytes of an event of a history that is worked on: its copies, and what members make of it


@dataclass(frozen=True)
class HybridForecast:
    """Of the fit of one hybrid.

    Attributes:
        memory_gib: At most, beside what is in use now: a block of users, and what is kept of all examples.
        free_gib: Memory that is free now.
        examples: Steps of users that are learnt from.
        candidates: Items of each of them, at most.
        users_at_once: Users of a block.
    """

    memory_gib: float
    free_gib: float
    examples: int
    candidates: int
    users_at_once: int

    def in_words(self) -> str:
        """One line for the log."""
        return (
            f"{self.memory_gib:.3f} GiB of {self.free_gib:.1f} GiB free, {self.examples:,} examples of at most "
            f"{self.candidates:,} candidates, {self.users_at_once:,} users at once"
        )


def forecast_hybrid(
    options: BlendOptions | StackedOptions,
    members: Members,
    examples: RankingExamples,
    bytes_a_candidate: int,
    bytes_beside: int = 0,
    free_bytes: int | None = None,
) -> tuple[AtOnce, HybridForecast]:
    """How much to work on at once, and what it will take.

    Args:
        options: Of the hybrid.
        members: M models.
        examples: What is learnt from.
        bytes_a_candidate: Kept of each candidate of each example.
        bytes_beside: Kept beside these.
        free_bytes: Memory that is free; found out, if left out.

    Raises:
        NotEnoughMemory: If what is kept does not fit beside a block of one user; says what would make it fit.
    """
    free = int(psutil.virtual_memory().available) if free_bytes is None else free_bytes
    n_candidates = most_candidates(options, members)
    events = min(options.history_events, int(examples.n_events.sum()))
    events = max(events, int(examples.n_events.max(initial=0)))
    kept = len(examples.rows) * n_candidates * bytes_a_candidate + bytes_beside + EVENT * events
    of_user = bytes_a_user(members)
    n_users = users_at_once(members, min(options.memory_gib, max(free - kept, 0) / GIB))
    block = of_user * min(n_users, max(len(examples.rows), 1))
    said = HybridForecast(
        round((kept + block) / GIB, 3), round(free / GIB, 3), len(examples.rows), n_candidates, n_users
    )
    if kept + of_user > free:
        needed = f"it needs about {said.memory_gib:.2f} GiB and {said.free_gib:.2f} GiB are free"
        raise NotEnoughMemory(f"{needed}; {_remedy(options)}")
    return AtOnce(n_users, options.history_events), said


def most_candidates(options: BlendOptions | StackedOptions, members: Members) -> int:
    """Most items a user among which is learnt or ranked: no more than there are."""
    of_all = options.candidates_per_member * len(members.names)
    if isinstance(options, StackedOptions):
        of_all = options.candidates if options.candidates_by == "fusion" else min(of_all, options.candidates)
    return min(of_all, members.width - 1)


def _remedy(options: BlendOptions | StackedOptions) -> str:
    length = "candidates" if isinstance(options, StackedOptions) else "candidates_per_member"
    fewer = max(options.max_users // 4, 1), max(getattr(options, length) // 4, 1)
    return f"try max_users: {fewer[0]:,} or {length}: {fewer[1]:,}"
