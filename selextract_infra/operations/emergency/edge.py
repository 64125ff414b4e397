"""Emergency caching and throttling at the edge: only on the routes that the mapping names (EMA-04, EMA-05, X-75)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selextract_infra.assess.incident import EdgeSide
from selextract_infra.assess.scaling_inputs import RedisSide
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.figures import count, printable
from selextract_infra.model.finding import Severity

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["edge_decisions"]


def edge_decisions(
    policy: Policy, redis: RedisSide | None = None, sides: Sequence[EdgeSide] = (EdgeSide(),)
) -> tuple[Decision, ...]:
    """Caching and throttling on each host with Nginx: where the policy asks for it, routes are mapped, and no task is
    at risk.
    """
    actions, edge = policy.emergency.actions, policy.application.edge
    evicts = _evicts(policy, redis)
    decisions = []
    for side in sides:
        decisions += [
            _switch(policy, "caching", side, wanted=actions.caching, routes=edge.public_cacheable, against=evicts),
            _switch(policy, "throttling", side, wanted=actions.throttling, routes=edge.non_critical),
        ]
    return tuple(decisions)


def _evicts(policy: Policy, redis: RedisSide | None) -> str | None:
    """A full Redis that evicts would drop queued tasks for cached answers (X-75)."""
    wanted = policy.emergency.actions.cache_eviction.value
    if redis is None or not redis.broker or redis.eviction == wanted:
        return None
    eviction = "is not known" if redis.eviction is None else f"is {printable(redis.eviction[:40])}"
    return (
        f"Redis holds the task queue, and its eviction policy {eviction}, not {wanted}: tasks could be dropped (X-75)"
    )


def _switch(
    policy: Policy, name: str, side: EdgeSide, *, wanted: bool, routes: tuple[str, ...], against: str | None = None
) -> Decision:
    item = policy.origin(f"emergency.actions.{name}").item_id or f"emergency.actions.{name}"
    less = against
    if not wanted:
        less = "the policy does not ask for it"
    elif not routes:
        less = "no route is mapped for it"
    elif policy.application.edge.nginx_include is None:
        less = "no include folder of Nginx is mapped"
    elif less is None:
        less = side.unread
    return Decision(
        host=side.host,
        resource=name,
        verdict=Verdict.SET if less is None else Verdict.REFUSED,
        rule=item,
        current=0,
        requested=int(wanted),
        granted=int(less is None),
        why=f"{name} of {count(len(routes), 'mapped route')}",
        why_less=less,
        severity=Severity.INFO if less is None else Severity.MAJOR,
    )
