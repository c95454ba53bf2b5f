"""What a reader must know before trusting a run's choice: few users chose, all get one list, there is one item."""

from __future__ import annotations

from collections.abc import Iterator

from nextact.results.evaluation import TestResults

FEW_USERS = 30  # that choose: below, one of them more or less turns the order of models
ONE_ITEM = (
    "The catalogue holds one item: every list is right, and no model can be better than another. What there is to read "
    "is which event type comes and within how many days."
)
READS_HISTORIES = ("personal_popularity", "transition", "item_knn")  # of few events, too


def cautions(results: TestResults) -> Iterator[str]:
    """A sentence each; none where there is nothing to say."""
    if (few := _few_users(results)) is not None:
        yield few
    if results.protocol.data.items == 1:
        yield ONE_ITEM
    elif results.one_list:
        yield _one_list(results)


def _few_users(results: TestResults) -> str | None:
    found = results.chosen_model.validation.get(results.metric)
    if found is None or found.n_users >= FEW_USERS or len(results.models) < 2:
        return None
    users = "One user" if found.n_users == 1 else f"{found.n_users} users"
    return (
        f"{users} on validation chose among {len(results.models)} models: of so few the order is mostly chance. More "
        "users, or a longer validation window, would make it a choice."
    )


def _one_list(results: TestResults) -> str:
    keep = results.protocol.filter
    less = ", less what each had before" if results.protocol.exclude_seen else ""
    lower = [name for name, least in (("item", keep.item), ("user", keep.user)) if least > 1]
    looser = f"lower {' and '.join(f'filter.min_{name}_events' for name in lower)}, " if lower else ""
    others = {one.name for one in results.models} - {results.chosen}
    other = next((name for name in READS_HISTORIES if name in others), None)
    like = "" if other is None else f", as {other} does"
    return (
        f"All users get one and the same list{less}: {results.chosen} does not tell them apart. What helps: more "
        f"events a user, {looser}or a model that reads the history{like}."
    )
