"""Which hosts get a replica and what each is for: HDB-01, X-63, X-64. A replica is removed only by hand.

One replica does everything, with a warning; of two or more, one is for analytics. A host that has its replica keeps
it, and the role it has, as long as the count allows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.figures import count as counted
from selextract_infra.model.figures import disk
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import Observation
from selextract_infra.model.postgres import Role
from selextract_infra.operations.replicas.replication import PrimarySeen, ReplicaSeen, Replication

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = [
    "REPLICA",
    "DecidedReplicas",
    "decide_replicas",
    "refuse_two_primaries",
    "replica_name",
    "silent_replicas",
]

REPLICA = "replica"
"""The resource of the Decision about one host."""

_PREFIX = "selextract_"
_LONGEST = 63  # of a name in Postgres
_UNUSUAL = re.compile(r"[^a-z0-9_]")


@dataclass(frozen=True)
class DecidedReplicas:
    """A Decision for each host that has or gets a replica, the one about their number first; and what to know.

    ``missing`` are the hosts that do not answer, ``silent`` those of them that have a replica: they are left alone.
    """

    primary: str
    decisions: tuple[Decision, ...]
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    silent: tuple[str, ...]


def replica_name(host: str) -> str:
    """The name of a host's replica as slot and role of Postgres; two hosts never share one."""
    plain = _UNUSUAL.sub("_", host.lower())
    if plain != host or len(_PREFIX + plain) > _LONGEST:
        plain = f"{plain[: _LONGEST - len(_PREFIX) - 9]}_{sha256(host.encode()).hexdigest()[:8]}"
    return _PREFIX + plain


def decide_replicas(
    observation: Observation,
    replication: Replication,
    policy: Policy,
    *,
    count: int | None = None,
    on: Sequence[str] = (),
    again: Collection[str] = (),
) -> DecidedReplicas:
    """Which hosts have a replica afterwards.

    ``count`` None keeps as many as there are. ``on`` names the hosts to choose from first, ``again`` those whose
    replica is cloned anew. Raises ``RefusedError`` where a rule forbids it or the primary cannot have replicas,
    ``UsageError`` for unknown hosts.
    """
    primary_host, primary = _primary(replication, policy)
    present, silent = replication.replicas, silent_replicas(primary, observation)
    bounds, current = policy.scaling.replicas.instances, len(present) + len(silent)
    wanted = current if count is None else count
    if not bounds.minimum <= wanted <= bounds.maximum:
        raise RefusedError(
            f"{counted(wanted, 'replica')} were asked for; there may be {bounds.minimum} to {bounds.maximum}.",
            rule="HDB-01",
        )
    _refuse_unknown([*on, *again], observation, replication)
    strangers = [host for host in again if host not in present]
    if strangers:
        raise UsageError(f"{', '.join(strangers)} has no replica that could be cloned again.")
    _refuse_same_machine(on, primary_host, observation)
    if silent and wanted != current:
        raise RefusedError(
            f"{', '.join(silent)} cannot be reached and has a replica by its slot on the primary; so there are"
            f" {current} and not {wanted}, and which to add or to take away is not decided meanwhile.",
            rule="HDB-04",
            remedy="bring it back, or take it out of the inventory if it is gone for good",
        )
    chosen = _chosen(wanted - len(silent), list(on), primary_host, observation, replication, policy)
    fresh = [host for host in chosen if host not in present or host in again]
    _refuse_unable(primary, len(fresh), policy)
    for host in fresh:
        _refuse_small_disk(host, replication, primary, policy)
    roles = _roles(chosen, present, keep=bool(silent))
    concerned = [*chosen, *(host for host in present if host not in chosen)]
    decisions = (
        _number(primary_host, current, wanted, policy),
        *(_decision(host, present.get(host), roles.get(host), policy) for host in concerned),
    )
    return DecidedReplicas(
        primary=primary_host,
        decisions=decisions,
        findings=(*_findings(primary_host, [*chosen, *silent], replication, silent), *_silent_findings(silent)),
        missing=tuple(sorted(observation.unreachable)),
        silent=silent,
    )


def _primary(replication: Replication, policy: Policy) -> tuple[str, PrimarySeen]:
    services = sorted(policy.application.services_of("database"))
    if len(services) != 1:
        raise RefusedError(
            f"Replicas need one database service in the mapping, and there {counted(len(services), 'is', 'are')}.",
            rule="mapping",
            remedy="map it: application.services with role: database",
        )
    refuse_two_primaries(replication)
    name = replication.primary_host
    if name is None:
        raise RefusedError(
            f"No host runs {services[0]} as the one primary, so there is nothing to make replicas of.", rule="HDB-04"
        )
    primary = replication.hosts[name].primary
    if primary is None or primary.problem:
        raise RefusedError(f"{name}: {primary.problem if primary else 'no primary'}", rule="HDB-04")
    if name not in policy.application.private_addresses:
        raise RefusedError(
            f"{name} has no private address in the mapping, and its Postgres listens on no other.",
            rule="mapping",
            remedy=f"name it: application.private_addresses: {{{name}: 10.0.0.11}}",
        )
    return name, primary


