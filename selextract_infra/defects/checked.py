"""The checks on one host: the policy's own, or one in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from selextract_infra.defects.run import check_policy
from selextract_infra.model.finding import Finding
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.sizes import read_sizes

__all__ = ["Checked", "checked_host", "host_of"]


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings on one host; ``name`` is empty where it is none of the inventory's."""

    name: str
    host: Host
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data; sizes in cores, bytes and bits per second."""
        sizes = {"cpus": self.host.cpus, "memory": self.host.memory, "storage": self.host.storage}
        findings = [finding.model_dump(mode="json") for finding in self.findings]
        return {"name": self.name, "host": sizes | {"network": self.host.network}, "findings": findings}


def host_of(policy: Policy, text: str | None) -> Host:
    """The policy's host, or one such as ``8c/32GB/1TB/1Gbps``; raises UnitError where that cannot be read."""
    return policy.host if text is None else policy.host.model_copy(update=read_sizes(text)._asdict())


def checked_host(policy: Policy, text: str | None = None) -> Checked:
    """The policy's findings on its own host, or on one in words."""
    host = host_of(policy, text)
    return Checked("", host, check_policy(policy, host))
