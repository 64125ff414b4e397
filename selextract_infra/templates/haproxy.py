"""What our balancers have in common: each is HAProxy in a Compose project of its own, on the app's network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

__all__ = ["INSIDE", "RESOLVED", "RUNNING", "compose_text", "head", "milliseconds"]

INSIDE = "/etc/selextract"
"""Where its configuration is in the container."""

RUNNING = "/run/selextract"
"""Where its admin socket is in the container."""

RESOLVED = "resolvers docker resolve-prefer ipv4 init-addr last,libc,none"
"""For a server by its name: its address is asked for again and again, and need not be known at the start."""

_NOBODY = "65534:65534"
_RESOLVERS = """\
resolvers docker
    nameserver engine 127.0.0.11:53
    accepted_payload_size 8192
    resolve_retries 3
    timeout resolve 1s
    timeout retry 1s
    hold valid 1s
"""


def head(connections: int, own: str) -> str:
    """The beginning of its configuration, up to its defaults; ``own`` is what else its section ``global`` says."""
    return f"""\
# Written by selextract-infra from its policy; changes by hand are lost.
global
    maxconn {connections}
    stats socket {RUNNING}/admin.sock mode 600 level admin
    stats timeout 5m
{own}

{_RESOLVERS}"""


def compose_text(
    project: str, alias: str, *, image: str, network: str, folder: str, drain: float, memory: int, cpus: float,
    ports: Sequence[str] = (),
) -> str:  # fmt: skip
    """Its Compose file. ``alias`` is its name on ``network``, the app's, which is not ours.

    ``folder`` is its own on the host; ``drain`` (seconds) is how long it may finish what it holds; ``memory`` (bytes)
    and ``cpus`` (cores) are its limits.
    """
    service: dict[str, Any] = {
        "image": image,
        "entrypoint": ["haproxy"],
        "command": ["-W", "-db", "-f", f"{INSIDE}/haproxy.cfg"],
        "user": _NOBODY,
        "restart": "always",
        "stop_signal": "SIGUSR1",
        "stop_grace_period": f"{round(drain)}s",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": memory,
        "memswap_limit": memory,
        "cpus": cpus,
        **({"ports": list(ports)} if ports else {}),
        "volumes": [f"{folder}/config:{INSIDE}:ro", f"{folder}/run:{RUNNING}"],
        "networks": {"app": {"aliases": [alias]}},
    }
    content = {
        "name": project,
        "services": {"balancer": service},
        "networks": {"app": {"external": True, "name": network}},
    }
    return json.dumps(content, indent=2) + "\n"


def milliseconds(seconds: float) -> str:
    """A time as its configuration has it."""
    return f"{round(seconds * 1000)}ms"
