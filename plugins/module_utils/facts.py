"""Facts of the host, from what the kernel says now; they follow a host whose memory or cores change while it runs."""

from __future__ import annotations

import os
import platform
import socket
from typing import Any

from .cgroup import cgroup_version

__all__ = ["host_facts", "host_memory"]


def host_facts(docker_folder: str = "/var/lib/docker") -> dict[str, Any]:
    """Memory, swap and disk in bytes, network in bits per second (None unknown); the disk is the one Docker is on."""
    memory = host_memory()
    disk = _disk(docker_folder) or _disk("/")
    return {
        "hostname": socket.gethostname(),
        "machine_id": _line("/etc/machine-id") or "",
        "cpus": _cores(),
        "memory": memory.get("MemTotal", 0),
        "memory_available": memory.get("MemAvailable"),
        "swap_total": memory.get("SwapTotal", 0),
        "swap_used": memory.get("SwapTotal", 0) - memory.get("SwapFree", 0),
        "disk_total": disk[0] if disk else None,
        "disk_free": disk[1] if disk else None,
        "network_speed": _network_speed(),
        "distribution": _distribution(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "cgroup": cgroup_version(),
        "load_average": list(os.getloadavg()),
    }


def host_memory() -> dict[str, int]:
    """The kernel's own table, in bytes: ``MemTotal``, ``SwapTotal`` and the rest."""
    with open("/proc/meminfo", encoding="ascii") as source:
        rows = (line.split() for line in source)
        return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) == 3}


def _cores() -> int:
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as source:
        listed = sum(line.startswith("processor") for line in source)
    allowed = len(os.sched_getaffinity(0))
    return min(listed, allowed) if listed else allowed


def _disk(path: str) -> tuple[int, int] | None:
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize


def _network_speed() -> int | None:
    """Of the interface that the default route uses."""
    with open("/proc/net/route", encoding="ascii") as source:
        rows = [line.split() for line in source]
    default = next((row[0] for row in rows[1:] if row[1] == "00000000"), None)
    speed = _line(f"/sys/class/net/{default}/speed") if default else None
    return int(speed) * 1_000_000 if speed and speed.isdigit() else None


def _distribution() -> str:
    try:
        with open("/etc/os-release", encoding="utf-8") as source:
            rows = dict(line.rstrip("\n").split("=", 1) for line in source if "=" in line)
    except OSError:
        return platform.system()
    return rows.get("PRETTY_NAME", "").strip('"')


def _line(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.readline().strip()
    except OSError:
        return None
