"""Runs a playbook on some hosts and says what became of each.

The playbook runs in a thread and a process of its own. What it tells is put into a queue there and read here, so a slow
or failing listener can neither delay nor break it. Cancelling interrupts ansible-playbook first, kills it only after
a grace period, and then asks each host to stop what is left of the work and to prove that nothing is.
"""

from __future__ import annotations

import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Literal

from selextract_infra.errors import InventoryError, SelextractError
from selextract_infra.hosts.ansible_process import ENDED, AnsibleProcess, Caught, PlaybookRun
from selextract_infra.hosts.events import HostOutcome, Listener
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.processes import kill_with_descendants
from selextract_infra.hosts.scratch import private_folder
from selextract_infra.model.task_event import TaskEvent

__all__ = [
    "HostOutcome",
    "PlaybookOutcome",
    "PlaybookRun",
    "ReadyPlaybook",
    "TaskEvent",
    "run_playbook",
]

STOP_PLAYBOOK = "selextract.infra.stop"
STOP_TASK = "Stop what is left of the work"
STOP_SECONDS = 30.0
SAFE_POINT_SECONDS = 180.0
GRACE_SECONDS = 10.0

_LOOK_SECONDS = 0.1
_END_SECONDS = 0.01


@dataclass(frozen=True)
class PlaybookOutcome:
    """How the run ended: ``successful`` only when every planned host was reached and did every task.

    ``message`` is what Ansible itself complained about, one sentence, usually empty. ``forced`` says that Ansible had
    to be killed. ``listener_problems`` are exceptions that the caller's own ``on_event`` raised.
    """

    status: Literal["successful", "failed", "cancelled", "timed out"]
    hosts: Mapping[str, HostOutcome]
    seconds: float
    message: str = ""
    forced: bool = False
    listener_problems: tuple[str, ...] = ()

    def refuse_unrun(self) -> None:
        """Raise ``SelextractError`` when Ansible complained and came to no host at all: then no host is to blame."""
        if self.message and all(host.status == "missing" for host in self.hosts.values()):
            raise SelextractError(f"Ansible could not do its work: {self.message.rstrip('.')}.")


class ReadyPlaybook:
    """A playbook whose Ansible is started before it is known what it is to do, for work that cannot wait for that.

    It waits for its values and comes to no host before. It serves one run, and only for so many seconds: after that,
    and for any other run, Ansible is started as usual. The playbook has to choose its hosts by its values.
    """

    def __init__(self, playbook: str, inventory: Inventory, *, wait_seconds: float) -> None:
        hosts = tuple(host.name for host in inventory.hosts)
        self.request = PlaybookRun(playbook=playbook, inventory=inventory, hosts=hosts, wait_seconds=wait_seconds)
        self._until = time.monotonic() + wait_seconds / 2  # what is handed over at the end of the wait may be too late
        self._stack = ExitStack()
        folder = self._stack.enter_context(private_folder())
        self._ansible = AnsibleProcess(self.request, inventory, folder, "")
        self._taken = False
        self._ansible.start()

    def take(self, request: PlaybookRun, begun: float) -> AnsibleProcess | None:
        """The Ansible that does this run, which it has then been told; None where another has to be started.

        ``begun`` is when the time limits of the run began, by the monotonic clock.
        """
        mine = self.request
        same = replace(
            request, hosts=mine.hosts, values={}, timeout=mine.timeout, answer_seconds=0.0, marker="", wait_seconds=0.0
        )
        fits = same == replace(mine, wait_seconds=0.0) and set(request.hosts) <= set(mine.hosts)
        over = self._taken or self._ansible.over or time.monotonic() > self._until
        if over or not fits:
            return None
        self._taken = True
        self._ansible.hand_over(request.values, begun=begun, request=request)
        return self._ansible

    def close(self) -> None:
        """End it where it still waits, and remove what is left of it here."""
        if not self._taken and not self._ansible.over:
            self._ansible.kill.set()
            self._ansible.join(GRACE_SECONDS)
        self._stack.close()


