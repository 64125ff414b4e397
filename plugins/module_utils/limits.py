"""Limits of containers changed in place: what differs, what Docker is asked for, how it is undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .amounts import cores, memory
from .cgroup import find_control_group
from .containers import Container
from .facts import host_memory
from .failure import HostSideError

__all__ = [
    "Capability",
    "Limits",
    "change_of",
    "describe",
    "inverse_of",
    "refuse_shrinking",
    "restoration",
    "wanted_for",
]


@dataclass(frozen=True)
class Limits:
    """Memory and swap in bytes, CPUs in cores; None means unlimited. ``swap`` is memory plus swap."""

    memory: int | None
    swap: int | None
    cpus: float | None

    @classmethod
    def of(cls, container: Container) -> Limits:
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


def wanted_for(service: dict[str, Any], container: Container) -> Limits:
    """The limits a container should have: values that are not given stay; swap equals memory unless it is given.

    As with Docker, a swap of -1 means unlimited.
    """
    memory = service.get("memory") or container.memory
    given = service.get("swap") or (memory if service.get("memory") else container.swap)
    return Limits(memory, None if given == -1 else given, service.get("cpus") or container.cpus)


def change_of(container: Container, wanted: Limits, host: Capability) -> dict[str, int]:
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


def inverse_of(container: Container) -> dict[str, Any]:
    """What must be known to put the container's limits back."""
    known = {"name": container.name, "project": container.project, "service": container.service}
    return {**known, "running": container.running, **Limits.of(container).result()}


def restoration(inverse: dict[str, Any], container: Container, host: Capability) -> tuple[dict[str, int], str | None]:
    """What to ask Docker for to put limits back, and a note where that is not exactly possible.

    A container that had no limit cannot get rid of one in place, so it gets the host's totals.
    """
    before = Limits(inverse["memory"], inverse["swap"], inverse["cpus"])
    changed = {
        "memory": before.memory is None and container.memory is not None,
        "swap": host.limits_swap and before.swap is None and container.swap is not None,
        "cpus": before.cpus is None and container.cpus is not None,
    }
    wanted = Limits(
        host.memory if changed["memory"] else before.memory,
        before.swap,
        host.cpus if changed["cpus"] else before.cpus,
    )
    lost = ", ".join(name for name, missing in changed.items() if missing)
    note = f"{container.name} had no limit of {lost}; in place it gets the host's total instead." if lost else None
    return change_of(container, wanted, host), note


def refuse_shrinking(container: Container, wanted: Limits, margin: float) -> None:
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


def describe(limits: Limits) -> str:
    """For diffs and messages."""
    return f"memory {memory(limits.memory)}, with swap {memory(limits.swap)}, cpus {cores(limits.cpus)}"


def _cpu_body(cpus: float, period: int | None) -> dict[str, int]:
    if period:
        return {"CpuPeriod": period, "CpuQuota": round(cpus * period)}
    return {"NanoCpus": round(cpus * 1e9)}
