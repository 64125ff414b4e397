"""The names that a Plan made a Compose project of ours for, and whether it may have them on this host."""

from __future__ import annotations

import json
import os

from ..docker.containers import compose_details, find_containers
from ..docker.engine import Engine
from ..state.layout import OwnProject
from ..state.project_state import ProjectState
from ..system.failure import HostSideError

__all__ = ["names_in", "refuse_taken_alias", "refuse_taken_name", "take_names"]


def names_in(compose: str, state_folder: str) -> OwnProject:
    """The name of our Compose project and the folder of its files, from its Compose file."""
    try:
        content = json.loads(compose)
        (service,) = content["services"].values()
        config = str(service["volumes"][0]).split(":", 1)[0]
        return OwnProject(str(content["name"]), os.path.relpath(os.path.dirname(config), state_folder))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise HostSideError("The balancer's Compose file is not one of ours.", kind="usage") from None


def take_names(state: ProjectState, component: str, compose: str, socket_path: str) -> bool:
    """Note the names that a component is to have before it comes; whether they are others than expected.

    A Plan that was made before has the names of then. Raises ``HostSideError`` of kind ``refused`` where the component
    is there under other names, or where the name belongs to somebody else.
    """
    wanted, known = names_in(compose, state.folder.path), state.beside(component)
    if wanted.folder.startswith(os.pardir) or os.path.isabs(wanted.folder):
        raise HostSideError("The balancer's files are to be in another folder than ours.", kind="usage")
    if wanted != known and os.path.exists(os.path.join(state.folder.path, known.folder, "settings.json")):
        raise HostSideError(
            f"{known.name} is there for {state.project}, and the plan was made for {wanted.name}; make the plan again.",
            kind="refused",
            rule="names",
        )
    refuse_taken_name(state, wanted, socket_path)
    content = json.loads(compose)
    (service,) = content["services"].values()
    for alias in service["networks"]["app"]["aliases"]:
        refuse_taken_alias(content["networks"]["app"]["name"], alias, wanted.name, socket_path)
    state.note_beside(component, wanted)
    return wanted != known


def refuse_taken_alias(network: str, alias: str, own: str, socket_path: str) -> None:
    """Raise where somebody on the network answers to that name already: clients would be led to either of both.

    ``own`` is our Compose project, which may have it.
    """
    for details in compose_details(socket_path):
        labels = (details.get("Config") or {}).get("Labels") or {}
        if labels.get("com.docker.compose.project") == own:
            continue
        there = ((details.get("NetworkSettings") or {}).get("Networks") or {}).get(network) or {}
        if alias in (there.get("Aliases") or []):
            name = str(details["Name"]).lstrip("/")
            raise HostSideError(
                f"{name} answers to {alias} on the network {network} already, so {own} cannot have that name there.",
                kind="refused",
                rule="names",
            )


def refuse_taken_name(state: ProjectState, own: OwnProject, socket_path: str) -> None:
    """Raise where a Compose project of that name is not this Project's."""
    folder = os.path.join(state.folder.path, own.folder)
    with Engine(socket_path) as engine:
        for container in find_containers(engine, socket_path, own.name):
            place = container.working_directory
            if place and os.path.realpath(place) != os.path.realpath(folder):
                raise HostSideError(
                    f"The Compose project {own.name} is there already, in {place}; it is not {state.project}'s.",
                    kind="refused",
                    rule="names",
                )
