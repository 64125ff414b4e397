"""The service beside a replica that tells a load balancer whether the replica may be read from; it changes nothing."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Mapping
from typing import Any

from ...state.state import remove_folder, write_whole
from ...system.failure import HostSideError
from ...system.systemctl import systemctl
from .. import lag
from . import conversation, serve

__all__ = ["install_check", "remove_check"]

_UNITS = "/etc/systemd/system"
_PROGRAM = "/usr/local/lib/selextract-infra-replica"
_PACKAGE = "selextract_replica_check"
_FILES = {"lag.py": lag, "check/conversation.py": conversation, "check/serve.py": serve}

_UNIT = """\
# Written by selextract-infra; changes made here are lost.
# Tells a load balancer whether the replica on this host may answer reads. It changes nothing.
[Unit]
Description=Check of the Postgres replica (selextract-infra)
Wants=docker.service
After=docker.service network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart={python} -B -s -m {package}.check.serve {words}
WorkingDirectory={folder}
Restart=always
RestartSec=2
TimeoutStopSec=10
UMask=0077

# What it may use.
MemoryMax=64M
CPUQuota=20%
TasksMax=64
OOMScoreAdjust=300

# What it may do: ask Docker over its socket, answer on one address.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateDevices=yes
PrivateTmp=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""


def install_check(unit: str, options: Mapping[str, Any], *, check: bool = False) -> bool:
    """Let the service of that name run with these options of its program; whether anything changed.

    Raises ``HostSideError`` of kind ``state``.
    """
    texts = {name: inspect.getsource(module) for name, module in _FILES.items()}
    files = {os.path.join(_PROGRAM, _PACKAGE, name): text for name, text in texts.items()}
    files[os.path.join(_PROGRAM, _PACKAGE, "__init__.py")] = ""
    files[os.path.join(_PROGRAM, _PACKAGE, "check", "__init__.py")] = ""
    words = " ".join(f"--{name} {value}" for name, value in options.items())
    files[os.path.join(_UNITS, unit)] = _UNIT.format(
        python=sys.executable or "/usr/bin/python3", package=_PACKAGE, words=words, folder=_PROGRAM
    )
    changed = [path for path, text in files.items() if _text(path) != text]
    if check or not changed:
        return bool(changed)
    try:
        for path in changed:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            write_whole(path, files[path].encode(), mode=0o644)
    except OSError as problem:
        reason = problem.strerror or problem
        raise HostSideError(f"The check of the replica cannot be written ({reason}).", kind="state") from problem
    systemctl("daemon-reload")
    systemctl("enable", unit)
    systemctl("restart", unit)
    return True


def remove_check(unit: str, *, entirely: bool) -> bool:
    """Take the service away, ``entirely`` with the program that all of them have in common; whether it was there."""
    path = os.path.join(_UNITS, unit)
    present = os.path.exists(path)
    if present:
        systemctl("disable", "--now", unit)
        os.unlink(path)
        systemctl("daemon-reload")
    if entirely:
        remove_folder(_PROGRAM)
    return present


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except FileNotFoundError:
        return None
