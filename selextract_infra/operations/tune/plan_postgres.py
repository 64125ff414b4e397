"""The Plan of tuning Postgres where it runs: settings that a reload puts into force, then those that take a restart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from selextract_infra.assess.postgres.parameters import VERSIONS
from selextract_infra.assess.postgres.proposal import Subject
from selextract_infra.errors import RefusedError
from selextract_infra.flow.draft import PlanDraft, PlanInput, Planner
from selextract_infra.flow.proof import proof_values
from selextract_infra.model.base import Frozen
from selextract_infra.model.figures import count
from selextract_infra.model.finding import Finding
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import Change, CostChange, Plan, Step
from selextract_infra.model.postgres_conf import conf_text
from selextract_infra.model.postgres_observation import (
    PostgresConnections,
    PostgresObservation,
    PostgresSetting,
    RoleSetting,
)
from selextract_infra.model.tuning import PostgresFacts
from selextract_infra.operations.tune.decide_postgres import Retuning, facts_of, raw_value, retune_postgres
from selextract_infra.operations.tune.host_share import shared_host_finding
from selextract_infra.operations.tune.operation_postgres import TunePostgresRequest

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PLANNER", "ServerOnHost", "retuning_of"]

PLAYBOOK = "selextract.infra.tune_postgres"

_MANY = 4
"""Settings are named in a step's title up to this number, else counted."""


class ServerOnHost(Frozen):
    """One server as data that travels in the Plan: what it has, what is in force, and what the operator asked for.

    ``present`` names the mapped services of its project that run there.
    """

    facts: PostgresFacts
    project: str
    service: str
    container: str
    settings: dict[str, PostgresSetting]
    pending_restart: tuple[str, ...] = ()
    role_settings: tuple[RoleSetting, ...] = ()
    connections: PostgresConnections = PostgresConnections()
    shm_size: int | None = None
    stop_grace: float = 0.0
    present: tuple[str, ...] = ()
    shared_buffers: int | None = None
    overrides: tuple[str, ...] = Field(default=())


class TunePostgresParameters(TunePostgresRequest):
    """The request, and by host the server as it was seen."""

    servers: dict[str, ServerOnHost]


def _draft(given: PlanInput[TunePostgresRequest, None]) -> PlanDraft:
    """Give every mapped Postgres server its settings; nothing where all are in force.

    Raises ``RefusedError`` where no mapped server runs, one cannot be asked, or no settings would do.
    """
    request, policy = given.request, given.policy
    servers = {
        host.name: _server(host, host.postgres, policy, request.shared_buffers, request.overrides)
        for host in given.observation.hosts
        if host.postgres is not None and host.problem is None and (request.hosts is None or host.name in request.hosts)
    }
    if not servers and given.observation.hosts:
        raise RefusedError(
            "No service that is mapped as a database runs on these hosts.",
            rule="mapping",
            remedy="give the service the role database in the application mapping, or start it",
        )
    retunings = {host: retuning_of(host, server, policy) for host, server in servers.items()}
    return PlanDraft(
        parameters=TunePostgresParameters(**dict(request), servers=servers),
        hosts=tuple(servers),
        decisions=tuple(decision for each in retunings.values() for decision in each.decisions),
        steps=_tune_postgres_steps(servers, policy),
        findings=(
            *_shared_hosts(given.observation, servers),
            *(finding for each in retunings.values() for finding in each.findings),
        ),
        cost=CostChange(sentence="Settings cost nothing; the bill stays as it is."),
        overrides=request.overrides,
    )


def _shared_hosts(observation: Observation, servers: Mapping[str, ServerOnHost]) -> Iterator[Finding]:
    for host in observation.hosts:
        if host.name in servers and host.postgres is not None:
            finding = shared_host_finding(host, host.postgres, servers[host.name].facts.memory)
            if finding is not None:
                yield finding


def retuning_of(host: str, server: ServerOnHost, policy: Policy) -> Retuning:
    """What becomes of one server's settings; raises ``RefusedError`` where no settings would do."""
    observation = PostgresObservation.model_validate(
        server.model_dump(include={"project", "service", "container", "settings", "pending_restart", "role_settings",
                                   "shm_size", "connections"})
    )  # fmt: skip
    return retune_postgres(
        server.facts,
        observation,
        policy,
        subject=Subject(host, server.project, server.service),
        shared_buffers=server.shared_buffers,
        overrides=server.overrides,
    )


def _tune_postgres_steps(servers: Mapping[str, ServerOnHost], policy: Policy) -> tuple[Step, ...]:
    """For each server a step that reloads, and one that restarts; each only where something takes it.

    What takes a restart is written by the step that restarts, so that no unproven value waits for a restart by chance.
    """
    return tuple(step for host in sorted(servers) for step in _steps(host, servers[host], policy))


