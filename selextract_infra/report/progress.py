"""Progress of a Run: live on a terminal, by host and step; elsewhere a line for everything that matters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from selextract_infra.model.plan import Plan, Step
from selextract_infra.report.texts import new_table, plain

if TYPE_CHECKING:
    from selextract_infra.model.task_event import TaskEvent

__all__ = ["Progress", "progress"]

_FIRST_TASK = "Take the lock"
"""The task that every step begins with on every host; seeing it start again means the host's next step."""

_REFRESH_PER_SECOND = 4


@dataclass
class _Host:
    """Where one host stands: how many steps it began, what it does now, what it changed, and what went wrong."""

    began: int = 0
    task: str = ""
    changed: int = 0
    trouble: str = ""


@dataclass
class Progress:
    """Hears of tasks on hosts and knows what to show of them."""

    steps: Sequence[Step] = ()
    clock: Callable[[], float] = time.monotonic
    hosts: dict[str, _Host] = field(default_factory=dict)
    started: float = 0.0

    def __post_init__(self) -> None:
        """Hosts of the Plan are shown from the start, in its order."""
        self.started = self.clock()
        for step in self.steps:
            for name in step.hosts:
                self.hosts.setdefault(name, _Host())

    def hear(self, event: TaskEvent) -> str | None:
        """Take one event in; returns a line for screens that are not live, None where it is not worth one."""
        host = self.hosts.setdefault(event.host, _Host())
        if event.kind == "task_started":
            host.began += event.task == _FIRST_TASK
            host.task = event.task
            return f"{self._step_of(event.host)}" if event.task == _FIRST_TASK else None
        if event.kind == "progress":
            host.task = f"{event.task}: {event.message}" if event.message else event.task
            return f"{event.host}: {host.task}" if event.message else None
        if event.kind in ("failed", "unreachable"):
            host.trouble = event.message or event.kind
            return f"{event.host}: {event.task}: {event.message or event.kind}"
        host.changed += event.changed
        return f"{event.host}: {event.task}: changed" if event.changed else None

    def table(self) -> Table:
        """A row for each host: its step, what it does now, what it changed."""
        table = new_table("host", "step")
        table.add_column("now", ratio=1, overflow="fold")
        table.add_column("changed", justify="right", no_wrap=True)
        for name, host in self.hosts.items():
            doing = plain(host.trouble, "red") if host.trouble else plain(host.task or "waits", "cyan")
            table.add_row(plain(name), plain(self._step_of(name, short=True)), doing, plain(host.changed or ""))
        table.caption = Text(f"{self.clock() - self.started:.0f} s", "dim")
        table.caption_justify = "left"
        return table

    def _step_of(self, name: str, *, short: bool = False) -> str:
        """The step a host is at: its number of so many, and its title where there is room."""
        own = [step for step in self.steps if name in step.hosts]
        began = self.hosts[name].began
        if not own or not began:
            return "" if short else f"{name}: begins"
        step = own[min(began, len(own)) - 1]
        number = f"{self.steps.index(step) + 1} of {len(self.steps)}"
        return number if short else f"{name}: step {number}: {step.title}"


@contextmanager
def progress(screen: Console, plan: Plan | None) -> Iterator[Callable[[TaskEvent], None]]:
    """While inside, what the listener hears is shown on ``screen``; live only where it is a terminal."""
    shown = Progress(steps=plan.steps if plan is not None else ())
    if not screen.is_terminal:

        def write(event: TaskEvent) -> None:
            line = shown.hear(event)
            if line is not None:
                screen.print(plain(line), soft_wrap=True)

        yield write
        return
    with Live(get_renderable=shown.table, console=screen, refresh_per_second=_REFRESH_PER_SECOND, transient=True):

        def note(event: TaskEvent) -> None:
            shown.hear(event)

        yield note
