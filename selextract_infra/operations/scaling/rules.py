"""The scaling triggers and policies of the guide as rules by role (TRG-01 to TRG-10, HAPI, HWRK, HDB)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from selextract_infra.assess.measurements import require_metric
from selextract_infra.assess.rules import COMPARISONS
from selextract_infra.model.figures import amount, duration
from selextract_infra.model.scaling import Direction

if TYPE_CHECKING:
    from selextract_infra.policy import Policy
    from selextract_infra.policy.schema.scaling import Instances, ScalePolicy, Trigger

__all__ = ["RoleRules", "ScalingRule", "rules_by_role"]

CPU, MEMORY, LATENCY = "cpu_usage", "memory_usage", "response_time_p95"
REQUESTS, PENDING, READS = "requests_per_second", "pending_tasks", "read_queries_per_second"
_METRICS: Mapping[str, tuple[str, ...]] = {
    "api": (CPU, MEMORY, LATENCY, REQUESTS),
    "worker": (CPU, MEMORY, PENDING),
    "database": (READS,),
}
_UNITS = {CPU: "ratio", MEMORY: "ratio", LATENCY: "seconds", REQUESTS: "per second", PENDING: "tasks"}
_SHARED = frozenset({CPU, REQUESTS, PENDING})
_ACTIONS = {
    "add_instance": (Direction.OUT, ("api", "worker")),
    "remove_instance": (Direction.IN, ("api", "worker")),
    "add_worker": (Direction.OUT, ("worker",)),
}


@dataclass(frozen=True, slots=True)
class ScalingRule:
    """One reason to change a count: ``metric`` beyond ``threshold`` for ``duration`` seconds, then ``cooldown``.

    ``per_instance``: the metric is that of all instances together, the threshold that of each (X-28). ``service``
    narrows the rule to one service or role. ``adds`` is by how many instances the count changes.
    """

    item: str
    metric: str
    direction: Direction
    operator: str
    threshold: float
    duration: float
    cooldown: float
    adds: int
    per_instance: bool = False
    service: str | None = None

    def limit(self, count: int) -> float:
        """The threshold of the recorded metric while ``count`` instances run."""
        return self.threshold * count if self.per_instance else self.threshold

    def breaches(self, value: float, count: int) -> bool:
        """Whether the value asks for the change while ``count`` instances run."""
        return COMPARISONS[self.operator](value, self.limit(count))

    @property
    def text(self) -> str:
        """For a person: ``cpu_usage >= 70 % for 5 min (TRG-01)``."""
        unit = _UNITS.get(self.metric, "per second")
        each = " for each instance" if self.per_instance else ""
        limit = f"{amount(self.threshold, unit)}{each}"
        return f"{self.metric} {self.operator} {limit} for {duration(self.duration)} ({self.item})"


@dataclass(frozen=True, slots=True)
class RoleRules:
    """How services of a role are scaled. ``shared`` names the metrics of which a leaving instance's part goes to the
    others; memory and latency are not among them, because most of them does not come from load.
    """

    role: str
    resource: str
    out: tuple[ScalingRule, ...]
    back: tuple[ScalingRule, ...]
    metrics: tuple[str, ...]
    minimum: int
    maximum: int
    bounds_item: str
    shared: frozenset[str]

    @property
    def shortest_cooldowns(self) -> tuple[float, float]:
        """Seconds in which certainly no instance is added, and none is removed, after the last time."""
        out, back = (min((rule.cooldown for rule in rules), default=0.0) for rules in (self.out, self.back))
        return out, back

    @property
    def longest_cooldown(self) -> float:
        """Seconds after which every rule may act again."""
        return max((rule.cooldown for rule in (*self.out, *self.back)), default=0.0)

    def only(self, name: str) -> RoleRules:
        """The rules that hold for the service of that name."""
        out, back = (
            tuple(rule for rule in rules if rule.service in (None, name, self.role)) for rules in (self.out, self.back)
        )
        return replace(self, out=out, back=back)


def rules_by_role(policy: Policy, *, cheaper: bool = False) -> dict[str, RoleRules]:
    """The rules of the API, the workers and the read replicas.

    Where both ask for it, the service's own policy goes before the general trigger and counts once (X-30); it inherits
    the times that it does not state (X-28). ``cheaper`` is the cost profile: its smallest counts, and its delay instead
    of the trigger's times, but never shorter than draining takes (ASO, X-34, X-35).
    """
    api, worker = policy.scaling.api, policy.scaling.worker
    rules = {"api": list(_triggers(policy, "api")), "worker": list(_triggers(policy, "worker"))}
    total = api.load_scope.value == "total"
    requests = _own(policy, "api", api.scale_up, api.scale_down)
    rules["api"] += requests if total else [_for_each(rule) for rule in requests]
    rules["worker"] = _merged(rules["worker"], _own(policy, "worker", worker.scale_up, worker.scale_down))
    if cheaper and policy.optimisation.profile.aggressive_scale_down:
        rules = {role: [_sooner(rule, policy) for rule in those] for role, those in rules.items()}
    by_role = {
        role: _role(role, "instances", those, _bounds(policy, role, cheaper=cheaper), policy)
        for role, those in rules.items()
    }
    bounds = policy.scaling.replicas.instances
    by_role["database"] = _role("database", "replicas", [_replicas(policy)], (bounds.minimum, bounds.maximum), policy)
    return by_role


def _triggers(policy: Policy, role: str) -> Iterator[ScalingRule]:
    for name, trigger in policy.triggers:
        direction, roles = _ACTIONS[trigger.action]
        metric = require_metric(trigger.metric).name
        if role in roles and metric in _METRICS[role]:
            yield _rule(policy, f"triggers.{name}.threshold", trigger, direction)


def _rule(policy: Policy, path: str, trigger: Trigger[Any], direction: Direction) -> ScalingRule:
    return ScalingRule(
        item=policy.origin(path).item_id or path,
        metric=require_metric(trigger.metric).name,
        direction=direction,
        operator=trigger.operator or _operator(policy, direction),
        threshold=trigger.threshold,
        duration=trigger.duration,
        cooldown=trigger.cooldown,
        adds=trigger.adds,
        service=trigger.service,
    )


def _own(policy: Policy, role: str, up: ScalePolicy[Any], down: ScalePolicy[Any]) -> list[ScalingRule]:
    """The service's own policy; times that it leaves open are those of the trigger for the same, else for CPU."""
    inherits = policy.triggers.queue_scale_out if role == "worker" else policy.triggers.cpu_scale_out
    pairs = (
        ("scale_up", up, Direction.OUT, inherits),
        ("scale_down", down, Direction.IN, policy.triggers.cpu_scale_in),
    )
    return [
        ScalingRule(
            item=policy.origin(f"scaling.{role}.{name}.threshold").item_id or f"scaling.{role}.{name}",
            metric=require_metric(own.metric).name,
            direction=direction,
            operator=_operator(policy, direction),
            threshold=own.threshold,
            duration=trigger.duration if own.duration is None else own.duration,
            cooldown=trigger.cooldown if own.cooldown is None else own.cooldown,
            adds=own.instances,
        )
        for name, own, direction, trigger in pairs
    ]


