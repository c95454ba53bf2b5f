"""How much less a lower place in the list is looked at, told apart from how good the items there are.

The position-based model says that a shown item is answered when its place is examined and the item suits the user:
``P(answer | user, item, rank) = examination[rank] * relevance[user, item]``. Only ratios are identified, so rank 1 has
examination 1.
"""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd

from nextact.events import columns as c
from nextact.feedback import columns as f
from nextact.feedback.intervals import ratio_interval
from nextact.feedback.rates import ANSWERED, SHOWN, ReportOptions, answered
from nextact.results.feedback import Examination, RankExamined

RANDOMISED = "rank randomisation"
RATES = "ratio of rates"
ASSUMPTIONS = {
    RANDOMISED: "an item that a user was shown both at rank 1 and at this rank suits the user equally well both times "
    "(Mantel-Haenszel ratio over such pairs)",
    RATES: "items suit their users equally well at all ranks, for want of pairs shown at both; a ranking that puts "
    "better items first makes lower ranks look less examined than they are",
}


def examination(shown: ibis.Table, options: ReportOptions) -> Examination:
    """Examination of each rank relative to rank 1.

    With :data:`RANDOMISED` the pairs of a user and an item are strata in which relevance cancels. With ``r`` answers
    in ``n`` showings at the rank and ``r1`` in ``n1`` at rank 1, the ratio is
    ``sum(r * n1 / (n + n1)) / sum(r1 * n / (n + n1))`` over the pairs shown at both. A rank with fewer than
    ``min_pairs`` of them, or none that was answered at rank 1, gets the ratio of the two response rates, :data:`RATES`.

    Args:
        shown: Accepted feedback.
        options: Intervals over users and ``min_pairs``.

    Source:
        Mantel & Haenszel 1959, with Greenland & Robins 1985 for ratios; Agarwal et al., WSDM 2019 (harvesting
        interventions from logs); Joachims, Swaminathan & Schnabel, WSDM 2017 (position-based model).
    """
    totals = {SHOWN: shown.count(), ANSWERED: answered(shown).sum()}
    cells = shown.group_by(c.USER_ID, c.ITEM_ID, f.RANK).aggregate(**totals).cache()
    by_user = cells.group_by(f.RANK, c.USER_ID).aggregate(**{name: cells[name].sum() for name in totals})
    rates = by_user.order_by(f.RANK, c.USER_ID).execute()
    pairs = _pairs(cells).execute()
    answered_first = rates.loc[rates[f.RANK] == 1, ANSWERED].sum() > 0
    lower = sorted(set(rates[f.RANK].tolist()) - {1}) if answered_first else []
    ranks = [_examination_of(rank, rates, pairs[pairs[f.RANK] == rank], options) for rank in lower]
    return Examination(ranks=tuple(ranks), assumptions={one.method: ASSUMPTIONS[one.method] for one in ranks})


def _examination_of(rank: int, rates: pd.DataFrame, pairs: pd.DataFrame, options: ReportOptions) -> RankExamined:
    n_pairs = int(pairs["pairs"].sum())
    enough = n_pairs >= options.min_pairs and pairs["below"].sum() > 0
    sums = pairs if enough else _rate_ratio(rates, rank)
    above, below = (sums[name].to_numpy(np.float64) for name in ("above", "below"))
    ratio = ratio_interval(above, below, options.draws, options.level, options.seed)
    return RankExamined(
        rank=rank,
        examination=ratio.mean,
        low=ratio.low,
        high=ratio.high,
        pairs=n_pairs,
        method=RANDOMISED if enough else RATES,
    )


def _pairs(cells: ibis.Table) -> ibis.Table:
    """Per lower rank and user: the sums of the Mantel-Haenszel ratio, and how many items they stand on."""
    first = cells.filter(cells[f.RANK] == 1).select(c.USER_ID, c.ITEM_ID, n1=cells[SHOWN], r1=cells[ANSWERED])
    both = cells.filter(cells[f.RANK] > 1).inner_join(first, [c.USER_ID, c.ITEM_ID])
    above = both[ANSWERED] * both.n1 / (both[SHOWN] + both.n1)
    below = both.r1 * both[SHOWN] / (both[SHOWN] + both.n1)
    sums = both.group_by(f.RANK, c.USER_ID).aggregate(above=above.sum(), below=below.sum(), pairs=both.count())
    return sums.order_by(f.RANK, c.USER_ID)


def _rate_ratio(rates: pd.DataFrame, rank: int) -> pd.DataFrame:
    """Per user: the sums whose ratio is the ratio of two response rates, with the shown totals held fixed."""
    table = rates[rates[f.RANK].isin([1, rank])].pivot(index=c.USER_ID, columns=f.RANK).fillna(0.0)
    n_first, n_rank = table[SHOWN][1].sum(), table[SHOWN][rank].sum()
    return pd.DataFrame({"above": table[ANSWERED][rank] / n_rank, "below": table[ANSWERED][1] / n_first})
