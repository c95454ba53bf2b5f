"""Where runs are tracked; free of heavy imports, since every command reads them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from nextact.options import options

SQLITE = "sqlite:///"


@options
class TrackingOptions:
    """The MLflow store of a project.

    Attributes:
        enabled: Whether runs are tracked at all.
        tracking_uri: ``sqlite:///`` and a file, whose path starts at the project's root unless it is absolute, or the
            address of a tracking server or another database.
        artifacts: Folder of the artifacts, from the project's root unless it is absolute, or an address such as
            ``s3://bucket/path``; None leaves it to the server.
        experiment: Name of the experiment; made where it does not exist.
        registered_model: Name in the model registry under which packages become versions, the newest with the alias
            ``champion``; None registers nothing.
    """

    enabled: bool = True
    tracking_uri: str = "sqlite:///mlflow.db"
    artifacts: str | None = "mlruns"
    experiment: str = "nextact"
    registered_model: str | None = "nextact"

    def at(self, root: Path) -> TrackingOptions:
        """The same with absolute paths, so that they do not follow the working directory.

        Example:
            >>> TrackingOptions().at(Path("/shop")).tracking_uri
            'sqlite:////shop/mlflow.db'
            >>> TrackingOptions(tracking_uri="http://tracker:5000", artifacts=None).at(Path("/shop")).tracking_uri
            'http://tracker:5000'
        """
        uri, artifacts = self.tracking_uri, self.artifacts
        if uri.startswith(SQLITE):
            uri = SQLITE + str(root / uri.removeprefix(SQLITE))
        if artifacts is not None and not re.match(r"\w+:", artifacts):
            artifacts = str(root / artifacts)
        return dataclasses.replace(self, tracking_uri=uri, artifacts=artifacts)

    @property
    def database(self) -> Path | None:
        """The SQLite file, where there is one."""
        is_file = self.tracking_uri.startswith(SQLITE)
        return Path(self.tracking_uri.removeprefix(SQLITE)) if is_file else None