def refuse_two_primaries(replication: Replication) -> None:
    """Raise ``RefusedError`` where more than one server takes writes: nobody can tell which one is the right one."""
    several = replication.primary_hosts
    if len(several) > 1:
        raise RefusedError(
            f"{' and '.join(several)} each run a primary, and nothing says which one is right.",
            rule="HDB-04",
            remedy="stop the wrong one",
        )


def silent_replicas(primary: PrimarySeen, observation: Observation) -> tuple[str, ...]:
    """Hosts that do not answer and have a replica, as far as the primary knows."""
    known = {slot.name for slot in primary.slots} | set(primary.roles)
    return tuple(host for host in sorted(observation.unreachable) if replica_name(host) in known)


def _refuse_unknown(named: Sequence[str], observation: Observation, replication: Replication) -> None:
    for host in named:
        if host in observation.unreachable:
            raise UsageError(f"{host} cannot be reached, so it gets no replica.")
        if host not in replication.hosts:
            raise UsageError(f"{host} is no host of the inventory; there are {', '.join(sorted(replication.hosts))}.")


def _refuse_same_machine(on: Sequence[str], primary: str, observation: Observation) -> None:
    for host in on:
        if host == primary or _machine(host, observation) == _machine(primary, observation):
            raise RefusedError(
                f"{host} is the primary's own machine: a replica there adds load and protects from nothing.",
                rule="X-64",
                remedy="name another host with --on",
            )


def _machine(host: str, observation: Observation) -> str:
    observed = observation.host(host)
    return observed.facts.machine_id if observed and observed.facts.machine_id else host


def _chosen(
    wanted: int, on: list[str], primary: str, observation: Observation, replication: Replication, policy: Policy
) -> list[str]:
    """Hosts that have one first, readers before analytics; then the named ones, then the others in their order."""
    addresses = policy.application.private_addresses
    able = [
        host
        for host in replication.hosts
        if _machine(host, observation) != _machine(primary, observation)
        and host in addresses
        and _usable(host, observation)
    ]
    present = [host for host in able if host in replication.replicas]
    present.sort(key=lambda host: (host not in on if on else False, replication.replicas[host].role == Role.ANALYTICS))
    others = [host for host in able if host not in present]
    ordered = [*present, *(host for host in on if host in others), *(host for host in others if host not in on)]
    if len(ordered) < wanted:
        unnamed = [host for host in replication.hosts if host != primary and host not in addresses]
        why = f"; {', '.join(unnamed)} has no private address in the mapping" if unnamed else ""
        raise RefusedError(
            f"{counted(wanted, 'replica')} need as many hosts beside the primary's own, and there"
            f" {'is' if len(ordered) == 1 else 'are'} {len(ordered)} ({', '.join(ordered) or 'none'}){why}.",
            rule="X-64",
            remedy="add hosts to the inventory and to application.private_addresses",
        )
    chosen = ordered[:wanted]
    return [host for host in replication.hosts if host in chosen]


def _usable(host: str, observation: Observation) -> bool:
    observed = observation.host(host)
    return observed is not None and observed.problem is None


def _roles(chosen: Sequence[str], present: Mapping[str, ReplicaSeen], *, keep: bool) -> dict[str, Role]:
    """One is for analytics where there are two or more: the one that is already, else the newest.

    ``keep``: what another one is for is not known now, so each keeps its role.
    """
    if keep:
        return {host: Role(present[host].role or Role.READER) for host in chosen}
    if len(chosen) < 2:
        return dict.fromkeys(chosen, Role.READER)
    already = [host for host in chosen if host in present and present[host].role == Role.ANALYTICS]
    newest = [host for host in chosen if host not in present] or list(chosen)
    analytics = already[0] if already else newest[-1]
    return {host: Role.ANALYTICS if host == analytics else Role.READER for host in chosen}


