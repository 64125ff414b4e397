"""What a replica is to be: the one mapping that its host makes it from, and compares by its digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from selextract_infra.assess.postgres.parameters import STANDBY_PARAMETERS
from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.errors import RefusedError
from selextract_infra.model.base import Frozen
from selextract_infra.model.figures import MB
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.postgres import Role, Storage
from selextract_infra.model.postgres_conf import conf_value
from selextract_infra.model.tuning import PostgresFacts, PostgresTuning
from selextract_infra.operations.replicas.decide import replica_name
from selextract_infra.operations.replicas.replication import PrimarySeen

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["CARRIED", "DIFFERENT", "SLOT_LIMIT", "ReplicaHost", "kept_apart", "primary_settings", "replica_wanted"]

CARRIED = (
    "shared_preload_libraries",
    "TimeZone",
    "log_timezone",
    "DateStyle",
    "IntervalStyle",
    "default_text_search_config",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
)
"""Parameters that change what a query answers, whether they are set or not: a replica has the primary's."""

DIFFERENT: Mapping[str, str] = {
    "default_transaction_isolation": "a standby refuses every serializable transaction",
    "default_transaction_deferrable": "it means something for serializable transactions alone",
    "lc_messages": "this program reads what the replica's server says",
    "log_statement": "what is logged is no part of an answer, and fills another disk",
    "log_duration": "what is logged is no part of an answer, and fills another disk",
    "log_min_duration_statement": "what is logged is no part of an answer, and fills another disk",
}
"""Settings of the primary that a replica does not get, with the reason; it is sized for its own host besides."""

_NO_ANSWER = ("lc_", "log_")  # every server has these, and no row differs for them

SLOT_LIMIT = "max_slot_wal_keep_size"
_STATUS_SHARE = 10  # a replica reports so many times before its silence counts
_MILLISECOND = 1000
_QUARTERS = 4


class ReplicaHost(Frozen):
    """What a host has for a replica: memory in bytes, cores, the size of its disk in bytes.

    ``ports`` are those of the replica there (``replica``, ``check``) and the way to its primary (``primary``), where
    they are not the policy's.
    """

    memory: int
    cpus: float
    disk: int | None = None
    ports: dict[str, int] = Field(default_factory=dict)


def replica_wanted(
    host: str, role: Role, replica_host: ReplicaHost, primary_host: str, primary: PrimarySeen, policy: Policy
) -> dict[str, Any]:
    """All that the host of a replica has to know; the same Plan gives the same mapping."""
    replication, mapping = policy.replication, policy.application
    addresses, (service,) = mapping.private_addresses, mapping.services_of("database").values()
    check = replica_host.ports.get("check", replication.ports.check)
    others = [name for name in primary.superusers if name != service.postgres.superuser]
    tuning = _tuning(role, replica_host, primary, policy)
    settings = {setting.name: conf_value(setting) for setting in tuning.settings}
    answers = {name: value for name, value in primary.answers.items() if name not in {*settings, *DIFFERENT, *CARRIED}}
    settings |= answers | {name: primary.settings[name] for name in CARRIED if primary.settings.get(name)}
    settings["wal_receiver_timeout"] = f"{round(replication.silence * _MILLISECOND)}ms"
    settings["wal_receiver_status_interval"] = f"{max(1, round(replication.silence / _STATUS_SHARE))}s"
    return {
        "host": host,
        "name": replica_name(host),
        "role": role.value,
        "image": primary.image.model_dump(),
        "bindir": primary.bindir,
        "uid": primary.uid,
        "gid": primary.gid,
        "superuser": service.postgres.superuser,
        **({"superusers": others} if others else {}),
        "system_identifier": primary.system_identifier,
        "primary": {
            "host": primary_host,
            "address": addresses[primary_host],
            "port": replica_host.ports.get("primary", replication.ports.primary),
            "connect_timeout": round(replication.connect),
        },
        "address": addresses[host],
        "port": replica_host.ports.get("replica", replication.ports.replica),
        **({"check": check} if check != replication.ports.check else {}),
        "memory": tuning.facts.memory,
        "cpus": tuning.facts.cpus,
        "shm_size": tuning.shm_size,
        "stop_grace": primary.stop_grace,
        "settings": settings,
        **({"answers": answers} if answers else {}),
    }


def kept_apart(primary: PrimarySeen) -> tuple[Finding, ...]:
    """What changes an answer, is set on the primary, and a replica does not get: by name, with the reason."""
    return tuple(
        Finding(
            rule="replicas",
            severity=Severity.INFO,
            rule_class=RuleClass.REPORT,
            subject=name,
            sentence=f"The replicas do not get the primary's {name}: {DIFFERENT[name]}.",
        )
        for name in sorted(DIFFERENT)
        if name in primary.answers and not name.startswith(_NO_ANSWER)
    )


def primary_settings(disk: int | None, primary: PrimarySeen, policy: Policy) -> dict[str, str]:
    """What is set on the primary beside the replica: a slot of a lost one may not fill its disk.

    Nothing where the team or a tuning has set a limit already, or where the disk's size is not known.
    """
    if disk is None or primary.settings.get(SLOT_LIMIT, "-1") != "-1":
        return {}
    rules = policy.postgres
    return {SLOT_LIMIT: f"{max(round(disk * rules.slot_disk_share), rules.wal_minimum) // MB}MB"}


def _tuning(role: Role, replica_host: ReplicaHost, primary: PrimarySeen, policy: Policy) -> PostgresTuning:
    """The settings of a server of its role, in the guide's database container.

    A standby may not have fewer connections than its primary, now and after the primary's next restart (DRV-10). Where
    the container is too small for them it is made larger by quarters, as far as the host has room. Raises
    ``RefusedError`` where that is not enough.
    """
    (service,) = policy.application.services_of("database").values()
    container, keep = policy.containers["database"], policy.rightsizing.host_reserve_memory
    room = int(replica_host.memory * (1 - keep))
    memory = min(container.memory, room)
    while True:
        facts = PostgresFacts(
            memory=memory,
            cpus=min(container.cpus, float(replica_host.cpus)),
            version=primary.major,
            connections=primary.highest("max_connections"),
            storage=Storage(service.postgres.storage),
            disk=replica_host.disk,
            role=role,
            lz4=False,
            primary={name: primary.highest(name) for name in STANDBY_PARAMETERS},
        )
        try:
            return tune_postgres(facts, policy)
        except RefusedError:
            if memory >= room:
                raise
            memory = min(room, memory + container.memory // _QUARTERS)
