"""Replicas of a Postgres server: steps in which the hosts of primary and replica take part by turns.

Each part is carried out by one host, and what a later part needs of an earlier one, such as the verifier of the
replica's password, is handed over from here. A host never acts on another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.hosts.orchestrators import Orchestrator
from selextract_infra.hosts.orchestrators.orchestrator import PlannedAct, PlannedPart

__all__ = ["balance_reads", "make_replica", "remove_replica", "restart_replica"]

_ByHost = Mapping[str, Mapping[str, Any]]
_SERVER = ("project", "service", "superuser", "socket")
_SERVICE = "postgres"  # of a replica's own Compose project


def balance_reads(values: Mapping[str, Any], _: Orchestrator) -> tuple[PlannedAct, ...]:
    """Bring the balancer for reads to what is wanted; it is the replicas' way to the primary, too."""
    wanted = {"project": values["project"], "settings": values["balancer"]}
    return (PlannedAct(name="read_balancer", title="Bring the balancer to what is wanted", values=wanted),)


def make_replica(values: _ByHost) -> tuple[PlannedPart, ...]:
    """Let it in on the primary, clone and start it, and take it into the balancer."""
    primary, replica, wanted = _hosts(values)
    name = wanted["join"]["name"]
    offer, fetch = _image_copy(wanted) if wanted["copy_image"] else ((), ())
    return (
        PlannedPart(host=primary, acts=(_drain(wanted, wanted["primary"]["project"], name), *offer)),
        PlannedPart(
            host=replica,
            acts=(*fetch, _files(wanted)),
            receives={"image_copy": ("certificate", "token")} if fetch else {},
        ),
        PlannedPart(
            host=primary,
            acts=(_let_in(wanted),),
            receives={"replication_primary": ("verifier", "fresh")},
        ),
        PlannedPart(host=replica, acts=_cloned_and_started(wanted)),
        PlannedPart(
            host=primary,
            acts=(
                PlannedAct(
                    name="read_balancer",
                    title="Take it into the balancer",
                    values={
                        "project": wanted["primary"]["project"],
                        "state": "join",
                        "replica": wanted["join"],
                        "bound_seconds": wanted["gate_seconds"],
                    },
                ),
                _caught_up(wanted["primary"], wanted["replica"]["name"], wanted),
            ),
        ),
    )


def restart_replica(values: _ByHost) -> tuple[PlannedPart, ...]:
    """Give its readers to others, restart it, and let them back in when it has replayed everything."""
    primary, replica, wanted = _hosts(values)
    server, name = wanted["server"], wanted["balanced"]
    restart = PlannedAct(
        name="postgres_restart",
        title="Restart the server",
        values={
            "project": wanted["own"],
            "service": _SERVICE,
            "superuser": server["superuser"],
            "bound_seconds": wanted["gate_seconds"],
        },
    )
    let_back_in = PlannedAct(
        name="read_balancer",
        title="Let its readers back in",
        values={
            "project": server["project"],
            "state": "ready",
            "name": name,
            "bound_seconds": wanted["gate_seconds"],
        },
    )
    return (
        PlannedPart(host=primary, acts=(_drain(wanted, server["project"], name),)),
        PlannedPart(host=replica, acts=(restart, _gate(wanted, server["project"]))),
        PlannedPart(host=primary, acts=(let_back_in, _caught_up(server, wanted["name"], wanted))),
    )


def remove_replica(values: _ByHost) -> tuple[PlannedPart, ...]:
    """Take it out of the balancer, off its host with its data, and its slot and role off the primary.

    Where no replica is left to remove, what others have left on the primary is swept.
    """
    if not any(given.get("part") == "replica" for given in values.values()):
        ((primary, swept),) = values.items()
        return (PlannedPart(host=primary, acts=_swept(swept)),)
    primary, replica, wanted = _hosts(values)
    project = wanted["primary"]["project"]
    gone = PlannedAct(
        name="replica_files", title="Take it off its host", values={"project": project, "state": "absent"}
    )
    return (
        PlannedPart(host=primary, acts=(_leave(project, wanted["server"]),)),
        PlannedPart(host=replica, acts=(gone,)),
        PlannedPart(host=primary, acts=(_dismissed(wanted["primary"], wanted["name"]),)),
    )


