"""What a container is by all that Docker and the kernel say of it, without a value of its environment.

A value is told as its shape: names of services and ports stand where they stood, everything else is an ``x``. So what
leads where can be seen on the control machine, and no secret leaves the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .data_store import store_of_process

__all__ = ["described_container", "masked_command", "names_in_networks", "shape_of"]

_LABEL = "com.docker.compose."
_SCHEME = re.compile(r"[a-z][a-z0-9+]{1,20}(?=://)")
_TOKEN = re.compile(r"[A-Za-z0-9_.-]+")
_PORT = re.compile(r":(\d{2,5})(?=\D|$)")
_COUNT = re.compile(r"\d{1,4}(\.\d{1,3})?\Z")
_SECRET_FLAG = re.compile(r"pass|secret|token|key|auth|credential|\bpw\b|user", re.IGNORECASE)
_SECRET_SHORT = ("-a", "-p", "-u")  # of redis-cli, mysql, curl
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_DENSE = re.compile(r"(?=[^\s/]*\d)(?=[^\s/]*[A-Za-z])[A-Za-z0-9+=_-]{20,}\Z")
_LOCAL_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::\d{1,5})?(?:/[\w./~-]{0,120})?")
_MOST_WORDS, _LONGEST_WORD = 60, 200
_HIDDEN = "x"
_MASK = "***"


def described_container(raw: dict[str, Any], names: Iterable[str], proc: str = "/proc") -> dict[str, Any]:
    """One container from the answer of ``Engine.inspect``. ``names`` are those by which containers are reached."""
    config, host, state = raw["Config"], raw["HostConfig"], raw["State"]
    labels = config.get("Labels") or {}
    check = (config.get("Healthcheck") or {}).get("Test") or []
    pid = int(state.get("Pid") or 0)
    known = set(names)
    return {
        "name": str(raw["Name"]).lstrip("/"),
        "id": raw["Id"],
        "image": str(config.get("Image") or ""),
        "project": labels.get(_LABEL + "project") or None,
        "service": labels.get(_LABEL + "service") or None,
        "one_off": str(labels.get(_LABEL + "oneoff", "")).lower() == "true",
        "directory": labels.get(_LABEL + "project.working_dir") or None,
        "files": list(filter(None, str(labels.get(_LABEL + "project.config_files", "")).split(","))),
        "state": str(state.get("Status") or "unknown"),
        "exit_code": state.get("ExitCode") if not pid else None,
        "restart": (host.get("RestartPolicy") or {}).get("Name") or None,
        "command": masked_command([str(raw.get("Path") or ""), *map(str, raw.get("Args") or [])]),
        "processes": _processes(pid, proc) if pid else [],
        "store": store_of_process(pid, proc) if pid else None,
        "health_urls": _LOCAL_URL.findall(" ".join(map(str, check)))[:5],
        "health_command": masked_command([str(word) for word in check if word not in ("CMD", "CMD-SHELL")]),
        "ports": sorted({port.partition("/")[0] for port in (config.get("ExposedPorts") or {})}),
        "published": _published(raw),
        "mounts": [
            {
                "target": str(mount.get("Destination")),
                "source": str(mount.get("Name") or mount.get("Source") or ""),
                "kind": str(mount.get("Type")),
                "read_only": mount.get("RW") is False,
            }
            for mount in raw.get("Mounts") or []
        ],
        "networks": sorted((raw.get("NetworkSettings") or {}).get("Networks") or {}),
        "network_mode": str(host.get("NetworkMode") or ""),
        "privileged": bool(host.get("Privileged")),
        "variables": {
            name: shape_of(value, known)
            for name, equals, value in (str(entry).partition("=") for entry in config.get("Env") or [])
            if equals
        },
    }


def names_in_networks(raw: dict[str, Any]) -> dict[str, str]:
    """Every name and address by which other containers reach this one, each with its service or its own name."""
    labels = (raw.get("Config") or {}).get("Labels") or {}
    own = str(raw["Name"]).lstrip("/")
    service = labels.get(_LABEL + "service") or own
    names = {own: service, service: service}
    for network in ((raw.get("NetworkSettings") or {}).get("Networks") or {}).values():
        for name in [*(network.get("Aliases") or []), network.get("IPAddress")]:
            if name:
                names[str(name)] = service
    return names


def shape_of(value: str, names: Iterable[str]) -> str:
    """The value with everything hidden but schemes, ports, signs between words, and ``names``; small counts are kept.

    Where any of it is a name, that name led somewhere already: it is in a network of the host, and no secret.
    """
    if _COUNT.match(value):
        return value
    known = set(names)
    # A scheme says what answers there, a port where; both stand in documentation and are no secret.
    kept = {match.span() for match in _SCHEME.finditer(value)} | {match.span(1) for match in _PORT.finditer(value)}
    shape: list[str] = []
    position = 0
    for match in _TOKEN.finditer(value[:2000]):
        shape.append(_signs(value[position : match.start()]))
        shape.append(match[0] if match[0] in known or match.span() in kept else _HIDDEN)
        position = match.end()
    return "".join(shape) + _signs(value[position : position + 3])


def _signs(text: str) -> str:
    return "".join(sign for sign in text if sign in "/@:;,=?&()[] '\"")[:8]


def masked_command(words: list[str]) -> list[str]:
    """A command line in which nothing is left that could be a password."""
    masked: list[str] = []
    secret_follows = False
    for word in " ".join(words).split()[:_MOST_WORDS]:
        flag, equals, _ = word.partition("=")
        secret = _SECRET_FLAG.search(flag) is not None
        if secret_follows and not word.startswith("-"):
            masked.append(_MASK)
        elif secret and equals:
            masked.append(f"{flag}={_MASK}")
        # What looks like a key is hidden wherever it stands: a program may take one as its only argument.
        elif _DENSE.match(word):
            masked.append(_MASK)
        else:
            masked.append(_LOGIN.sub(f"{_MASK}@", word)[:_LONGEST_WORD])
        secret_follows = word in _SECRET_SHORT or (secret and not equals and word.startswith("-"))
    return masked


def _published(raw: dict[str, Any]) -> list[dict[str, str]]:
    bindings = (raw.get("NetworkSettings") or {}).get("Ports") or {}
    return [
        {"inside": inside.partition("/")[0], "outside": str(binding["HostPort"]), "address": str(binding["HostIp"])}
        for inside, bound in sorted(bindings.items())
        for binding in bound or []
        if inside.endswith("/tcp")
    ]


def _processes(pid: int, proc: str) -> list[str]:
    """The names of the first process and of those that it has started, as the kernel has them."""
    names: list[str] = []
    waiting = [pid]
    while waiting and len(names) < 8:
        process = waiting.pop(0)
        try:
            with open(f"{proc}/{process}/comm", encoding="utf-8", errors="replace") as source:
                names.append(source.read().strip())
            with open(f"{proc}/{process}/task/{process}/children", encoding="ascii") as source:
                waiting += [int(child) for child in source.read().split() if child.isdigit()]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return list(dict.fromkeys(names))
