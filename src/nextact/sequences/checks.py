"""Whether there is somebody to fit on, to choose on and to test on: said before anything is fitted."""

from __future__ import annotations

import numpy as np

from nextact.errors import NextactError
from nextact.events.splitting import SplitOptions
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, has_history, validation_halves

MORE_USERS = {
    "global_time": "move split.validation_from or split.test_from so that both windows hold events of users who were "
    "there before, name more split.target_event_types, or set split.kind to leave_one_out, which asks everybody",
    "leave_one_out": "a user needs split.min_history events and then two steps with a target: lower split.min_history, "
    "name more split.target_event_types, or set split.kind to global_time",
    "unseen_users": "move split.validation_from or split.test_from so that more users are held out, or lower "
    "split.min_history",
}

LEAST_USERS = 2


def check_holdouts(histories: Histories, validation: Cuts, test: Cuts, split: SplitOptions, seed: int) -> None:
    """Refuse data of which a model could be fitted but not chosen or tested.

    Args:
        histories: All events.
        validation: Cuts; each half of the users, one that fits and one that chooses, needs a user.
        test: Cuts.
        split: What was asked for.
        seed: Of the halves.

    Raises:
        NextactError: Naming the part without a user, and what to change.
    """
    if histories.n_users < LEAST_USERS:
        raise NextactError(
            f"split: {histories.n_users:,} user(s) are left; two are needed at least, one to fit on and one to choose"
        )
    fit_half, choose_half = validation_halves(histories.n_users, seed)
    everybody = np.arange(histories.n_users)
    parts = {
        "validation": (validation, everybody),
        "the half of the validation users that fits and calibrates": (validation, fit_half),
        "the half of the validation users that chooses": (validation, choose_half),
        "test": (test, everybody),
    }
    for part, (cuts, users) in parts.items():
        has_target, known = cuts.has_target[users], has_history(histories, cuts)[users]
        n_usable = int((has_target & known).sum())
        if not n_usable:
            raise NextactError(
                f"split: {part} is empty: of {len(users):,} users {int(has_target.sum()):,} have a target, and of "
                f"these {n_usable:,} a history before it, under {split.kind}; {MORE_USERS[split.kind]}"
            )
