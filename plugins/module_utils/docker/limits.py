"""Limits of containers changed in place: what differs, what Docker is asked for, how it is undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..system.amounts import cores, memory
from ..system.facts import host_memory
from ..system.failure import HostSideError
from .cgroup import find_control_group
from .containers import NO_MEMORY_LIMIT, Container

__all__ = [
    "Capability",
    "ContainerLimits",
    "Restoration",
    "change_of",
    "describe",
    "inverse_of",
    "refuse_shrinking",
    "restoration",
    "wanted_for",
]

_NO_SWAP_LIMIT = 2**63 - 4096  # bytes; what the kernel itself shows for none


@dataclass(frozen=True)
class ContainerLimits:
    """Memory and swap in bytes, CPUs in cores; None means unlimited. ``swap`` is memory plus swap."""

    memory: int | None
    swap: int | None
    cpus: float | None

    @classmethod
    def of(cls, container: Container) -> ContainerLimits:
        """What a container has now."""
        return cls(container.memory, container.swap, container.cpus)

    def result(self) -> dict[str, float | int | None]:
        """As modules return it."""
        return {"cpus": self.cpus, "memory": self.memory, "swap": self.swap}


@dataclass(frozen=True)
class Capability:
    """What the host has and can: ``memory`` and ``swap`` (memory plus swap) in bytes, ``cpus`` in cores.

    ``limits_swap`` is False where its kernel cannot limit swap; Docker then keeps no swap limits.
    """

    memory: int
    swap: int
    cpus: float
    limits_swap: bool

    @classmethod
    def parse(cls, info: dict[str, Any]) -> Capability:
        """From the answer of ``Engine.info``."""
        memory = int(info["MemTotal"])
        swap = memory + host_memory().get("SwapTotal", 0)
        return cls(memory, swap, float(info["NCPU"]), bool(info.get("SwapLimit")))


def wanted_for(service: dict[str, Any], container: Container) -> ContainerLimits:
    """The limits a container should have: values that are not given stay; swap equals memory unless it is given.

    As with Docker, a swap of -1 means unlimited.
    """
    memory = service.get("memory") or container.memory
    given = service.get("swap") or (memory if service.get("memory") else container.swap)
    return ContainerLimits(memory, None if given == -1 else given, service.get("cpus") or container.cpus)


def change_of(container: Container, wanted: ContainerLimits, host: Capability) -> dict[str, int]:
    """What to ask Docker for, empty when nothing differs. Memory and swap always go together.

    Docker does not hand "unlimited" on to the kernel, so a limited swap becomes the host's total instead.
    """
    body: dict[str, int] = {}
    swap = wanted.swap if wanted.swap is not None or container.swap is None else host.swap
    swap_differs = host.limits_swap and swap != container.swap
    if wanted.memory is not None and (wanted.memory != container.memory or swap_differs):
        body["Memory"] = wanted.memory
        if host.limits_swap:
            body["MemorySwap"] = -1 if swap is None else swap
    if wanted.cpus is not None and (container.cpus is None or abs(wanted.cpus - container.cpus) > 1e-6):
        body.update(_cpu_body(wanted.cpus, container.cpu_period))
    return body


def inverse_of(container: Container, *, oom_killed: bool = False) -> dict[str, Any]:
    """What must be known to put the container's limits back; ``oom_killed``: with these limits it was killed."""
    known = {"name": container.name, "project": container.project, "service": container.service}
    state = {"running": container.running, "oom_killed": oom_killed, "started_at": container.started_at}
    return {**known, **state, **ContainerLimits.of(container).result()}


@dataclass(frozen=True)
class Restoration:
    """What Docker is asked for to put limits back, and how they differ from before afterwards, None where not at all.

    ``note`` is about a difference that changes nothing for the container, ``difference`` about one that does.
    """

    body: dict[str, int]
    note: str | None = None
    difference: str | None = None


def restoration(inverse: dict[str, Any], container: Container, host: Capability) -> Restoration:
    """How limits are put back in place.

    A container that had no CPU limit cannot get rid of one, so it gets the host's total. A memory limit stays where the
    one from before killed the container, or where more is in use by now than it: the kernel refuses that.
    """
    before = ContainerLimits(inverse["memory"], inverse["swap"], inverse["cpus"])
    difference = _kept_memory(inverse, container)
    if difference:
        before = ContainerLimits(container.memory, container.swap, before.cpus)
    without_cpus = before.cpus is None and container.cpus is not None
    wanted = ContainerLimits(before.memory, before.swap, host.cpus if without_cpus else before.cpus)
    body = change_of(container, wanted, host)
    if before.memory is None and container.memory is not None:
        # Docker refuses to take a memory limit away in place; this one is out of reach for every machine.
        body["Memory"] = NO_MEMORY_LIMIT
        if host.limits_swap:
            body["MemorySwap"] = _NO_SWAP_LIMIT
    lost = [name for name, gone in (("swap", _keeps_swap(before, container, host)), ("cpus", without_cpus)) if gone]
    note = (
        f"{container.name} had no limit of {', '.join(lost)}; in place it gets the host's total instead."
        if lost
        else None
    )
    return Restoration(body, note, difference)


def _keeps_swap(before: ContainerLimits, container: Container, host: Capability) -> bool:
    return host.limits_swap and before.memory is not None and before.swap is None and container.swap is not None


def _kept_memory(inverse: dict[str, Any], container: Container) -> str | None:
    """Why the memory limit is not lowered to what it was, None where it is."""
    before, now = inverse["memory"], container.memory
    if before is None or now is None or now <= before:
        return None
    if inverse.get("oom_killed"):
        return (
            f"{container.name} keeps its memory limit of {memory(now)}: with {memory(before)} it was killed for memory."
        )
    group = find_control_group(container.pid) if container.running else None
    reading = group.read() if group else None
    if reading is not None and reading.memory >= before:
        in_use = memory(reading.memory)
        return f"{container.name} keeps its memory limit of {memory(now)}: it uses {in_use}, and had {memory(before)}."
    return None


def refuse_shrinking(container: Container, wanted: ContainerLimits, margin: float) -> None:
    """Raise ``HostSideError`` when a memory limit would fall below present use plus ``margin`` (a ratio)."""
    lowered = wanted.memory is not None and (container.memory is None or wanted.memory < container.memory)
    if not lowered or not container.running or wanted.memory is None:
        return
    group = find_control_group(container.pid)
    reading = group.read() if group else None
    if reading is None:
        raise HostSideError(
            f"What {container.name} uses now cannot be read, so its memory limit is not lowered.",
            kind="refused",
            rule="shrink_margin",
        )
    least = round(reading.memory * (1 + margin))
    if wanted.memory < least:
        raise HostSideError(
            f"{container.name} uses {memory(reading.memory)} now; with {margin:.0%} on top that is {memory(least)},"
            f" more than the limit of {memory(wanted.memory)} it should get.",
            kind="refused",
            rule="shrink_margin",
        )


def describe(limits: ContainerLimits) -> str:
    """For diffs and messages."""
    return f"memory {memory(limits.memory)}, with swap {memory(limits.swap)}, cpus {cores(limits.cpus)}"


def _cpu_body(cpus: float, period: int | None) -> dict[str, int]:
    if period:
        return {"CpuPeriod": period, "CpuQuota": round(cpus * period)}
    return {"NanoCpus": round(cpus * 1e9)}
