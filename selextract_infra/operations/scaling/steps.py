"""The steps that change how many instances a service has: one step for each service of a host.

More: an instance is created, has to be healthy by its own word, gets requests, and then the count is written down.
Fewer: an instance leaves rotation, finishes what it holds, is stopped and removed, and then the count is written down.
Built from Decisions and the projects they are about, and from nothing else, so a saved Plan gives the same steps again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from selextract_infra.flow.proof import proof_values
from selextract_infra.model.base import Frozen
from selextract_infra.model.capacity import with_count
from selextract_infra.model.decision import Decision
from selextract_infra.model.figures import count
from selextract_infra.model.plan import Change, Step
from selextract_infra.templates.balancer import answer_seconds

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["SCALE", "ScaledProject", "ScaledServiceOnHost", "scale_steps"]

SCALE = "selextract.infra.scale"
_API = "api"


class ScaledServiceOnHost(Frozen):
    """One service: ``form`` is how the app states its count, ``instances`` what runs of it in the order they leave.

    ``stopped`` are instances that do not run; they leave first. Compose counts them too, and starts them first.
    ``stop_grace`` is the longest time that one of them has to stop, in seconds. ``balanced``: requests reach it through
    the balancer. ``answer`` is how long Nginx waits for an answer, in seconds, None where it does not say.
    """

    form: str | None = None
    instances: tuple[str, ...]
    stopped: tuple[str, ...] = ()
    stop_grace: float = 0.0
    balanced: bool = False
    answer: float | None = None


class ScaledProject(Frozen):
    """The app's Compose project on one host; ``capacity`` is what our capacity file holds now, by service."""

    project: str
    directory: str
    present: tuple[str, ...] = ()
    capacity: dict[str, Any] = Field(default_factory=dict)
    services: dict[str, ScaledServiceOnHost] = Field(default_factory=dict)


def scale_steps(
    decisions: Sequence[Decision], projects: Mapping[str, ScaledProject], policy: Policy, *, at_once: int = 1
) -> tuple[Step, ...]:
    """A step for each Decision about ``instances`` that changes something, in their order.

    ``at_once`` is how many instances are created together; each of them still has to be healthy before it gets
    requests.
    """
    capacity = {host: dict(project.capacity) for host, project in projects.items()}
    steps = []
    for decision in decisions:
        if decision.resource != "instances" or not decision.changes or decision.granted is None:
            continue
        project = projects[decision.host]
        form = project.services[decision.service].form
        written = with_count(capacity[decision.host], decision.service, int(decision.granted), form)
        capacity[decision.host] = written
        steps.append(_step(decision, project, written, policy, at_once))
    return tuple(steps)


def _step(
    decision: Decision, project: ScaledProject, capacity: Mapping[str, Any], policy: Policy, at_once: int
) -> Step:
    service, times = project.services[decision.service], policy.scaling.instance
    before, wanted = int(decision.current or 0), int(decision.granted or 0)
    grace = max(service.stop_grace, _longest(decision.service, policy))
    longest = max(policy.balancing.proxy.drain, answer_seconds(policy, service.answer)) if service.balanced else 0.0
    changed = abs(wanted - before)
    leaving = [*service.stopped, *service.instances[: before - wanted]] if wanted < before else []
    # What leaves stops at the same time; what comes, comes one after the other.
    one_by_one = -(-changed // max(1, at_once)) if wanted > before else 1
    going = grace + longest
    return Step(
        id=f"scale-{decision.host}-{decision.service}",
        title=f"Scale {decision.service} on {decision.host} from {before} to {count(wanted, 'instance')}"
        + (_cut(policy) if service.balanced and leaving else ""),
        playbook=SCALE,
        hosts=(decision.host,),
        values={
            decision.host: {
                "project": project.project,
                "directory": policy.application.directory or project.directory,
                "service": decision.service,
                "count": wanted,
                "targets": _targets(before, wanted, at_once, len(service.stopped)),
                "leaving": leaving,
                "balanced": service.balanced,
                "drain_seconds": policy.balancing.proxy.drain,
                "stop_grace": grace,
                "gate_seconds": times.gate,
                "capacity": {"services": dict(capacity)},
                **proof_values(project.present, policy),
                "policy_digest": policy.digest,
            }
        },
        changes=(
            Change(
                host=decision.host, subject=decision.service, resource="instances", before=before, after=wanted,
            ),
        ),
        verification=f"{count(wanted, 'instance')} of {decision.service} run and are healthy; all health addresses"
        " answer.",
        rollback="What was added is drained and removed, what was removed is created again; the files are as before.",
        disrupts=_role(decision.service, policy) == _API and not service.balanced,
        estimate_seconds=one_by_one * times.estimate,
        rollback_seconds=one_by_one * times.rollback + going,
        timeout_seconds=one_by_one * times.timeout + going,
    )  # fmt: skip


def _cut(policy: Policy) -> str:
    """What becomes of streams, which would never let their instance go."""
    drain = policy.balancing.proxy.drain
    return f"; streams and downloads that still go on after {drain:.0f} s are cut, and their clients connect again"


def _targets(before: int, wanted: int, at_once: int, stopped: int) -> list[int]:
    """The counts on the way up; none is below what Compose counts already, else it would remove some."""
    first = before + max(at_once, stopped)
    return [min(number, wanted) for number in range(first, wanted + at_once, at_once)]


def _longest(name: str, policy: Policy) -> float:
    """The longest that an instance may be at work on one thing, with a margin; seconds."""
    service = policy.application.services.get(name)
    if service is None or service.role == _API:
        return policy.balancing.proxy.answer
    usual = service.task or policy.baseline.worker.task_duration
    longest = service.longest_task or usual * policy.workers.longest_factor
    return longest * (1 + policy.workers.grace_margin)


def _role(name: str, policy: Policy) -> str:
    service = policy.application.services.get(name)
    return service.role if service else ""
