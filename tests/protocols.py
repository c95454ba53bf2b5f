"""What was asked, in small."""

from nextact.protocol import Data, EvaluationProtocol, Filter, Split, Ties, write_certificate


def make_split(kind="global_time", **changed):
    return Split(kind=kind, **{"baskets": True, "min_history": 1} | changed)


def make_protocol(kind="global_time", **changed):
    defaults = {
        "data": Data(sha256="f" * 64, users=60, items=24),
        "split": make_split(kind),
        "ties": Ties(order="file"),
        "target_event_types": ("view", "purchase"),
        "filter": Filter(item=1, user=1, window="training"),
        "exclude_seen": True,
        "refit": "none",
        "metrics": "full ranking",
    }
    return EvaluationProtocol(**defaults | changed)


def make_certificate(kind="global_time", seed=0, data_options=None, **changed):
    return write_certificate(make_protocol(kind, **changed), seed, data_options)
