"""The Plan of tuning Redis: its settings are put into force at once, and kept where Redis itself would look for them.

An administrator of Redis would say ``CONFIG SET`` and then ``CONFIG REWRITE``. In a container that works where the
configuration file lies in a folder that outlives it. Where Redis has its settings as arguments, which win over a file,
or has no file at all, they stand in its command: in our capacity file, and its container is made anew from that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from selextract_infra.assess.postgres.proposal import Subject
from selextract_infra.assess.project_on_host import ProjectOnHost, project_on_host
from selextract_infra.assess.service import Service, app_services
from selextract_infra.assess.usage import attachment_findings
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.draft import PlanDraft, PlanInput, Planner
from selextract_infra.flow.limit_steps import common_values, settle_values
from selextract_infra.model.base import Frozen
from selextract_infra.model.capacity import with_command
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.plan import Change, CostChange, Plan, Step
from selextract_infra.operations.tune.decide_redis import (
    RedisFacts,
    RedisServer,
    RedisTuning,
    stated_settings,
    tune_redis,
    with_settings,
)
from selextract_infra.operations.tune.operation_redis import TuneRedisRequest

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PLANNER"]

_ROLE = "redis"
_BY_DEFAULT = {"maxmemory": "0", "maxmemory-policy": "noeviction"}
"""What Redis does where neither an argument nor a file says it."""
_PLAYBOOK = "selextract.infra.carry"


class RedisOnHost(Frozen):
    """One server as data that travels in the Plan: what it says of itself, and what its container has."""

    server: RedisServer
    container: str
    limit: int | None
    stop_grace: float = 0.0
    writable: str | None = None


class TuneRedisParameters(TuneRedisRequest):
    """The request, and by host the project and the servers of its services as they were seen."""

    projects: dict[str, ProjectOnHost]
    servers: dict[str, dict[str, RedisOnHost]]


def _draft(given: PlanInput[TuneRedisRequest, None]) -> PlanDraft:
    """Give every mapped Redis its settings; nothing where all have them and keep them.

    Raises ``UsageError`` for a service that is not mapped as Redis, ``RefusedError`` where none runs, one cannot be
    asked, its settings would not last, or what it is for is not known.
    """
    request, policy = given.request, given.policy
    mapped = policy.application.services_of(_ROLE)
    for named in (*((request.service,) if request.service else ()), *request.caches):
        if named not in mapped:
            raise UsageError(f"{named} is not mapped as redis; there are {', '.join(sorted(mapped)) or 'none'}.")
    projects: dict[str, ProjectOnHost] = {}
    servers: dict[str, dict[str, RedisOnHost]] = {}
    findings: list[Finding] = []
    for host in given.observation.hosts:
        project = host.project(policy.application.project or "")
        services = [each for each in app_services(host, policy) if each.role == _ROLE and each.running]
        chosen = [each for each in services if request.service in (None, each.name)]
        if host.problem is not None or project is None or project.problem is not None or not chosen:
            continue
        servers[host.name] = {each.name: _server(host, each, project.unwritable) for each in chosen}
        projects[host.name] = project_on_host(host, project, policy)
        findings += attachment_findings(host, project)
    if not servers and given.observation.hosts:
        raise RefusedError(
            "No service that is mapped as redis runs on these hosts.",
            rule="mapping",
            remedy="give the service the role redis in the application mapping, or start it",
        )
    kept = TuneRedisParameters(**dict(request), projects=projects, servers=servers)
    tunings = list(_tunings(kept, policy))
    return PlanDraft(
        parameters=kept,
        hosts=tuple(servers),
        decisions=tuple(decision for _, _, tuning in tunings for decision in tuning.decisions),
        steps=_steps(kept, policy),
        findings=(*findings, *(_masked(host, name) for host, name, tuning in tunings
                               if _command(kept.servers[host][name], tuning))),
        cost=CostChange(sentence="Settings cost nothing; the bill stays as it is."),
    )  # fmt: skip


def _server(host: HostObservation, service: Service, unwritable: str | None) -> RedisOnHost:
    if len(service.running) != 1:
        raise RefusedError(
            f"{service.name} on {host.name} has {len(service.running)} instances; one Redis is tuned, not several.",
            rule="mapping",
        )
    (container,) = service.running
    server = host.program(container.name, RedisServer) or RedisServer(problem="Nobody asked it.")
    if server.replica:
        server = RedisServer(problem="It is a replica of another Redis, whose settings are its own team's.")
    if server.problem is not None:
        raise RefusedError(
            f"{service.name} on {host.name} cannot be asked: {server.problem}",
            rule="mapping",
            remedy="let redis-cli in its container reach it without a password, or give it REDISCLI_AUTH",
        )
    limit = service.lowest_limit("memory")
    return RedisOnHost(
        server=server,
        container=container.name,
        limit=None if limit is None else int(limit),
        stop_grace=container.stop_grace_seconds or 0.0,
        writable=unwritable,
    )


def _tunings(kept: TuneRedisParameters, policy: Policy) -> Iterator[tuple[str, str, RedisTuning]]:
    workers = any(mapped.celery_app for mapped in policy.application.services_of("worker").values())
    broker = workers and len(policy.application.services_of(_ROLE)) == 1
    for host in sorted(kept.servers):
        for name, server in sorted(kept.servers[host].items()):
            facts = RedisFacts(server.server, server.limit, cache=name in kept.caches, broker=broker)
            subject = Subject(host, kept.projects[host].project, name)
            yield host, name, tune_redis(facts, policy, subject, kept.maxmemory)


def _command(server: RedisOnHost, tuning: RedisTuning) -> tuple[str, ...] | None:
    """The command that keeps the settings, where it has to say something else than it says now; empty for none."""
    arguments = server.server.arguments
    stated = stated_settings(arguments or ())
    changes = any(decision.changes for decision in tuning.decisions)
    if not stated and (server.server.rewrites or not changes):
        return None
    if arguments is None:
        return ()
    has_file = len(arguments) > 1 and not arguments[1].startswith("--")
    holding = stated if has_file else {**_BY_DEFAULT, **stated}
    if all(_same(holding.get(name), value) for name, value in tuning.settings.items()):
        return None
    return with_settings(arguments, tuning.settings)


def _same(stated: str | None, value: str) -> bool:
    """Whether an argument such as ``64mb`` says the value; Redis counts ``kb`` by 1024 and ``k`` by 1000."""
    if stated is None:
        return False
    digits = stated.lower().rstrip("kmgb")
    units = {"": 1, "b": 1, "k": 10**3, "kb": 2**10, "m": 10**6, "mb": 2**20, "g": 10**9, "gb": 2**30}
    unit = units.get(stated.lower()[len(digits) :])
    return stated == value or (digits.isdigit() and unit is not None and str(int(digits) * unit) == value)


def _steps(kept: TuneRedisParameters, policy: Policy) -> tuple[Step, ...]:
    """One step for each server that changes; a later one on the same host keeps what an earlier one wrote."""
    steps: list[Step] = []
    capacities = {host: project.capacity for host, project in kept.projects.items()}
    for host, name, tuning in _tunings(kept, policy):
        server = kept.servers[host][name]
        command = _command(server, tuning)
        if command is None and not any(decision.changes for decision in tuning.decisions):
            continue
        if command is not None:
            _refuse_recreation(host, name, server, command, tuning)
            capacities[host] = with_command(capacities[host], name, command)
        steps.append(_step(kept, host, name, tuning, capacities[host] if command else None, policy))
    return tuple(steps)


def _refuse_recreation(
    host: str, name: str, server: RedisOnHost, command: tuple[str, ...], tuning: RedisTuning
) -> None:
    """Raise where the settings cannot be kept by a command, or where its data would not outlive a restart."""
    keeps = not tuning.settings["maxmemory-policy"].startswith(("allkeys-", "volatile-"))
    wanted = " ".join(f"--{setting} {value}" for setting, value in sorted(tuning.settings.items()))
    if not command or server.writable is not None:
        why = server.writable or "its command is not Redis' own alone or holds a secret, and it has no file that it can"
        why = why if server.writable else f"{why} rewrite"
        raise RefusedError(
            f"The settings of {name} on {host} would be lost at its next restart: {why}.",
            rule="restart",
            remedy=f"give it a configuration file in a folder on a volume, or add {wanted} to its command yourself",
        )
    if keeps and server.server.keys and not (server.server.saves and server.server.on_volume):
        raise RefusedError(
            f"{name} on {host} has its settings in its command, and to change that it restarts; its"
            f" {server.server.keys} keys are in memory alone and would be lost.",
            rule="restart",
            remedy="let Redis save to a volume (appendonly yes) first",
        )


def _step(
    kept: TuneRedisParameters,
    host: str,
    name: str,
    tuning: RedisTuning,
    capacity: dict[str, Any] | None,
    policy: Policy,
) -> Step:
    server, project = kept.servers[host][name], kept.projects[host]
    times = policy.rightsizing.in_place if capacity is None else policy.rightsizing.settle
    grace = 0.0 if capacity is None else server.stop_grace
    act = {
        "project": project.project,
        "service": name,
        "settings": tuning.settings,
        "rewrite": capacity is None and server.server.rewrites,
        "memory": server.limit or 0,
        "bound_seconds": times.gate,
    }
    values: dict[str, Any] = {
        **common_values(project, policy, times.gate),
        "services": {name: {}},
        "acts": [{"name": "redis_settings", "title": f"Put the settings of {name} into force", "values": act}],
    }
    if capacity is not None:
        settled = settle_values(name, [server.container], grace, policy)
        values |= {"capacity": {"services": capacity}, "settle": [{**settled, "command": True}]}
    return Step(
        id=f"tune-{host}-{name}",
        title=f"Put the settings of {name} on {host} into force"
        + ("" if capacity is None else " and restart it with them in its command"),
        playbook=_PLAYBOOK,
        hosts=(host,),
        values={host: values},
        changes=tuple(
            Change(
                host=host,
                subject=name,
                resource=decision.resource,
                before=decision.current_text or decision.current,
                after=decision.granted_text or decision.granted,
            )
            for decision in tuning.decisions
            if decision.changes
        ),
        verification="Redis shows both settings, holds to them, and takes, gives and drops a key.",
        rollback="The settings from before are put into force"
        + (" and kept." if capacity is None else ", and the container is made again as it was."),
        disrupts=capacity is not None,
        estimate_seconds=times.estimate,
        rollback_seconds=times.rollback + grace,
        timeout_seconds=times.timeout + grace,
    )


def _masked(host: str, name: str) -> Finding:
    return Finding(
        rule="restart",
        severity=Severity.MINOR,
        rule_class=RuleClass.WARN,
        subject=f"{host}/{name}",
        sentence=f"The command of {name} stands in our capacity file from then on and wins over the app's own: what its"
        " team changes there has no effect.",
        resolution="Take the command out of our file, or uninstall, before the team's is changed.",
    )


def _refuse_impossible_settings(saved: Plan, parameters: TuneRedisParameters, policy: Policy) -> None:
    """Raise ``RefusedError`` for decisions that do not follow from what the Plan says of its servers."""
    decided = tuple(decision for _, _, tuning in _tunings(parameters, policy) for decision in tuning.decisions)
    if decided != saved.decisions:
        raise RefusedError(
            "The plan's decisions do not follow from what it says of the servers.",
            rule="saved plan",
            remedy="plan again; nothing was touched",
        )


PLANNER = Planner(
    parameters=TuneRedisParameters,
    draft=_draft,
    steps=lambda _, kept, policy: _steps(kept, policy),
    refuse_impossible=_refuse_impossible_settings,
)
