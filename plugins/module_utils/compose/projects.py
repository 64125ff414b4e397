"""Compose projects of this host: those with containers, and those the mapping names."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..docker.containers import Container
from ..system.failure import HostSideError
from .capacity import parse
from .compose import Compose
from .definitions import service_definitions
from .our_file import our_file
from .outdated import current_by_id
from .project import Project, read_project

__all__ = ["observe_projects"]


def observe_projects(
    containers: list[Container], mapped: list[dict[str, str]]
) -> tuple[list[dict[str, Any]], dict[str, bool | None]]:
    """Each project as its files in force say, sorted by name, and by container ID whether it is as they say.

    A project whose files Compose rejects says so in ``problem``. ``mapped`` are the projects of the policy (``name``,
    ``directory``); they are looked at even without a container.
    """
    directories: dict[str, str | None] = {container.project: None for container in containers if container.project}
    directories.update({project["name"]: project.get("directory") for project in mapped})
    known = {container.project for container in containers if container.project and container.working_directory}
    asked = sorted((name, folder) for name, folder in directories.items() if folder or name in known)
    if not asked:
        return [], {}
    with ThreadPoolExecutor(min(4, len(asked))) as pool:
        answers = list(pool.map(lambda item: _observe(item[0], item[1], containers), asked))
    return [project for project, _ in answers], {
        name: state for _, current in answers for name, state in current.items()
    }


def _observe(
    name: str, directory: str | None, containers: list[Container]
) -> tuple[dict[str, Any], dict[str, bool | None]]:
    own = [container for container in containers if container.project == name]
    labelled = next((container.working_directory for container in own if container.working_directory), None)
    observed: dict[str, Any] = {
        "name": name,
        "directory": labelled or directory,
        "files": [],
        "profiles": [],
        "services": [],
        "capacity_file": None,
        "problem": None,
    }
    current: dict[str, bool | None] = {}
    try:
        project = read_project(own, name, directory)
        observed["directory"] = project.directory
        observed["files"] = project.named_files
        observed["profiles"] = list(project.profiles)
        observed["capacity_file"] = _capacity(project.directory)
        observed["services"], current = _services(project, own)
    except HostSideError as failure:
        observed["problem"] = failure.sentence
    except OSError as problem:
        observed["problem"] = f"The folder {observed['directory']} cannot be read: {problem.strerror}."
    return observed, current


def _services(project: Project, own: list[Container]) -> tuple[list[dict[str, Any]], dict[str, bool | None]]:
    compose = Compose(project)
    configuration = compose.describe()
    current = current_by_id(compose, configuration, own)
    present = {container.service for container in own if container.service}
    probed = {container.service for container in own if container.service and container.health is not None}
    return service_definitions(configuration, project.profiles, present, probed), current


def _capacity(directory: str) -> dict[str, Any] | None:
    name = our_file(directory)
    try:
        with open(os.path.join(directory, name), encoding="utf-8") as source:
            return parse(source.read())
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise HostSideError(f"{name} was edited by hand and is not understood.", kind="compose") from None
