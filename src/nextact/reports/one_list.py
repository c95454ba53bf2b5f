"""What is said where everybody gets one and the same list."""

from __future__ import annotations

from collections.abc import Iterable

from nextact.results.evaluation import TestResults

READS_HISTORIES = ("personal_popularity", "transition", "item_knn")  # of few events, too


def one_list(results: TestResults) -> Iterable[str]:
    """That all users of test get one list, and what would help; nothing where they do not.

    Example:
        >>> list(one_list(TestResults.model_construct(one_list=False)))
        []
    """
    if not results.one_list:
        return
    less = ", less what each had before" if results.protocol.exclude_seen else ""
    fitted = {one.name for one in results.models} - {results.chosen}
    tried = [name for name in READS_HISTORIES if name in fitted]
    other = f"{tried[0]} reads histories and stands on the leaderboard" if tried else "fit one that reads histories"
    yield (
        f"All users get one and the same list{less}: {results.chosen} does not tell them apart. What helps: more "
        f"events a user, lower filter.min_item_events and filter.min_user_events, or another model ({other})."
    )
