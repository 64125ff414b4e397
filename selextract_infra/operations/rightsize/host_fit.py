"""Whether the wishes of all services fit their host, and which of them get less when they do not.

Memory limits may add up to the host's memory less its reserve, CPU limits to a multiple of its cores (X-09, X-11).
What is lowered gives room to what is raised. Raises are granted in this order: services that were killed for want of
memory, then databases and caches, then the rest by how full they are, then by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from selextract_infra.model.figures import cores, memory
from selextract_infra.model.observation import ContainerObservation, HostObservation
from selextract_infra.operations.rightsize.proposals import Wish

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["Room", "fitted", "room_for"]

_NEARLY = 1e-6
"""Share of a step that sums of floating-point cores may be off by."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one host has of one resource, in bytes or cores.

    All limits together may be ``total``, one limit may be ``single``; both are 0 where the host's size is unknown.
    ``others`` is what the containers hold that no wish is about: their limits, or their use where they have none.
    """

    host: str
    resource: str
    rule: str
    size: float
    total: float
    single: float
    others: float

    def held(self, wishes: Sequence[Wish]) -> float:
        """What all limits of the host add up to when every wish comes true."""
        return self.others + sum(_held(wish, wish.want) for wish in wishes)

    def text(self, value: float) -> str:
        """A value with its unit."""
        return memory(value) if self.resource == "memory" else cores(value)


def room_for(host: HostObservation, resource: str, wishes: Sequence[Wish], policy: Policy) -> Room:
    """The room on ``host`` beside the containers that ``wishes`` are about."""
    about = {container.id for wish in wishes for container in wish.service.containers}
    others = sum(_holds(container, resource) for container in host.containers if container.id not in about)
    rules, facts = policy.rightsizing, host.facts
    if resource == "memory":
        total = facts.memory * (1 - rules.host_reserve_memory)
        return Room(host.name, resource, "X-11", facts.memory, total, total, others)
    return Room(host.name, resource, "X-09", facts.cpus, facts.cpus * rules.cpu_overcommit_refuse, facts.cpus, others)


def fitted(wishes: Sequence[Wish], room: Room, policy: Policy) -> list[Wish]:
    """The wishes in their order, with raises cut to what the host has; ``why_less`` says so where one was cut."""
    step = policy.rightsizing.memory_step if room.resource == "memory" else policy.rightsizing.cpu_step
    granted = [wish if _grows(wish) else _capped(wish, room, step) for wish in wishes]
    raises = sorted((index for index, wish in enumerate(wishes) if _grows(wish)), key=lambda i: _rank(wishes[i]))
    free = room.total - room.others - sum(_held(wish, wish.now if _grows(wish) else wish.want) for wish in granted)
    for index in raises:
        wish = wishes[index]
        granted[index] = _granted(wish, free, room, step, policy.rightsizing.minimum_change)
        free -= _held(granted[index], granted[index].want) - _held(wish, wish.now)
    return granted


def _granted(wish: Wish, free: float, room: Room, step: float, minimum_change: float) -> Wish:
    """All of the wish, the part of it that fits, or nothing where that part is not worth a change."""
    if wish.want is None:
        return wish
    if not room.size:
        return wish.kept(f"the size of {room.host} is unknown, so it cannot be said what fits", room.rule)
    holds = _held(wish, wish.now) / wish.service.instances
    fits = min(room.single, holds + free / wish.service.instances)
    if wish.want <= fits + step * _NEARLY:
        return wish
    limit = f"{room.host} has room for {room.text(max(room.total, 0))} of limits"
    part = _rounded_down(fits, step)
    if wish.now is None or part <= wish.now * (1 + minimum_change):
        return wish.kept(f"{limit}, and none of it is left", room.rule)
    return replace(wish, want=part, why_less=f"{limit}; {room.text(part)} is what is left ({room.rule})")


def _capped(wish: Wish, room: Room, step: float) -> Wish:
    """A lowered value that would still be more than one container may have."""
    if not wish.changes or wish.want is None or not room.size or wish.want <= room.single:
        return wish
    cap = _rounded_down(room.single, step)
    return replace(wish, want=cap, why_less=f"one container may have {room.text(cap)} on {room.host} ({room.rule})")


def _rounded_down(value: float, step: float) -> float:
    return round(math.floor(value / step + _NEARLY) * step, 6)


def _grows(wish: Wish) -> bool:
    return wish.want is not None and (wish.now is None or wish.want > wish.now)


def _rank(wish: Wish) -> tuple[bool, bool, float, str]:
    fullness = (wish.peak or 0.0) / wish.now if wish.now else math.inf
    return not wish.service.oom_killed, not wish.service.protected, -fullness, wish.service.name


def _held(wish: Wish, limit: float | None) -> float:
    """What the service's instances hold of the host with that limit; what they use where they have none."""
    if limit is not None:
        return limit * wish.service.instances
    return sum(_holds(container, wish.resource) for container in wish.service.containers)


def _holds(container: ContainerObservation, resource: str) -> float:
    limit = container.limits.memory if resource == "memory" else container.limits.cpus
    if limit is not None:
        return limit
    use = container.usage.memory if resource == "memory" else container.usage.cpus
    return use or 0
