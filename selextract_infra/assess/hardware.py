"""Hardware in words and in the Policy: ``8c/32GB/1TB/1Gbps``, the reference host, and a host after an upgrade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from selextract_infra.errors import UnitError
from selextract_infra.model.planning import Hardware
from selextract_infra.policy import Policy
from selextract_infra.policy.schema.system import HostPolicy
from selextract_infra.policy.units import BANDWIDTH, CORES, DISK, MEMORY

if TYPE_CHECKING:
    from selextract_infra.model.observation import HostObservation

__all__ = [
    "RESOURCES",
    "after_phase",
    "hardware_of",
    "hardware_seen",
    "monthly_cost",
    "phase_id",
    "policy_host",
    "prices_hold",
    "read_hardware",
    "reference_hardware",
]

RESOURCES: Mapping[str, tuple[str, str]] = {
    "memory": ("memory", "bytes of RAM"),
    "cpu": ("cores", "cores"),
    "storage": ("storage", "bytes"),
    "network": ("network", "bits per second"),
}
"""Each vertical phase, in the order of VP-00: the field of Hardware that it changes, and the unit of that field."""

_ACCEPTED = "cores/RAM/disk/network, as in 8c/32GB/1TB/1Gbps"


def read_hardware(text: str) -> Hardware:
    """Read ``8c/32GB/1TB/1Gbps``: RAM binary, disk and network decimal (X-46).

    Raises UnitError with the accepted form, also for sizes of zero.
    """
    parts = [part.strip() for part in text.split("/")]
    if len(parts) != len(RESOURCES):
        raise UnitError(f'"{text[:60]}" is not a host; accepted: {_ACCEPTED}')
    number = parts[0].lower().removesuffix("cores").removesuffix("core").removesuffix("c").strip()
    cores = CORES.parse(f"{number} cores")
    memory, storage, network = (
        int(size.parse(part)) for size, part in zip((MEMORY, DISK, BANDWIDTH), parts[1:], strict=True)
    )
    if not (cores and memory and storage and network):
        raise UnitError(f'"{text[:60]}" is not a host, everything has to be above zero; accepted: {_ACCEPTED}')
    return Hardware(cores=cores, memory=memory, storage=storage, network=network)


def reference_hardware(policy: Policy) -> Hardware:
    """The host of the Policy (SYS-01 to SYS-04)."""
    return hardware_of(policy.host)


def hardware_of(host: HostPolicy) -> Hardware:
    """The sizes of a host of the Policy."""
    return Hardware(cores=host.cpus, memory=host.memory, storage=host.storage, network=host.network)


def policy_host(policy: Policy, hardware: Hardware) -> HostPolicy:
    """The Policy's host with that hardware, for its own checks."""
    sizes: dict[str, Any] = {
        "cpus": hardware.cores,
        "memory": hardware.memory,
        "storage": hardware.storage,
        "network": hardware.network,
    }
    return policy.host.model_copy(update=sizes)


def hardware_seen(host: HostObservation, policy: Policy) -> Hardware:
    """The hardware of an observed host; what is not known of it is taken from the Policy.

    A kernel and a file system keep part for themselves, so a size within the tolerance of DRV-08 counts as nominal.
    """
    nominal, facts = reference_hardware(policy), host.facts
    return Hardware(
        cores=float(facts.cpus) or nominal.cores,
        memory=_nominal(facts.memory, nominal.memory, policy.facts.memory),
        storage=_nominal(facts.disk_total or 0, nominal.storage, policy.facts.storage),
        network=facts.network_speed or nominal.network,
    )


def _nominal(measured: int, nominal: int, tolerance: float) -> int:
    if measured <= 0 or nominal * tolerance <= measured <= nominal:
        return nominal
    return measured


def after_phase(host: Hardware, phase: str, policy: Policy) -> Hardware:
    """The host after a vertical phase (``memory``, ``cpu``, ``storage``, ``network``); nothing ever shrinks (X-54)."""
    field, _ = RESOURCES[phase]
    target = getattr(policy.vertical.phases, phase).size.after
    return host.model_copy(update={field: max(getattr(host, field), target)})


def phase_id(phase: str, policy: Policy) -> str:
    """The qualified name of a vertical phase: ``VP1`` for memory (X-60)."""
    item = policy.origin(f"vertical.phases.{phase}.window").item_id or f"vertical.{phase}"
    return item.partition("-")[0]


def prices_hold(policy: Policy) -> bool:
    """Whether what a core and a GB cost may be reckoned with; else what a limit is worth is unknown."""
    return policy.holds("cost.prices.per_core") and policy.holds("cost.prices.per_gb_memory")


def monthly_cost(host: Hardware, policy: Policy) -> float:
    """Dollars a month by the unit prices of the cost table (CST-06)."""
    return policy.cost.prices.of(cpus=host.cores, memory=host.memory, storage=host.storage, network=host.network)
