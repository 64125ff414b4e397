"""Look at the PgBouncer of one project and at where the app's services find their database."""

from __future__ import annotations

from typing import Any

from ..compose.attachment import team_files
from ..compose.compose import Compose
from ..compose.project import Project
from ..docker.containers import Container
from ..docker.engine import Engine
from ..postgres.dsn import Address, is_one_reference, leads_to, read_address, redirected, written_out
from ..postgres.look import database_container
from ..postgres.psql import server_in
from ..state.layout import READ_BALANCER
from ..state.project_state import ProjectState
from ..system.failure import HostSideError
from .folder import Place
from .login import connection_limits, is_plain_name, server_facts, user_problem
from .processes import Process, Row, answering, leaving

__all__ = ["addresses_of", "led_containers", "look_at_logins", "look_at_pgbouncer", "look_at_server"]

_LONGEST = 20  # rows about single clients and servers


def look_at_pgbouncer(place: Place, containers: list[Container], port: int) -> dict[str, Any]:
    """What is in force, whether it runs, and what each of its processes says: pools, who waits, and for whom."""
    container = next((container for container in containers if container.name == place.name), None)
    running = bool(container and container.running)
    reads = ProjectState(place.folder, place.project).beside(READ_BALANCER)
    record = place.record()
    answer = answering(place.run, int((record or {}).get("port") or port)) if running else []
    return {
        "installed": record,
        "running": running,
        "stale": record is not None and place.differs(record),
        "processes": [_process(row) for row in answer],
        "leaving": leaving(container.id, answer) if container and running else [],
        "balanced": any(container.project == reads.name and container.running for container in containers),
    }


def look_at_server(containers: list[Container], wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Postgres' version and connections; None where no container of it runs here, ``problem`` where it is silent."""
    container = database_container(containers, wanted["project"], wanted["service"])
    if container is None:
        return None
    try:
        return server_facts(server_in(container, superuser=wanted["superuser"], socket=wanted["socket"]))
    except HostSideError as failure:
        return {"problem": failure.sentence}


def look_at_logins(
    containers: list[Container], wanted: dict[str, Any], addresses: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The addresses, each with what Postgres says of its login: why it cannot be pooled, and its connection limits."""
    container = database_container(containers, wanted["project"], wanted["service"])
    if container is None:
        return addresses
    server = server_in(container, superuser=wanted["superuser"], socket=wanted["socket"])
    logins = {}
    try:
        for service, address in addresses.items():
            if address.get("problem") or not address["user"]:
                logins[service] = address
                continue
            limits = connection_limits(server, address["user"], address["database"])
            problem = user_problem(server, address["user"])
            logins[service] = {**address, "limits": limits, "problem": problem}
    except HostSideError:
        return addresses  # the server's own problem is told where it is looked at
    return logins


def addresses_of(project: Project, variables: dict[str, str], host: str, port: int) -> dict[str, dict[str, Any]]:
    """By service, where the app's own files lead it, and the text that leads it to ``host`` and ``port`` instead.

    Our own capacity file is left out of it. ``problem`` says why a service cannot be led elsewhere; no secret is in
    any of this.
    """
    compose = Compose(project.with_files(team_files(project)))
    raw, filled_in = compose.environments(filled_in=False), compose.environments(filled_in=True)
    addresses = {}
    for service, variable in variables.items():
        if service not in raw:
            continue
        addresses[service] = {
            "variable": variable,
            **_address(raw[service], filled_in.get(service, {}), variable, host, port),
        }
    return addresses


def _address(raw: dict[str, str], filled_in: dict[str, str], variable: str, host: str, port: int) -> dict[str, Any]:
    if variable not in raw:
        return {"problem": "it is not set in the Compose files"}
    try:
        address = read_address(filled_in.get(variable, ""))
        if is_one_reference(raw[variable]):
            return {"problem": _as_a_whole(address)}
        text = redirected(raw[variable], host, port)
    except HostSideError as failure:
        return {"problem": failure.sentence}
    if not is_plain_name(address.database):
        return {"problem": "its database has a name that PgBouncer's files cannot hold"}
    return {
        "user": address.user,
        "host": address.host,
        "port": address.port,
        "database": address.database,
        "text": text,
        "problem": None,
    }


def _as_a_whole(address: Address) -> str:
    """What a team can do where its whole address, password and all, is one variable, which we write nowhere."""
    return (
        "it stands in the Compose files as one variable, with its password in it, and no password is written down here;"
        f" write {written_out(address)} there, and the password alone into .env as DB_PASSWORD"
    )


def led_containers(
    engine: Engine, containers: list[Container], variables: dict[str, str], host: str, port: int
) -> list[str]:
    """The names of running containers whose own variable leads to ``host`` and ``port``; nothing else of it is told."""
    names = []
    for container in containers:
        variable = variables.get(container.service or "")
        if variable is None or not container.running:
            continue
        details = engine.inspect(container.id) or {}
        values = dict(str(entry).partition("=")[::2] for entry in (details.get("Config") or {}).get("Env") or [])
        if leads_to(values.get(variable, ""), host, port):
            names.append(container.name)
    return names


def _process(process: Process) -> dict[str, Any]:
    clients = process.clients()
    servers = process.rows("SHOW SERVERS")
    waiting = [client for client in clients if str(client.get("state", "")).startswith("waiting")]
    busy = [server for server in servers if server.get("state") == "active"]
    return {
        "number": process.number,
        "version": str(process.rows("SHOW VERSION")[0].get("version") or ""),
        "paused": process.paused,
        "clients": len(clients),
        "servers": len(servers),
        "pools": [_pool(row) for row in process.rows("SHOW POOLS") if row.get("database") != "pgbouncer"],
        "waiting": [_client(row) for row in sorted(waiting, key=_waited, reverse=True)[:_LONGEST]],
        "holding": [_client(row) for row in sorted(busy, key=lambda row: str(row.get("request_time")))[:_LONGEST]],
    }


def _pool(row: Row) -> dict[str, Any]:
    numbers = {
        name: int(row.get(name) or 0)
        for name in ("cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used", "maxwait", "maxwait_us")
    }
    return {
        "database": str(row.get("database") or ""),
        "user": str(row.get("user") or ""),
        "active": numbers["cl_active"],
        "waiting": numbers["cl_waiting"],
        "servers_active": numbers["sv_active"],
        "servers_idle": numbers["sv_idle"] + numbers["sv_used"],
        "longest_wait": numbers["maxwait"] + numbers["maxwait_us"] / 1e6,
    }


def _client(row: Row) -> dict[str, Any]:
    return {
        "database": str(row.get("database") or ""),
        "user": str(row.get("user") or ""),
        "address": f"{row.get('addr')}:{row.get('port')}",
        "application": str(row.get("application_name") or ""),
        "waited": _waited(row),
        "since": str(row.get("request_time") or ""),
    }


def _waited(row: Row) -> float:
    return int(row.get("wait") or 0) + int(row.get("wait_us") or 0) / 1e6
