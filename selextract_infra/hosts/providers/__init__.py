"""Providers: who can change the hardware of a server (X-72). The inventory or the operator names one."""

from __future__ import annotations

import importlib
from typing import Protocol

from selextract_infra.errors import InventoryError, UsageError
from selextract_infra.hosts.inventory import Inventory, InventoryHost
from selextract_infra.model.upgrade import Abilities, Mode
from selextract_infra.policy import Policy

__all__ = ["Provider", "chosen_provider", "provider_named", "switch_on"]

_VARIABLE = "selextract_provider"

# A provider is loaded when it is named: each brings libraries, or a whole lab, that nobody else needs.
_PROVIDERS = {
    "manual": "selextract_infra.hosts.providers.manual:ManualProvider",
    "docker": "selextract_infra.lab.provider:DockerProvider",
}


class Provider(Protocol):
    """Changes the hardware of one host. Sizes are cores, bytes, or bits per second, by resource.

    Every method may be called again after an interruption: what is done already is not done twice.
    """

    @property
    def abilities(self) -> Abilities:
        """What it can change, and whether live, by a reboot, or both."""

    def current(self, host: InventoryHost, resource: str, /) -> float | None:
        """What the host has by the provider's own books; None where it keeps none."""

    def resize(self, host: InventoryHost, resource: str, size: float, mode: Mode, /) -> None:
        """Give the host that size. Raises ``WaitingForOperatorError`` where a person has to do it."""

    def wait(self, host: InventoryHost, timeout: float, /) -> None:
        """Wait ``timeout`` seconds at most until the host is on and works; switch it on where that can be done.

        Raises ``HostUnreachableError`` when it does not come back.
        """

    def revert(self, host: InventoryHost, resource: str, size: float, mode: Mode, /) -> None:
        """Give the host back the ``size`` that it had. Raises ``RefusedError`` where that cannot be done."""


def chosen_provider(asked: str | None, host: InventoryHost, policy: Policy) -> Provider:
    """The provider that was asked for, else the one the inventory names for the host, else a person.

    Raises ``InventoryError`` where the policy wants a provider and none is named, ``UsageError`` for an unknown name.
    """
    named = asked or host.variables.get(_VARIABLE)
    if not named and policy.vertical.performed_by.reading == "provider":
        raise InventoryError(
            f"The policy wants a provider to change {host.name}, and the inventory names none.",
            remedy=f"set {_VARIABLE} for the host, or use --provider manual",
        )
    return provider_named(str(named or "manual"))


def provider_named(name: str) -> Provider:
    """The provider of that name. Raises ``UsageError`` for an unknown one."""
    if name not in _PROVIDERS:
        raise UsageError(f"There is no provider {name!r}; there are docker (for the lab) and manual.")
    module, _, kind = _PROVIDERS[name].partition(":")
    made: Provider = getattr(importlib.import_module(module), kind)()
    return made


def switch_on(inventory: Inventory, names: tuple[str, ...], *, timeout: float) -> bool:
    """Let the inventory's providers switch on hosts that are off; whether there was one that could."""
    switched_on = False
    for name in names:
        host = inventory.host(name)
        named = host.variables.get(_VARIABLE)
        if not named:
            continue
        provider = provider_named(str(named))
        if not provider.abilities.waits:
            provider.wait(host, timeout)
            switched_on = True
    return switched_on
