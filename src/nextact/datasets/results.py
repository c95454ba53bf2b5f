"""Results of one version between nodes, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from kedro_datasets._typing import JSONPreview

from nextact.datasets.whole import WholeJSON
from nextact.protocol import Certificate
from nextact.results.data import EventCounts
from nextact.results.feedback import FeedbackCounts, FeedbackReport, OffPolicyReport
from nextact.results.quality import QualityReport
from nextact.versioned import Versioned


class ResultDataset(WholeJSON):
    """JSON that is read as one class; what another version wrote is refused by name."""

    kind: ClassVar[type[Versioned]] = Versioned

    @property
    def place(self) -> Path:
        """The file."""
        return Path(str(self._filepath))

    def load(self) -> Any:
        """The result.

        Raises:
            StoredError: If it cannot be read, or is of another version.
        """
        return self.read(super().load())

    def save(self, data: Any) -> None:
        """Write it whole."""
        super().save(self.written(data))

    def read(self, found: Any) -> Any:
        """JSON as the class."""
        return self.kind.of_json(found, self.place)

    def written(self, data: Versioned) -> Any:
        """The class as JSON."""
        return data.as_json()

    def preview(self) -> JSONPreview:
        """For Kedro-Viz."""
        return JSONPreview(json.dumps(super().load()))


class CertificateDataset(ResultDataset):
    """The certificate."""

    kind = Certificate


class EventCountsDataset(ResultDataset):
    """Rows of the log."""

    kind = EventCounts


class QualityReportDataset(ResultDataset):
    """What to know of the tables."""

    kind = QualityReport


class FeedbackCountsDataset(ResultDataset):
    """Rows of the feedback table."""

    kind = FeedbackCounts


class FeedbackReportDataset(ResultDataset):
    """What came of what was shown."""

    kind = FeedbackReport


class OffPolicyReportDataset(ResultDataset):
    """What other policies would have earned."""

    kind = OffPolicyReport
