"""The provider that is a person: it says exactly what to do, and the Run waits until it is done."""

from __future__ import annotations

from selextract_infra.errors import RefusedError, WaitingForOperatorError
from selextract_infra.hosts.inventory import InventoryHost
from selextract_infra.model.upgrade import PHASES, Abilities, Mode, size_text

__all__ = ["ManualProvider"]

_WHAT = {
    "memory": "give it {size} of memory",
    "cpu": "give it {size}",
    "storage": "enlarge the disk of its data to {size}",
    "network": "connect it with {size}",
}


class ManualProvider:
    """Somebody with access, or with the console of a cloud."""

    @property
    def abilities(self) -> Abilities:
        """A person can do everything, unless told otherwise while the host is off; and is not called to undo it."""
        modes = dict.fromkeys(PHASES, (Mode.REBOOT, Mode.LIVE))
        return Abilities(name="manual", modes=modes, waits=True, reverts=False)

    def current(self, _host: InventoryHost, _resource: str, /) -> float | None:
        """Nobody keeps books; the facts of the host tell."""
        return None

    def resize(self, host: InventoryHost, resource: str, size: float, mode: Mode, /) -> None:
        """Raise ``WaitingForOperatorError`` with the exact instruction."""
        what = _WHAT[resource].format(size=size_text(resource, size))
        where = f"{host.name} ({host.address})"
        instruction = f"Switch {where} off, {what}, and switch it on" if mode is Mode.REBOOT else f"For {where}: {what}"
        raise WaitingForOperatorError(f"{instruction}; then go on with “resume”.")

    def wait(self, _host: InventoryHost, _timeout: float, /) -> None:
        """The person has done that before the Run goes on."""

    def revert(self, host: InventoryHost, resource: str, size: float, _mode: Mode, /) -> None:
        """Raise ``RefusedError``: nobody is called for that."""
        raise RefusedError(
            f"Only a person can give {host.name} back its {size_text(resource, size)}.", rule="vertical.performed_by"
        )
