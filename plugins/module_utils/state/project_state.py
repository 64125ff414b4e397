"""What is kept of one Project on a host: its files, and the names of what runs beside it."""

from __future__ import annotations

import os
from typing import Any

from .flat_layout import AUTOSCALER, CAPACITY, EDGE, POOLER, POSTGRES, FlatLayout
from .layout import FORMAT, PROJECTS, OwnProject, format_of, own_project_of, project_folder
from .migration import ABOUT, require_layout
from .state import StateFolder, remove_folder, sync_folder

__all__ = ["AUTOSCALER", "CAPACITY", "EDGE", "POOLER", "POSTGRES", "ProjectState", "known_projects"]


class ProjectState:
    """``projects/<name>/`` in the state folder, and nothing else of the host.

    A folder that version 0.1 wrote is read as it is; what is written brings it into today's layout first. Raises
    ``HostSideError`` of kind ``state`` like ``StateFolder``.
    """

    def __init__(self, folder: StateFolder, project: str) -> None:
        self.folder = folder
        self.project = project
        self._own = project_folder(project)

    @property
    def path(self) -> str:
        """The Project's own folder."""
        return os.path.join(self.folder.path, self._own)

    def read(self, name: str) -> dict[str, Any] | None:
        """The content of one of its files, None when there is none."""
        if self._flat:
            return FlatLayout(self.folder).record(self.project, name)
        return self.folder.read(os.path.join(self._own, name))

    def write(self, name: str, content: dict[str, Any] | None) -> None:
        """Replace one of its files; None removes it."""
        require_layout(self.folder)
        if content is None:
            self.folder.remove(os.path.join(self._own, name))
            return
        self._prepare()
        self.folder.write(os.path.join(self._own, name), content)

    def beside(self, component: str) -> OwnProject:
        """The Compose project that a component of ours is, or would be, beside this Project.

        Version 0.1 gave ``selextract-balancer`` to whichever app was there; an app ``selextract`` that comes later
        gets another one.
        """
        known = self.noted().get(component)
        return known or self._new(own_project_of(self.project, component))

    def place(self, component: str) -> str:
        """The folder of a component's files."""
        return os.path.join(self.folder.path, self.beside(component).folder)

    def note_beside(self, component: str, own: OwnProject | None) -> None:
        """Note under which names a component is there, before it comes; None once it is gone."""
        require_layout(self.folder)
        about = self._about()
        beside = {name: noted for name, noted in (about.get("beside") or {}).items() if name != component}
        if own is not None:
            beside[component] = {"name": own.name, "folder": own.folder}
        if beside != (about.get("beside") or {}) or not about:
            self.write(ABOUT, {"project": self.project, "beside": beside})

    def remove_all(self) -> bool:
        """Forget the Project: its folder with everything in it; whether there was one."""
        gone = remove_folder(self.path)
        if gone:
            sync_folder(os.path.dirname(self.path))
        return gone

    def _new(self, own: OwnProject) -> OwnProject:
        others = [ProjectState(self.folder, name) for name in known_projects(self.folder) if name != self.project]
        taken = {noted.name for other in others for noted in other.noted().values()}
        return OwnProject(f"{own.name}-2", own.folder) if own.name in taken else own

    def noted(self) -> dict[str, OwnProject]:
        """What is noted to be beside this Project, by component."""
        if self._flat:
            return FlatLayout(self.folder).beside(self.project)
        kept = (self._about().get("beside") or {}).items()
        return {component: OwnProject(str(project["name"]), str(project["folder"])) for component, project in kept}

    @property
    def _flat(self) -> bool:
        return format_of(self.folder) < FORMAT

    def _about(self) -> dict[str, Any]:
        return self.folder.read(os.path.join(self._own, ABOUT)) or {}

    def _prepare(self) -> None:
        if not os.path.isdir(self.path):
            os.makedirs(self.path, mode=0o700, exist_ok=True)
        if not os.path.exists(os.path.join(self.path, ABOUT)):
            self.folder.write(os.path.join(self._own, ABOUT), {"project": self.project, "beside": {}})


def known_projects(folder: StateFolder) -> list[str]:
    """The Projects that something is kept of on this host, sorted."""
    if format_of(folder) < FORMAT:
        return FlatLayout(folder).projects()
    path = os.path.join(folder.path, PROJECTS)
    names = sorted(os.listdir(path)) if os.path.isdir(path) else []
    about = [folder.read(os.path.join(PROJECTS, name, ABOUT)) for name in names]
    return sorted(str(note["project"]) for note in about if note)
