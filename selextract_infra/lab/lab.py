"""The lab: a small datacentre on one machine."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from selextract_infra.errors import UsageError
from selextract_infra.lab import ssh, stack
from selextract_infra.lab.disk import disks_in
from selextract_infra.lab.folders import DEFAULT_NAME, LabFolder, locked
from selextract_infra.lab.host import Host
from selextract_infra.lab.images import Progress
from selextract_infra.lab.inventory import remove_inventory
from selextract_infra.lab.load import BROWSER, Load, LoadStep, TaskShape
from selextract_infra.lab.machine import as_root, engine, look
from selextract_infra.lab.provision import Provision
from selextract_infra.lab.state import LabHostStatus, LabState, LabStatus
from selextract_infra.lab.topology import HOST_LABEL, LAB_LABEL, Topology

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Lab"]


def _silent(_: str) -> None:
    """Progress that nobody listens to."""


class Lab:
    """A lab by name. Several labs live side by side; everything of one carries a label with its name."""

    def __init__(self, name: str = DEFAULT_NAME) -> None:
        self.name = name
        self.folder = LabFolder(name)
        self._label = f"{LAB_LABEL}={name}"

    def up(
        self,
        topology: Topology | str | None = None,
        *,
        base_image: str | None = None,
        on_progress: Progress = _silent,
    ) -> LabState:
        """Bring the lab up, or what is missing of it; a lab that runs is left as it is.

        Without ``topology`` it keeps the one it has (``single`` at first). ``base_image`` names an image of a registry
        for the hosts, for example ``ubuntu:22.04``. Raises LabUnavailableError when this machine lacks the means.
        """
        asked = Topology.named(topology) if topology else None
        machine = look()
        self.folder.make()
        with locked(self.folder.path / "lock"):
            return Provision(machine, self.folder, asked, base_image, on_progress).run()

    def down(self, *, on_progress: Progress = _silent) -> None:
        """Remove exactly what ``up`` made: containers, volumes, networks, keys and inventory; not the image cache."""
        docker = engine()
        self.folder.make()
        with locked(self.folder.path / "lock"):
            containers = docker.labelled("container", self._label)
            if containers:
                on_progress(f"removing {', '.join(containers)}")
                docker.run("rm", "--force", "--volumes", *containers, timeout=120)
            for disk in disks_in(self.folder.disks, as_root()):
                disk.remove()
            for kind in ("volume", "network"):
                leftovers = docker.labelled(kind, self._label)
                if leftovers:
                    docker.run(kind, "rm", *leftovers, timeout=120)
            remove_inventory(self.folder)
            shutil.rmtree(self.folder.path)
        on_progress(f"lab {self.name} is down")

    def status(self) -> LabStatus:
        """The lab as it is now, whoever brought it up."""
        docker = engine()
        known = LabState.read(self.folder)
        containers = docker.inspect("container", *docker.labelled("container", self._label))
        addresses = {host.name: host.address for host in known.hosts} if known else {}
        states = dict.fromkeys(addresses, "missing")
        states |= {
            container["Config"]["Labels"][HOST_LABEL]: str(container["State"]["Status"]) for container in containers
        }
        hosts = tuple(
            _host_status(Host(docker, self.name, name), state, addresses.get(name, ""))
            for name, state in sorted(states.items())
        )
        return LabStatus(
            name=self.name,
            running=bool(hosts) and all(host.state == "running" for host in hosts),
            topology=known.topology if known else None,
            hosts=hosts,
            inventory=known.inventory if known else None,
            url=known.url if known else None,
            notes=known.notes if known else (),
        )

    def state(self) -> LabState:
        """What ``up`` wrote down. Raises UsageError when the lab is not up."""
        known = LabState.read(self.folder)
        if known is None:
            name = "" if self.name == DEFAULT_NAME else f" --name {self.name}"
            raise UsageError(f"There is no lab called {self.name}.", remedy=f"selextract-infra lab up{name}")
        return known

    def host(self, name: str = "app1") -> Host:
        """One host, for its power switch, its hardware and its console. Raises UsageError for an unknown one."""
        return Host(engine(), self.name, self.state().host(name).name)

    def ssh(
        self, host: str, command: str, *, user: str = "root", timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command on a host through ssh, at most ``timeout`` seconds; the caller judges its exit code."""
        return ssh.run(self.folder, self.state().host(host).address, command, user=user, timeout=timeout)

    def load(
        self,
        rps: float = 0.0,
        *,
        tasks_per_hour: float = 0.0,
        seconds: float | None = None,
        steps: Sequence[LoadStep] = (),
        task: TaskShape = BROWSER,
        on_progress: Progress | None = None,
    ) -> Load:
        """Load on the lab's application, to be used in a ``with``; every request and task is counted.

        ``rps`` requests per second for ``seconds`` (None: until the ``with`` ends), or ``steps`` of them.
        """
        return Load(
            self.state().url,
            steps or [LoadStep(rps, seconds)],
            tasks_per_hour=tasks_per_hour,
            task=task,
            on_progress=on_progress,
        )


def _host_status(host: Host, state: str, address: str) -> LabHostStatus:
    services = stack.services(host) if state == "running" else ()
    return LabHostStatus(name=host.name, address=address, container=host.container, state=state, services=services)
