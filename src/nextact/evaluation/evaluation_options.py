"""What an evaluation looks at beside the metrics that choose."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nextact.events import columns as c
from nextact.options import Count, WholeNumber, options


@options
class EvaluationOptions:
    """What is evaluated on test, and into which groups users and items are cut.

    Attributes:
        list_length: Length of the lists of which coverage, novelty, diversity and calibration are taken.
        diversity_block: Block of item vectors by which the items of a list differ; another one of the run stands in
            where the run did not make it.
        category_column: Column of the item table by which the items of a list differ, too; none if null.
        user_id: Column of the user in ``raw_users``.
        user_columns: Columns of ``raw_users`` whose values make slices.
        item_columns: Columns of the item table whose values make slices.
        max_groups: Most groups of a slice by a column; the rarest values are one group together, numbers are binned.
        calibration_users: Validation users on whom temperatures are fitted; the chosen model has the temperature that
            it recommends with.
        calibration_bins: Bins of predicted probability, as many places in each.
        examples: Right and wrong recommendations told in words, of each so many.
    """

    list_length: Count = 10
    diversity_block: str = "encoder"
    category_column: str | None = None
    user_id: str = c.USER_ID
    user_columns: tuple[str, ...] = ()
    item_columns: tuple[str, ...] = ()
    max_groups: Annotated[int, Field(ge=2)] = 10
    calibration_users: Count = 300
    calibration_bins: Count = 10
    examples: WholeNumber = 10
