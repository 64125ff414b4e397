"""Instance counts: bounds, load scope, queue, caps, the cheaper profile (X-11, X-28 to X-30, X-32, X-34, X-35)."""

from __future__ import annotations

from selextract_infra.assess.workers import tasks_per_hour, workers_needed
from selextract_infra.defects.rule import Breach, check
from selextract_infra.planning.demand import fits, instances_for, needed
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import HostPolicy


@check("X-11")
def instance_bounds(policy: Policy, host: HostPolicy) -> Breach | None:
    """With every service at its fewest instances the CPU is overcommitted, and at the most even the upgraded host's
    memory is not enough.
    """
    api, worker = policy.scaling.api.instances, policy.scaling.worker.instances
    now = needed(policy, policy.containers["api"].count, policy.containers["worker"].count)
    floor, cap = needed(policy, api.minimum, worker.minimum), needed(policy, api.maximum, worker.maximum)
    if fits(policy, cap, host.cpus, host.memory):
        return None
    phases = policy.vertical.phases
    return Breach(
        now_cores=now.cpus,
        now_memory_bytes=now.memory,
        minimum_cores=floor.cpus,
        minimum_cpu_ratio=floor.cpus / host.cpus,
        minimum_memory_bytes=floor.memory,
        maximum_cores=cap.cpus,
        maximum_cpu_ratio=cap.cpus / host.cpus,
        maximum_memory_bytes=cap.memory,
        maximum_memory_ratio=cap.memory / host.memory,
        upgraded_minimum_cpu_ratio=floor.cpus / phases.cpu.size.after,
        upgraded_maximum_cpu_ratio=cap.cpus / phases.cpu.size.after,
        upgraded_maximum_memory_ratio=cap.memory / phases.memory.size.after,
    )


@check("X-28")
def load_scope(policy: Policy, _: HostPolicy) -> Breach | None:
    """Taken as a total, today's load adds an instance at every look and never stops; taken as each instance's load,
    the largest count does not reach the long-term goal.
    """
    scaling, load = policy.scaling.api, policy.baseline.api.throughput.high
    capacity = scaling.instances.maximum * scaling.scale_up.threshold
    goal = policy.planning.long_term.gain.api_requests.after
    if not scaling.load_scope.open and capacity >= goal:
        return None
    steps = (scaling.instances.maximum - scaling.instances.minimum) / scaling.scale_up.instances
    minutes = steps * policy.triggers.cpu_scale_out.cooldown / 60
    return Breach(
        load_per_second=load,
        threshold_per_second=scaling.scale_up.threshold,
        runaway_steps=steps,
        runaway_minutes=minutes,
        capacity_per_second=capacity,
        goal_per_second=goal,
        goal_instances=instances_for(policy, goal),
        target_instances=instances_for(policy, policy.kpis.api_requests.target),
    )


@check("X-29")
def prefetch(policy: Policy, _: HostPolicy) -> Breach | None:
    """Workers take tasks ahead of time. If only the queue's length counts as pending, scaling down begins while
    tasks are held by workers, and those of a removed worker are delivered twice or lost.
    """
    parts, scaling = policy.cpu_parts.worker, policy.scaling.worker
    held = parts.concurrency * parts.prefetch_multiplier
    few, many = held * scaling.instances.minimum, held * scaling.instances.maximum
    down, up = scaling.scale_down.threshold, scaling.scale_up.threshold
    if scaling.pending.stated == "queued_and_reserved" or (few <= down and many <= up):
        return None
    return Breach(
        held_per_worker=held,
        held_at_minimum=few,
        scale_down_threshold=down,
        held_at_maximum=many,
        scale_up_threshold=up,
        drain_seconds=held * policy.baseline.worker.task_duration,
    )


@check("X-30")
def queue_step(policy: Policy, _: HostPolicy) -> Breach | None:
    """The same queue length adds a different number of workers in two places of the guide."""
    trigger, scaling = policy.triggers.queue_scale_out, policy.scaling.worker
    if trigger.adds == scaling.scale_up.instances or trigger.threshold != scaling.scale_up.threshold:
        return None
    cap = scaling.instances.maximum
    return Breach(
        trigger_adds=trigger.adds,
        policy_adds=scaling.scale_up.instances,
        below_cap=cap - 1,
        granted_below_cap=min(cap, cap - 1 + scaling.scale_up.instances),
    )


@check("X-32")
def worker_cap(policy: Policy, _: HostPolicy) -> Breach | None:
    """By Little's law, the largest number of workers finishes fewer tasks an hour than the long-term plan counts on."""
    concurrency, task_seconds = policy.cpu_parts.worker.concurrency, policy.baseline.worker.task_duration
    slots = policy.scaling.worker.instances.maximum * concurrency
    capacity = tasks_per_hour(slots, task_seconds)
    goal, target = policy.planning.long_term.gain.tasks.after, policy.kpis.tasks.target
    if capacity >= goal:
        return None
    shares = {round(share * 100): share for share in policy.workers.utilisations}
    counts, targets = (
        {name: workers_needed(tasks, task_seconds, concurrency, utilisation=share) for name, share in shares.items()}
        for tasks in (goal, target)
    )
    return Breach(
        {"listed": ", ".join(f"{count} at {share} %" for share, count in counts.items())},
        slots=slots,
        capacity_per_hour=capacity,
        goal_per_hour=goal,
        **{f"goal_workers_at_{share}_percent": count for share, count in counts.items()},
        **{f"target_workers_at_{share}_percent": count for share, count in targets.items()},
    )


@check("X-34")
def single_instance(policy: Policy, _: HostPolicy) -> Breach | None:
    """With one instance, taking an unhealthy instance out of balancing takes the service away."""
    profile = policy.optimisation.profile
    pairs = {
        "api": (profile.min_instances.api, policy.scaling.api.instances.minimum),
        "worker": (profile.min_instances.worker, policy.scaling.worker.instances.minimum),
    }
    less = {name: pair for name, pair in pairs.items() if pair[0] < pair[1]}
    if not less or profile.production.stated is False:
        return None
    return Breach(
        {"listed": "; ".join(f"{name} has {few} instead of {usual}" for name, (few, usual) in less.items())},
        **{
            f"{name}_{kind}": n
            for name, pair in less.items()
            for kind, n in zip(("profile", "policy"), pair, strict=True)
        },
    )


@check("X-35")
def scale_down_delay(policy: Policy, _: HostPolicy) -> Breach | None:
    """Two different delays hold for the same action."""
    delay, trigger = policy.optimisation.profile.scale_down_delay, policy.triggers.cpu_scale_in
    usual = trigger.duration + trigger.cooldown
    if delay >= usual:
        return None
    parts = policy.cpu_parts.worker
    drain = parts.concurrency * parts.prefetch_multiplier * policy.baseline.worker.task_duration
    return Breach(
        delay_seconds=delay, duration_seconds=trigger.duration, cooldown_seconds=trigger.cooldown, drain_seconds=drain
    )
