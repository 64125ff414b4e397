"""Where the inventory is, looked for as people who use Ansible expect, and who named it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from selextract_infra.errors import InventoryError
from selextract_infra.hosts.ansible_config import AnsibleConfig

__all__ = ["InventoryLocation", "is_host_list", "locate_inventory", "refuse_missing", "require_inventory"]

OWN_VARIABLE, ANSIBLE_VARIABLE = "SELEXTRACT_INVENTORY", "ANSIBLE_INVENTORY"
_WAYS_OUT = "selextract-infra init USER@HOST looks at a host and writes one; name one that is there with -i"


@dataclass(frozen=True)
class InventoryLocation:
    """An inventory's file or folder, or a list of hosts with a comma (``host,``); ``named_by`` is who named it."""

    path: Path
    named_by: str

    @property
    def missing(self) -> bool:
        """Whether nothing is there."""
        return not is_host_list(self.path) and not self.path.exists()


def is_host_list(path: Path) -> bool:
    """Whether it is a list of hosts as in ``-i host,``: it has a comma, and no file is called so."""
    return "," in str(path) and not path.exists()


def locate_inventory(given: Path | None, caller: Mapping[str, str]) -> InventoryLocation | None:
    """The inventory: as given, else by ``SELEXTRACT_INVENTORY``, ``ANSIBLE_INVENTORY``, ``ansible.cfg``; None if none.

    ``caller`` is the environment of who asks. One that only ``ansible.cfg`` names and that is not there counts as
    none, as for Ansible. Raises ``InventoryError`` where several are named, because one policy holds for all hosts.
    """
    if given is not None:
        # Typer hands the variable over like the option, so that it stands in the help.
        named_by = OWN_VARIABLE if caller.get(OWN_VARIABLE) == str(given) else "-i"
        return InventoryLocation(given, named_by)
    if caller.get(OWN_VARIABLE):
        return InventoryLocation(Path(caller[OWN_VARIABLE]), OWN_VARIABLE)
    if caller.get(ANSIBLE_VARIABLE):
        return InventoryLocation(_single(caller[ANSIBLE_VARIABLE], ANSIBLE_VARIABLE, Path()), ANSIBLE_VARIABLE)
    config = AnsibleConfig.in_force(caller)
    written = config.get("defaults", "inventory")
    if not written or config.file is None:
        return None
    location = InventoryLocation(_single(written, str(config.file), config.folder), str(config.file))
    return None if location.missing else location


def require_inventory(given: Path | None, caller: Mapping[str, str]) -> InventoryLocation:
    """The inventory, as ``locate_inventory`` finds it. Raises ``InventoryError`` where there is none."""
    location = locate_inventory(given, caller)
    if location is None:
        raise InventoryError("No inventory is named, so it is not known which hosts are meant.", remedy=_WAYS_OUT)
    refuse_missing(location.path)
    return location


def refuse_missing(path: Path) -> None:
    """Raises ``InventoryError`` where there is nothing at ``path``."""
    if InventoryLocation(path, "-i").missing:
        raise InventoryError(f"There is no inventory at {path}.", remedy=_WAYS_OUT)


def _single(written: str, named_by: str, folder: Path) -> Path:
    """The one inventory that is written there; Ansible separates several by commas, and ends a list of hosts by one."""
    if written.rstrip().endswith(","):
        return Path(written.strip())
    names = [name.strip() for name in written.split(",") if name.strip()]
    if len(names) > 1:
        raise InventoryError(
            f"{named_by} names {len(names)} inventories, and one policy holds for all hosts of one.",
            remedy="name one of them with -i",
        )
    return folder / Path(names[0]).expanduser()
