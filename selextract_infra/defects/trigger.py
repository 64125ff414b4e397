"""Automatic triggers, severities and their actions (X-15, X-33, X-70, X-74, X-75)."""

from __future__ import annotations

from selextract_infra.defects.rule import Breach, check
from selextract_infra.defects.sentence import plural
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host

KEEPS_QUEUE = frozenset({"noeviction", "volatile-lru", "volatile-lfu", "volatile-ttl", "volatile-random"})
"""Eviction policies of Redis that never drop a key without an expiry, so never a queued task."""


@check("X-15")
def error_rates(policy: Policy, _: Host) -> Breach | None:
    """The guide scales at once at one error rate in one place, and automatically at another in another place."""
    manual, automatic = policy.emergency.triggers["error_rate"].condition, policy.emergency.conditions["error_rate"]
    if manual is None or manual.limit == automatic.condition.limit:
        return None
    alert, latency = policy.monitoring.application.error_rate, policy.emergency.conditions["latency"].condition
    return Breach(
        warning_ratio=alert.warning,
        critical_ratio=alert.critical,
        investigate_above_ratio=manual.limit,
        emergency_above_ratio=automatic.condition.limit,
        emergency_latency_seconds=latency.limit,
    )


@check("X-33")
def trigger_gaps(policy: Policy, _: Host) -> Breach | None:
    """Actions name no service, only CPU scales in, the services' own policies have no times, and a low CPU with a long
    queue wants both directions at once. The distance between the CPU thresholds is wide enough not to swing.
    """
    triggers, rules, scaling = dict(policy.triggers), policy.trigger_rules, policy.scaling
    nameless = [name for name, trigger in triggers.items() if trigger.service is None]
    policies = (scaling.api.scale_up, scaling.api.scale_down, scaling.worker.scale_up, scaling.worker.scale_down)
    timeless = sum(1 for each in policies if each.duration is None or each.cooldown is None)
    unclear = (bool(nameless) and rules.metric_scope.open) or rules.calm_scale_in.open or timeless > 0
    if not unclear:
        return None
    out, back = policy.triggers.cpu_scale_out.threshold, policy.triggers.cpu_scale_in.threshold
    scale_in = [name for name, trigger in triggers.items() if trigger.action == "remove_instance"]
    return Breach(
        {"nameless": plural(len(nameless), "trigger"), "triggers": len(triggers), "policies": len(policies)},
        triggers_without_service=len(nameless),
        scale_in_triggers=len(scale_in),
        policies_without_times=timeless,
        after_scale_out_ratio=out * 2 / 3,
        after_scale_in_ratio=back * 3 / 2,
    )


@check("X-70")
def severities(policy: Policy, _: Host) -> Breach | None:
    """The guide says how fast each severity is answered, but not what makes an incident one; it pages and writes to
    channels that it does not name; and the steps' clock is over before a P3 or P4 has to be answered.
    """
    emergency = policy.emergency
    channels = {name: target for name, target in dict(emergency.notifications.channels).items() if target}
    used = {channel for severity in emergency.severities.values() for channel in severity.notify}
    missing = sorted(used - set(channels))
    if not missing and not emergency.classification.criteria.open:
        return None
    end = max((step.window.end or step.window.start) for step in emergency.playbook.values())
    late = [name for name, severity in emergency.severities.items() if severity.respond > end]
    return Breach(
        {
            "criteria": f"no criteria for {len(emergency.severities)} severities"
            * emergency.classification.criteria.open,
            "targets": f"; no target for {', '.join(missing)}" * bool(missing),
            "late": ", ".join(late),
        },
        channels_without_target=len(missing),
        steps_end_seconds=end,
        **{f"{name.lower()}_respond_seconds": severity.respond for name, severity in emergency.severities.items()},
        escalate_after_seconds=emergency.notifications.escalate_after,
    )


@check("X-74")
def combination(policy: Policy, _: Host) -> Breach | None:
    """Whether one condition is enough is not said; triggers, conditions and circuit breaker each call the same scaling;
    and throttling is an action of the configuration which the steps do not have.
    """
    emergency = policy.emergency
    if not (emergency.combination.open or emergency.single_flight.open):
        return None
    return Breach(conditions=len(emergency.conditions), triggers=len(emergency.triggers), ways_in=3)


@check("X-75")
def cache_evicts_queue(policy: Policy, _: Host) -> Breach | None:
    """Redis holds the queue. If it may evict any key when it is full, an emergency cache drops queued tasks."""
    actions, redis = policy.emergency.actions, policy.containers["redis"]
    mapped = policy.application.services_of("redis").values()
    known = [service.eviction for service in mapped] if mapped else [actions.cache_eviction.stated]
    if not actions.caching or all(eviction in KEEPS_QUEUE for eviction in known):
        return None
    left = redis.memory - policy.baseline.redis.memory
    return Breach(limit_bytes=redis.memory, used_bytes=policy.baseline.redis.memory, left_bytes=left)
