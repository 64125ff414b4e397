"""Whether the wishes of all services fit their host, and which of them get less when they do not.

Memory limits may add up to the host's memory less its reserve, CPU limits to a multiple of its cores (X-09, X-11).
What is lowered gives room to what is raised. Raises are granted in this order: services that were killed for want of
memory, then databases and caches, then the rest by how full they are, then by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from selextract_infra.assess.room import HostRoom, HostSize
from selextract_infra.model.observation import HostObservation
from selextract_infra.operations.rightsize.proposals import LimitProposal

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["fitted", "held_with", "room_for"]

_NEARLY = 1e-6
"""Share of a step that sums of floating-point cores may be off by."""


def room_for(host: HostObservation, resource: str, wishes: Sequence[LimitProposal], policy: Policy) -> HostRoom:
    """The room on ``host`` beside the containers that ``wishes`` are about."""
    about = {container.id for wish in wishes for container in wish.service.containers}
    return HostSize.seen(host, about).room(resource, policy)


def held_with(wishes: Sequence[LimitProposal], room: HostRoom) -> float:
    """What all limits of the host add up to when every wish comes true."""
    return room.others + sum(_held(wish, wish.want) for wish in wishes)


def fitted(wishes: Sequence[LimitProposal], room: HostRoom, policy: Policy) -> list[LimitProposal]:
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


def _granted(wish: LimitProposal, free: float, room: HostRoom, step: float, minimum_change: float) -> LimitProposal:
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


def _capped(wish: LimitProposal, room: HostRoom, step: float) -> LimitProposal:
    """A lowered value that would still be more than one container may have."""
    if not wish.changes or wish.want is None or not room.size or wish.want <= room.single:
        return wish
    cap = _rounded_down(room.single, step)
    return replace(wish, want=cap, why_less=f"one container may have {room.text(cap)} on {room.host} ({room.rule})")


def _rounded_down(value: float, step: float) -> float:
    return round(math.floor(value / step + _NEARLY) * step, 6)


def _grows(wish: LimitProposal) -> bool:
    return wish.want is not None and wish.now is not None and wish.want > wish.now


def _rank(wish: LimitProposal) -> tuple[bool, bool, float, str]:
    fullness = (wish.peak or 0.0) / wish.now if wish.now else math.inf
    return not wish.service.oom_killed, not wish.service.protected, -fullness, wish.service.name


def _held(wish: LimitProposal, limit: float | None) -> float:
    """What the service's instances hold of the host with that limit, each its own where that is no change."""
    service = wish.service
    if limit is not None and wish.now is not None and limit != wish.now:
        return limit * service.instances
    to_come = service.instances - len(service.running)
    return sum(service.held(wish.resource)) + to_come * (service.highest_limit(wish.resource) or 0.0)
