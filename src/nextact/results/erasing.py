"""What is known of the erasure of a user: what is left to do while it is under way, and the receipt."""

from __future__ import annotations

from nextact.versioned import Frozen, Versioned


class Erasure(Frozen):
    """What was taken out.

    Attributes:
        user_sha256: Salted hash of the id.
        erased_at: ISO moment.
        rows_removed: By dataset.
        events_learnt_from: Of the user, before the end of the validation window.
    """

    user_sha256: str
    erased_at: str
    rows_removed: dict[str, int]
    events_learnt_from: int


class PendingErasure(Erasure):
    """An erasure that has begun.

    Attributes:
        files: What was written anew beside its place, as seen from the folder of the hashes.
        as_written: Datasets that stood as their nodes wrote them.
    """

    files: tuple[str, ...]
    as_written: tuple[str, ...]


class Marked(Frozen):
    """What learnt from the user and says so until it is made anew.

    Attributes:
        stale: Datasets with a model.
        stale_with_vectors_of_users: Of these, with a vector of each user inside.
        mlflow: What was marked there, in words.
    """

    stale: tuple[str, ...] = ()
    stale_with_vectors_of_users: tuple[str, ...] = ()
    mlflow: str = "not marked: no model learnt from the user"


class Remains(Frozen):
    """Where the id still stands.

    Attributes:
        raw_rows: Rows by raw table and column.
        files: That nothing erases from.
        not_searched: What cannot be searched, with the reason.
    """

    raw_rows: dict[str, int]
    files: tuple[str, ...]
    not_searched: tuple[str, ...]


class Receipt(Erasure, Marked, Versioned):
    """What is stored and told of an erasure; never the id.

    Attributes:
        run_id: Of the data; None where no run certified any.
        remains: Of the user.
        searched: Raw tables and folders.
    """

    run_id: str | None
    remains: Remains
    searched: tuple[str, ...]
