"""On the lab host: prints what stands there, by plain docker and psql, as one JSON document."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import Any

WHAT: dict[str, Any] = json.loads(sys.argv[1])
_PLACES = ("/var/lib/selextract-infra", "/etc/selextract-infra", "/run/selextract-infra", "/opt/selextract-infra")
# What the server was given, not what each session sets.
_SETTINGS = """
SELECT name || '=' || coalesce(setting, '') FROM pg_settings
WHERE source IN ('configuration file', 'command line') ORDER BY 1
"""


def run(*words: str) -> str:
    """What a program prints."""
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=40, check=False).stdout
    except subprocess.TimeoutExpired:
        return ""


def limits(host: dict[str, Any]) -> dict[str, Any]:
    """Of one container; cores in billionths."""
    cores = host.get("NanoCpus") or 0
    if not cores and (host.get("CpuQuota") or 0) > 0:
        cores = round(1e9 * host["CpuQuota"] / (host.get("CpuPeriod") or 100000))
    named = {
        "memory": "Memory",
        "swap": "MemorySwap",
        "reservation": "MemoryReservation",
        "pids": "PidsLimit",
        "shm": "ShmSize",
    }
    return {
        **{name: host.get(key) or 0 for name, key in named.items()},
        "cores": cores,
        "cpuset": host.get("CpusetCpus") or "",
    }


def container(facts: dict[str, Any]) -> dict[str, Any]:
    """What is compared of one container."""
    host, state, config = facts["HostConfig"], facts["State"], facts["Config"]
    labels, short, own = config.get("Labels") or {}, facts["Id"][:12], facts["Name"].lstrip("/")
    networks = facts["NetworkSettings"].get("Networks") or {}
    mode = str(host.get("NetworkMode"))
    mounts = [
        [mount["Destination"], mount.get("Name") or mount.get("Source"), mount.get("RW")] for mount in facts["Mounts"]
    ]
    return {
        "id": short,
        "started": state["StartedAt"],
        "project": labels.get("com.docker.compose.project", ""),
        "service": labels.get("com.docker.compose.service", ""),
        "one_off": labels.get("com.docker.compose.oneoff") == "True",
        "state": state["Status"],
        "health": (state.get("Health") or {}).get("Status", ""),
        "oom": bool(state.get("OOMKilled")),
        "image": facts["Image"][7:19],
        "command": [config.get(key) for key in ("Entrypoint", "Cmd", "User", "WorkingDir", "StopSignal")],
        "environment": dict(entry.split("=", 1) for entry in config.get("Env") or [] if "=" in entry),
        "limits": limits(host),
        "restart": (host.get("RestartPolicy") or {}).get("Name"),
        "ports": host.get("PortBindings") or {},
        "mounts": sorted(mounts, key=str),
        "network": "container" if mode.startswith("container:") else mode,
        "networks": {
            # Docker resolves a container's own name in any case, also where Compose has not noted it.
            name: sorted({alias for alias in network.get("Aliases") or [] if alias not in (short, own)})
            for name, network in networks.items()
        },
    }


def containers() -> dict[str, Any]:
    """By name."""
    ids = run("docker", "ps", "-aq", "--no-trunc").split()
    facts = json.loads(run("docker", "inspect", *ids) or "[]") if ids else []
    return {entry["Name"].lstrip("/"): container(entry) for entry in facts}


def files(root: str) -> dict[str, list[Any]]:
    """By path: digest, mode, owner and group, and the text of what Compose reads."""
    listed = {}
    for folder, folders, names in os.walk(root):
        for path in (os.path.join(folder, name) for name in folders + names):
            try:
                facts = os.lstat(path)
                content = b""
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        content = file.read()
            except OSError:
                continue
            text = content.decode(errors="replace") if path.endswith((".yml", ".yaml", ".env")) else ""
            digest = hashlib.sha256(content).hexdigest()[:16]
            listed[os.path.relpath(path, root)] = [digest, oct(facts.st_mode), facts.st_uid, facts.st_gid, text]
    return listed


def database(known: dict[str, Any]) -> dict[str, list[str]]:
    """Settings, roles and the like; nothing where the database does not run."""
    wanted = [WHAT["project"], WHAT["database"], "running", False]
    keys = ("project", "service", "state", "one_off")
    names = [name for name, facts in known.items() if [facts[key] for key in keys] == wanted]
    if not names:
        return {}
    call = ["docker", "exec", names[0], "psql", "-XAtq", "-U", WHAT["superuser"], "-d", "shop", "-c"]
    asked = {
        "settings": _SETTINGS,
        "waiting": "SELECT name FROM pg_settings WHERE pending_restart ORDER BY 1",
        "roles": "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1",
        "schemas": "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1",
        "migrations": "SELECT count(*) FROM migrations",
    }
    return {key: run(*call, statement).splitlines() for key, statement in asked.items()}


def main() -> None:
    """Print it all."""
    known = containers()
    units = run("systemctl", "list-unit-files", "--no-legend", "--no-pager").splitlines()
    shown = {
        "containers": known,
        "files": files(WHAT["root"]),
        "neighbour": files("/srv/neighbour"),
        "database": database(known),
        "networks": sorted(run("docker", "network", "ls", "--format", "{{.Name}}").split()),
        "volumes": sorted(run("docker", "volume", "ls", "--format", "{{.Name}}").split()),
        "units": sorted(line.split()[0] for line in units if "selextract" in line),
        "places": [place for place in _PLACES if os.path.exists(place)],
    }
    print(json.dumps(shown))


main()