def _for_each(rule: ScalingRule) -> ScalingRule:
    """The load of each instance: more are needed when the load over the threshold, rounded up, is more (HAPI-05)."""
    return replace(rule, per_instance=True, operator=">" if rule.direction is Direction.OUT else rule.operator)


def _merged(general: list[ScalingRule], own: list[ScalingRule]) -> list[ScalingRule]:
    """All rules, without the general ones that the service's own policy states again (X-30)."""
    stated = {(rule.metric, rule.direction, rule.threshold) for rule in own}
    return [rule for rule in general if (rule.metric, rule.direction, rule.threshold) not in stated] + own


def _sooner(rule: ScalingRule, policy: Policy) -> ScalingRule:
    """A removal as the cheaper profile times it (ASO-03), never before what an instance holds is done (X-35)."""
    if rule.direction is Direction.OUT:
        return rule
    parts = policy.cpu_parts.worker
    held = parts.concurrency * parts.prefetch_multiplier * policy.baseline.worker.task_duration
    delay = max(policy.optimisation.profile.scale_down_delay, held)
    return replace(rule, duration=min(rule.duration, delay), cooldown=min(rule.cooldown, delay))


def _replicas(policy: Policy) -> ScalingRule:
    replicas = policy.scaling.replicas
    condition = replicas.trigger.condition
    return ScalingRule(
        item=policy.origin("scaling.replicas.trigger.condition").item_id or "scaling.replicas.trigger",
        metric=condition.metric,
        direction=Direction.OUT,
        operator=condition.operator,
        threshold=condition.limit,
        duration=replicas.duration if condition.duration is None else condition.duration,
        cooldown=replicas.cooldown,
        adds=1,
        per_instance=replicas.load_scope.value == "replica",
    )


def _bounds(policy: Policy, role: str, *, cheaper: bool) -> tuple[int, int]:
    bounds: Instances = getattr(policy.scaling, role).instances
    if not cheaper:
        return bounds.minimum, bounds.maximum
    few: int = getattr(policy.optimisation.profile.min_instances, role)
    return max(1, few), bounds.maximum


def _role(role: str, resource: str, rules: list[ScalingRule], bounds: tuple[int, int], policy: Policy) -> RoleRules:
    section = "replicas" if role == "database" else role
    return RoleRules(
        role=role,
        resource=resource,
        out=tuple(rule for rule in rules if rule.direction is Direction.OUT),
        back=tuple(rule for rule in rules if rule.direction is Direction.IN),
        metrics=_METRICS[role],
        minimum=bounds[0],
        maximum=bounds[1],
        bounds_item=policy.origin(f"scaling.{section}.instances.minimum").item_id or f"scaling.{section}",
        shared=_SHARED,
    )


def _operator(policy: Policy, direction: Direction) -> str:
    operators = policy.trigger_rules.operators
    return operators.rising.value if direction is Direction.OUT else operators.falling.value
