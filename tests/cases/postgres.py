"""A Postgres server as a case writes it down, as a host shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.assess.postgres.parameters import PARAMETERS
from selextract_infra.model.postgres import Unit
from selextract_infra.model.postgres_observation import (
    PostgresConnections,
    PostgresObservation,
    PostgresSetting,
    RoleSetting,
)
from selextract_infra.policy.units import DURATION, MEMORY
from tests.cases.parts import PostgresOnPaper

__all__ = ["postgres_seen"]

_UNITS = {Unit.BYTES: "B", Unit.SECONDS: "ms"}
_FILE = "configuration file"


def postgres_seen(
    project: str, databases: tuple[str, ...], paper: PostgresOnPaper | None, max_connections: int | None
) -> PostgresObservation | None:
    """The server of the one database service; None where nothing is written of it."""
    if not databases or (paper is None and max_connections is None):
        return None
    paper, (service, *_) = paper or PostgresOnPaper(), databases
    settings = _settings(paper.settings, _FILE)
    settings |= _settings(paper.arguments, "command line")
    settings |= _settings(paper.alter_system, _FILE, "/var/lib/postgresql/data/postgresql.auto.conf")
    if max_connections is not None:
        settings.setdefault("max_connections", PostgresSetting(value=str(max_connections)))
    return PostgresObservation(
        project=project,
        service=service,
        container=f"{project}-{service}-1",
        version=paper.version,
        settings=settings,
        command_line={name: str(value) for name, value in paper.arguments.items()},
        pending_restart=paper.pending_restart,
        role_settings=tuple(
            RoleSetting(role=role, name=name, value=value)
            for role, own in paper.roles.items()
            for name, value in own.items()
        ),
        connections=PostgresConnections(open=paper.connections),
        in_recovery=paper.standby,
        disk_total=paper.disk,
        shm_size=paper.shm_size,
        problem=paper.problem,
    )


def _settings(values: Mapping[str, Any], source: str, file: str | None = None) -> dict[str, PostgresSetting]:
    return {name: _setting(name, value, source, file) for name, value in values.items()}


def _setting(name: str, value: Any, source: str, file: str | None) -> PostgresSetting:
    """A value as a settings file has it (``128MB``, ``15min``, ``on``), as ``pg_settings`` shows it."""
    parameter = PARAMETERS.get(name)
    unit = parameter.unit if parameter else Unit.NONE
    if isinstance(value, bool):
        text = "on" if value else "off"
    elif isinstance(value, str) and unit is Unit.BYTES:
        text = str(int(MEMORY.parse(value)))
    elif isinstance(value, str) and unit is Unit.SECONDS:
        text = str(round(DURATION.parse(value) * 1000))
    else:
        text = str(value)
    return PostgresSetting(value=text, unit=_UNITS.get(unit), source=source, file=file)
