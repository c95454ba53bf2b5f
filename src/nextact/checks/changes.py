"""Which steps of a pipeline need not run again, since what they would make stands there already."""

from __future__ import annotations

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from nextact.checks.origins import Origins, in_memory
from nextact.checks.recording import absent_inputs, makers_in_memory, refuse_what_does_not_belong
from nextact.datasets.places import local_place


def changes(pipeline: Pipeline, catalog: CatalogProtocol) -> dict[str, list[str]]:
    """The nodes that must run, each with the reasons, in the order in which they run.

    A node need not where all its results stand as it wrote them, from the inputs, options and code of today. One that
    runs has all run that read its results. One whose results are gone when a run ends runs where one that reads them
    does, or nobody does.

    Args:
        pipeline: What was asked for.
        catalog: Where its datasets are; relative places begin at the working directory.

    Raises:
        NextactError: If the whole pipeline would be refused, since what it reads does not fit; see
            :func:`~nextact.checks.recording.refuse_what_does_not_belong`.
    """
    refuse_what_does_not_belong(pipeline, catalog)
    return _Changes(pipeline, catalog).found()


class _Changes:
    def __init__(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        self.pipeline, self.catalog = pipeline, catalog
        self.makers = makers_in_memory(pipeline, catalog)
        self.origins = Origins(catalog, self.makers)
        self.made_here = pipeline.all_outputs()

    def found(self) -> dict[str, list[str]]:
        reasons: dict[str, list[str]] = {}
        anew: set[str] = set()
        for node in self.pipeline.nodes:
            made_of = [name for name in node.inputs if name in anew]
            found = [f"{name} is made anew" for name in made_of] or self._of(node)
            if found:
                reasons[node.name] = found
                anew |= set(node.outputs)
        self._add_needed(reasons)
        return {node.name: reasons[node.name] for node in self.pipeline.nodes if node.name in reasons}

    def _of(self, node: Node) -> list[str]:
        """What of a node's own is not as it was."""
        if all(name in self.makers for name in node.outputs):
            is_read = any({*one.inputs} & {*node.outputs} for one in self.pipeline.nodes)
            return [] if is_read else ["nothing keeps what it makes"]
        if left_out := absent_inputs(node, self.made_here, self.catalog):
            return [f"{name} is left out: {why}" for name, why in left_out.items()]
        origin = self.origins.of(node)
        for name in node.outputs:
            record = self.origins.book.read(name)
            found = self._of_content(name, node)
            if found or record is None:
                return found
            if found := origin.differences(record, self.origins.kinds):
                return found
        return []

    def _of_content(self, name: str, node: Node) -> list[str]:
        place = None if in_memory(self.catalog, name) else local_place(self.catalog.get(name))
        record = self.origins.book.read(name)
        if place is None:
            return [f"nothing keeps {name} on this machine"]
        if record is None:
            was = "was not made by this version, or not by a run" if place.exists() else "is not there yet"
            return [f"{name} {was}"]
        if record.node != node.name:
            return [f"{name} was made by {record.node}"]
        now = self.origins.book.current(name, place)
        if now != record.fingerprint:
            return [f"{name} is there no more" if now is None else f"{name} was changed after it was written"]
        if record.erased_since is not None:
            return [f"{name} was made from events of a user who was erased at {record.erased_since}"]
        return []

    def _add_needed(self, reasons: dict[str, list[str]]) -> None:
        """Add the nodes that make what no place keeps, where one that runs reads it."""
        for node in reversed(self.pipeline.nodes):
            if node.name in reasons:
                for name in node.inputs:
                    if name in self.makers and self.makers[name].name not in reasons:
                        reasons[self.makers[name].name] = [f"nothing keeps {name}, which {node.name} reads"]
