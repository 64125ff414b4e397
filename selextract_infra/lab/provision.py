"""Bringing a lab up, one thing after the other; what is there already is left as it is."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network

from selextract_infra.errors import HostUnreachableError, LabUnavailableError
from selextract_infra.lab import hardware, ssh, stack
from selextract_infra.lab.disk import DataDisk
from selextract_infra.lab.folders import LabFolder
from selextract_infra.lab.host import Host, create_host
from selextract_infra.lab.images import Images, Progress, ensure_images
from selextract_infra.lab.inventory import ensure_key, inventory_folder, write_inventory, write_known_hosts
from selextract_infra.lab.machine import Machine
from selextract_infra.lab.network import ensure_network
from selextract_infra.lab.state import LabHost, LabState
from selextract_infra.lab.topology import (
    LAB_LABEL,
    RECIPE_LABEL,
    HostHardware,
    Topology,
    container_name,
    hosts_of,
)
from selextract_infra.model.figures import cores, memory

__all__ = ["Provision"]


@dataclass(frozen=True)
class Provision:
    """One ``up``: on which machine, of which lab, and what was asked for (None: as it was, or the default)."""

    machine: Machine
    folder: LabFolder
    topology: Topology | None
    base_image: str | None
    on_progress: Progress

    def run(self) -> LabState:
        """Bring the lab up and write down how to use it. The caller holds the lab's lock."""
        for note in self.machine.notes:
            self.on_progress(f"note: {note}")
        images = ensure_images(self.machine, self._base, self.on_progress)
        subnet = ensure_network(self.machine.engine, self.folder.name)
        self._remove_other_hosts()
        recipe = f"{images.host.rpartition(':')[2]}-{stack.digest()}"
        hosts = self._ensure_hosts(images, recipe, subnet)
        state = self._state(subnet, recipe)
        self._open_doors(state, hosts)
        self._deploy(images, hosts)
        self.on_progress(f"lab {self.folder.name} is up: {state.url}")
        return state

    @cached_property
    def _before(self) -> LabState | None:
        return LabState.read(self.folder)

    @property
    def _base(self) -> str | None:
        return self.base_image or (self._before.base_image if self._before else None)

    @cached_property
    def _sizes(self) -> tuple[HostHardware, ...]:
        """The hosts asked for; else those of the lab that is there, even when nobody remembers it."""
        if self.topology or self._before:
            return hosts_of(self.topology or (self._before.topology if self._before else Topology.SINGLE))
        containers = self.machine.engine.labelled("container", f"{LAB_LABEL}={self.folder.name}")
        extra = {container_name(self.folder.name, size.name) for size in hosts_of(Topology.MULTI)[1:]}
        return hosts_of(Topology.MULTI if extra.intersection(containers) else Topology.SINGLE)

    def _state(self, subnet: IPv4Network, recipe: str) -> LabState:
        name = self.folder.name
        application = next(size for size in self._sizes if size.application)
        return LabState(
            name=name,
            topology=Topology.SINGLE if self._sizes == hosts_of(Topology.SINGLE) else Topology.MULTI,
            hosts=tuple(
                LabHost(name=size.name, address=str(subnet[size.address]), container=container_name(name, size.name))
                for size in self._sizes
            ),
            inventory=inventory_folder(self.folder),
            key=self.folder.key,
            known_hosts=self.folder.known_hosts,
            url=f"http://{subnet[application.address]}:{stack.PORT}",
            ops_password=self._before.ops_password if self._before else secrets.token_urlsafe(12),
            recipe=recipe,
            base_image=self._base,
            notes=self.machine.notes,
        )

    def _remove_other_hosts(self) -> None:
        """Hosts of another topology go, with their volumes."""
        keep = {container_name(self.folder.name, size.name) for size in self._sizes}
        for container in self.machine.engine.labelled("container", f"{LAB_LABEL}={self.folder.name}"):
            if container not in keep:
                self.on_progress(f"{container}: removing it, this topology has no such host")
                self._remove(container)

    def _remove(self, container: str) -> None:
        self.machine.engine.run("rm", "--force", "--volumes", container, timeout=120)
        self.machine.engine.run("volume", "rm", "--force", container, timeout=120)

    def _ensure_hosts(self, images: Images, recipe: str, subnet: IPv4Network) -> list[Host]:
        with ThreadPoolExecutor(len(self._sizes)) as pool:
            jobs = [pool.submit(self._ensure_host, size, images, recipe, subnet) for size in self._sizes]
            return [job.result() for job in jobs]

    def _ensure_host(self, size: HostHardware, images: Images, recipe: str, subnet: IPv4Network) -> Host:
        """The host of that size, running: the one there is if it was made by the same recipe, else a new one."""
        host = Host(self.machine.engine, self.folder.name, size.name)
        details = host.details()
        if details and details["Config"]["Labels"].get(RECIPE_LABEL) != recipe:
            self.on_progress(f"{size.name}: made by another recipe, replacing it")
            self._remove(host.container)
            details = None
        disk = self._disk(size, fresh=not details)
        if details and host.disk_device() != disk:
            self.on_progress(f"{size.name}: its data disk is another device now, replacing it")
            self._remove(host.container)
            details = None
        if not details:
            self.on_progress(f"{size.name}: starting ({cores(size.cpus)}, {memory(size.memory)})")
            self.machine.engine.run("volume", "rm", "--force", host.container)
            create_host(
                self.machine, self.folder.name, size, image=images.host, recipe=recipe, subnet=subnet, disk=disk
            )
        elif details["State"]["Status"] != "running":
            self.on_progress(f"{size.name}: switching it on")
            host.power_on()
        elif self.machine.lxcfs and not host.facts_follow_limits():
            self.on_progress(f"{size.name}: rebooting it, lxcfs was restarted under it")
            host.reboot()
        host.wait_ready()
        hardware.install(host, size.network)
        return host

    def _disk(self, size: HostHardware, *, fresh: bool) -> str | None:
        """The device of the host's data disk, an empty one if ``fresh``; None where this machine cannot give it one."""
        disk = DataDisk(self.folder.disks / f"{size.name}.img", self.machine.sudo)
        try:
            if fresh:
                disk.remove()
            return disk.attach(size.storage)
        except LabUnavailableError as missing:
            self.on_progress(f"note: {size.name} gets no data disk. {missing}")
            return None

    def _open_doors(self, state: LabState, hosts: list[Host]) -> None:
        """Keys, host keys, inventory; and a look through the front door whether they open it."""
        public = ensure_key(self.folder)
        for host in hosts:
            host.authorize(public, state.ops_password)
        write_known_hosts(self.folder, {state.host(host.name).address: host.host_key() for host in hosts})
        state.write(self.folder)
        write_inventory(self.folder, state.hosts)
        for host in hosts:
            answer = ssh.run(self.folder, state.host(host.name).address, "true")
            if answer.returncode:
                raise HostUnreachableError(
                    f"The lab host {host.name} runs, but ssh does not get in: {answer.stderr.strip()}",
                    remedy="selextract-infra lab down, then selextract-infra lab up",
                )

    def _deploy(self, images: Images, hosts: list[Host]) -> None:
        self.on_progress("loading the application's image into the hosts")
        with ThreadPoolExecutor(len(hosts)) as pool:
            list(pool.map(lambda host: stack.load_image(host, images), hosts))
        for host, size in zip(hosts, self._sizes, strict=True):
            if size.application:
                self.on_progress(f"{host.name}: starting the application and waiting until it is healthy")
                stack.deploy(host)
