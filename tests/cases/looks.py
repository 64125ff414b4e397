"""What operations look at beside the Observation, as a case writes it down: PgBouncer, replication, hardware, Nginx.

What stands there already was made by the program: its Plan is asked for it, under the policy of that day. So a case
says ``put_up_with: {}`` and not what our files hold.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from plugins.module_utils.pgbouncer.login import is_plain_name
from plugins.module_utils.postgres.dsn import read_address, redirected
from plugins.module_utils.system.failure import HostSideError
from selextract_infra.model.observation import Observation
from selextract_infra.model.traffic import BalancerObservation, EdgeObservation, TrafficObservation
from selextract_infra.model.upgrade import Abilities
from selextract_infra.operations.pgbouncer.pooler import AppAddress, PoolerLook, ServerSeen
from selextract_infra.operations.replicas.decide import replica_name
from selextract_infra.operations.replicas.replication import (
    BalancerSeen,
    HostReplication,
    ImageSeen,
    PrimarySeen,
    ReplicaSeen,
    Replication,
    SlotSeen,
)
from selextract_infra.operations.upgrade.plan import HardwareLook
from selextract_infra.plan import balancer, pgbouncer, replicas
from selextract_infra.policy.units import BANDWIDTH, CORES, DISK, MEMORY, Quantity
from tests.cases.case import Case
from tests.cases.parts import PrimaryOnPaper, ReplicaOnPaper

__all__ = ["SIZES", "hardware_of", "pooled", "replication_of", "with_edge"]

SIZES: dict[str, Quantity] = {"memory": MEMORY, "cpu": CORES, "storage": DISK, "network": BANDWIDTH}
"""By phase, how its size is written."""

_REFERENCE = re.compile(r"\$\{\w+(?::-([^}]*))?[^}]*\}")
_AT = ("pgbouncer", 6432)
_IMAGE = "sha256:0f3c"
_ENOUGH = 1 << 50


def pooled(case: Case) -> tuple[Observation, dict[str, PoolerLook]]:
    """The hosts, with our capacity file where it leads the app, and PgBouncer on the one that runs the database."""
    paper = case.pgbouncer
    addresses = {
        name: _address(service.database_url, case.rules().application.services[name].environment.dsn or "")
        for name, service in case.services.items()
        if service.database_url is not None
    }
    limits = {name: service.connection_limits for name, service in case.services.items()}
    postgres = case.observation().hosts[0].postgres
    server = ServerSeen(
        maximum=case.max_connections,
        reserved=case.postgres.reserved if case.postgres else 3,
        problem=postgres.problem if postgres else None,
    )
    look = PoolerLook(
        balanced=paper.balancer_for_reads,
        led=tuple(f"{case.project}-{name}" for name in paper.led),
        server=server if case.databases else None,
        addresses={name: one.model_copy(update={"limits": limits[name]}) for name, one in addresses.items()},
        image_version=None if paper.image_problem else paper.image_version,
        image_problem=paper.image_problem,
        problem=paper.problem,
    )
    if paper.put_up_with is not None:
        rules = case.rules(paper.put_up_with)
        bare = {"app1": look.model_copy(update={"led": (), "problem": None})}
        plan = pgbouncer(_roomy(case).observation(), rules, switch="on", look=bare)
        wanted = plan.steps[0].values["app1"]["wanted"]
        look = look.model_copy(update={"installed": wanted, "running": paper.runs, "stale": paper.stale})
    written = bool(paper.led) if paper.written is None else paper.written
    keys = {name: {"environment": {one.variable: one.text}} for name, one in addresses.items()}
    return case.observation(capacity={"services": keys} if written else None), {"app1": look}


def _roomy(case: Case) -> Case:
    """The case when there was still room on the host: what stands there was put up then."""
    return case.model_copy(update={"host": case.host.model_copy(update={"memory": _ENOUGH})})


def _address(url: str, variable: str) -> AppAddress:
    """The address as the host takes it apart, references filled in with any word."""
    filled_in = _REFERENCE.sub(lambda match: match[1] or "filled", url)
    try:
        address, text = read_address(filled_in), redirected(url, *_AT)
    except HostSideError as failure:
        return AppAddress(variable=variable, problem=failure.sentence)
    problem = None if is_plain_name(address.database) else "its database has a name that its files cannot hold"
    return AppAddress(
        variable=variable,
        user=address.user,
        host=address.host,
        port=address.port,
        database=address.database,
        text=text,
        problem=problem,
    )


def with_edge(case: Case) -> Observation:
    """The hosts with Nginx, and with the balancer that was put up under the policy of that day."""
    paper = case.edge
    if paper is None:
        return case.observation()
    edge = EdgeObservation(
        project=case.project,
        service="nginx",
        folder=case.rules().application.edge.nginx_include or "",
        inside=paper.inside,
        networks=paper.networks,
        answer=paper.answer,
        problem=paper.problem,
    )
    if paper.put_up_with is None:
        return case.observation(traffic=TrafficObservation(edge=edge))
    then = edge if paper.answer_then is None else edge.model_copy(update={"answer": paper.answer_then})
    bare = _roomy(case).observation(traffic=TrafficObservation(edge=then))
    values = balancer(bare, case.rules(paper.put_up_with), on=True).steps[0].values["app1"]
    content = json.dumps([values["compose"], values["settings"]], sort_keys=True)
    running = BalancerObservation(
        project=case.project,
        service=values["service"],
        digest=hashlib.sha256(content.encode()).hexdigest(),
        running=paper.runs,
    )
    switched = paper.switched is None or paper.switched
    files = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in values["files"].items()}
    there = {"files": files, "read": paper.read, "switches": ("balancer",) if switched else ()}
    return case.observation(traffic=TrafficObservation(edge=edge.model_copy(update=there), balancer=running))


def replication_of(case: Case) -> Replication:
    """The primary, the replicas that were made, and the balancer before them."""
    made = [name for name, where in case.hosts.items() if where.replica is not None]
    primary = _primary(case.primary, made)
    wanted, rotation, settings = _made(case, made, primary)
    hosts = {}
    if case.databases:
        joined = [one for one in rotation if _replica(case, one["name"]).in_rotation]
        balancer_seen = BalancerSeen(settings={**settings, "replicas": joined}, running=True) if made else None
        hosts["app1"] = HostReplication(primary=primary, balancer=balancer_seen, free_bytes=case.host.disk_free or 0)
    for name, where in case.hosts.items():
        if where.reachable:
            hosts[name] = HostReplication(
                primary=primary if where.database else None,
                replica=_seen(_replica(case, name), wanted[name]) if name in made else None,
                free_bytes=where.disk_free or 0,
                images=(_IMAGE,),
            )
    return Replication(hosts=hosts)


def _replica(case: Case, host: str) -> ReplicaOnPaper:
    return case.hosts[host].replica or ReplicaOnPaper()


def _seen(paper: ReplicaOnPaper, wanted: dict[str, Any]) -> ReplicaSeen:
    changed = {**wanted, "settings": {**wanted["settings"], **paper.settings}}
    return ReplicaSeen(
        wanted=changed if paper.finished else None,
        state=paper.state,
        problem=paper.problem,
        pending_restart=paper.pending_restart,
        streaming=paper.problem is None,
        lag_bytes=paper.lag,
        lag_seconds=paper.lag_seconds,
    )


def _primary(paper: PrimaryOnPaper, made: list[str]) -> PrimarySeen:
    settings = {
        "max_connections": "100",
        "max_worker_processes": "8",
        "max_wal_senders": str(paper.max_wal_senders),
        "max_prepared_transactions": "0",
        "max_locks_per_transaction": "64",
        "max_slot_wal_keep_size": "-1",
        "TimeZone": "Etc/UTC",
        **paper.settings,
    }
    ours = [replica_name(host) for host in made]
    others = [SlotSeen(name=name, active=state == "in use") for name, state in paper.slots.items()]
    return PrimarySeen(
        container="postgres",
        problem=paper.problem,
        in_recovery=paper.standby,
        version=paper.version * 10_000,
        system_identifier="7",
        bindir="/usr/lib/postgresql/bin",
        data_bytes=paper.data,
        wal_level=paper.wal_level,
        max_wal_senders=paper.max_wal_senders,
        max_replication_slots=paper.max_replication_slots,
        senders=len(made) if paper.senders is None else paper.senders,
        tablespaces=paper.tablespaces,
        slots=(*(SlotSeen(name=name, active=True) for name in ours), *others),
        roles=tuple(ours),
        settings=settings,
        pending_restart=paper.pending_restart,
        image=ImageSeen(id=_IMAGE, name="postgres"),
        network="app_default",
    )


def _made(
    case: Case, hosts: list[str], primary: PrimarySeen
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """What each replica was given, how the balancer knows it, and the balancer's settings."""
    if not hosts:
        return {}, [], {}
    able = primary.model_copy(
        update={
            "max_wal_senders": 99,
            "max_replication_slots": 99,
            "wal_level": "replica",
            "tablespaces": 0,
            "problem": None,
            "slots": (),
            "roles": (),
            "senders": 0,
            "in_recovery": False,
        }
    )
    bare = {name: HostReplication(free_bytes=_ENOUGH, images=(_IMAGE,)) for name in hosts}
    look = Replication(hosts={"app1": HostReplication(primary=able), **bare})
    reachable = {name: where.model_copy(update={"reachable": True}) for name, where in case.hosts.items()}
    seen = case.model_copy(update={"hosts": reachable}).observation()
    wanted, rotation, settings = {}, [], {}
    for name in hosts:
        plan = replicas(seen, case.rules(_replica(case, name).made_with), count=len(hosts), look=look)
        values = {step.id: step.values for step in plan.steps}
        settings = values["balancer"]["app1"]["balancer"]
        wanted[name] = values[f"replica-{name}"][name]["replica"]
        rotation.append(values[f"replica-{name}"][name]["join"])
    return wanted, rotation, settings


def hardware_of(case: Case, phase: str) -> HardwareLook:
    """What the provider can do, and what its books say of the host."""
    paper = case.provider
    books = None if paper.books is None else float(SIZES[phase].parse(paper.books))
    abilities = Abilities(name=paper.name, modes=paper.modes, waits=paper.waits, reverts=paper.reverts)
    return HardwareLook(abilities, books, paper.took)
