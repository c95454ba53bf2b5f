"""Results of evaluation, and what is printed at the end of a run, as JSON."""

from __future__ import annotations

from nextact.datasets.results import ResultDataset
from nextact.reports.summary import Summary
from nextact.results.evaluation import Examples, LeakChecks, Slices, TestResults


class TestResultsDataset(ResultDataset):
    """The results of test."""

    __test__ = False

    kind = TestResults


class SlicesDataset(ResultDataset):
    """Groups of users and of items."""

    kind = Slices


class LeakChecksDataset(ResultDataset):
    """The checks for leaks."""

    kind = LeakChecks


class ExamplesDataset(ResultDataset):
    """Examples in words."""

    kind = Examples


class SummaryDataset(ResultDataset):
    """What is printed at the end of a run, which prints as text; each user is an object of its own."""

    kind = Summary