def run_playbook(
    request: PlaybookRun,
    *,
    on_event: Callable[[TaskEvent], None] | None = None,
    cancel: threading.Event | None = None,
    ready: ReadyPlaybook | None = None,
) -> PlaybookOutcome:
    """Run it to its end, its time limit, or until ``cancel`` is set (or Ctrl-C, where nothing else handles that).

    ``ready`` is one that waits for its values already; where it does not fit, Ansible is started as usual.

    Raises ``InventoryError`` for a missing or unreadable inventory or no host, ``SelextractError`` when Ansible cannot
    be started. What goes wrong on hosts is in the outcome and raises nothing.
    """
    if not request.hosts:
        raise InventoryError("No host was chosen, so there is nothing to run on.")
    started = time.monotonic()
    inventory = request.inventory if isinstance(request.inventory, Inventory) else Inventory.load(request.inventory)
    listener = Listener(request.hosts)
    marker = request.marker or secrets.token_hex(8)
    with ExitStack() as stack:
        ansible = ready.take(request, started) if ready else None
        if ansible is None:
            ansible = AnsibleProcess(request, inventory, stack.enter_context(private_folder()), marker)
            ansible.hand_over(request.values, begun=started, request=request)
        stop = _Stop(ansible, started + request.timeout, cancel)
        problems = _follow(ansible, stop, listener, on_event)
        # Read before the folder goes: what that thread then fails to write there is nobody's loss.
        broken = ansible.caught.problem
    if broken is not None:
        raise SelextractError(f"Ansible could not be run: {broken}.") from broken
    stopped = None
    if stop.reason:
        left_on = () if request.playbook == STOP_PLAYBOOK else listener.contacted
        patience = SAFE_POINT_SECONDS if request.marker else 0.0  # only a Run's steps are carried out by hosts
        stopped = _stop_remains(inventory, left_on, marker, like=request, patience=patience)
    hosts = listener.outcomes(stopped=stopped)
    well = listener.complete and not ansible.rc and all(host.status == "ok" for host in hosts.values())
    return PlaybookOutcome(
        status=stop.reason or ("successful" if well else "failed"),
        hosts=hosts,
        seconds=time.monotonic() - started,
        message="" if well or stop.reason else listener.complaint,
        forced=stop.forced,
        listener_problems=problems,
    )


def _follow(
    ansible: AnsibleProcess, stop: _Stop, listener: Listener, on_event: Callable[[TaskEvent], None] | None
) -> tuple[str, ...]:
    """Start it and read what it tells until it has ended; returns what went wrong in ``on_event``.

    It has ended when all is told and the process is gone. What ansible-runner's thread does after that, sleep and write
    down its own idea of the end, is not waited for: nobody reads it.
    """
    problems: list[str] = []
    stop.look()
    if stop.reason:
        return ()
    if ansible.ident is None:
        ansible.start()
    while True:
        try:
            answer = ansible.next_event(_END_SECONDS if listener.complete else _LOOK_SECONDS)
            if answer is ENDED or (answer is None and listener.complete and ansible.gone):
                return tuple(problems)
            event = listener.hear(answer) if answer else None
            if event is not None and on_event is not None:
                with Caught() as caught:
                    on_event(event)
                if caught.problem is not None:
                    problems.append(repr(caught.problem))
            stop.look()
        except KeyboardInterrupt:
            stop.ask("cancelled")


def _stop_remains(
    inventory: Inventory, hosts: tuple[str, ...], marker: str, *, like: PlaybookRun, patience: float
) -> dict[str, Mapping[str, Any]]:
    """Stop on each of these hosts whatever work carries that marker; by host that could be asked, what it answers.

    A step that a host carries out by itself is undone, for which it has ``patience`` seconds more than other work.
    ``like`` is the run whose way of logging in is used again.
    """
    if not hosts:
        return {}
    outcome = run_playbook(
        PlaybookRun(
            playbook=STOP_PLAYBOOK,
            inventory=inventory,
            hosts=hosts,
            values={"hosts": {host: {"marker": marker, "patience_seconds": patience} for host in hosts}},
            timeout=STOP_SECONDS + patience,
            unattended=like.unattended,
            become_password=like.become_password,
        )
    )
    return {host: outcome.hosts[host].results[STOP_TASK] for host in hosts if outcome.hosts[host].status == "ok"}


class _Stop:
    """Decides when the run has to be stopped, and how hard."""

    def __init__(self, ansible: AnsibleProcess, deadline: float, cancel: threading.Event | None) -> None:
        self.reason: Literal["cancelled", "timed out"] | None = None
        self.forced = False
        self._ansible = ansible
        self._deadline = deadline
        self._cancel = cancel
        self._asked_at = 0.0
        self._interrupted = False

    def look(self) -> None:
        """Stop it if it has to be; called again and again."""
        if self._cancel is not None and self._cancel.is_set():
            self.ask("cancelled")
        elif time.monotonic() > self._deadline:
            self.ask("timed out")
        if self.reason is None:
            return
        if not self._interrupted and self._ansible.pid is not None:
            self._interrupted = True
            _interrupt(self._ansible.pid)
        elif not self.forced and time.monotonic() > self._asked_at + GRACE_SECONDS:
            self.forced = True
            if self._ansible.pid is not None:
                kill_with_descendants(self._ansible.pid)
            self._ansible.kill.set()

    def ask(self, reason: Literal["cancelled", "timed out"]) -> None:
        """Remember why; the first reason holds."""
        if self.reason is None:
            self.reason = reason
            self._asked_at = time.monotonic()


def _interrupt(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGINT)
    except ProcessLookupError:
        return  # it has just ended by itself
