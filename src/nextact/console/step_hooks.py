"""Kedro hooks that show a line a step, and a sign of life inside long ones."""
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import multiprocessing
import threading
from typing import Any

import click
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from nextact.console.steps import StepTime, StepTimes, Watch, in_words, roughly, seconds_left

RECORDS = "records"
SHORT_SECONDS = 45.0  # of which nobody need be told


class StepHooks:
    """Numbers the steps of a run, times them, and says what is left from what they took before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begin(())

    def _begin(self, names: tuple[str, ...]) -> None:
        self._names, self._before = names, StepTimes()
        self._watches: dict[str, Watch] = {}
        self._done: dict[str, StepTime] = {}

    @hook_impl(trylast=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Count the steps, and read what they took before."""
        self._begin(tuple(node.name for node in pipeline.nodes))
        self._before = StepTimes.read(catalog.get(RECORDS).load().folder)

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Node) -> None:
        """Start the clock."""
        if multiprocessing.parent_process() is None:
            self._watches[node.name] = Watch(lambda seconds: self._still(node.name, seconds))

    @hook_impl(trylast=True)
    def after_node_run(self, node: Node) -> None:
        """Stop the clock, and say how far the run is."""
        if (watch := self._watches.pop(node.name, None)) is None:
            return
        with self._lock:
            self._done[node.name] = watch.end()
            click.echo(self._line(node.name))

    @hook_impl(tryfirst=True)
    def on_node_error(self, node: Node) -> None:
        """Stop the clock."""
        if (watch := self._watches.pop(node.name, None)) is not None:
            watch.end()

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, catalog: CatalogProtocol) -> None:
        """Keep what the steps took."""
        self._keep(catalog)

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self, catalog: CatalogProtocol) -> None:
        """Keep what the steps took that ended."""
        self._keep(catalog)

    def _keep(self, catalog: CatalogProtocol) -> None:
        for name in list(self._watches):  # of a step that another hook kept from its end
            self._watches.pop(name).end()
        if self._done:
            kept: dict[str, Any] = {**self._before.steps, **self._done}
            StepTimes(steps=kept).write(catalog.get(RECORDS).load().folder)

    def _line(self, name: str) -> str:
        """Such as ``14/82 model_training.hybrid.stacked.fit · 41 s · about 3 min left``."""
        parts = [f"{len(self._done)}/{len(self._names)} {name}", in_words(self._done[name].seconds)]
        to_come = [one for one in self._names if one not in self._done]
        left = seconds_left({one: time.seconds for one, time in self._done.items()}, self._before.steps, to_come)
        return " · ".join(parts if left is None or left < SHORT_SECONDS else [*parts, f"{roughly(left)} left"])

    def _still(self, name: str, seconds: float) -> None:
        before = self._before.steps.get(name)
        of = "" if before is None else f", {in_words(before.seconds)} the last time"
        click.echo(f"   … {name} · {in_words(seconds)}{of}")
