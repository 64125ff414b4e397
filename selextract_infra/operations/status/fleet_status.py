"""The status of hosts: who holds each, what was interrupted, what waits, what the app will recreate."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from selextract_infra.flow.queue import Waiting
from selextract_infra.model.base import Frozen
from selextract_infra.model.emergency import EmergencyOnHost
from selextract_infra.model.finding import Finding
from selextract_infra.model.plan import PendingRecreation

__all__ = ["HostStatus", "Status"]


class HostStatus(Frozen):
    """One host: whether it answers, who holds it, what is unfinished, and how what we put there stands.

    ``not_put_back`` says by run what is not as it was before, after a rollback that did not bring everything back.

    ``balancer`` and ``edge`` are empty where the app has neither an API nor an Nginx on this host.
    """

    name: str
    problem: str | None = None
    lock: dict[str, Any] | None = None
    freeze: dict[str, Any] | None = None
    preempt: dict[str, Any] | None = None
    running: tuple[str, ...] = ()
    interrupted: tuple[str, ...] = ()
    not_put_back: dict[str, str] = Field(default_factory=dict)
    sampler: str = ""
    emergency: EmergencyOnHost | None = None
    balancer: str = ""
    edge: str = ""


class Status(Frozen):
    """The fleet at one time; ``findings`` are about what should be done but need not be done at once.

    ``events`` are the dated events that are on or near, a line each.
    """

    at: AwareDatetime
    hosts: tuple[HostStatus, ...]
    waiting: Waiting = Waiting()
    events: tuple[str, ...] = ()
    pending_recreations: tuple[PendingRecreation, ...] = ()
    unreachable: dict[str, str] = Field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
