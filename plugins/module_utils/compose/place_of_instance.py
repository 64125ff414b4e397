"""The place of an instance, its name and number: whoever replaces it gets both.

Compose itself would count on (a third instance where there were two), and the team's ``logs --index 1``, dashboards and
scripts that name an instance would find nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..docker.container_definition import ContainerDefinition
from ..docker.containers import Container
from ..docker.engine import Engine

__all__ = ["PlaceOfInstance", "finish_names"]

_NUMBER = "com.docker.compose.container-number"
_SHORT_ID = 12
_INTERIM = re.compile(rf"[0-9a-f]{{{_SHORT_ID}}}_(?P<name>.+)")


@dataclass(frozen=True)
class PlaceOfInstance:
    """``id``, ``name`` and ``number`` of the instance that goes."""

    id: str
    name: str
    number: str

    @classmethod
    def of(cls, id_: str, definition: ContainerDefinition) -> PlaceOfInstance:
        """The place of a container from its own definition, which is known after it has gone as well."""
        return cls(id_, definition.name, str((definition.body.get("Labels") or {}).get(_NUMBER) or ""))

    @property
    def interim(self) -> str:
        """What the new one is called while the old one is still here; Compose names one that replaces another so."""
        return f"{self.id[:_SHORT_ID]}_{self.name}"

    def taken_by(self, made: Container, engine: Engine, *, free: bool) -> str:
        """Make a container that never ran again with the number of this place, under its name where that is ``free``.
        Returns the ID of the container that has the place.

        The number is a label, which Docker cannot change. All else stays as Compose made it, the configuration hash
        too, so the team's next ``up`` leaves it alone.
        """
        details = engine.inspect(made.id)
        if details is None or str(made.number or "") == self.number:
            return made.id
        definition = _unnamed_volumes(ContainerDefinition.parse(details), details)
        definition = definition.labelled(_NUMBER, self.number).without_alias(made.name)
        engine.remove(made.id, volumes=True)  # it never ran: its volumes without a name are empty
        return definition.create(engine, self.name if free else self.interim)


def finish_names(engine: Engine, containers: Iterable[Container]) -> None:
    """Give those their name that a killed process left under the interim one, after the old one had gone."""
    present = list(containers)
    names = {container.name for container in present}
    for container in present:
        interim = _INTERIM.fullmatch(container.name)
        if interim and container.service and interim["name"] not in names:
            engine.rename(container.id, interim["name"])


def _unnamed_volumes(definition: ContainerDefinition, details: dict[str, Any]) -> ContainerDefinition:
    """Volumes without a name are made anew, as they go with the container that has them."""
    host = {**definition.body["HostConfig"], "Mounts": details["HostConfig"].get("Mounts") or []}
    return replace(definition, body={**definition.body, "HostConfig": host})
