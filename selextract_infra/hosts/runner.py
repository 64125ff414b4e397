"""Runs a playbook on some hosts and says what became of each: the only module that imports ansible_runner.

The playbook runs in a thread and a process of its own. What it tells is put into a queue there and read here, so a slow
or failing listener can neither delay nor break it. Cancelling interrupts ansible-playbook first, kills it only after
a grace period, and then asks each host to stop what is left of the work and to prove that nothing is.
"""

from __future__ import annotations

import os
import queue
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from selextract_infra.errors import InventoryError, SelextractError
from selextract_infra.hosts.environment import ansible_environment, ansible_program
from selextract_infra.hosts.events import HostOutcome, Listener, TaskEvent, slimmed
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.processes import kill_with_descendants
from selextract_infra.hosts.scratch import private_folder, write_private

__all__ = ["HostOutcome", "PlaybookOutcome", "PlaybookRun", "TaskEvent", "run_playbook", "stop_remains"]

STOP_PLAYBOOK = "selextract.infra.stop"
STOP_TASK = "Stop what is left of the work"
STOP_SECONDS = 30.0
GRACE_SECONDS = 10.0

_LARGEST_NAMED_RESULT = 64 * 2**20
_LARGEST_RESULT = 4 * 2**20
_MOST_FORKS = 64
_LOOK_SECONDS = 0.1
_END_SECONDS = 0.01


@dataclass(frozen=True)
class PlaybookRun:
    """What to run and where.

    ``playbook``: its full name in the collection, or a path.
    ``inventory``: the loaded one, or the path of one, which is then read first.
    ``hosts``: the names in it that the run is limited to, each of which must be reached.
    ``values``: data for the playbook, handed over in a file that only its owner reads; the extra variable
    ``selextract_run_file`` is its path.
    ``timeout``: seconds after which the work is stopped, on the hosts too.
    ``collect``: names of the tasks whose results are wanted, each at most 64 MiB; empty means all, each at most 4 MiB.
    ``unattended``: as if nobody were there: without the SSH agent, and without a password that somebody exported unless
    it is systemd that hands out credentials.
    ``fresh``: log in anew even where a connection is still open.
    ``marker``: what this work is known by on the hosts, so that its remains can be stopped later; empty makes one up.
    ``become_password``: where it is None, ``SELEXTRACT_BECOME_PASSWORD`` or the systemd credential ``become-password``
    is taken, if there is one.
    """

    playbook: str
    inventory: Inventory | Path
    hosts: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 600.0
    check: bool = False
    diff: bool = False
    forks: int = 0
    collect: tuple[str, ...] = ()
    unattended: bool = False
    fresh: bool = False
    marker: str = ""
    become_password: str | None = field(default=None, repr=False)


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


def run_playbook(
    request: PlaybookRun,
    *,
    on_event: Callable[[TaskEvent], None] | None = None,
    cancel: threading.Event | None = None,
) -> PlaybookOutcome:
    """Run it to its end, its time limit, or until ``cancel`` is set (or Ctrl-C, where nothing else handles that).

    Raises ``InventoryError`` for a missing or unreadable inventory or no host, ``SelextractError`` when Ansible cannot
    be started. What goes wrong on hosts is in the outcome and raises nothing.
    """
    if not request.hosts:
        raise InventoryError("No host was chosen, so there is nothing to run on.")
    started = time.monotonic()
    inventory = request.inventory if isinstance(request.inventory, Inventory) else Inventory.load(request.inventory)
    listener = Listener(request.hosts)
    marker = request.marker or secrets.token_hex(8)
    with private_folder() as folder:
        ansible = _Ansible(request, inventory, folder, marker)
        stop = _Stop(ansible, started + request.timeout, cancel)
        problems = _follow(ansible, stop, listener, on_event)
        # Read before the folder goes: what that thread then fails to write there is nobody's loss.
        broken = ansible.caught.problem
    if broken is not None:
        raise SelextractError(f"Ansible could not be run: {broken}.") from broken
    stopped = None
    if stop.reason:
        left_on = () if request.playbook == STOP_PLAYBOOK else listener.contacted
        stopped = stop_remains(inventory, left_on, marker, like=request)
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
    ansible: _Ansible, stop: _Stop, listener: Listener, on_event: Callable[[TaskEvent], None] | None
) -> tuple[str, ...]:
    """Start it and read what it tells until it has ended; returns what went wrong in ``on_event``.

    It has ended when all is told and the process is gone. What ansible-runner's thread does after that, sleep and write
    down its own idea of the end, is not waited for: nobody reads it.
    """
    problems: list[str] = []
    stop.look()
    if stop.reason:
        return ()
    ansible.start()
    while True:
        try:
            told = ansible.next_event(_END_SECONDS if listener.complete else _LOOK_SECONDS)
            if told is _ENDED or (told is None and listener.complete and ansible.gone):
                return tuple(problems)
            event = listener.hear(told) if told else None
            if event is not None and on_event is not None:
                with _Caught() as caught:
                    on_event(event)
                if caught.problem is not None:
                    problems.append(repr(caught.problem))
            stop.look()
        except KeyboardInterrupt:
            stop.ask("cancelled")


def stop_remains(
    inventory: Inventory,
    hosts: tuple[str, ...],
    marker: str,
    *,
    like: PlaybookRun | None = None,
    bound: float = STOP_SECONDS,
) -> Mapping[str, bool]:
    """Stop on each of these hosts whatever work carries that marker; by host, whether nothing of it is left.

    ``like`` is the run whose way of logging in is used again; ``bound`` is how many seconds it may take.
    """
    if not hosts:
        return {}
    outcome = run_playbook(
        PlaybookRun(
            playbook=STOP_PLAYBOOK,
            inventory=inventory,
            hosts=hosts,
            values={"hosts": {host: {"marker": marker} for host in hosts}},
            timeout=bound,
            unattended=like is not None and like.unattended,
            become_password=like.become_password if like else None,
        )
    )
    return {
        host: outcome.hosts[host].status == "ok" and outcome.hosts[host].results[STOP_TASK].get("left") == []
        for host in hosts
    }