def _hosts(values: _ByHost) -> tuple[str, str, Mapping[str, Any]]:
    """The primary's host, the replica's, and what is wanted of that one."""
    replica, wanted = next((host, given) for host, given in values.items() if given["part"] == "replica")
    return str(wanted["primary_host"]), replica, wanted


def _image_copy(wanted: Mapping[str, Any]) -> tuple[tuple[PlannedAct, ...], tuple[PlannedAct, ...]]:
    """What the giver does, and what the receiver."""
    replica = wanted["replica"]
    common = {
        "image": replica["image"]["id"],
        "address": replica["primary"]["address"],
        "port": wanted["image_port"],
        "bound_seconds": wanted["clone_seconds"],
    }
    offered = {**common, "state": "offered", "receiver": replica["address"]}
    offer = PlannedAct(name="image_copy", title="Offer the primary's image", values=offered)
    fetch = PlannedAct(name="image_copy", title="Take the primary's image in", values={**common, "state": "fetched"})
    return (offer,), (fetch,)


def _files(wanted: Mapping[str, Any]) -> PlannedAct:
    files = {"project": wanted["primary"]["project"], "wanted": wanted["replica"], "again": wanted["again"]}
    return PlannedAct(name="replica_files", title="Write the replica's files", values=files)


def _let_in(wanted: Mapping[str, Any]) -> PlannedAct:
    values = {
        **_server(wanted["primary"]),
        "name": wanted["replica"]["name"],
        "settings": wanted["primary"]["settings"],
    }
    return PlannedAct(name="replication_primary", title="Let it in on the primary", values=values)


def _cloned_and_started(wanted: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    about = {"project": wanted["primary"]["project"], "wanted": wanted["replica"]}
    clone = {
        **about,
        "needed_bytes": wanted["needed_bytes"],
        "rate": wanted["rate"],
        "bound_seconds": wanted["clone_seconds"],
    }
    return (
        PlannedAct(name="replica_clone", title="Clone", values=clone),
        PlannedAct(name="replica_start", title="Start it", values={**about, "check": wanted["check"]}),
        _gate(wanted, about["project"]),
    )


def _gate(wanted: Mapping[str, Any], project: str) -> PlannedAct:
    values = {"project": project, "wanted": wanted["replica"], "bound_seconds": wanted["gate_seconds"]}
    return PlannedAct(name="replica_gate", title="Wait until it streams", values=values)


def _drain(wanted: Mapping[str, Any], project: str, name: str) -> PlannedAct:
    values = {"project": project, "state": "drained", "name": name, "bound_seconds": wanted["drain_seconds"]}
    return PlannedAct(name="read_balancer", title="Give its readers to others", values=values)


def _leave(project: str, name: str) -> PlannedAct:
    values = {"project": project, "state": "leave", "name": name}
    return PlannedAct(name="read_balancer", title=f"Take {name} out of the balancer", values=values)


def _caught_up(server: Mapping[str, Any], name: str, wanted: Mapping[str, Any]) -> PlannedAct:
    values = {**_server(server), "name": name, "state": "checked", "bound_seconds": wanted["gate_seconds"]}
    return PlannedAct(
        name="replication_primary", title="Wait until it has replayed all that the primary has written", values=values
    )


def _dismissed(server: Mapping[str, Any], name: str) -> PlannedAct:
    values = {**_server(server), "name": name, "state": "absent"}
    return PlannedAct(name="replication_primary", title=f"Take slot and role of {name} away", values=values)


def _swept(values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    """A Plan of version 0.1 has nobody to ``leave``."""
    leave = tuple(_leave(values["project"], name) for name in values.get("leave", ()))
    return (*leave, *(_dismissed(server, server["name"]) for server in values["sweep"]))


def _server(server: Mapping[str, Any]) -> dict[str, Any]:
    return {key: server[key] for key in _SERVER if server.get(key)}
