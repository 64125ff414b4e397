"""Boundaries: every place where the program touches the world, counted, and what may go wrong at one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeVar

__all__ = [
    "APPLIES",
    "Boundaries",
    "BoundaryKind",
    "ControlDiedError",
    "Fault",
    "FaultKind",
    "HostDiedError",
    "LostAnswerError",
    "ProcessHungError",
    "ProcessKilledError",
    "RunnerKilledError",
]

_Answer = TypeVar("_Answer")

BoundaryKind = Literal["ask", "act", "inside", "file", "message", "journal"]
"""A question to Docker or Compose, a change by them, one container that Compose makes, a change of a file on the host,
a task that the control machine sends, a line in its journal."""


class FaultKind(StrEnum):
    """What goes wrong at one boundary. All but ``OLD`` stop before the effect, unless they say otherwise."""

    CRASH = "crash"
    """Whoever is at work dies: on the host the runner, which is started again; on the control machine the program."""
    CRASH_AFTER = "crash after"
    """The same, after the effect."""
    KILLED = "killed"
    """Only the process of the step dies; its runner lives."""
    REBOOT = "reboot"
    """The whole host goes down and comes back."""
    LOST = "answer lost"
    """It is done, and whoever asked does not hear of it."""
    OLD = "old view"
    """The answer is that of before the last change."""
    FAILS = "fails"
    """Docker, Compose, the disk or the network says no."""
    HANGS = "hangs"
    """No answer until whoever asked gives up."""
    FULL = "disk full"
    """From here on no file can be written, until a person has made room."""
    GONE = "engine gone"
    """From here on Docker does not run, for a minute."""


APPLIES: dict[FaultKind, frozenset[BoundaryKind]] = {
    FaultKind.CRASH: frozenset({"ask", "act", "inside", "file", "message", "journal"}),
    FaultKind.CRASH_AFTER: frozenset({"act", "file", "message", "journal"}),
    FaultKind.KILLED: frozenset({"ask", "act", "inside", "file"}),
    FaultKind.REBOOT: frozenset({"ask", "act", "inside", "file"}),
    FaultKind.LOST: frozenset({"act", "message"}),
    FaultKind.OLD: frozenset({"ask"}),
    FaultKind.FAILS: frozenset({"ask", "act", "inside", "file", "message", "journal"}),
    FaultKind.HANGS: frozenset({"ask", "act", "file", "message"}),
    FaultKind.FULL: frozenset({"file"}),
    FaultKind.GONE: frozenset({"ask", "act"}),
}

_LASTING = {FaultKind.FULL: float("inf"), FaultKind.GONE: 60.0}  # seconds


class ProcessKilledError(BaseException):
    """The process of the step is gone; nothing that it still does has an effect."""


class RunnerKilledError(BaseException):
    """The runner is gone, with the process of the step."""


class HostDiedError(BaseException):
    """The host is down."""


class ControlDiedError(BaseException):
    """The program on the control machine is gone."""


class ProcessHungError(BaseException):
    """The process of the step does nothing any more until it is stopped."""


class LostAnswerError(Exception):
    """No answer came; each seam says it as it would."""


@dataclass(frozen=True)
class Fault:
    """One fault at the boundary of that number, counted from 1."""

    number: int
    kind: FaultKind

    def __str__(self) -> str:
        return f"{self.kind} at {self.number}"


@dataclass
class Boundaries:
    """Counts them, and lets the fault strike. ``passed`` has the kind and the name of each that was come to.

    ``now`` is the time in seconds; ``off`` lets everything pass uncounted. ``meanwhile`` is what somebody else does
    just before the boundary of that number is passed.
    """

    fault: Fault | None = None
    snapshot: Callable[[], None] = field(default=lambda: None)
    snapshot_before: int = 0
    passed: list[tuple[BoundaryKind, str]] = field(default_factory=list)
    struck: str = ""
    dead: BaseException | None = None
    now: Callable[[], float] = field(default=lambda: 0.0)
    off: bool = False
    meanwhile: tuple[int, Callable[[], None]] | None = None
    _lasting: FaultKind | None = None
    _until: float = 0.0

    def come_to(
        self, kind: BoundaryKind, name: str, effect: Callable[[], _Answer], old: Callable[[], _Answer]
    ) -> _Answer:
        """Do ``effect`` and return its answer, or what the fault makes of it; ``old`` answers from before.

        Raises ``LostAnswerError`` with ``hangs`` or ``fails`` or ``lost`` where that is what whoever asks is told.
        """
        if self.off:
            return effect()
        if self.dead is not None:
            raise self.dead
        self.passed.append((kind, name))
        self._refuse_what_lasts(kind)
        number = len(self.passed)
        if self.meanwhile is not None and number == self.meanwhile[0]:
            self.off = True
            self.meanwhile[1]()
            self.off = False
        if number == self.snapshot_before:
            self.snapshot()
        fault = self.fault
        if fault is None or number != fault.number or kind not in APPLIES[fault.kind]:
            return effect()
        self.struck = f"{kind} {name}"
        if fault.kind in _LASTING:
            self._lasting, self._until = fault.kind, self.now() + _LASTING[fault.kind]
            raise LostAnswerError(fault.kind)
        return self._strike(fault.kind, kind, effect, old)

    def _refuse_what_lasts(self, kind: BoundaryKind) -> None:
        if self._lasting is not None and kind in APPLIES[self._lasting] and self.now() < self._until:
            raise LostAnswerError(self._lasting)

    def _strike(
        self, fault: FaultKind, kind: BoundaryKind, effect: Callable[[], _Answer], old: Callable[[], _Answer]
    ) -> _Answer:
        if fault is FaultKind.OLD:
            return old()
        if fault in (FaultKind.FAILS, FaultKind.HANGS):
            if fault is FaultKind.HANGS and kind == "file":
                self._die(ProcessHungError())
            raise LostAnswerError(fault)
        if fault in (FaultKind.LOST, FaultKind.CRASH_AFTER):
            effect()
        if fault is FaultKind.LOST:
            raise LostAnswerError(fault)
        if fault is FaultKind.REBOOT:
            self._die(HostDiedError())
        if fault is FaultKind.KILLED:
            self._die(ProcessKilledError())
        if kind in ("message", "journal"):
            self._die(ControlDiedError())
        self._die(RunnerKilledError())
        raise AssertionError(fault)

    def _die(self, how: BaseException) -> None:
        self.dead = how
        raise how

    def live_again(self) -> None:
        """Another process begins; what it does has its effect."""
        self.dead = None
