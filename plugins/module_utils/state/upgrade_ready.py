"""Whether an upgrade can work on this host: room for its restore point, a volume that grows, addresses that answer."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from ..postgres.psql import find_servers
from ..postgres.restore_point import needed_bytes
from ..system.amounts import disk
from ..system.failure import HostSideError
from ..system.response_times import answer_times
from ..system.volume import Volume
from .act import Act, Work
from .lock import begun_step
from .options import DATABASES, DOCKER, STATE, STEP

__all__ = ["UPGRADE_READY"]


def _check(work: Work) -> dict[str, Any]:
    given = work.params
    if work.check_mode:
        return {"changed": False, **_looked(given)}
    record = begun_step(given)
    with record.failure_noted(given["step_id"]):
        looked = _looked(given)
    record.note_seen(given["step_id"], {"answers": looked["answers"]})
    record.end_step(given["step_id"], "verified", time.time())
    return {"changed": False, **looked}


def _looked(given: dict[str, Any]) -> dict[str, Any]:
    if given["grows"]:
        Volume(given["grows"]).refuse_hopeless()
    needed = _room(given) if given["project"] else 0
    return {"answers": answer_times(given["urls"], given["requests"]), "needed": needed}


def _room(given: dict[str, Any]) -> int:
    """What the restore point needs; raises where there is less."""
    apps = [given, *given["others"]]
    servers = [
        server for app in apps for server in find_servers(given["docker_socket"], app["project"], app["databases"])
    ]
    needed = needed_bytes(servers, given["room"])
    nearest = given["folder"]
    while not os.path.isdir(nearest):
        nearest = os.path.dirname(nearest)
    free = shutil.disk_usage(nearest).free
    if free < needed:
        raise HostSideError(
            f"The restore point needs {disk(needed)} at {given['folder']}, and {disk(free)} are free.",
            kind="refused",
            rule="vertical.restore_point",
        )
    return needed


UPGRADE_READY = Act(
    "upgrade_ready",
    {
        "project": {"type": "str"},
        **DATABASES,
        "others": {"type": "list", "elements": "dict", "default": []},
        "folder": {"type": "path", "required": True},
        "room": {"type": "float", "required": True},
        "urls": {"type": "list", "elements": "str", "default": []},
        "requests": {"type": "int", "required": True},
        "grows": {"type": "path"},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _check,
)
