"""Instance counts: bounds, load scope, queue, caps, the cheaper profile (X-11, X-28 to X-30, X-32, X-34, X-35)."""

from __future__ import annotations

import math

from selextract_infra.assess.demand import instances_for, needed, slots_for, tasks_per_slot
from selextract_infra.defects.rule import Breach, percent, rule
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.units import DURATION, MEMORY

size = MEMORY.about


@rule(
    "X-11",
    "instance bounds do not fit the only host",
    Severity.BREAKING,
    RuleClass.REFUSE,
    subject="host",
    items="HAPI-01 HWRK-01 CTR-00 SYS-01 SYS-02",
    resolution="The bound that holds is the smaller of the policy's and the host's; more waits for the CPU upgrade.",
)
def instance_bounds(policy: Policy, host: Host) -> Breach | None:
    """With every service at its fewest instances the CPU is overcommitted, and at the most even the upgraded host's
    memory is not enough.
    """
    api, worker = policy.scaling.api.instances, policy.scaling.worker.instances
    now = needed(policy, policy.containers["api"].count, policy.containers["worker"].count)
    floor, cap = needed(policy, api.minimum, worker.minimum), needed(policy, api.maximum, worker.maximum)
    rules, phases = policy.rightsizing, policy.vertical.phases
    memory = host.memory * (1 - rules.host_reserve_memory)
    if cap.cpus <= host.cpus * rules.cpu_overcommit_refuse and cap.memory <= memory:
        return None
    return Breach(
        f"{api.minimum}+{worker.minimum} instances need {floor.cpus:g} cores ({percent(floor.cpus / host.cpus)}) and "
        f"{size(floor.memory)}, {api.maximum}+{worker.maximum} need {cap.cpus:g} cores "
        f"({percent(cap.cpus / host.cpus)}) and {size(cap.memory)} ({percent(cap.memory / host.memory)}).",
        {
            "now_cores": now.cpus,
            "now_memory_bytes": now.memory,
            "minimum_cores": floor.cpus,
            "minimum_cpu_ratio": floor.cpus / host.cpus,
            "minimum_memory_bytes": floor.memory,
            "maximum_cores": cap.cpus,
            "maximum_cpu_ratio": cap.cpus / host.cpus,
            "maximum_memory_bytes": cap.memory,
            "maximum_memory_ratio": cap.memory / host.memory,
            "upgraded_minimum_cpu_ratio": floor.cpus / phases.cpu.size.after,
            "upgraded_maximum_cpu_ratio": cap.cpus / phases.cpu.size.after,
            "upgraded_maximum_memory_ratio": cap.memory / phases.memory.size.after,
        },
    )


@rule(
    "X-28",
    "the load threshold has no scope",
    Severity.MAJOR,
    RuleClass.PICK,
    subject="api",
    items="HAPI-01 HAPI-03 HAPI-04 LTP-06",
    resolution="Each instance's load; the wanted count is the total over the threshold, rounded up, inside the bounds.",
)
def load_scope(policy: Policy, _: Host) -> Breach | None:
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
        f"as a total, {load:g} requests/s add instances from {scaling.instances.minimum} to "
        f"{scaling.instances.maximum} in {minutes:g} minutes; for each instance, {scaling.instances.maximum} carry "
        f"{capacity:g}/s of the {goal:g}/s planned, which need {instances_for(policy, goal)}.",
        {
            "load_per_second": load,
            "threshold_per_second": scaling.scale_up.threshold,
            "runaway_steps": steps,
            "runaway_minutes": minutes,
            "capacity_per_second": capacity,
            "goal_per_second": goal,
            "goal_instances": instances_for(policy, goal),
            "target_instances": instances_for(policy, policy.kpis.api_requests.target),
        },
    )


@rule(
    "X-29",
    "prefetching hides the queue",
    Severity.MAJOR,
    RuleClass.PICK,
    subject="worker",
    items="CPU-03 CPU-04 HWRK-03 HWRK-04",
    resolution="Pending is queued plus reserved; a worker finishes what it holds before it goes; prefetch can be 1.",
)
def prefetch(policy: Policy, _: Host) -> Breach | None:
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
        f"each worker holds {held} tasks; {scaling.instances.minimum} workers hold {few}, scaling down begins at "
        f"{down}; {scaling.instances.maximum} hold {many}, scaling up at {up}.",
        {
            "held_per_worker": held,
            "held_at_minimum": few,
            "scale_down_threshold": down,
            "held_at_maximum": many,
            "scale_up_threshold": up,
            "drain_seconds": held * policy.baseline.worker.task_duration,
        },
    )


