"""Compose projects of this host: those with containers, and those the mapping names."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import dotenv
from .attachment import our_file
from .capacity import parse
from .compose import Compose, environment_bytes, files_in_force
from .containers import Container
from .definitions import service_definitions
from .failure import HostSideError

__all__ = ["observe_projects"]


def observe_projects(containers: list[Container], mapped: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Each project as its files in force say, sorted by name; one whose files Compose rejects says so in ``problem``.

    ``mapped`` are the projects of the policy (``name``, ``directory``); a directory given there counts more than the
    one that a container remembers.
    """
    directories = {one.project: one.working_directory for one in containers if one.project and one.working_directory}
    directories.update({one["name"]: one["directory"] for one in mapped if one.get("directory")})
    if not directories:
        return []
    with ThreadPoolExecutor(min(4, len(directories))) as pool:
        return list(pool.map(lambda item: _observe(item[0], item[1], containers), sorted(directories.items())))


def _observe(name: str, directory: str, containers: list[Container]) -> dict[str, Any]:
    mine = [container for container in containers if container.project == name]
    started_from = next((one.config_files for one in mine if one.config_files), ())
    project: dict[str, Any] = {
        "name": name,
        "directory": directory,
        "files": [],
        "profiles": [],
        "services": [],
        "capacity_file": None,
        "problem": None,
    }
    try:
        project["files"] = files_in_force(directory, started_from)
        project["profiles"] = _profiles(directory)
        project["capacity_file"] = _capacity(directory)
        project["services"] = _services(project, mine)
    except HostSideError as failure:
        project["problem"] = failure.sentence
    except OSError as problem:
        project["problem"] = f"The folder {directory} cannot be read: {problem.strerror}."
    return project


def _services(project: dict[str, Any], mine: list[Container]) -> list[dict[str, Any]]:
    directory = project["directory"]
    found_by_compose = dotenv.resolved(environment_bytes(directory), "COMPOSE_FILE")
    environment_file = next((one.environment_file for one in mine if one.environment_file), None)
    compose = Compose(
        project["name"],
        directory,
        files=() if found_by_compose else project["files"],
        environment_file=environment_file if environment_file and os.path.exists(environment_file) else None,
    )
    configuration, hashes = compose.describe()
    present = {one.service for one in mine if one.service}
    probed = {one.service for one in mine if one.service and one.health is not None}
    return service_definitions(configuration, hashes, tuple(project["profiles"]), present, probed)


def _profiles(directory: str) -> list[str]:
    named = dotenv.resolved(environment_bytes(directory), "COMPOSE_PROFILES") or ""
    return [profile for profile in named.split(",") if profile]


def _capacity(directory: str) -> dict[str, Any] | None:
    try:
        with open(os.path.join(directory, our_file(directory)), encoding="utf-8") as source:
            return parse(source.read())
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise HostSideError("compose.capacity.yml was edited by hand and is not understood.", kind="compose") from None
