"""Everything that can go wrong, as one tree.

    SelextractError                     1   internal error
    ├── UsageError                      2   the call itself is wrong
    │   ├── PolicyError                 2   the policy cannot be read or is invalid
    │   │   └── UnitError               2   a quantity without a known unit
    │   ├── ComposeFileError            2   a Compose file that cannot be read for what it means
    │   ├── InventoryError              2   no inventory, no matching host, a host variable that may not be there
    │   └── LabUnavailableError         2   this machine lacks the means for a lab
    ├── RefusedError                    3   a rule forbids it
    │   └── CircuitOpenError            3   too many calls failed; the service is left alone for a while
    ├── OutsideWindowError              4   no maintenance window covers it now
    ├── LockedError                     5   somebody else works on the host
    │   ├── PreemptedError              5   something more urgent asked for the host
    │   └── FencedError                 5   somebody else has taken the run up
    ├── StepFailedError                 6   a step failed and was rolled back
    │   └── RollbackFailedError         7   a step failed and so did its rollback
    ├── HostError                       8   a host cannot be worked on
    │   ├── HostUnreachableError        8   not reached: network, host key, login
    │   └── HostUnpreparedError         8   reached, but become, Docker or a program is missing
    ├── DriftError                      9   the hosts changed since the plan
    ├── GateError                      10   a finding at or above the asked severity
    ├── WaitingForOperatorError        11   a person has to act first
    └── CancelledError                130   stopped by the operator or by a time limit

Over several hosts the worst code wins: 7, 6, 9, 8, then the others.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "CancelledError",
    "CircuitOpenError",
    "ComposeFileError",
    "DriftError",
    "FencedError",
    "GateError",
    "HostError",
    "HostUnpreparedError",
    "HostUnreachableError",
    "InventoryError",
    "LabUnavailableError",
    "LockedError",
    "OutsideWindowError",
    "PolicyError",
    "PreemptedError",
    "RefusedError",
    "RollbackFailedError",
    "SelextractError",
    "StepFailedError",
    "UnitError",
    "UsageError",
    "WaitingForOperatorError",
    "worst_exit_code",
]


class SelextractError(Exception):
    """Base of all errors of this project. ``str(error)`` is one clear sentence for a person.

    ``remedy`` is what to do about it, when that is known; the CLI prints it on a line of its own.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, sentence: str, *, remedy: str | None = None) -> None:
        super().__init__(sentence)
        self.remedy = remedy


class UsageError(SelextractError, ValueError):
    """The call itself is wrong: an unknown name, a value that makes no sense."""

    exit_code = 2


class PolicyError(UsageError):
    """The policy cannot be read or is invalid; names the file and the line where they are known."""


class UnitError(PolicyError):
    """A quantity that cannot be read; names the accepted forms (PAR-01)."""


class ComposeFileError(UsageError):
    """A Compose file that cannot be read for what it means; the sentence names the file and what stops it."""


class InventoryError(UsageError):
    """The inventory is missing or empty, or no host matches."""


class LabUnavailableError(UsageError):
    """This machine lacks the means for a lab; the remedy says which."""


class RefusedError(SelextractError):
    """A rule forbids it. ``rule`` names the rule, ``override`` the flag that overrides it, when one exists (DRV-11)."""

    exit_code = 3

    def __init__(self, sentence: str, *, rule: str, override: str | None = None, remedy: str | None = None) -> None:
        super().__init__(sentence, remedy=remedy)
        self.rule = rule
        self.override = override


class CircuitOpenError(RefusedError):
    """Too many calls failed in a row: the service is left alone for ``retry_after`` more seconds (CB-03)."""

    def __init__(self, sentence: str, *, retry_after: float) -> None:
        super().__init__(sentence, rule="CB-03")
        self.retry_after = retry_after


class OutsideWindowError(SelextractError):
    """No maintenance window covers the work now, or what is left of it is too short (DRV-06)."""

    exit_code = 4


class LockedError(SelextractError):
    """Somebody else works on the host; the sentence has the owner, the purpose and since when."""

    exit_code = 5


class PreemptedError(LockedError):
    """Something more urgent asked for the host: no step is begun until it has ended."""


class FencedError(LockedError):
    """Somebody else has taken the run up since: this process changes nothing more on any host."""


class StepFailedError(SelextractError):
    """A step failed, and everything done before it was put back."""

    exit_code = 6


class RollbackFailedError(StepFailedError):
    """A step failed, and putting back what was done failed too; the sentence says what is left to do by hand."""

    exit_code = 7


class HostError(SelextractError):
    """A host cannot be worked on."""

    exit_code = 8


class HostUnreachableError(HostError, ConnectionError):
    """The host was not reached: powered off, network, host key, login."""


class HostUnpreparedError(HostError):
    """The host was reached but cannot be worked on: privilege escalation, Docker, a missing program."""


class DriftError(SelextractError):
    """The hosts changed since the plan was made; nothing was touched."""

    exit_code = 9


class GateError(SelextractError):
    """A finding or gate at or above the severity given with ``--fail-on``."""

    exit_code = 10


class WaitingForOperatorError(SelextractError):
    """A person has to act; ``resume`` goes on afterwards."""

    exit_code = 11


class CancelledError(SelextractError):
    """Stopped by the operator or by a time limit; the work on the hosts was stopped too."""

    exit_code = 130


_WORST_FIRST = (7, 6, 9, 8, 130, 5, 4, 3, 11, 10, 2, 1)


def worst_exit_code(codes: list[int]) -> int:
    """The one exit code for several hosts: the worst wins (7, 6, 9, 8), 0 only when all are 0."""
    failures = {code for code in codes if code}
    return next((code for code in _WORST_FIRST if code in failures), max(failures, default=0))
