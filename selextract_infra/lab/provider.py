"""The lab's provider: a lab host really gets more memory, cores, disk and bandwidth, live or while it is off."""

from __future__ import annotations

from pathlib import Path

from selextract_infra.errors import (
    HostUnpreparedError,
    HostUnreachableError,
    InventoryError,
    RefusedError,
    SelextractError,
)
from selextract_infra.hosts.inventory import InventoryHost
from selextract_infra.lab import hardware
from selextract_infra.lab.disk import DataDisk
from selextract_infra.lab.folders import LabFolder
from selextract_infra.lab.host import Host
from selextract_infra.lab.machine import as_root, engine
from selextract_infra.model.upgrade import PHASES, Abilities, Mode, size_text

__all__ = ["DockerProvider"]

_VARIABLE = "selextract_lab"


class DockerProvider:
    """The Docker engine of the machine that the lab runs on."""

    @property
    def abilities(self) -> Abilities:
        """Everything, live unless asked otherwise."""
        return Abilities(name="docker", modes=dict.fromkeys(PHASES, (Mode.LIVE, Mode.REBOOT)))

    def current(self, host: InventoryHost, resource: str, /) -> float | None:
        """What the engine gives the host now; None for the bandwidth of a host that is off."""
        lab = _lab_host(host)
        settings = (lab.details() or {}).get("HostConfig", {})
        if resource == "memory":
            return float(settings.get("Memory") or 0) or None
        if resource == "cpu":
            return float(_count(str(settings.get("CpusetCpus") or ""))) or None
        if resource == "storage":
            return float(_disk(lab).size)
        return float(hardware.bandwidth(lab)) if lab.is_on() else None

    def resize(self, host: InventoryHost, resource: str, size: float, mode: Mode, /) -> None:
        """Change it, while the host runs or while it is off; a host that has the size already is left alone."""
        lab = _lab_host(host)
        if self.current(host, resource) == size and lab.is_on():
            return
        if mode is Mode.LIVE or resource == "network":
            lab.power_on()
            lab.wait_ready()
            _apply(lab, resource, size)
        if mode is Mode.REBOOT:
            if lab.is_on():
                lab.power_off(cleanly=True)
            if resource != "network":
                _apply(lab, resource, size)
            lab.power_on()

    def wait(self, host: InventoryHost, timeout: float, /) -> None:
        """Wait until its Docker and its sshd answer; it is switched on where it is off."""
        lab = _lab_host(host)
        lab.power_on()
        try:
            lab.wait_ready(timeout)
        except HostUnpreparedError as late:
            raise HostUnreachableError(
                f"{host.name} did not come back within {timeout:g} s.", remedy=late.remedy
            ) from late

    def revert(self, host: InventoryHost, resource: str, size: float, mode: Mode, /) -> None:
        """Give back the former size; a disk stays as it is."""
        if resource == "storage":
            raise RefusedError(
                f"The disk of {host.name} cannot shrink back to {size_text(resource, size)}.", rule="X-54"
            )
        self.resize(host, resource, size, mode)


def _lab_host(host: InventoryHost) -> Host:
    lab = host.variables.get(_VARIABLE)
    if not lab:
        raise InventoryError(
            f"{host.name} is no host of a lab: the inventory does not set {_VARIABLE}.",
            remedy="use --provider manual",
        )
    lab_host = Host(engine(), str(lab), host.name)
    if lab_host.details() is None:
        raise InventoryError(f"The lab {lab} has no host {host.name}.", remedy=f"selextract-infra lab up --name {lab}")
    return lab_host


def _disk(lab: Host) -> DataDisk:
    return DataDisk(Path(LabFolder(lab.lab).disks) / f"{lab.name}.img", as_root())


def _apply(lab: Host, resource: str, size: float) -> None:
    if resource == "memory":
        lab.set_hardware(memory=int(size))
    elif resource == "cpu":
        lab.set_hardware(cpus=int(size))
    elif resource == "network":
        hardware.set_bandwidth(lab, int(size))
    elif lab.disk_device() is None:
        raise SelextractError(f"The lab host {lab.name} has no data disk.", remedy="lab down, then lab up")
    else:
        _disk(lab).grow(int(size))


def _count(cores: str) -> int:
    """How many cores a list such as ``0-1,3`` names."""
    total = 0
    for part in filter(None, cores.split(",")):
        first, _, last = part.partition("-")
        total += int(last or first) - int(first) + 1
    return total