@rule(
    "X-30",
    "the queue adds one worker or two",
    Severity.MINOR,
    RuleClass.PICK,
    subject="worker",
    items="TRG-05 HWRK-03",
    resolution="The service's own policy is the more specific one; one action, inside the bounds.",
)
def queue_step(policy: Policy, _: Host) -> Breach | None:
    """The same queue length adds a different number of workers in two places of the guide."""
    trigger, scaling = policy.triggers.queue_scale_out, policy.scaling.worker
    if trigger.adds == scaling.scale_up.instances or trigger.threshold != scaling.scale_up.threshold:
        return None
    cap = scaling.instances.maximum
    return Breach(
        f"at {trigger.threshold} tasks the trigger adds {trigger.adds} and the worker policy "
        f"{scaling.scale_up.instances}.",
        {
            "trigger_adds": trigger.adds,
            "policy_adds": scaling.scale_up.instances,
            "below_cap": cap - 1,
            "granted_below_cap": min(cap, cap - 1 + scaling.scale_up.instances),
        },
    )


@rule(
    "X-32",
    "the most workers do not reach the planned tasks",
    Severity.MAJOR,
    RuleClass.REPORT,
    subject="worker",
    items="HWRK-01 CPU-03 PWK-02 LTP-07 KPI-03",
    resolution="The long-term goal is not feasible under this bound; raise it with the hardware for it.",
)
def worker_cap(policy: Policy, _: Host) -> Breach | None:
    """By Little's law, the largest number of workers finishes fewer tasks an hour than the long-term plan counts on."""
    concurrency, cap = policy.cpu_parts.worker.concurrency, policy.scaling.worker.instances.maximum
    capacity = cap * concurrency * tasks_per_slot(policy)
    goal, target = policy.planning.long_term.gain.tasks.after, policy.kpis.tasks.target
    if capacity >= goal:
        return None
    shares = policy.workers.utilisations
    counts = [math.ceil(round(slots_for(policy, goal, share) / concurrency, 9)) for share in shares]
    targets = [math.ceil(round(slots_for(policy, target, share) / concurrency, 9)) for share in shares]
    at = {f"{round(share * 100)}": count for share, count in zip(shares, counts, strict=True)}
    listed = ", ".join(f"{count} at {share} %" for share, count in at.items())
    return Breach(
        f"{cap} workers finish {capacity:g} tasks/hour of {goal:g}; that needs {listed}.",
        {
            "slots": cap * concurrency,
            "capacity_per_hour": capacity,
            "goal_per_hour": goal,
            **{f"goal_workers_at_{share}_percent": count for share, count in at.items()},
            **{f"target_workers_at_{round(s * 100)}_percent": n for s, n in zip(shares, targets, strict=True)},
        },
    )


@rule(
    "X-34",
    "the cheaper profile leaves a single instance",
    Severity.MAJOR,
    RuleClass.REFUSE,
    subject="profile",
    items="ASO-02 HAPI-01 HWRK-01 LB-03",
    resolution="The profile is named and used outside production only; two instances stay the rule.",
)
def single_instance(policy: Policy, _: Host) -> Breach | None:
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
        "; ".join(f"{name} has {few} instead of {usual}" for name, (few, usual) in less.items())
        + ": an unhealthy instance takes the service with it.",
        {
            f"{name}_{kind}": n
            for name, pair in less.items()
            for kind, n in zip(("profile", "policy"), pair, strict=True)
        },
    )


@rule(
    "X-35",
    "the cheaper profile scales down sooner than the triggers allow",
    Severity.MINOR,
    RuleClass.PICK,
    subject="profile",
    items="ASO-03 TRG-02",
    resolution="Inside the profile only, and never shorter than draining takes; elsewhere the trigger's times hold.",
)
def scale_down_delay(policy: Policy, _: Host) -> Breach | None:
    """Two different delays hold for the same action."""
    delay, trigger = policy.optimisation.profile.scale_down_delay, policy.triggers.cpu_scale_in
    usual = trigger.duration + trigger.cooldown
    if delay >= usual:
        return None
    parts = policy.cpu_parts.worker
    drain = parts.concurrency * parts.prefetch_multiplier * policy.baseline.worker.task_duration
    return Breach(
        f"the profile waits {DURATION.format(delay)}, the trigger {DURATION.format(trigger.duration)} and then "
        f"{DURATION.format(trigger.cooldown)}; draining may take {DURATION.format(drain)}.",
        {
            "delay_seconds": delay,
            "duration_seconds": trigger.duration,
            "cooldown_seconds": trigger.cooldown,
            "drain_seconds": drain,
        },
    )
