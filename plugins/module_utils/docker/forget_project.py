"""Forget one Project on a host: what is kept of it, and the records of the Runs that were about it alone."""

from __future__ import annotations

from ..state.emergency import FILE as EMERGENCY
from ..state.emergency import Emergency
from ..state.project_state import ProjectState
from ..state.run_projects import projects_of_run
from ..state.state import StateFolder
from .engine import Engine
from .kept_definitions import KeptDefinitions

__all__ = ["forget_project"]


def forget_project(folder: StateFolder, socket_path: str, project: str, *, keep: str) -> None:
    """Remove it all; ``keep`` is the Run that does so. What is about several Projects stays, and so does the host's."""
    own = [name for name in folder.names("runs") if projects_of_run(folder.read(f"runs/{name}") or {}) == {project}]
    emergency = Emergency(folder)
    if emergency.content.get("project") == project and not emergency.open:
        folder.remove(EMERGENCY)
    with Engine(socket_path) as engine:
        for name in own:
            run_id = name[: -len(".json")]
            if run_id == keep:
                continue
            KeptDefinitions(folder, run_id).forget(engine)
            folder.remove(f"runs/notes/{run_id}")
            folder.remove(f"runs/{name}")
    ProjectState(folder, project).remove_all()
