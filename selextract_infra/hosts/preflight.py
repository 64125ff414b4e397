"""Looking before working: is each host there, with the key that is known here, and has it all that is needed.

Two looks at all hosts at once: one from outside, without logging in, for the port and the host key; and one through
Ansible, whose verdict on logging in is that of OpenSSH.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from selextract_infra.hosts.bounded_process import bounded
from selextract_infra.hosts.inventory import Inventory, InventoryHost
from selextract_infra.hosts.look import LoginProbe, offered_key
from selextract_infra.hosts.runner import HostOutcome, PlaybookRun, TaskEvent, run_playbook

__all__ = ["KeyStanding", "OutsideLook", "Preflight", "look_before", "look_from_outside"]

PLAYBOOK = "selextract.infra.doctor"
READY_TASK = "Check that the host is ready"
OBSERVE_TASK = "Observe the host"
_BOUND_SECONDS = 60.0
_ASK_SSH_SECONDS = 10.0
_MOST_AT_ONCE = 64

KeyStanding = Literal["known", "unknown", "changed", "revoked", "unchecked", "not looked at"]


class OutsideLook(NamedTuple):
    """What was seen of one host without logging in; the fields are those of ``Preflight``."""

    local: bool
    jump: bool = False
    look: LoginProbe = LoginProbe()
    key: KeyStanding = "not looked at"
    fingerprint: str = ""


@dataclass(frozen=True)
class Preflight:
    """What was found out about one host.

    ``local``: it is this very machine, so there is nothing to reach. ``jump``: it is reached through another host, so
    nothing can be seen from outside. ``look``: port and key from outside. ``key``: how the key shown stands to those
    known here. ``fingerprint`` of the key shown. ``outcome``: through Ansible. ``clock_ahead``: seconds by which its
    clock is ahead of this machine's, None where it did not say. ``unattended``: looked at as if nobody were there.
    """

    unattended: bool
    local: bool
    jump: bool
    look: LoginProbe
    key: KeyStanding
    fingerprint: str
    outcome: HostOutcome
    clock_ahead: float | None


@dataclass(frozen=True)
class _Route:
    """What ssh would do to reach a host, as ``ssh -G`` says."""

    address: str
    port: int
    name: str
    jump: bool
    checked: bool
    files: tuple[Path, ...] = ()


@dataclass
class _Arrivals:
    """When the answer with each host's clock came in."""

    at: dict[str, float] = field(default_factory=dict)

    def hear(self, event: TaskEvent) -> None:
        if event.kind == "task_done" and event.task == READY_TASK:
            self.at[event.host] = time.time()


def look_before(
    inventory: Inventory,
    projects: list[dict[str, str]],
    *,
    unattended: bool = False,
    cancel: threading.Event | None = None,
) -> Mapping[str, Preflight]:
    """Look at every host of the inventory, all at once; it takes about as long as the slowest one.

    ``projects`` are the Compose projects to look for (``name``, ``directory``). Nothing is changed on any host.
    Raises ``SelextractError`` when Ansible itself cannot do its work.
    """
    names = tuple(host.name for host in inventory.hosts)
    arrivals = _Arrivals()
    with ThreadPoolExecutor(min(len(names), _MOST_AT_ONCE)) as pool:
        outside = {host.name: pool.submit(look_from_outside, host, inventory) for host in inventory.hosts}
        outcome = run_playbook(
            PlaybookRun(
                playbook=PLAYBOOK,
                inventory=inventory,
                hosts=names,
                values={"hosts": {name: {"projects": projects} for name in names}},
                timeout=_BOUND_SECONDS,
                collect=(READY_TASK, OBSERVE_TASK),
                unattended=unattended,
            ),
            on_event=arrivals.hear,
            cancel=cancel,
        )
        outcome.refuse_unrun()
        probes = {name: future.result() for name, future in outside.items()}
    return {
        name: Preflight(
            **probes[name]._asdict(),
            unattended=unattended,
            outcome=host,
            clock_ahead=_clock_ahead(host, arrivals.at.get(name)),
        )
        for name, host in ((name, outcome.hosts[name]) for name in names)
    }


