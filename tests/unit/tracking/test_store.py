import socket

import pytest

from nextact.errors import NextactError
from nextact.tracking.store import TrackingStore
from nextact.tracking.tracking_options import TrackingOptions


def options(folder, **changes):
    return TrackingOptions(**changes).at(folder)


@pytest.mark.parametrize("content", [b"this is no database, only text of some length", b"\0" * 4096])
def test_a_file_that_is_no_database_stops_at_once(tmp_path, content):
    (tmp_path / "mlflow.db").write_bytes(content)
    with pytest.raises(NextactError, match=r"tracking: cannot write to sqlite:///.*`enabled: false`"):
        TrackingStore.open(options(tmp_path))


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NextactError, match=r"tracking: cannot write to sqlite:////.*file/mlflow.db"):
        TrackingStore.open(options(tmp_path, tracking_uri="sqlite:///file/mlflow.db"))
    with pytest.raises(NextactError, match=r"put tracking_uri or artifacts right"):
        TrackingStore.open(options(tmp_path, artifacts="file/mlruns"))


def test_a_server_that_does_not_answer_stops_within_seconds(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NextactError, match=rf"http://127.0.0.1:{port}.*no answer"):
        TrackingStore.open(options(tmp_path, tracking_uri=f"http://127.0.0.1:{port}", artifacts=None))
