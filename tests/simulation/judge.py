"""The judge: the whole state of a host as the team and its users meet it, and how two of them differ.

It asks the simulated host alone, never the program, and knows no file of ours but by its name.
"""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

from plugins.module_utils.docker.containers import NO_MEMORY_LIMIT
from tests.simulation.compose_program import _hash, _replicas
from tests.simulation.host import SimulatedHost
from tests.simulation.redis import SERVICE as REDIS

__all__ = ["State", "differences", "left_over", "state_of"]

State = dict[str, Any]
_LABEL = "com.docker.compose."
_LIMITS = ("Memory", "MemorySwap", "MemoryReservation", "NanoCpus", "CpuQuota")


def state_of(host: SimulatedHost) -> State:
    """Containers, images, volumes, files and what the team's next ``up`` would change."""
    state: State = {}
    for name, container in host.engine.names.items():
        for key, value in _container(host, container).items():
            state[f"{name}: {key}"] = value
    for image in host.engine.images.values():
        tags = [tag for tag in image["RepoTags"] if not tag.startswith("selextract-")]  # see ``left_over``
        state[f"image {image['Id'][-4:]}"] = sorted(tags)
    state["anonymous volumes"] = len([name for name in host.engine.volumes if re.fullmatch(r"[0-9a-f]{64}", name)])
    for path in sorted(host.project.rglob("*")):
        if path.is_file():
            mode = stat.S_IMODE(path.stat().st_mode)
            state[f"file {path.name}"] = (path.read_bytes(), oct(mode))
    state.update(_programs(host))
    for name, count in _wanted_counts(host).items():
        state[f"{name}: as many as its files say"] = count
    return state


def _programs(host: SimulatedHost) -> State:
    """What the programs in containers have and do, and the files of those that are ours."""
    kept = host.programs.postgres.kept
    state: State = {
        "Postgres: roles of ours": sorted(kept["roles"]),
        "Postgres: functions of ours": bool(kept["function"]),
        "Postgres: settings in force": dict(kept["settings"]),
    }
    if REDIS in host.engine.programs:
        state["Redis"] = host.programs.redis.kept
    for name, container in host.engine.names.items():
        about = host.engine.programs.get(f"pgbouncer {container['Id']}")
        if about:
            paused = host.programs.pgbouncer.paused(container)
            state[f"{name}: PgBouncer"] = {**{key: about[key] for key in ("settings", "databases")}, "paused": paused}
    for path in sorted(host.state.rglob("*")):
        if path.name in ("pgbouncer.ini", "shared.ini", "pgbouncer.json"):
            state[f"ours {path.relative_to(host.state)}"] = path.read_bytes()
    for path in sorted((host.root / "volumes").rglob("*")):
        if path.is_file():
            state[f"volume {path.relative_to(host.root)}"] = path.read_bytes()
    return state


def _container(host: SimulatedHost, container: dict[str, Any]) -> dict[str, Any]:
    config, short = container["Config"], container["Id"][:12]
    labels = config.get("Labels") or {}
    limits: dict[str, Any] = {key: container["HostConfig"].get(key) or 0 for key in _LIMITS}
    if not 0 < limits["Memory"] < min(NO_MEMORY_LIMIT, host.engine.memory):
        limits["Memory"] = limits["MemorySwap"] = 0
    if limits["MemorySwap"] < 0 or limits["MemorySwap"] >= host.engine.memory:
        limits["MemorySwap"] = 0
    if limits["NanoCpus"] >= host.engine.cpus * 1e9:
        limits["NanoCpus"] = 0
    return {
        "service": labels.get(_LABEL + "service"),
        "number": labels.get(_LABEL + "container-number"),
        "running": container["State"]["Running"],
        "serves": host.engine.healthy(container) if "Healthcheck" in config else container["State"]["Running"],
        "image": container["Image"],
        "environment": sorted(config["Env"]),
        "limits": limits,
        "mounts": sorted(_mount(host, mount) for mount in container["Mounts"]),
        "networks": {
            network: sorted({*about["Aliases"], str(container["Name"])[1:]} - {short})
            for network, about in container["NetworkSettings"]["Networks"].items()
        },
        "restart": (container["HostConfig"].get("RestartPolicy") or {}).get("Name"),
        "as its files say": _current(host, container, labels),
    }


def _mount(host: SimulatedHost, mount: dict[str, Any]) -> str:
    """By its content where it has no name: whose data it is counts."""
    name = mount.get("Name") or mount.get("Source")
    what = host.engine.volumes.get(str(name), str(name)) if mount.get("anonymous") else name
    return f"{mount['Destination']} {what} {mount['RW']}".replace(str(host.root), "")


def _definitions(host: SimulatedHost) -> dict[str, Any]:
    from plugins.module_utils.compose.files_in_force import files_in_force

    files = [str(host.project / name) for name in files_in_force(str(host.project))]
    words = [word for name in files for word in ("--file", name)]
    import json

    output, _ = host.compose.run(["--project-name", "shop", *words, "config", "--format", "json"], None)
    return dict(json.loads(output)["services"])


def _current(host: SimulatedHost, container: dict[str, Any], labels: dict[str, str]) -> bool:
    service = _definitions(host).get(str(labels.get(_LABEL + "service")))
    return service is not None and labels.get(_LABEL + "config-hash") == _hash(service)


def _wanted_counts(host: SimulatedHost) -> dict[str, bool]:
    counts: dict[str, int] = {}
    for container in host.engine.containers.values():
        service = host.engine.service_of(container)
        counts[service] = counts.get(service, 0) + 1
    return {name: counts.get(name, 0) == _replicas(service) for name, service in _definitions(host).items()}


def differences(one: State, other: State) -> list[str]:
    """What differs, in words."""
    return [
        f"{key}: {_short(one.get(key))} -> {_short(other.get(key))}"
        for key in sorted({*one, *other})
        if one.get(key) != other.get(key)
    ]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 160 else text[:157] + "..."


def left_over(host: SimulatedHost) -> list[str]:
    """What of ours must be gone when no Run is unfinished: all but the ways back of those that are done."""
    engine, state = host.engine, host.state
    found = [f"container {name}" for name in engine.names if name.startswith("selextract-")]
    tags = [tag for image in engine.images.values() for tag in image["RepoTags"]]
    found += [f"image name {tag}" for tag in tags if tag.startswith("selextract-")]
    found += ["the lock"] if (state / "lock.json").exists() else []
    for folder in ("segments", "definitions"):
        found += [f"{folder}/{path.name}" for path in sorted((state / folder).glob("*"))]
    kept = [words for run_id in _may_be_put_back(state) for words in _kept_for(run_id)]
    return [left for left in found if not left.startswith(tuple(kept))]


def _kept_for(run_id: str) -> tuple[str, str]:
    return f"definitions/{run_id}.json", f"image name selextract-infra-kept:{run_id}-"


def _may_be_put_back(state: Path) -> set[str]:
    """Of the Runs that are done the last for each service: how its containers were may still be asked for."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in (state / "runs").glob("2*.json")]
    last: dict[str, str] = {}
    for record in sorted(records, key=lambda record: str(record.get("ended_at"))):
        path = state / "definitions" / f"{record['run_id']}.json"
        if record.get("status") == "done" and path.exists():
            about = json.loads(path.read_text(encoding="utf-8"))["containers"].values()
            last.update({kept["body"]["Labels"][_LABEL + "service"]: record["run_id"] for kept in about})
    return set(last.values())