def _steps(host: str, server: ServerOnHost, policy: Policy) -> Iterator[Step]:
    retuning = retuning_of(host, server, policy)
    if retuning.reload:
        yield _step(host, server, retuning, policy, restart=False)
    if retuning.restart:
        yield _step(host, server, retuning, policy, restart=True)


def _step(host: str, server: ServerOnHost, retuning: Retuning, policy: Policy, *, restart: bool) -> Step:
    names = retuning.restart if restart else retuning.reload
    times = policy.postgres.restart if restart else policy.postgres.reload
    grace = server.stop_grace if restart else 0.0
    shown = ", ".join(names) if len(names) <= _MANY else count(len(names), "setting")
    return Step(
        id=f"tune-{host}-{'restart' if restart else 'reload'}",
        title=f"{'Restart' if restart else 'Reload'} {server.service} on {host} for {shown}",
        playbook=PLAYBOOK,
        hosts=(host,),
        values={host: _values(server, retuning, policy, restart=restart)},
        changes=tuple(
            Change(
                host=host, subject=server.service, resource=decision.resource,
                before=decision.current_text, after=decision.granted_text,
            )
            for decision in retuning.decisions
            if decision.resource in names
        ),
        verification="The server itself shows every value in force; all health addresses answer.",
        rollback="The file from before is put back, and the server is "
        + ("started with it." if restart else "reloaded."),
        disrupts=restart,
        estimate_seconds=times.estimate,
        rollback_seconds=times.rollback,
        timeout_seconds=times.timeout + grace,
    )  # fmt: skip


def _values(server: ServerOnHost, retuning: Retuning, policy: Policy, *, restart: bool) -> dict[str, Any]:
    mapped = policy.application.services
    reached = mapped[server.service].postgres
    held_back = () if restart else retuning.restart
    settings = tuple(setting for setting in retuning.settings if setting.name not in held_back)
    times = policy.postgres.restart if restart else policy.postgres.reload
    return {
        "project": server.project,
        "service": server.service,
        "superuser": reached.superuser,
        "socket": reached.socket,
        "text": conf_text(retuning.tuning.model_copy(update={"settings": settings})),
        "settings": {setting.name: raw_value(setting, server.settings[setting.name].unit) for setting in settings},
        "memory": server.facts.memory,
        "restart": restart,
        **proof_values(server.present, policy),
        "gate_seconds": times.gate,
        "policy_digest": policy.digest,
    }


def _server(
    host: HostObservation,
    server: PostgresObservation,
    policy: Policy,
    shared_buffers: int | None,
    overrides: tuple[str, ...],
) -> ServerOnHost:
    if server.problem is not None:
        raise RefusedError(
            f"{server.service} on {host.name} cannot be asked: {server.problem}",
            rule="mapping",
            remedy="say its superuser and socket in the application mapping, under postgres",
        )
    if server.version not in VERSIONS:
        known = "of an unknown version" if server.version is None else f"PostgreSQL {server.version}"
        raise RefusedError(
            f"{server.service} on {host.name} is {known}; its settings are known for {VERSIONS[0]} to {VERSIONS[-1]}.",
            rule="DRV-09",
        )
    container = next((each for each in host.containers if each.name == server.container), None)
    return ServerOnHost(
        facts=facts_of(host, server, policy),
        project=server.project,
        service=server.service,
        container=server.container,
        settings=server.settings,
        pending_restart=server.pending_restart,
        role_settings=server.role_settings,
        connections=server.connections,
        shm_size=server.shm_size,
        stop_grace=(container.stop_grace_seconds or 0.0) if container else 0.0,
        present=tuple(
            sorted({each.service for each in host.containers if each.project == server.project and each.service})
        ),
        shared_buffers=shared_buffers,
        overrides=overrides,
    )


def _refuse_impossible_settings(saved: Plan, parameters: TunePostgresParameters, policy: Policy) -> None:
    """Raise ``RefusedError`` for decisions that do not follow from what the Plan says of its servers."""
    decided = tuple(
        decision
        for host, server in parameters.servers.items()
        for decision in retuning_of(host, server, policy).decisions
    )
    if decided != saved.decisions:
        raise RefusedError(
            "The plan's decisions do not follow from what it says of the servers.",
            rule="saved plan",
            remedy="plan again; nothing was touched",
        )


PLANNER = Planner(
    parameters=TunePostgresParameters,
    draft=_draft,
    steps=lambda _, kept, policy: _tune_postgres_steps(kept.servers, policy),
    refuse_impossible=_refuse_impossible_settings,
)
