"""Progress of a Run: live on a terminal, by host and step; elsewhere a line for everything that matters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live

from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.text import displayable
from selextract_infra.report.table import Block, Cell, Line, Tone, number, prose, table
from selextract_infra.report.terminal import drawn

if TYPE_CHECKING:
    from selextract_infra.model.task_event import TaskEvent

__all__ = ["Progress", "progress"]

_FIRST_TASK = "Take the lock"
"""The task that every step begins with on every host; seeing it start again means the host's next step."""

_REFRESH_PER_SECOND = 4


_LOCK_TASKS = (_FIRST_TASK, "Give the lock back where another host is locked", "Stop where somebody else is at work")
_UNDO_TASKS = ("Ask what others have changed since", "Put back what was there")
"""What comes first after the lock where steps are undone: the host does not begin its next step then."""


@dataclass
class _HostProgress:
    """Where one host stands: how many steps it began, what it does now, what it changed, and what went wrong.

    ``entering``: it took the lock and has not shown yet whether it begins a step or puts one back.
    """

    began: int = 0
    entering: bool = False
    undoing: bool = False
    task: str = ""
    changed: int = 0
    trouble: str = ""


@dataclass
class Progress:
    """Hears of tasks on hosts and knows what to show of them."""

    steps: Sequence[Step] = ()
    clock: Callable[[], float] = time.monotonic
    hosts: dict[str, _HostProgress] = field(default_factory=dict)
    started: float = 0.0

    def __post_init__(self) -> None:
        """Hosts of the Plan are shown from the start, in its order."""
        self.started = self.clock()
        for step in self.steps:
            for name in step.hosts:
                self.hosts.setdefault(name, _HostProgress())

    def hear(self, event: TaskEvent) -> str | None:
        """Take one event in; returns lines for screens that are not live, None where it is not worth any."""
        host = self.hosts.setdefault(event.host, _HostProgress())
        lines = [*self._entered(host, event), *_happened(host, event)]
        return "\n".join(lines) or None

    def blocks(self) -> Iterator[Block]:
        """A row for each host: its step, what it does now, what it changed."""
        columns = ("host", "step", prose("now"), number("changed"))
        yield table(columns, (self._row(name, host) for name, host in self.hosts.items()))
        yield Line(f"{self.clock() - self.started:.0f} s", Tone.QUIET)

    def _row(self, name: str, host: _HostProgress) -> tuple[str | Cell, ...]:
        doing = Cell(host.trouble, Tone.BAD) if host.trouble else Cell(host.task or "waits", Tone.ACTIVE)
        step = self._step_of(name)
        place = f"{self.steps.index(step) + 1} of {len(self.steps)}" if step is not None else ""
        return name, f"{place}, undone" if host.undoing else place, doing, str(host.changed or "")

    def _entered(self, host: _HostProgress, event: TaskEvent) -> Iterator[str]:
        """What a host goes on with. Only the task after the lock shows whether it begins a step or puts one back.

        A host that carries several steps out without a word from here tells the title of the one at hand.
        """
        if event.task == _FIRST_TASK and event.kind == "task_started":
            host.began += 1
            host.undoing = False
            step = self._step_of(event.host)
            host.entering = step is not None
            if step is None:
                yield f"{event.host}: begins"
        elif host.entering and event.task not in _LOCK_TASKS:
            host.entering = False
            host.undoing = event.task in _UNDO_TASKS
            host.began -= host.undoing
            yield from self._named(host, event.host)
        elif event.kind == "progress":
            own = [step.title for step in self.steps if event.host in step.hosts]
            begun = next((number for number, title in enumerate(own, 1) if event.message.startswith(title)), 0)
            if begun > host.began:
                host.began = begun
                yield from self._named(host, event.host)

    def _named(self, host: _HostProgress, name: str) -> Iterator[str]:
        step = self._step_of(name)
        if step is not None:
            doing = "puts back step" if host.undoing else "step"
            yield f"{name}: {doing} {self.steps.index(step) + 1} of {len(self.steps)}: {step.title}"

    def _step_of(self, name: str) -> Step | None:
        """The step that a host is at; None before its first, and where there is no Plan."""
        own = [step for step in self.steps if name in step.hosts]
        began = self.hosts[name].began
        return own[min(began, len(own)) - 1] if own and began else None


def _happened(host: _HostProgress, event: TaskEvent) -> Iterator[str]:
    if event.kind == "task_started":
        host.task = event.task
    elif event.kind == "progress":
        before, host.task = host.task, f"{event.task}: {event.message}" if event.message else event.task
        if event.message and host.task != before:
            yield f"{event.host}: {host.task}"
    elif event.kind in ("failed", "unreachable"):
        host.trouble = event.message or event.kind
        yield f"{event.host}: {event.task}: {event.message or event.kind}"
    else:
        host.changed += event.changed
        if event.changed:
            yield f"{event.host}: {event.task}: changed"


@contextmanager
def progress(screen: Console, plan: Plan | None) -> Iterator[Callable[[TaskEvent], None]]:
    """While inside, what the listener hears is shown on ``screen``; live only where it is a terminal."""
    state = Progress(steps=plan.steps if plan is not None else ())
    if not screen.is_terminal:

        def write(event: TaskEvent) -> None:
            for line in (state.hear(event) or "").splitlines():
                screen.print(displayable(line), soft_wrap=True)

        yield write
        return

    def picture() -> Group:
        return drawn(screen, state.blocks())

    with Live(get_renderable=picture, console=screen, refresh_per_second=_REFRESH_PER_SECOND, transient=True):

        def note(event: TaskEvent) -> None:
            state.hear(event)

        yield note
