"""Status: one screen about what runs, what was interrupted, what is locked or frozen, what the app will recreate."""

from __future__ import annotations

from collections.abc import Iterator

from selextract_infra.assess.dated_events import event_findings, event_lines, events_beyond_room
from selextract_infra.assess.emergency_effect import drill_findings
from selextract_infra.assess.kept_promises import Applied, promise_findings
from selextract_infra.assess.project_on_host import pending_recreations
from selextract_infra.assess.usage import attachment_findings, closed_findings
from selextract_infra.flow.capacity_warnings import last_look_ahead, nobody_looks_ahead
from selextract_infra.flow.context import Context
from selextract_infra.flow.incidents import record_ended_emergencies
from selextract_infra.flow.schedule import waiting
from selextract_infra.flow.unfinished import at_work, unfinished_runs
from selextract_infra.model.emergency import open_emergencies
from selextract_infra.model.figures import count
from selextract_infra.model.finding import Finding
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.run import RunStatus
from selextract_infra.model.traffic import EdgeObservation, TrafficObservation
from selextract_infra.operations.status.fleet_status import HostStatus, Status
from selextract_infra.templates.nginx import CACHING, ROUTING, THROTTLING

__all__ = ["host_status", "status"]

_RUNS_LOOKED_AT = 100


def status(context: Context) -> Status:
    """Look at all hosts and say how they stand; a host that does not answer is listed with the reason."""
    observation = context.observe()
    record_ended_emergencies(context, observation)
    closed = context.journal.closed_runs()
    return Status(
        at=observation.at,
        hosts=tuple(_without(host_status(observation, host), closed) for host in observation.hosts),
        waiting=waiting(context, observation.at),
        events=event_lines(context.policy, observation.at),
        pending_recreations=pending_recreations(observation, context.policy),
        unreachable=observation.unreachable,
        findings=(
            *drill_findings(context.journal.last_drill(), context.policy, observation.at),
            *(finding for host in observation.hosts for finding in closed_findings(host)),
            *_attachments(observation),
            *_unwarned(context, observation),
            *event_findings(context.policy, observation.at),
            *events_beyond_room(context.policy, observation),
            *promise_findings(tuple(_applied_limits(context)), observation, context.policy),
        ),
    )


def _applied_limits(context: Context) -> Iterator[Applied]:
    """What Runs of right-sizing have set, by this journal."""
    for run in context.journal.runs(_RUNS_LOOKED_AT):
        plan = context.journal.plan(run.plan_digest) if run.status is RunStatus.DONE and run.ended_at else None
        if plan is not None and run.ended_at is not None and plan.operation == "rightsize":
            for decision in plan.decisions:
                yield Applied(run.id, run.ended_at, decision)


def _unwarned(context: Context, observation: Observation) -> Iterator[Finding]:
    last = last_look_ahead(context.journal, observation.at)
    finding = nobody_looks_ahead(last, context.policy, observation.at)
    if finding is not None:
        yield finding


def _attachments(observation: Observation) -> Iterator[Finding]:
    for host in observation.hosts:
        for project in host.projects:
            yield from attachment_findings(host, project)


def host_status(observation: Observation, host: HostObservation) -> HostStatus:
    """How one host of that Observation stands."""
    unfinished = [run for run, records in unfinished_runs(observation).items() if host.name in records]
    running = tuple(run for run in unfinished if at_work(host, run, observation.at))
    return HostStatus(
        name=host.name,
        problem=host.problem,
        lock=host.state.get("lock"),
        freeze=host.state.get("freeze"),
        preempt=host.state.get("preempt"),
        running=running,
        interrupted=tuple(run for run in unfinished if run not in running),
        not_put_back=_not_put_back(host),
        sampler=_sampler(host, observation),
        emergency=next((emergency for emergency in open_emergencies(observation) if emergency.host == host.name), None),
        balancer=_balancer(host.traffic),
        edge=_edge(host.traffic.edge),
    )


def _without(host: HostStatus, closed: frozenset[str]) -> HostStatus:
    """The host without the runs that a person has dealt with."""
    open_runs = {run: sentence for run, sentence in host.not_put_back.items() if run not in closed}
    return host.model_copy(update={"not_put_back": open_runs})


def _not_put_back(host: HostObservation) -> dict[str, str]:
    runs = host.state.get("failed_rollbacks")
    entries = [entry for entry in runs if isinstance(entry, dict)] if isinstance(runs, list) else []
    return {str(entry.get("run_id")): str(entry.get("sentence") or "") for entry in entries}


def _balancer(traffic: TrafficObservation) -> str:
    balancer = traffic.balancer
    if balancer is None:
        return "off" if traffic.edge is not None else ""
    if not balancer.running or balancer.problem:
        return f"broken: {balancer.problem or 'it does not run'}"
    serving = sum(server.status.startswith("UP") for server in balancer.servers)
    way = traffic.edge is not None and ROUTING in traffic.edge.switches
    past = "" if way else ", and Nginx goes past it"
    return f"on, {serving} of {count(len(balancer.servers), 'instance')} of {balancer.service} in rotation{past}"


def _edge(edge: EdgeObservation | None) -> str:
    """The switches of an emergency; the one that leads to the balancer is told with it."""
    if edge is None:
        return ""
    if edge.problem:
        return edge.problem
    if not edge.files:
        return "no switches; `balancer on` puts them there"
    switches = [f"{name} {'on' if name in edge.switches else 'off'}" for name in (CACHING, THROTTLING)]
    return ", ".join(switches) + ("" if edge.read else "; Nginx has not read our files")


def _sampler(host: HostObservation, observation: Observation) -> str:
    sampler = host.sampler
    if not sampler.installed:
        return "not installed"
    if not sampler.running:
        return "stopped"
    if sampler.last_sample_at is None:
        return "running, nothing written yet"
    age = max(0, round(observation.at.timestamp() - sampler.last_sample_at))
    late = sampler.bucket is not None and age > 3 * sampler.bucket
    return f"silent for {age} s" if late else f"running, wrote {age} s ago"
