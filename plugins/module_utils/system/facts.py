"""Facts of the host, from what the kernel says now; they follow a host whose memory or cores change while it runs."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Iterable
from typing import Any

from ..docker.cgroup import cgroup_version

__all__ = ["block_device", "disk_size", "host_facts", "host_memory", "memory_table"]

_TC_SECONDS = 5.0
_NO_MACHINE = 2**60  # bytes
_SECTOR = 512  # bytes; the unit in which the kernel gives sizes, whatever the disk's own is


def host_facts(docker_folder: str = "/var/lib/docker", data_folder: str | None = None) -> dict[str, Any]:
    """Memory, swap and disk in bytes, network in bits per second (None unknown); the disk is the one Docker is on.

    ``data_folder`` is where the volume of the app's data is mounted, None where it has none of its own.
    """
    memory = host_memory()
    data = _disk(data_folder) if data_folder else None
    disk = _disk(docker_folder) or _disk("/")
    return {
        "hostname": socket.gethostname(),
        "machine_id": _line("/etc/machine-id") or "",
        "cpus": _cores(),
        "memory": memory.get("MemTotal", 0),
        "memory_available": memory.get("MemAvailable"),
        "memory_pressure": _memory_pressure(),
        "swap_total": memory.get("SwapTotal", 0),
        "swap_used": memory.get("SwapTotal", 0) - memory.get("SwapFree", 0),
        "disk_total": disk[0] if disk else None,
        "disk_free": disk[1] if disk else None,
        "data_total": data[0] if data else None,
        "data_free": data[1] if data else None,
        "data_disk": disk_size(data_folder or docker_folder),
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
        return memory_table(source)


def memory_table(lines: Iterable[str]) -> dict[str, int]:
    """What such a table says, in bytes.

    In a container of LXC, lxcfs writes it, and a difference that falls below zero for a moment (SwapFree, MemAvailable)
    as 2**64 less that (3 of 8,000 looks on a busy lab): an amount that no machine has stands for nothing left.
    """
    rows = (line.split() for line in lines)
    amounts = {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) == 3}
    return {name: amount if amount < _NO_MACHINE else 0 for name, amount in amounts.items()}


def _cores() -> int:
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as source:
        listed = sum(line.startswith("processor") for line in source)
    allowed = len(os.sched_getaffinity(0))
    return min(listed, allowed) if listed else allowed


def _disk(path: str) -> tuple[int, int] | None:
    try:
        sizes = os.statvfs(path)
    except OSError:
        return None
    return sizes.f_blocks * sizes.f_frsize, sizes.f_bavail * sizes.f_frsize


def block_device(path: str) -> str | None:
    """The folder of the kernel's about the block device that ``path`` is on; None where it is on no block device."""
    try:
        number = os.stat(path).st_dev
    except OSError:
        return None
    folder = f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"
    return os.path.realpath(folder) if os.path.exists(folder) else None


def disk_size(path: str) -> int | None:
    """Bytes of the whole disk that ``path`` is on, not only of its partition; None where that is unknown."""
    folder = block_device(path)
    if folder is None:
        return None
    whole = os.path.dirname(folder) if os.path.exists(os.path.join(folder, "partition")) else folder
    sectors = _line(os.path.join(whole, "size"))
    return int(sectors) * _SECTOR if sectors and sectors.isdigit() else None


def _memory_pressure() -> float | None:
    """The share of the last five minutes in which some task waited for memory; None where the kernel does not say."""
    words = (_line("/proc/pressure/memory") or "").split()
    average = next((word for word in words if word.startswith("avg300=")), None)
    return round(float(average.partition("=")[2]) / 100, 4) if words[:1] == ["some"] and average else None


def _network_speed() -> int | None:
    """Of the interface that the default route uses, or what its shaper lets through where that is less."""
    with open("/proc/net/route", encoding="ascii") as source:
        rows = [line.split() for line in source]
    default = next((row[0] for row in rows[1:] if row[1] == "00000000"), None)
    speed = _line(f"/sys/class/net/{default}/speed") if default else None
    known = [int(speed) * 1_000_000] if speed and speed.isdigit() else []
    shaped = _shaped_rate(default) if default else None
    return min([*known, *([shaped] if shaped else [])], default=None)


def _shaped_rate(interface: str) -> int | None:
    """Bits per second that a token bucket at the interface's root lets through; None where there is none."""
    program = shutil.which("tc", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        return None
    try:
        answer = subprocess.run(
            [program, "-j", "qdisc", "show", "dev", interface, "root"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_TC_SECONDS, check=False,
        )  # fmt: skip
        rows = json.loads(answer.stdout or "[]")
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    rates = [row.get("options", {}).get("rate") for row in rows if row.get("kind") == "tbf"]
    return int(rates[0]) * 8 if rates and rates[0] else None


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
