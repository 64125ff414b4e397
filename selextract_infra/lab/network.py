"""A lab's own network: a small private subnet that nothing else on this machine uses."""

from __future__ import annotations

import ipaddress
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice

from selextract_infra.errors import LabUnavailableError
from selextract_infra.lab.engine import EngineError, LabEngine
from selextract_infra.lab.topology import LAB_LABEL, network_name

__all__ = ["candidates", "ensure_network"]

Network = ipaddress.IPv4Network

RANGE = Network("10.213.0.0/16")
SUBNET_BITS = 28
ATTEMPTS = 32


def ensure_network(engine: LabEngine, lab: str) -> Network:
    """The lab's subnet; its network is made when missing. Raises LabUnavailableError when no subnet is free."""
    name = network_name(lab)
    present = engine.inspect("network", name)
    if present:
        return Network(present[0]["IPAM"]["Config"][0]["Subnet"])
    complaint = ""
    for subnet in islice(candidates(lab, _routes()), ATTEMPTS):
        try:
            engine.run(
                "network",
                "create",
                "--driver",
                "bridge",
                "--subnet",
                str(subnet),
                "--label",
                f"{LAB_LABEL}={lab}",
                name,
            )
        except EngineError as taken:
            complaint = str(taken)
            continue
        return subnet
    raise LabUnavailableError(
        f"No free subnet for the lab in {RANGE}: {complaint or 'this machine routes all of it elsewhere'}.",
        remedy="remove labs that are no longer needed with “lab down --name NAME”",
    )


def candidates(lab: str, used: Sequence[Network]) -> Iterator[Network]:
    """Subnets that overlap none of the used ones, beginning at one that depends on the lab's name."""
    count = 2 ** (SUBNET_BITS - RANGE.prefixlen)
    size = 2 ** (RANGE.max_prefixlen - SUBNET_BITS)
    first = zlib.crc32(lab.encode())
    for index in range(first, first + count):
        subnet = Network((int(RANGE.network_address) + index % count * size, SUBNET_BITS))
        if not any(subnet.overlaps(other) for other in used):
            yield subnet


def _routes() -> list[Network]:
    """What this machine already has routes for; the default route is none of them."""
    listing = subprocess.run(["ip", "-4", "route", "show"], capture_output=True, text=True, check=False).stdout
    routes = []
    for line in listing.splitlines():
        target = line.split()[0]
        if target[0].isdigit():
            routes.append(Network(target, strict=False))
    return routes
