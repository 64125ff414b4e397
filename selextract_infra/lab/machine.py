"""What this machine offers to a lab, and one clear sentence where it offers too little."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from selextract_infra.errors import LabUnavailableError
from selextract_infra.lab.engine import Engine
from selextract_infra.model.figures import disk

__all__ = ["LXCFS", "Machine", "as_root", "engine", "look"]

LXCFS = Path("/var/lib/lxcfs/proc")
LXCFS_FILES = ("cpuinfo", "diskstats", "loadavg", "meminfo", "stat", "swaps", "uptime")
MINIMUM_DISK = 6 * 10**9
PROGRAMS = ("ssh", "ssh-keygen")


@dataclass(frozen=True)
class Machine:
    """This machine: its engine, its cores and memory (bytes), its cgroup version and what it cannot do (``notes``)."""

    engine: Engine
    cpus: int
    memory: int
    cgroup: int
    lxcfs: tuple[Path, ...]
    notes: tuple[str, ...] = ()

    @property
    def sudo(self) -> tuple[str, ...]:
        """What to put before a command that only root may run."""
        return as_root()


def as_root() -> tuple[str, ...]:
    """What to put before a command that only root may run."""
    return () if os.geteuid() == 0 else ("sudo", "-n")


def look() -> Machine:
    """Look at this machine. Raises LabUnavailableError, naming the remedy, where it cannot carry a lab."""
    for program in PROGRAMS:
        if shutil.which(program) is None:
            raise LabUnavailableError(
                f"The lab needs the program {program}, and it is not installed.",
                remedy="apt-get install openssh-client",
            )
    docker = engine()
    answer = docker.run(
        "info", "--format", "{{.NCPU}} {{.MemTotal}} {{.CgroupVersion}} {{.OSType}} {{.DockerRootDir}}", check=False
    ).split()
    if len(answer) != 5 or answer[3] != "linux":
        raise LabUnavailableError(
            "The lab needs a Docker engine that runs Linux containers on this machine.", remedy="scripts/machine"
        )
    _require_disk(Path(answer[4]))
    files = _lxcfs_files()
    notes = (
        ()
        if files
        else (
            "lxcfs is not running here, so lab hosts see this machine's memory and cores instead of their own limits;"
            " install and start lxcfs (scripts/machine does), then run “lab down” and “lab up”.",
        )
    )
    return Machine(docker, int(answer[0]), int(answer[1]), int(answer[2]), files, notes)


def engine() -> Engine:
    """The machine's engine, reached directly or through sudo. Raises LabUnavailableError when there is none."""
    if shutil.which("docker") is None:
        raise LabUnavailableError(
            "The lab needs a Docker engine, and Docker is not installed on this machine.",
            remedy="scripts/machine (as root or with sudo), or your distribution's docker.io package",
        )
    direct = _probe(("docker",))
    if direct is None:
        return Engine(("docker",))
    if os.geteuid() != 0 and "permission denied" in direct.lower():
        if shutil.which("sudo") and _probe(("sudo", "-n", "docker")) is None:
            return Engine(("sudo", "-n", "docker"))
        raise LabUnavailableError(
            "You may not use Docker on this machine: you are neither root nor in the group docker, and sudo does not"
            " work without a password.",
            remedy="sudo usermod -aG docker $USER, log in again; or run sudo -v first",
        )
    raise LabUnavailableError(
        "Docker is installed on this machine, but its engine does not answer.",
        remedy="sudo systemctl start docker; without systemd: scripts/machine",
    )


def _probe(command: tuple[str, ...]) -> str | None:
    """None when the engine answers, else what the client complained about."""
    try:
        done = subprocess.run(
            [*command, "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return "no answer within 20 seconds"
    return None if done.returncode == 0 else done.stderr or done.stdout


def _require_disk(root: Path) -> None:
    """The engine's folder may be out of our sight; then its nearest visible parent stands for it."""
    while not os.access(root, os.R_OK):
        root = root.parent
    free = shutil.disk_usage(root).free
    if free < MINIMUM_DISK:
        raise LabUnavailableError(
            f"The lab needs {disk(MINIMUM_DISK)} of free disk for images, and {root} has {disk(free)}.",
            remedy="docker system prune, or free some disk",
        )


def _lxcfs_files() -> tuple[Path, ...]:
    """The files of /proc that lxcfs can answer for; none when it does not run (its folder may be stale)."""
    try:
        if "MemTotal" not in (LXCFS / "meminfo").read_text():
            return ()
    except OSError:
        return ()
    return tuple(LXCFS / name for name in LXCFS_FILES if (LXCFS / name).exists())
