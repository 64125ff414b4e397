"""Definitions of containers that a Run removes, kept on the host as long as that Run may be put back by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..state.state import StateFolder
from ..system.failure import HostSideError
from .container_definition import ContainerDefinition
from .dry_creation import prove_creatable, remove_scratch_containers
from .engine import Engine, EngineRefusedError

__all__ = ["KeptDefinitions", "forget_definitions"]

_REPOSITORY = "selextract-infra-kept"
_COMPOSE = "com.docker.compose."
_NOT_FOUND = 404
_NEEDED = ("running", "rollback failed")


class KeptDefinitions:
    """``definitions/<run_id>.json``, 0600: it holds environments, so it is apart from the Run's record, which is shown.

    ``containers`` has a definition by the ID of the removed container, ``again`` the ID it was made again under,
    ``images`` the name of ours by which each image is kept.
    """

    def __init__(self, folder: StateFolder, run_id: str) -> None:
        self._folder = folder
        self._run_id = run_id
        self._file = f"definitions/{run_id}.json"
        known = folder.read(self._file) or {}
        self._content: dict[str, dict[str, Any]] = {
            part: dict(known.get(part) or {}) for part in ("containers", "again", "images")
        }

    def keep(self, engine: Engine, details: dict[str, Any]) -> None:
        """Keep the definition of a container from what ``Engine.inspect`` answered, proved to be creatable.

        Raises ``HostSideError`` of kind ``refused`` where Docker would not make the container again as it is.
        """
        container = str(details["Id"])
        if container in self._content["containers"]:
            return
        definition = ContainerDefinition.parse(details)
        try:
            prove_creatable(engine, definition, container)
        except EngineRefusedError as refusal:
            raise HostSideError(
                f"{definition.name} could not be made again as it is ({refusal.reason}), so it is not stopped.",
                kind="refused",
                rule="engine",
            ) from refusal
        tag = f"{self._run_id}-{len(self._content['images'])}"
        name = self._content["images"].setdefault(definition.image, f"{_REPOSITORY}:{tag}")
        self._content["containers"][container] = definition.kept()
        self._save()
        engine.tag(definition.image, _REPOSITORY, name.rpartition(":")[2])

    def definition(self, container: str) -> ContainerDefinition | None:
        """What a removed container was, None where it was not kept."""
        kept = self._content["containers"].get(container)
        return ContainerDefinition.restore(kept) if kept else None

    @property
    def made_again(self) -> dict[str, str]:
        """By the ID of the removed container, the ID of the one that was made again."""
        return dict(self._content["again"])

    def origin(self, container: str) -> str:
        """The ID that a container had before it was made again; its own where it was not: its way back is the same."""
        return next((removed for removed, again in self.made_again.items() if again == container), container)

    def note_made_again(self, container: str, made: str) -> None:
        """Record under which ID a container was made again, before it takes the place of another."""
        self._content["again"][container] = made
        self._save()

    def forget(self, engine: Engine) -> None:
        """Let go of everything that was kept."""
        for name in self._content["images"].values():
            _let_go(engine, name)
        self._folder.remove(self._file)

    def _save(self) -> None:
        self._folder.write(self._file, self._content)


def forget_definitions(folder: StateFolder, socket_path: str, *, everything: bool = False) -> None:
    """Let go of what was kept for Runs that have ended; with ``everything`` for all.

    The last Run that is done and removed containers of a service keeps it, so that its rollback makes each again as it
    was: the files alone would not, where they had changed since it was made. A Run that could not be put back keeps it,
    so that this can be tried again. What a killed process left of a dry creation goes as well.
    """
    names = folder.names("definitions")
    if everything and not names:
        return
    needed = set() if everything else _needed(folder)
    with Engine(socket_path) as engine:
        for name in names:
            if name not in needed:
                KeptDefinitions(folder, name[: -len(".json")]).forget(engine)
        remove_scratch_containers(engine)


def _needed(folder: StateFolder) -> set[str]:
    """The files of Runs that may be put back by what is in them: of those that are done, the last for each service."""
    records = {name: folder.read(f"runs/{name}") or {} for name in folder.names("runs")}
    needed = {name for name, record in records.items() if record.get("status") in _NEEDED}
    last: dict[tuple[str, str], str] = {}
    for name in sorted(records, key=lambda name: str(records[name].get("ended_at", ""))):
        if records[name].get("status") == "done":
            last.update(dict.fromkeys(_services(folder.read(f"definitions/{name}") or {}), name))
    return {*needed, *last.values()}


def _services(content: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Project and service of each container whose definition is kept."""
    labels = [kept["body"].get("Labels") or {} for kept in (content.get("containers") or {}).values()]
    return {(str(of.get(f"{_COMPOSE}project")), str(of.get(f"{_COMPOSE}service"))) for of in labels}


def _let_go(engine: Engine, name: str) -> None:
    """Take our name from an image; the image itself stays where it has no other name, as it would without us."""
    image = engine.image(name)
    if image is None:
        return
    if not [other for other in image.get("RepoTags") or [] if other != name] and not image.get("RepoDigests"):
        # Docker removes an image with its last name. Given to another image first, the name leaves this one alone.
        heir = _named_image(engine, name)
        if heir is None:
            return
        engine.tag(heir, *name.split(":"))
    try:
        engine.untag(name)
    except EngineRefusedError as refusal:
        if refusal.status != _NOT_FOUND:
            raise


def _named_image(engine: Engine, name: str) -> str | None:
    """An image that a container was made from and that has a name besides ``name``."""
    for image in {str(listed.get("ImageID")) for listed in engine.containers()}:
        if [other for other in (engine.image(image) or {}).get("RepoTags") or [] if other != name]:
            return image
    return None
