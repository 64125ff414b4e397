"""What a team does on its host between our operations: it deploys, changes limits, restarts, edits its files."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import yaml

from plugins.module_utils.docker.containers import NO_MEMORY_LIMIT
from tests.simulation.compose_program import parsed
from tests.simulation.host import SimulatedHost
from tests.simulation.shapes import PROJECT, deploy_again

__all__ = ["TEAM_ACTS", "TeamAct", "stop_one"]

TeamAct = Callable[[SimulatedHost, random.Random], str]
_MIB = 2**20
_SCALED = ("api", "worker")


def stop_one(host: SimulatedHost, draw: random.Random) -> dict[str, Any] | None:
    """Stop one of several instances, as before somebody looks into why it is slow; the container, if there is one."""
    several = [
        container for container in _running(host, *_SCALED) if len(_running(host, _service(host, container))) > 1
    ]
    if not several:
        return None
    chosen = draw.choice(several)
    host.engine.stop(chosen, by_hand=True)
    return chosen


def _restart_one(host: SimulatedHost, draw: random.Random) -> str:
    chosen = draw.choice(_running(host, *_SCALED))
    host.engine.stop(chosen, by_hand=True)
    host.engine.start(chosen)
    return f"restarts {_name(chosen)}"


def _limit_one(host: SimulatedHost, draw: random.Random) -> str:
    chosen = draw.choice(_running(host, *_SCALED, "proxy"))
    memory = draw.choice((224, 288)) * _MIB
    host.engine._update(chosen, {"Memory": memory, "MemorySwap": NO_MEMORY_LIMIT - 1})
    return f"gives {_name(chosen)} {memory // _MIB} MiB by hand"


def _deploy_anew(host: SimulatedHost, _draw: random.Random) -> str:
    for container in list(host.engine.containers.values()):
        if (container["Config"].get("Labels") or {}).get("com.docker.compose.project") == PROJECT:
            host.engine.stop(container, by_hand=True)
            host.engine.remove(container)
    deploy_again(host)
    return "takes all down and up"


def _new_version(host: SimulatedHost, draw: random.Random) -> str:
    """The tag means another image from now on; it is deployed at once, or only pulled."""
    tag = draw.choice(("shop/api:1", "shop/worker:1"))
    for image in host.engine.images.values():
        image["RepoTags"] = [known for known in image["RepoTags"] if known != tag]
    identity = f"sha256:{len(host.engine.images) + 100:064x}"
    host.engine.images[identity] = {
        "Id": identity, "RepoTags": [tag], "RepoDigests": [], "Config": {"Env": ["PATH=/bin"]},
    }  # fmt: skip
    if draw.random() < 0.5:
        return f"pulls {tag}"
    deploy_again(host)
    return f"deploys another {tag}"


def _edit(host: SimulatedHost, draw: random.Random) -> str:
    """A variable more in the team's own file; deployed at once, or with the next ``up``."""
    path = host.project / "compose.yml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    service = draw.choice(_SCALED)
    content["services"][service].setdefault("environment", {})["FLAG"] = str(draw.randint(0, 9))
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    parsed.cache_clear()
    if draw.random() < 0.5:
        return f"edits {service} in its file"
    deploy_again(host)
    return f"edits {service} in its file and deploys it"


TEAM_ACTS: tuple[TeamAct, ...] = (_restart_one, _limit_one, _deploy_anew, _new_version, _edit)
"""Each does one thing and says what."""


def _running(host: SimulatedHost, *services: str) -> list[dict[str, Any]]:
    return [
        container
        for container in host.engine.containers.values()
        if container["State"]["Running"] and _service(host, container) in services
    ]


def _service(host: SimulatedHost, container: dict[str, Any]) -> str:
    return host.engine.service_of(container)


def _name(container: dict[str, Any]) -> str:
    return str(container["Name"])[1:]
