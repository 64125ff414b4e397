"""The lab: a small datacentre on one machine. ``up`` reads like the list of what has to be there."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from selextract_infra.errors import HostUnreachableError, UsageError
from selextract_infra.lab import stack
from selextract_infra.lab.folders import DEFAULT_NAME, LabFolder, locked
from selextract_infra.lab.host import Host, create_host
from selextract_infra.lab.images import Images, Progress, ensure_images
from selextract_infra.lab.inventory import (
    ensure_key,
    inventory_folder,
    remove_inventory,
    ssh_options,
    write_inventory,
    write_known_hosts,
)
from selextract_infra.lab.load import BROWSER, Load, Step, TaskShape
from selextract_infra.lab.machine import Machine, look
from selextract_infra.lab.network import ensure_network
from selextract_infra.lab.state import HostStatus, LabHost, LabState, LabStatus, ServiceStatus
from selextract_infra.lab.topology import (
    HOST_LABEL,
    LAB_LABEL,
    RECIPE_LABEL,
    HostSize,
    Topology,
    container_name,
    hosts_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network

__all__ = ["Lab"]


def _silent(_: str) -> None:
    """Progress that nobody listens to."""


class Lab:
    """A lab by name. Several labs live side by side; everything of one carries a label with its name."""

    def __init__(self, name: str = DEFAULT_NAME) -> None:
        self.name = name
        self.folder = LabFolder(name)

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
        before = LabState.read(self.folder)
        wanted = asked or (before.topology if before else Topology.SINGLE)
        self.folder.make()
        with locked(self.folder.path / "lock"):
            for note in machine.notes:
                on_progress(f"note: {note}")
            base = base_image or (before.base_image if before else None)
            images = ensure_images(machine, base, on_progress)
            subnet = ensure_network(machine.engine, self.name)
            self._remove_others(machine, wanted, on_progress)
            recipe = f"{images.host.rpartition(':')[2]}-{stack.digest()}"
            with ThreadPoolExecutor(len(hosts_of(wanted))) as pool:
                jobs = [
                    pool.submit(self._ensure_host, machine, size, images, recipe, subnet, on_progress)
                    for size in hosts_of(wanted)
                ]
                hosts = [job.result() for job in jobs]
            state = LabState(
                name=self.name,
                topology=wanted,
                hosts=tuple(
                    LabHost(name=size.name, address=str(subnet[size.address]), container=host.container)
                    for host, size in zip(hosts, hosts_of(wanted), strict=True)
                ),
                inventory=inventory_folder(self.folder),
                key=self.folder.key,
                known_hosts=self.folder.known_hosts,
                url=f"http://{subnet[hosts_of(wanted)[0].address]}:{stack.PORT}",
                ops_password=before.ops_password if before else secrets.token_urlsafe(12),
                recipe=recipe,
                base_image=base,
                notes=machine.notes,
            )
            self._open_doors(state, hosts)
            state.write(self.folder)
            self._deploy(hosts, images, wanted, on_progress)
        on_progress(f"lab {self.name} is up: {state.url}")
        return state

    def down(self, *, on_progress: Progress = _silent) -> None:
        """Remove exactly what ``up`` made: containers, volumes, networks, keys and inventory; not the image cache."""
        engine = look().engine
        label = f"{LAB_LABEL}={self.name}"
        self.folder.make()
        with locked(self.folder.path / "lock"):
            containers = engine.labelled("container", label)
            if containers:
                on_progress(f"removing {', '.join(containers)}")
                engine.run("rm", "--force", "--volumes", *containers, timeout=120)
            for kind in ("volume", "network"):
                leftovers = engine.labelled(kind, label)
                if leftovers:
                    engine.run(kind, "rm", *leftovers, timeout=120)
            remove_inventory(self.folder)
            shutil.rmtree(self.folder.path)
        on_progress(f"lab {self.name} is down")

    def status(self) -> LabStatus:
        """The lab as it is now, whoever brought it up."""
        engine = look().engine
        known = LabState.read(self.folder)
        label = f"{LAB_LABEL}={self.name}"
        details = {
            one["Name"].lstrip("/"): one for one in engine.inspect("container", *engine.labelled("container", label))
        }
        expected = {host.container: host for host in known.hosts} if known else {}
        hosts = []
        for container in sorted({*details, *expected}):
            seen = details.get(container)
            state = str(seen["State"]["Status"]) if seen else "missing"
            name = seen["Config"]["Labels"][HOST_LABEL] if seen else expected[container].name
            address = expected[container].address if container in expected else ""
            running = stack.services(Host(engine, self.name, name)) if state == "running" else ()
            hosts.append(
                HostStatus(
                    name=name,
                    address=address,
                    container=container,
                    state=state,
                    services=tuple(
                        ServiceStatus(service=one.service, container=one.container, state=one.state, health=one.health)
                        for one in running
                    ),
                )
            )
        return LabStatus(
            name=self.name,
            running=bool(hosts) and all(host.state == "running" for host in hosts),
            topology=known.topology if known else None,
            hosts=tuple(hosts),
            inventory=known.inventory if known else None,
            url=known.url if known else None,
            notes=known.notes if known else (),
        )

    def state(self) -> LabState:
        """What ``up`` wrote down. Raises UsageError when the lab is not up."""
        known = LabState.read(self.folder)
        if known is None:
            raise UsageError(f"There is no lab called {self.name}.", remedy=self._command("up"))
        return known

    def host(self, name: str = "app1") -> Host:
        """One host, for its power switch, its hardware and its console. Raises UsageError for an unknown one."""
        return Host(look().engine, self.name, self.state().host(name).name)

    def ssh(
        self, host: str, command: str, *, user: str = "root", timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command on a host through ssh; the caller judges its exit code."""
        address = self.state().host(host).address
        return subprocess.run(
            ["ssh", *ssh_options(self.folder), "-i", str(self.folder.key), f"{user}@{address}", command],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    def load(
        self,
        rps: float = 0.0,
        *,
        tasks_per_hour: float = 0.0,
        seconds: float | None = None,
        steps: Sequence[Step] = (),
        task: TaskShape = BROWSER,
        on_progress: Progress | None = None,
    ) -> Load:
        """Load on the lab's application, to be used in a ``with``; every request and task is counted.

        ``rps`` requests per second for ``seconds`` (None: until the ``with`` ends), or ``steps`` of them.
        """
        return Load(
            self.state().url,
            steps or [Step(rps, seconds)],
            tasks_per_hour=tasks_per_hour,
            task=task,
            on_progress=on_progress,
        )

    def _command(self, verb: str) -> str:
        return f"selextract-infra lab {verb}" + ("" if self.name == DEFAULT_NAME else f" --name {self.name}")

    def _remove_others(self, machine: Machine, wanted: Topology, on_progress: Progress) -> None:
        """Hosts that belong to another topology go, with their volumes."""
        keep = {container_name(self.name, size.name) for size in hosts_of(wanted)}
        for container in machine.engine.labelled("container", f"{LAB_LABEL}={self.name}"):
            if container not in keep:
                on_progress(f"{container}: removing it, topology {wanted} has no such host")
                self._remove(machine, container)

    def _remove(self, machine: Machine, container: str) -> None:
        machine.engine.run("rm", "--force", "--volumes", container, timeout=120)
        machine.engine.run("volume", "rm", "--force", container, timeout=120)

    def _ensure_host(
        self,
        machine: Machine,
        size: HostSize,
        images: Images,
        recipe: str,
        subnet: IPv4Network,
        on_progress: Progress,
    ) -> Host:
        """The host of that size, running: the one there is if it was made by the same recipe, else a new one."""
        host = Host(machine.engine, self.name, size.name)
        details = host.details()
        if details and details["Config"]["Labels"].get(RECIPE_LABEL) != recipe:
            on_progress(f"{size.name}: made by another recipe, replacing it")
            self._remove(machine, host.container)
            details = None
        if not details:
            on_progress(f"{size.name}: starting ({size.cpus} cores, {size.memory // 1024**3} GiB)")
            machine.engine.run("volume", "rm", "--force", host.container)
            host = create_host(machine, self.name, size, image=images.host, recipe=recipe, subnet=subnet)
        elif details["State"]["Status"] != "running":
            on_progress(f"{size.name}: switching it on")
            host.power_on()
        elif machine.lxcfs and not host.facts_follow_limits():
            on_progress(f"{size.name}: rebooting it, lxcfs was restarted under it")
            host.reboot()
        host.wait_ready()
        return host

    def _open_doors(self, state: LabState, hosts: list[Host]) -> None:
        """Keys, host keys, inventory; and a look through the front door whether they open it."""
        public = ensure_key(self.folder)
        for host in hosts:
            host.authorize(public, state.ops_password)
        write_known_hosts(self.folder, {state.host(host.name).address: host.host_key() for host in hosts})
        state.write(self.folder)
        write_inventory(self.folder, state.hosts)
        for host in hosts:
            answer = self.ssh(host.name, "true")
            if answer.returncode:
                raise HostUnreachableError(
                    f"The lab host {host.name} runs, but ssh does not get in: {answer.stderr.strip()}",
                    remedy=f"{self._command('down')}, then {self._command('up')}",
                )

    def _deploy(self, hosts: list[Host], images: Images, topology: Topology, on_progress: Progress) -> None:
        on_progress("loading the application's image into the hosts")
        with ThreadPoolExecutor(len(hosts)) as pool:
            list(pool.map(lambda host: stack.load_image(host, images), hosts))
        for host, size in zip(hosts, hosts_of(topology), strict=True):
            if size.application:
                on_progress(f"{host.name}: starting the application and waiting until it is healthy")
                stack.deploy(host)