def _refuse_unable(primary: PrimarySeen, fresh: int, policy: Policy) -> None:
    """Raise for what a primary can only get by a restart of its own."""
    if not fresh:
        return
    needed = primary.senders + fresh - 1 + policy.replication.senders
    slots = len(primary.slots) + fresh
    reason = None
    if primary.wal_level == "minimal":
        reason = "its wal_level is minimal"
    elif primary.max_wal_senders < needed:
        reason = f"its max_wal_senders is {primary.max_wal_senders}, and {needed} are needed"
    elif primary.max_replication_slots < slots:
        reason = f"its max_replication_slots is {primary.max_replication_slots}, and {slots} are needed"
    if reason is not None:
        raise RefusedError(
            f"The primary cannot have {counted(fresh, 'more replica')}: {reason}.",
            rule="HDB-04",
            remedy="raise it in the app's own configuration and restart Postgres in a window",
        )
    if primary.tablespaces:
        raise RefusedError(
            f"The primary has {counted(primary.tablespaces, 'tablespace')} outside of its data directory, which a"
            " clone cannot place.",
            rule="HDB-04",
        )


def _refuse_small_disk(host: str, replication: Replication, primary: PrimarySeen, policy: Policy) -> None:
    needed = round(primary.data_bytes * (1 + policy.replication.disk_margin))
    present = replication.hosts[host]
    if present.replica is None and present.free_bytes < needed:
        raise RefusedError(
            f"The disk of {host} has {disk(present.free_bytes)} free, and a replica needs {disk(needed)}.",
            rule="HDB-04",
        )


def _number(primary: str, current: int, wanted: int, policy: Policy) -> Decision:
    service = next(iter(policy.application.services_of("database")))
    verdict = Verdict.KEEP if wanted == current else Verdict.RAISE if wanted > current else Verdict.LOWER
    return Decision(
        host=primary,
        project=policy.application.project or "",
        service=service,
        resource="replicas",
        verdict=verdict,
        rule="HDB-01",
        current=current,
        requested=wanted,
        granted=wanted,
        why="Asked for." if wanted != current else "As many as there are.",
        numbers={"maximum": policy.scaling.replicas.instances.maximum},
    )


def _decision(host: str, present: ReplicaSeen | None, role: Role | None, policy: Policy) -> Decision:
    """About one host: 1 for a replica, 0 for none; its role stands in the numbers."""
    current, granted = int(present is not None), int(role is not None)
    whys = {
        Role.ANALYTICS: "One of two or more is for analytics.",
        Role.READER: "It answers the app's reads.",
        None: "There are to be fewer.",
    }
    numbers: dict[str, float | int | str] = {"role": role.value if role else ""}
    if present is not None:
        numbers["lag_seconds"] = round(present.lag_seconds, 1)
    return Decision(
        host=host,
        project=policy.application.project or "",
        service=next(iter(policy.application.services_of("database"))),
        resource=REPLICA,
        verdict=Verdict.KEEP if granted == current else Verdict.RAISE if granted else Verdict.LOWER,
        rule="X-63" if role else "X-64",
        current=current,
        requested=granted,
        granted=granted,
        why=whys[role],
        numbers=numbers,
    )


def _silent_findings(silent: Sequence[str]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            rule="HDB-04",
            severity=Severity.MAJOR,
            rule_class=RuleClass.REPORT,
            subject=host,
            sentence=f"{host} cannot be reached; its replica counts, and its slot and its place in the balancer stay.",
            resolution="bring it back, or take it out of the inventory if it is gone for good",
        )
        for host in silent
    )


def _findings(
    primary: str, chosen: Sequence[str], replication: Replication, silent: Sequence[str]
) -> tuple[Finding, ...]:
    findings = [
        Finding(
            rule="HDB-04",
            severity=Severity.MAJOR,
            rule_class=RuleClass.REPORT,
            subject=host,
            sentence=f"The replica on {host}: {replica.problem}",
            resolution=f"selextract-infra replicas --again {host} clones it anew.",
        )
        for host, replica in replication.replicas.items()
        if replica.problem
    ]
    if len(chosen) == 1:
        findings.append(
            Finding(
                rule="X-63",
                severity=Severity.MINOR,
                rule_class=RuleClass.WARN,
                subject=chosen[0],
                sentence="Analytics share the one replica with the app's reads; long queries make both wait.",
                resolution="A second replica would be for analytics alone.",
            )
        )
    primary_now = replication.hosts[primary].primary
    ours = {replica_name(host) for host in (*replication.hosts, *silent)}
    findings += [
        Finding(
            rule="HDB-04",
            severity=Severity.MAJOR,
            rule_class=RuleClass.WARN,
            subject=slot.name,
            sentence=f"The slot {slot.name} is in use, and no host of the inventory has that replica.",
            resolution="It is left alone; find out who uses it.",
        )
        for slot in (primary_now.slots if primary_now else ())
        if slot.active and slot.name not in ours
    ]
    return tuple(findings)
