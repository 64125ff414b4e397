"""Services as the Compose files in force say, without what may be secret."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["service_definitions"]

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\Z", re.IGNORECASE)
_RANGE = re.compile(r"\d{1,4}(-\d{1,4})?\Z")
_PLAIN = re.compile(r"-?\d{1,12}(\.\d{1,6})?\Z")
_MOST_CORES = 4096
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def service_definitions(
    configuration: dict[str, Any],
    profiles: tuple[str, ...],
    present: set[str],
    probed: set[str],
) -> list[dict[str, Any]]:
    """Services that are in force: no profile, an active one, or a container of theirs is ``present``.

    ``configuration`` is Compose's own, with all profiles; ``probed`` are services whose containers have a health check.
    """
    services = configuration.get("services") or {}
    return [
        _definition(name, service, name in probed)
        for name, service in sorted(services.items())
        if _in_force(service, profiles) or name in present
    ]


def _in_force(service: dict[str, Any], profiles: tuple[str, ...]) -> bool:
    asked = service.get("profiles") or []
    return not asked or "*" in profiles or bool(set(asked) & set(profiles))


def _definition(name: str, service: dict[str, Any], probed: bool) -> dict[str, Any]:
    deploy = service.get("deploy") or {}
    resources = (deploy.get("resources") or {}).get("limits") or {}
    own = {key: service[key] for key in ("mem_limit", "cpus") if service.get(key)}
    deployed = {key: resources[key] for key in ("memory", "cpus") if resources.get(key)}
    check = service.get("healthcheck") or {}
    test = check.get("test") or []
    return {
        "name": name,
        "replicas": _count(service, deploy),
        "limits": {
            "cpus": _cores(own.get("cpus") or deployed.get("cpus")),
            "memory": _bytes(own.get("mem_limit") or deployed.get("memory")),
            "swap": _bytes(service.get("memswap_limit")),
        },
        "beside": _beside(service, deploy),
        "limit_form": _form(own, deployed),
        "count_form": "service" if service.get("scale") is not None else "deploy" if "replicas" in deploy else None,
        "container_name": service.get("container_name"),
        "fixed_host_ports": [port for port in map(_fixed_port, service.get("ports") or []) if port],
        "fixed_addresses": _fixed_addresses(service),
        "depends_on": sorted(service.get("depends_on") or {}),
        "has_healthcheck": probed or bool(test and test[0] != "NONE" and not check.get("disable")),
    }


def _beside(service: dict[str, Any], deploy: dict[str, Any]) -> dict[str, Any]:
    """What a limit has to respect."""
    reserved = ((deploy.get("resources") or {}).get("reservations") or {}).get("memory")
    return {
        "memory_reservation": _bytes(service.get("mem_reservation")) or _bytes(reserved),
        "shm_size": _bytes(service.get("shm_size")),
        "cpu_quota": _number(service.get("cpu_quota")) > 0,
        "cpuset": _cores_in(str(service.get("cpuset") or "")),
        "oom_kill_disable": service.get("oom_kill_disable") is True,
    }


def _cores_in(cpuset: str) -> int | None:
    """How many cores a set such as ``0-2,5`` has."""
    ranges = [part.partition("-") for part in cpuset.split(",") if _RANGE.match(part.strip())]
    cores = {core for low, _, high in ranges for core in range(int(low), min(int(high or low), _MOST_CORES) + 1)}
    return len(cores) or None


def _number(value: Any) -> float:
    match = _PLAIN.match(str(value))
    return float(match[0]) if match else 0.0


def _form(own: dict[str, Any], deployed: dict[str, Any]) -> str | None:
    if own and deployed:
        return "mixed"
    return "service" if own else "deploy" if deployed else None


def _count(service: dict[str, Any], deploy: dict[str, Any]) -> int:
    asked = service.get("scale") if service.get("scale") is not None else deploy.get("replicas")
    return 1 if asked is None else int(asked)


def _fixed_port(port: dict[str, Any]) -> str | None:
    published = str(port.get("published") or "")
    if not published or "-" in published or published == "0":
        return None
    address = f"{port['host_ip']}:" if port.get("host_ip") else ""
    return f"{address}{published}/{port.get('protocol', 'tcp')}"


def _fixed_addresses(service: dict[str, Any]) -> list[str]:
    """What of its place in a network only one container can have, each with its key."""
    keys = ("ipv4_address", "ipv6_address", "mac_address")
    networks = service.get("networks")
    attached = [network for network in networks.values() if network] if isinstance(networks, dict) else []
    places = [f"{key} {place[key]}" for place in (service, *attached) for key in keys if place.get(key)]
    return ["network_mode host", *places] if service.get("network_mode") == "host" else places


def _bytes(value: Any) -> int | None:
    match = _SIZE.match(str(value).strip()) if value not in (None, "") else None
    if match is None:
        return None
    return round(float(match[1]) * 1024 ** _POWERS[match[2].lower()]) or None


def _cores(value: Any) -> float | None:
    return float(value) or None if value not in (None, "") else None
