"""What tuning Postgres is, and what can be asked of it; for a server that runs, or for numbers alone."""

from __future__ import annotations

from pydantic import Field

from selextract_infra.flow.manifest import (
    AskedDisk,
    AskedMemory,
    Calculation,
    ChosenHosts,
    Effects,
    Manifest,
    OverriddenRules,
    Request,
)
from selextract_infra.model.postgres import Role, Storage, Workload

__all__ = ["MANIFEST", "ServerNumbers", "TunePostgresRequest"]


class TunePostgresRequest(Request):
    """What is asked of tuning Postgres. ``shared_buffers`` is in bytes."""

    shared_buffers: AskedMemory = Field(default=None, description="Ask for this much instead of the guide's.")
    hosts: ChosenHosts = None
    overrides: OverriddenRules = ()


class ServerNumbers(TunePostgresRequest):
    """A server that nobody looks at, as somebody describes it. Memory and disk in bytes, CPUs in cores."""

    memory: AskedMemory = Field(
        default=None, description="Only compute, for a server with this container limit, as in 2GB."
    )
    cpus: float | None = Field(default=None, description="Its CPU limit, in cores.")
    pg_version: int | None = Field(default=None, description="Its major version, 14 to 18.")
    connections: int | None = Field(default=None, description="How many may be open at once; default: the guide's.")
    workload: Workload | None = Field(default=None, description="What it is asked (default: web; analytics: dw).")
    storage: Storage = Field(default=Storage.SSD, description="What its data lies on.")
    disk: AskedDisk = Field(default=None, description="Size of its volume, as in 100GB.")
    role: Role = Field(default=Role.PRIMARY, description="What the server is for.")
    primary_connections: int | None = Field(default=None, description="For a replica: its primary's max_connections.")
    lz4: bool | None = Field(
        default=None, description="Whether the server was built with lz4; default: not known, so it is not used."
    )


MANIFEST = Manifest(
    name="tune postgres",
    noun="tuning",
    request=TunePostgresRequest,
    effects=Effects(
        reads=("Postgres' settings in force", "the limits of its container"),
        changes=("our file of settings in the server's folder", "the settings in force"),
        inverse="The file from before is put back, and the server reloaded or started with it.",
        downtime="None by a reload; a restart of the server where a setting takes one.",
        seconds=lambda policy: policy.postgres.reload.estimate,
        privileges=("root on the host", "the superuser of Postgres"),
    ),
    needs={
        "memory": ("cpus", "pg_version"),
        "cpus": ("memory", "pg_version"),
        "pg_version": ("memory", "cpus"),
    },
    offline=True,
    formats={"conf": "tune.command_postgres:print_files"},
    calculation=Calculation(
        numbers=ServerNumbers,
        asked_by=("memory", "cpus", "pg_version"),
        answer="tune.command_postgres:compute",
    ),
)