def _clock_ahead(outcome: HostOutcome, arrived: float | None) -> float | None:
    time = outcome.results.get(READY_TASK, {}).get("time")
    return round(float(time) - arrived, 1) if arrived is not None and isinstance(time, (int, float)) else None


def look_from_outside(host: InventoryHost, inventory: Inventory) -> OutsideLook:
    """Its port and the key that it shows, without logging in; nothing where it is this machine or behind another."""
    if host.connection == "local" or host.name in inventory.local:
        return OutsideLook(local=True)
    route = _route(host)
    if route is None or route.jump:
        return OutsideLook(local=False, jump=True)
    known = _known_keys(route)
    look = offered_key(route.address, route.port, prefer=tuple(kind for _, kind, _ in known))
    return OutsideLook(
        local=False,
        look=look,
        key=_standing(look, known) if route.checked else "unchecked",
        fingerprint=_fingerprint(look),
    )


def _route(host: InventoryHost) -> _Route | None:
    """How ssh would go there with the user's configuration and the inventory's options; None when it cannot say."""
    # As for Ansible, its own environment holds where the inventory says nothing.
    given = [
        str(host.variables.get(name) or os.environ.get(name.upper()) or "")
        for name in ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
    ]
    if any("{{" in text for text in (*given, host.address)):
        return None
    try:
        options = [option for text in given for option in shlex.split(text)]
        # A port that the inventory does not name is ssh's to choose: its configuration may have another.
        port_option = ["-p", str(host.port)] if host.variables.get("ansible_port") else []
        options_in_force = _said_by(["ssh", *options, *port_option, "-G", "--", host.address])
    except ValueError:
        return None
    if "hostname" not in options_in_force:
        return None
    port = int(options_in_force.get("port", host.port))
    name = options_in_force.get("hostkeyalias") or options_in_force["hostname"]
    jumps = [options_in_force.get(key, "none") for key in ("proxyjump", "proxycommand")]
    files = (
        f"{options_in_force.get('userknownhostsfile', '')} {options_in_force.get('globalknownhostsfile', '')}".split()
    )
    unchecked = str(host.variables.get("ansible_host_key_checking", True)).lower() in ("false", "no")
    return _Route(
        address=options_in_force["hostname"],
        port=port,
        name=name if port == 22 else f"[{name}]:{port}",
        jump=any(jump != "none" for jump in jumps),
        checked=options_in_force.get("stricthostkeychecking") not in ("false", "no", "off") and not unchecked,
        files=tuple(Path(file).expanduser() for file in files),
    )


def _said_by(command: list[str]) -> dict[str, str]:
    lines = _output(command).splitlines()
    return {key: value for key, _, value in (line.partition(" ") for line in lines)}


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            bounded(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_SSH_SECONDS,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


def _known_keys(route: _Route) -> list[tuple[str, str, str]]:
    """Marker, type and key of each entry that ssh would find for this host."""
    keys = []
    for file in route.files:
        if not file.is_file():
            continue
        for line in _output(["ssh-keygen", "-F", route.name, "-f", str(file)]).splitlines():
            words = line.split()
            marker = words.pop(0) if words and words[0].startswith("@") else ""
            if len(words) >= 3 and not line.startswith("#"):
                keys.append((marker, words[1], words[2]))
    return keys


def _standing(look: LoginProbe, known: list[tuple[str, str, str]]) -> KeyStanding:
    if not look.key:
        return "not looked at"
    standing = {marker for marker, _, key in known if key == look.key}
    if "@revoked" in standing:
        return "revoked"
    if "" in standing:
        return "known"
    if any(marker == "@cert-authority" for marker, _, _ in known):
        return "not looked at"  # a certificate may vouch for it: that is for ssh to judge
    return "changed" if known else "unknown"


def _fingerprint(look: LoginProbe) -> str:
    if not look.key:
        return ""
    from base64 import b64decode, b64encode
    from hashlib import sha256

    digest = b64encode(sha256(b64decode(look.key)).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"
