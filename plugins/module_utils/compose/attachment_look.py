"""Whether our capacity file takes effect in each Project, and what will keep it from that."""

from __future__ import annotations

import os
from typing import Any

from ..docker.containers import Container, services_with_variable
from ..state.state import StateFolder
from ..system.failure import HostSideError
from .attachment import ENVIRONMENT, NAMED, OVERRIDE, Attachment, attachment_of
from .capacity_records import CapacityRecords
from .entry import COMPOSE_FILE
from .files_in_force import files_in_force, usual_files
from .our_file import is_ours, our_file
from .project import read_project

__all__ = ["with_attachments"]


def with_attachments(
    folder: StateFolder, socket_path: str, projects: list[dict[str, Any]], containers: list[Container]
) -> list[dict[str, Any]]:
    """The Projects as they were seen, each with its ``attachment``; None where its files could not be read."""
    return [{**project, "attachment": _look(folder, socket_path, project, containers)} for project in projects]


def _look(
    folder: StateFolder, socket_path: str, project: dict[str, Any], containers: list[Container]
) -> dict[str, Any] | None:
    if project["problem"]:
        return None
    name, directory = project["name"], project["directory"]
    mine = [container for container in containers if container.project == name]
    record = CapacityRecords(folder, name, directory).read()
    try:
        attachment = attachment_of(
            read_project(mine, name, directory),
            added=bool(record and record.get("entry")),
            carriers=lambda: services_with_variable(socket_path, name, COMPOSE_FILE),
        )
    except HostSideError as failure:
        attachment = Attachment("unknown", our_file(directory), refusal=failure.sentence)
    return {
        "form": attachment.form,
        "file": str(record["file"]) if record else our_file(directory),
        "attached": record is not None,
        "refusal": attachment.refusal or None,
        "note": attachment.note or None,
        "problem": _problem(directory, record, mine) if record else None,
    }


def _problem(directory: str, record: dict[str, Any], mine: list[Container]) -> str | None:
    """Why the file no longer takes effect, in one sentence; None where it does."""
    name, form = str(record["file"]), str(record["form"])
    if not os.path.exists(os.path.join(directory, name)):
        return f"{name} in {directory} is gone or has another name, so the next `docker compose up` goes without it."
    if not is_ours(directory, name):
        return f"{name} in {directory} is no longer ours, so the next `docker compose up` goes without our values."
    if form != NAMED and name not in files_in_force(directory):
        why = {
            OVERRIDE: f"{COMPOSE_FILE} in .env names the files since, and not {name}",
            ENVIRONMENT: f"{COMPOSE_FILE} in .env no longer names {name}",
        }[form]
        return f"{why}, so the next `docker compose up` in {directory} goes without our values."
    if form == OVERRIDE:
        others = [other for other in usual_files(directory)[1] if other != name]
        if others:
            return f"Compose reads {name}, which is ours, and not {others[0]}, which came beside it in {directory}."
    past = [container.name for container in mine if _made_past(container, directory, record)]
    return f"{', '.join(past)} came without {name}: `up` was called with -f past it." if past else None


def _made_past(container: Container, directory: str, record: dict[str, Any]) -> bool:
    """Whether a container was made after our file was attached, from other files alone."""
    attached_at = record.get("attached_at")
    if attached_at is None or not container.config_files:
        return False
    ours = os.path.realpath(os.path.join(directory, str(record["file"])))
    if any(os.path.realpath(os.path.join(directory, name)) == ours for name in container.config_files):
        return False
    return container.created_at > float(attached_at)
