"""The lab as tests of emergencies see it: everything of the app that an emergency changes, to the byte."""

from __future__ import annotations

import json
from typing import Any

from selextract_infra.lab import Lab

STATE = "/var/lib/selextract-infra/emergency.json"
_SHOWN = (
    "cd /opt/selextract; stat -c '%n %U %G %a' .env * 2>/dev/null; cat .env compose*.yml;"
    " docker ps -aq --filter label=com.docker.compose.project=selextract | xargs docker inspect --format"
    " '{{.Name}} {{.Id}} {{.State.Status}} {{.State.StartedAt}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}"
    " {{.HostConfig.NanoCpus}}' | sort; ls nginx.d"
)


def everything(lab: Lab) -> str:
    """Files with owner and mode, containers with limits and starts, switches: as they are now."""
    shown = lab.ssh("app1", _SHOWN)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def counts(lab: Lab) -> dict[str, int]:
    """Running and healthy instances by service."""
    names = lab.ssh(
        "app1",
        "docker ps --filter health=healthy --filter label=com.docker.compose.project=selextract"
        " --format '{{.Label \"com.docker.compose.service\"}}'",
    ).stdout.split()
    return {name: names.count(name) for name in sorted(set(names))}


def on_host(lab: Lab) -> dict[str, Any]:
    """What the host says of its emergency, empty where it never had one."""
    shown = lab.ssh("app1", f"cat {STATE} 2>/dev/null || echo '{{}}'").stdout
    return dict(json.loads(shown))


def armed(lab: Lab) -> bool:
    """Whether the timer that ends it is there."""
    return lab.ssh("app1", "systemctl is-active -q selextract-emergency.timer").returncode == 0
