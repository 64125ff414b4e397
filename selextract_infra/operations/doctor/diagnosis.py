"""Diagnosis: whether hosts, and this machine, are ready to be worked on and with."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime

from selextract_infra.model.base import Frozen

__all__ = ["CheckStatus", "Diagnosis", "DiagnosisCheck", "HostDiagnosis"]


class CheckStatus(StrEnum):
    """How a check ended; ``skipped`` means it could not be made because an earlier one failed, or need not be."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


class DiagnosisCheck(Frozen):
    """One check of one host: a sentence, and what to do where it is not ok."""

    name: str
    status: CheckStatus
    sentence: str = ""
    remedy: str = ""


class HostDiagnosis(Frozen):
    """All checks of one host, in the order in which things have to work."""

    name: str
    address: str
    connection: str
    checks: tuple[DiagnosisCheck, ...]

    @property
    def healthy(self) -> bool:
        """Whether no check found a problem."""
        return all(check.status is not CheckStatus.PROBLEM for check in self.checks)


class Diagnosis(Frozen):
    """The whole fleet at one time. ``unattended``: as if no person were there, and with checks of this machine."""

    at: AwareDatetime
    unattended: bool
    hosts: tuple[HostDiagnosis, ...]
    machine: tuple[DiagnosisCheck, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether every host can be worked on, and this machine has what that needs."""
        fit = all(check.status is not CheckStatus.PROBLEM for check in self.machine)
        return fit and all(host.healthy for host in self.hosts)