class _Caught:
    """Keeps an exception instead of letting it out: for code that must never break what goes on around it."""

    def __init__(self) -> None:
        self.problem: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, problem: BaseException | None, _where: TracebackType | None
    ) -> bool:
        if isinstance(problem, Exception):
            self.problem = self.problem or problem
            return True
        return False


_ENDED: dict[str, Any] = {"event": "ended"}


class _Ansible(threading.Thread):
    """One ansible-playbook, run by ansible-runner in this thread; everything it tells goes into a queue."""

    def __init__(self, request: PlaybookRun, inventory: Inventory, folder: Path, marker: str) -> None:
        super().__init__(name=f"playbook {request.playbook}", daemon=True)
        self.pid: int | None = None
        self.rc: int | None = None
        self.caught = _Caught()
        self.kill = threading.Event()
        self._request = request
        self._inventory = inventory
        self._folder = folder
        self._marker = marker
        self._told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    @property
    def gone(self) -> bool:
        """Whether ansible-playbook, once begun, has ended and been waited for."""
        if self.pid is None:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def next_event(self, within: float) -> dict[str, Any] | None:
        """The next slim event, ``_ENDED`` after the last, None when nothing was told ``within`` that many seconds."""
        try:
            return self._told.get(timeout=within)
        except queue.Empty:
            return None

    def run(self) -> None:
        """Run to the end; an exception is kept for the thread that waits."""
        with self.caught:
            runner = self._prepared()
            runner.run()
            self.rc = runner.rc
        self._told.put(_ENDED)

    def _prepared(self) -> Any:
        from ansible_runner.interface import init_runner

        request = self._request
        runner = init_runner(
            private_data_dir=str(self._folder),
            ident="run",
            playbook=request.playbook,
            inventory=self._inventories(),
            limit=f"@{write_private(self._folder / 'hosts', chr(10).join(request.hosts))}",
            extravars={
                "selextract_run_file": str(write_private(self._folder / "run.json", dict(request.values))),
                "selextract_environment": {"SELEXTRACT_INFRA_WORK": self._marker},
            },
            cmdline=" ".join([*(["--check"] if request.check else []), *(["--diff"] if request.diff else [])]) or None,
            forks=request.forks or min(len(request.hosts), _MOST_FORKS),
            event_handler=self._hear,
            cancel_callback=self.kill.is_set,
            fact_cache_type="memory",
            quiet=True,
        )
        config = runner.config
        config.pexpect_timeout = 0.2
        config.suppress_ansible_output = True
        config.suppress_output_file = True
        config.cwd = str(Path.cwd())
        config.env = self._environment(config.env)
        config.command = [*_dies_with_us(), ansible_program("ansible-playbook"), *config.command[1:]]
        return runner

    def _inventories(self) -> list[str]:
        """The user's, and a second one that says which hosts are this very machine."""
        given = str(self._inventory.path)
        here = sorted(self._inventory.local.intersection(self._request.hosts))
        if not here:
            return [given]
        local = {"all": {"hosts": {host: {"ansible_connection": "local"} for host in here}}}
        return [given, str(write_private(self._folder / "local.yml", local))]

    def _environment(self, prepared: Mapping[str, str]) -> dict[str, str]:
        request = self._request
        environment = ansible_environment(os.environ, unattended=request.unattended, fresh=request.fresh)
        temporary = self._folder / "tmp"
        temporary.mkdir(mode=0o700)
        credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        exported = None if request.unattended and not credentials else os.environ.get("SELEXTRACT_BECOME_PASSWORD")
        if password := request.become_password or exported:
            environment["ANSIBLE_BECOME_PASSWORD_FILE"] = str(write_private(self._folder / "become", password))
        elif credentials and (credential := Path(credentials, "become-password")).is_file():
            environment["ANSIBLE_BECOME_PASSWORD_FILE"] = str(credential)
        return environment | {
            "ANSIBLE_LOCAL_TEMP": str(temporary),
            "AWX_ISOLATED_DATA_DIR": prepared["AWX_ISOLATED_DATA_DIR"],
            "ANSIBLE_CALLBACK_PLUGINS": prepared["ANSIBLE_CALLBACK_PLUGINS"].rpartition(os.pathsep)[2],
            "ANSIBLE_STDOUT_CALLBACK": prepared["ANSIBLE_STDOUT_CALLBACK"],
            "MAX_EVENT_RES": str(_LARGEST_NAMED_RESULT if request.collect else _LARGEST_RESULT),
        }

    def _hear(self, event: dict[str, Any]) -> bool:
        """Called by ansible-runner for each event; False keeps it from writing a file for it."""
        with self.caught:
            if self.pid is None and event.get("pid"):
                self.pid = int(event["pid"])
                (self._folder / "artifacts" / "run" / "command").unlink(missing_ok=True)
            slim = slimmed(event, self._request.collect)
            if slim is not None:
                self._told.put(slim)
        return False


class _Stop:
    """Decides when the run has to be stopped, and how hard."""

    def __init__(self, ansible: _Ansible, deadline: float, cancel: threading.Event | None) -> None:
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


def _dies_with_us() -> list[str]:
    """A prefix so that ansible-playbook is interrupted by the kernel when this process is killed outright."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "INT", "--"] if program else []
