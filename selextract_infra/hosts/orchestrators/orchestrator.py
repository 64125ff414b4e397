"""What an orchestrator has to know of its instances, and how it says it: acts that a host carries out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import Field

from selextract_infra.model.base import Frozen

__all__ = ["Orchestrator", "PlannedAct", "PlannedPart"]


class PlannedAct(Frozen):
    """``name`` is that of an act of the host's registry, ``values`` its options, ``title`` what it is for."""

    name: str
    title: str
    values: dict[str, Any] = Field(default_factory=dict)


class PlannedPart(Frozen):
    """The acts of one host; ``receives`` names, by act, the options that earlier parts of other hosts hand over."""

    host: str
    acts: tuple[PlannedAct, ...]
    receives: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class Orchestrator(Protocol):
    """Each verb as acts that a host carries out; ``values`` are those of the step for that host.

    Undoing is no verb here: an act notes its inverse on the host before it changes anything, and the way back of each
    part that was noted is registered beside the act. Whoever undoes a step names the step alone.
    """

    def look(self, project: str, directory: str | None) -> Mapping[str, Any]:
        """How a host finds the application of that name; ``directory`` is where it lives, None where labels say it."""

    def count(self, values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
        """Add instances until there are as many as each of the ``targets``, in their order."""

    def drain(self, values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
        """Let the instances ``leaving`` finish their work, and take exactly these away; nothing where none leaves."""

    def limits(self, values: Mapping[str, Any]) -> PlannedAct:
        """Give running instances the limits of ``services``, in place."""

    def written(self, values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
        """Write ``capacity`` where the orchestrator reads it the next time; nothing where the step has none."""

    def rollout(self, values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
        """Make the instances in ``settle`` anew from what is written, one after the other."""

    def watch(self, values: Mapping[str, Any]) -> PlannedAct:
        """Watch the memory of the services in ``watched`` against their new limits."""

    def health(self, values: Mapping[str, Any], services: Mapping[str, Any], **more: Any) -> PlannedAct:
        """Wait until these services have what is asked for and serve; ``services`` has the limits of each."""

    def emergency(self, values: Mapping[str, Any]) -> PlannedAct:
        """Counts, limits and switches in one act, for when seconds count."""

    def stop(self, application: Mapping[str, Any]) -> PlannedAct:
        """Let the services of one application finish and stop them, in its ``order``."""

    def start(self, values: Mapping[str, Any]) -> PlannedAct:
        """Start what ``steps`` of this Run have stopped."""
