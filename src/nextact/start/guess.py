"""Which column is what, by its name and by its cells, with the reason in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nextact.start.profile import Column
from nextact.start.vocabulary import BOUGHT, DESCRIBES, IDS, NAMES, NO_TIME_OF_EVENT, NO_TYPE, NO_VALUE, UNWANTED

ROLES = ("timestamp", "user_id", "item_id", "session_id", "event_type", "value")  # in the order in which they are given
NEEDED = ("user_id", "item_id")
MOST_TYPES = 60
CLOSE = 0.15  # two columns whose scores are that near are both possible
POSSIBLE = 0.5  # one that is further behind is not worth a word


@dataclass(frozen=True)
class Guess:
    """A column for a role.

    Attributes:
        column: Its name; ``None`` where the table has none for the role.
        why: In words.
        others: Other columns that could be it, the likeliest first.
        doubtful: Whether one of them could be it as well.
    """

    column: str | None
    why: str
    others: tuple[str, ...] = ()
    doubtful: bool = False


@dataclass(frozen=True)
class Guesses:
    """What was guessed of one table."""

    roles: Mapping[str, Guess]
    given: frozenset[str] = field(default=frozenset())

    def column(self, role: str) -> str | None:
        """The column of a role."""
        return self.roles[role].column


def words_of(name: str) -> list[str]:
    """The words of a column's name, small and without accents.

    Example:
        >>> words_of("CustomerID"), words_of("event_time"), words_of("Beleg-Nr.")
        (['customer', 'id'], ['event', 'time'], ['beleg', 'nr'])
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or name
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", plain)
    return [word for word in re.split(r"[^A-Za-z0-9]+", spaced.lower()) if word]


def guess(columns: Mapping[str, Column], given: Mapping[str, str | None]) -> Guesses:
    """A column for each role.

    Args:
        columns: What they look like.
        given: Role -> what the user said, which the table has; ``None`` for no column.
    """
    roles: dict[str, Guess] = {role: Guess(name, "as you said") for role, name in given.items()}
    taken = {name for name in given.values() if name is not None}
    for role in ROLES:
        if role not in roles:
            roles[role] = _best(role, {name: one for name, one in columns.items() if name not in taken})
            taken |= {roles[role].column or ""}
    return Guesses(roles, frozenset(given))


def _best(role: str, columns: Mapping[str, Column]) -> Guess:
    scores = {name: _score(role, one) for name, one in columns.items()}
    ranked = sorted((name for name in scores if scores[name] > 0), key=lambda name: -scores[name])
    if not ranked or scores[ranked[0]] < LEAST[role]:
        return Guess(None, "no column looks like it", tuple(ranked[:3]))
    best = ranked[0]
    others = [name for name in ranked[1:4] if scores[best] - scores[name] < POSSIBLE]
    close = [name for name in others if scores[best] - scores[name] < CLOSE]
    return Guess(best, _why(role, columns[best]), tuple(others), bool(close) and role in ("timestamp", *NEEDED))


LEAST = {"timestamp": 0.5, "user_id": 0.35, "item_id": 0.35, "session_id": 0.7, "event_type": 0.7, "value": 0.7}


def _score(role: str, column: Column) -> float:
    """How well a column fits; 0 where it cannot be."""
    if not column.n_given:
        return 0.0
    cells = {
        "timestamp": _like_time,
        "user_id": _like_id,
        "item_id": _like_id,
        "session_id": _like_id,
        "event_type": _like_type,
        "value": _like_value,
    }[role](column)
    return cells and cells + _by_name(role, words_of(column.name))


def _by_name(role: str, words: Sequence[str]) -> float:
    """0 to 1: the clearer the word, the more; an id rather than a name of the thing."""
    known = NAMES[role]
    places = [known.index(word) for word in words if word in known]
    inside = [at for at, word in enumerate(known) if len(word) > 4 and any(word in one for one in words)]
    if role == "timestamp" and NO_TIME_OF_EVENT & set(words):
        return -0.3
    if (role == "event_type" and NO_TYPE & set(words)) or (role == "value" and NO_VALUE & set(words)):
        return -0.3
    if not places and not inside:
        return 0.0
    if role in NEEDED and DESCRIBES & set(words):
        return 0.3
    score = 0.9 - 0.5 * min([*places, *[at + 3 for at in inside]]) / len(known)
    whole = 0.1 if all(word in known or word in IDS for word in words) else 0.0
    return score + whole + (0.1 if IDS & set(words) and role in ("user_id", "item_id", "session_id") else 0.0)


def _like_time(column: Column) -> float:
    if column.time is None:
        return 0.0
    return 0.5 * column.time.share * (column.n_given / column.n) + (0.05 if not column.time.days_only else 0.0)


def _like_id(column: Column) -> float:
    """Ids come back: not one a row, and not the same in all rows."""
    if not column.is_plain or (column.time is not None and column.time.unit not in ("s", "ms", "us")):
        return 0.0
    filled = column.n_given / column.n
    if column.n_distinct < 2:
        return 0.05 * filled
    per_value = column.n_given / column.n_distinct
    comes_back = min(1.0, (per_value - 1) / 2)
    return (0.1 + 0.25 * comes_back * min(1.0, column.n_distinct / 20)) * filled


def _like_type(column: Column) -> float:
    if not column.is_plain or column.time is not None or not 1 <= column.n_distinct <= MOST_TYPES:
        return 0.0
    return 0.3 * (column.n_given / column.n)


def _like_value(column: Column) -> float:
    return 0.3 if column.decimal is not None and column.time is None else 0.0


def _why(role: str, column: Column) -> str:
    named = next((word for word in words_of(column.name) if word in NAMES[role]), None)
    by = f"its name says {named!r}" if named else "by its cells"
    if role == "timestamp" and column.time is not None:
        return f"{column.time.in_words}, {column.time.share:.0%} of its cells read; {by}"
    if role == "value":
        form = {"": "plain numbers", ".": "amounts with a decimal point", ",": "amounts with a decimal comma"}
        return f"{form[column.decimal or '']}; {by}"
    zeros = f", {column.zeros:,} with leading zeros" if column.zeros else ""
    return f"{column.n_distinct:,} different in {column.n:,} rows{zeros}; {by}"


def target_types(event_types: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The event types that are worth predicting, and why.

    Example:
        >>> target_types(["view", "cart", "buy"])
        (('buy',), 'its name says that something was bought')
        >>> target_types(["view", "like", "dislike"])
        (('view', 'like'), 'left out: dislike, which a user does not look for or does not do')
    """
    bought = tuple(one for one in event_types if BOUGHT & set(words_of(one)) and not _is_no_target(one))
    if bought and len(bought) < len(event_types):
        return bought, "its name says that something was bought" if len(
            bought
        ) == 1 else "their names say it was bought"
    left_out = [one for one in event_types if _is_no_target(one)]
    stay = tuple(one for one in event_types if one not in left_out)
    if left_out and stay:
        return stay, f"left out: {', '.join(left_out)}, which a user does not look for or does not do"
    return tuple(event_types), "all of them: none is named like a purchase" if len(event_types) > 1 else "the only one"


def _is_no_target(event_type: str) -> bool:
    return bool(UNWANTED & set(words_of(event_type)))
