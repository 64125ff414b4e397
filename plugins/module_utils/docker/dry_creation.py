"""Dry creation: the engine makes a container that is never started, so that it says no before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..system.failure import HostSideError
from .container_definition import ContainerDefinition
from .containers import Container
from .engine import Engine, EngineRefusedError
from .limits import ContainerLimits, describe

__all__ = ["prove_creatable", "refuse_unaccepted_limits", "remove_scratch_containers"]

_SCRATCH = "selextract-infra.scratch"
_UNLIMITED = -1


def prove_creatable(engine: Engine, definition: ContainerDefinition, container: str) -> None:
    """Create a container of that definition under a scratch name and remove it; nothing of it is left.

    ``container`` is the ID that the definition was read from. Compose's labels are left out: whatever carries them is
    an instance to the team's next ``up``. Every volume is bound by its name, so no new one is made. Raises
    ``EngineRefusedError`` where Docker does not accept the definition; that the container could not be removed again
    says nothing about that, and it goes at the end of the Run.
    """
    name = f"selextract-scratch-{container[:12]}"
    _remove_unstarted(engine, name)
    scratch = definition.unlabelled().labelled(_SCRATCH, name)
    made = scratch.create(engine, name)
    try:
        engine.remove(made)
    except EngineRefusedError as refusal:
        raise HostSideError(f"Docker does not remove {name}: {refusal.reason}.", kind="docker") from refusal


def refuse_unaccepted_limits(
    engine: Engine, wanted: Iterable[tuple[Container, ContainerLimits]], *, written: bool = True
) -> None:
    """Raise ``HostSideError`` where Docker would not create one of these containers with the limits it should get.

    Compose accepts combinations that the engine refuses, such as a limit below the reservation (measured with Compose
    2.26 and 2.40), so a limit that was changed in place would keep the team's next ``up`` from working. Limits that are
    not ``written`` beside the app's files are only changed in place: there a CPU limit keeps the form that it has.
    """
    for container, limits in wanted:
        known = engine.inspect(container.id)
        if known is None:
            continue
        before = ContainerLimits.of(container)
        definition = ContainerDefinition.parse(known).limited(
            memory=_changed(before.memory, limits.memory),
            swap=_UNLIMITED if limits.swap is None and limits.memory is not None else limits.swap,
            cpus=_changed(before.cpus, limits.cpus) if written or not container.cpu_period else None,
        )
        try:
            prove_creatable(engine, definition, container.id)
        except EngineRefusedError as refusal:
            raise HostSideError(
                f"Docker would not make {container.name} with {describe(limits)}: {refusal.reason}.",
                kind="refused",
                rule="engine",
            ) from refusal


def remove_scratch_containers(engine: Engine) -> None:
    """Remove scratch containers that a killed process left behind."""
    for listed in engine.containers([_SCRATCH]):
        if listed.get("State") == "created":
            engine.remove(str(listed["Id"]))


def _remove_unstarted(engine: Engine, name: str) -> None:
    left = engine.inspect(name)
    if left is not None and left["State"].get("Status") == "created":
        engine.remove(str(left["Id"]))


def _changed(before: Any, after: Any) -> Any:
    return None if after == before else after
