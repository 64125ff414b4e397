"""One lab host: a real Linux system in a container, with systemd, sshd and its own Docker engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from selextract_infra.errors import HostUnpreparedError
from selextract_infra.lab.disk import DEVICE
from selextract_infra.lab.engine import EngineError, LabEngine
from selextract_infra.lab.machine import Machine
from selextract_infra.lab.topology import (
    HOST_LABEL,
    LAB_LABEL,
    RECIPE_LABEL,
    HostHardware,
    container_name,
    network_name,
)
from selextract_infra.model.figures import KB

__all__ = ["Host", "create_host", "wait_until"]

READY_BOUND = 90.0
ATTEMPTS = 5

# Not --privileged: a machine may lack a capability itself, and then Docker refuses the whole set.
_ISOLATION = (
    "--cap-add=ALL",
    "--cap-drop=SYS_RESOURCE",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--cgroupns=private",
    "--tmpfs=/run:exec",
    "--tmpfs=/tmp:exec",
    "--tmpfs=/run/lock",
    "--stop-signal=SIGRTMIN+3",
    "--env=container=docker",
)


@dataclass(frozen=True)
class Host:
    """A lab host by name, as the machine's engine knows it."""

    engine: LabEngine
    lab: str
    name: str

    @property
    def container(self) -> str:
        """The name of its container, and of its volume."""
        return container_name(self.lab, self.name)

    def details(self) -> dict[str, Any] | None:
        """What the engine knows of it; None when it does not exist."""
        details = self.engine.inspect("container", self.container)
        return details[0] if details else None

    def execute(self, *command: str, timeout: float = 60.0, feed: bytes | None = None, check: bool = True) -> str:
        """Run a command on the host by its console, so without ssh."""
        return self.engine.execute(self.container, *command, timeout=timeout, feed=feed, check=check)

    def power_on(self) -> None:
        """Switch it on; nothing happens when it is on."""
        self.engine.run("start", self.container)

    def power_off(self, *, cleanly: bool = False) -> None:
        """Pull the plug; ``cleanly`` shuts it down as an operator would."""
        if cleanly:
            self.engine.run("stop", "--time", "60", self.container, timeout=90)
        else:
            self.engine.run("kill", self.container)

    def reboot(self) -> None:
        """Shut it down and boot it anew."""
        self.engine.run("restart", "--time", "60", self.container, timeout=120)

    def is_on(self) -> bool:
        """Whether it is switched on."""
        return bool((self.details() or {}).get("State", {}).get("Running"))

    def set_hardware(self, *, cpus: int | None = None, memory: int | None = None) -> None:
        """Change its hardware, while it runs or is off: whole cores, memory in bytes."""
        if memory:
            self.engine.run("update", f"--memory={memory}", f"--memory-swap={memory}", self.container)
        if cpus and self.is_on():
            self._set_cores(cpus)
        elif cpus:
            self.engine.run("update", f"--cpuset-cpus=0-{cpus - 1}", self.container)

    def _set_cores(self, cpus: int) -> None:
        # On cgroup v1 no child may have cores that its parent lacks: they lose them before and gain them after.
        # A container that starts in between has the old ones, so a refusal is no failure yet.
        for left in reversed(range(ATTEMPTS)):
            self._offer_cores(cpus, "-depth")
            try:
                self.engine.run("update", f"--cpuset-cpus=0-{cpus - 1}", self.container)
                break
            except EngineError:
                if not left:
                    raise
        self._offer_cores(cpus, "-true")

    def _offer_cores(self, cpus: int, order: str) -> None:
        self.execute(
            "sh", "-c",
            "find /sys/fs/cgroup/cpuset -mindepth 2 " + order + " -name cpuset.cpus 2>/dev/null |"
            f' while read -r file; do echo 0-{cpus - 1} > "$file" 2>/dev/null || true; done',
        )  # fmt: skip

    def wait_ready(self, bound: float = READY_BOUND) -> None:
        """Wait until sshd and the host's Docker engine answer. Raises HostUnpreparedError after ``bound`` seconds."""

        def ready() -> bool:
            answer = self.execute(
                "sh", "-c", "systemctl is-active --quiet ssh docker && docker info >/dev/null 2>&1 && echo ready",
                timeout=20, check=False,
            )  # fmt: skip
            return answer.strip() == "ready"

        if not wait_until(ready, bound):
            raise HostUnpreparedError(
                f"The lab host {self.name} did not become ready within {bound:g} seconds.",
                remedy=f"look at it with: {' '.join(self.engine.prefix)} exec {self.container} systemctl --failed",
            )
        self.execute("rm", "-f", "/run/nologin")

    def disk_device(self) -> str | None:
        """The block device of this machine that its data disk is; None for a host without one."""
        devices = (self.details() or {}).get("HostConfig", {}).get("Devices") or []
        return next((device["PathOnHost"] for device in devices if device["PathInContainer"] == DEVICE), None)

    def facts_follow_limits(self) -> bool:
        """Whether the host sees its own memory; False also when lxcfs died under it."""
        details = self.details() or {}
        try:
            first = self.execute("head", "-1", "/proc/meminfo").split()
        except EngineError:
            return False
        limit = int(details.get("HostConfig", {}).get("Memory", 0))
        return bool(limit) and int(first[1]) * KB <= limit

    def host_key(self) -> str:
        """Its public host key (type and key), read by its console and so beyond doubt."""
        return " ".join(self.execute("cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])

    def authorize(self, public_key: str, ops_password: str) -> None:
        """Let the key log in as root and as ops, and give ops its sudo password."""
        for user, home in (("root", "/root"), ("ops", "/home/ops")):
            self.execute(
                "install", "-m", "0600", "-o", user, "-g", user, "/dev/stdin", f"{home}/.ssh/authorized_keys",
                feed=public_key.encode(),
            )  # fmt: skip
        self.execute("chpasswd", feed=f"ops:{ops_password}\n".encode())


def create_host(
    machine: Machine, lab: str, size: HostHardware, *, image: str, recipe: str, subnet: IPv4Network, disk: str | None
) -> Host:
    """Create and start a lab host of that size; its address is the same for as long as the lab lives.

    ``disk`` is the block device of this machine that its data disk is, None for a host without one.
    """
    host = Host(machine.engine, lab, size.name)
    labels = (f"{LAB_LABEL}={lab}", f"{HOST_LABEL}={size.name}", f"{RECIPE_LABEL}={recipe}")
    flags = [f"--label={label}" for label in labels]
    machine.engine.run("volume", "create", *flags, host.container)
    machine.engine.run(
        "run", "--detach", "--name", host.container, "--hostname", size.name,
        "--network", network_name(lab), "--ip", str(subnet[size.address]),
        *flags, *_ISOLATION,
        f"--memory={min(size.memory, machine.memory)}", f"--memory-swap={min(size.memory, machine.memory)}",
        f"--cpuset-cpus=0-{min(size.cpus, machine.cpus) - 1}",
        f"--volume={host.container}:/var/lib/docker",
        *((f"--device={disk}:{DEVICE}",) if disk else ()),
        *(f"--volume={file}:{Path('/proc') / file.name}:ro" for file in machine.lxcfs),
        image, "/usr/local/sbin/lab-boot",
    )  # fmt: skip
    return host


def wait_until(condition: Callable[[], bool], bound: float, every: float = 0.25) -> bool:
    """Ask again and again until it holds; False after ``bound`` seconds."""
    end = time.monotonic() + bound
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
