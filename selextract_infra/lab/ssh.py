"""The way into a lab host: OpenSSH with the lab's key, host keys checked."""

from __future__ import annotations

import subprocess

from selextract_infra.lab.folders import LabFolder

__all__ = ["options", "run"]


def options(folder: LabFolder) -> list[str]:
    """Options for ssh: only this key, host keys checked, a dead host noticed after 15 seconds."""
    return [
        "-o", f"UserKnownHostsFile={folder.known_hosts}",
        "-o", "GlobalKnownHostsFile=/dev/null",
        "-o", "StrictHostKeyChecking=yes",
        "-o", "IdentitiesOnly=yes",
        "-o", "PasswordAuthentication=no",
        "-o", "ConnectTimeout=5",
        "-o", "ServerAliveInterval=5",
        "-o", "ServerAliveCountMax=3",
    ]  # fmt: skip


def run(
    folder: LabFolder, address: str, command: str, *, user: str = "root", timeout: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a shell command on a host, at most ``timeout`` seconds; the caller judges its exit code (255: no way in)."""
    return subprocess.run(
        ["ssh", *options(folder), "-i", str(folder.key), f"{user}@{address}", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
