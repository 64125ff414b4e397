"""One ansible-playbook and what it is to do: the only module that imports ansible_runner."""

from __future__ import annotations

import os
import queue
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from selextract_infra.hosts.bounded_process import bounded
from selextract_infra.hosts.environment import ansible_environment, ansible_program
from selextract_infra.hosts.events import slimmed
from selextract_infra.hosts.identity import HOLDER_VARIABLE
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.scratch import write_private
from selextract_infra.model.figures import MB

__all__ = ["ENDED", "AnsibleProcess", "Caught", "PlaybookRun"]

WORK_VARIABLE = "SELEXTRACT_INFRA_WORK"
UNTIL_VARIABLE = "SELEXTRACT_INFRA_ANSWERS_UNTIL"  # as in plugins/plugin_utils/bounded_reading.py
_LARGEST_NAMED_RESULT = 64 * MB
_LARGEST_RESULT = 4 * MB
_MOST_FORKS = 64
_ANSWER_SHARE = 0.75
_SHORTEST_ANSWER_SECONDS = 20.0  # of each question, however near that moment is: honest ones take five
# Two of these threads that import it for the first time at once may see half of it, as Python then avoids a deadlock.
_IMPORTING = threading.Lock()


@dataclass(frozen=True)
class PlaybookRun:
    """What to run and where.

    ``playbook``: its full name in the collection, or a path.
    ``inventory``: the loaded one, or the path of one, which is then read first.
    ``hosts``: the names in it that the run is limited to, each of which must be reached.
    ``values``: data for the playbook, handed over in a file that only its owner reads; the extra variable
    ``selextract_run_file`` is its path.
    ``timeout``: seconds after which the work is stopped, on the hosts too.
    ``answer_seconds``: seconds after which a host that owes an answer is given up, so that the others come to their
    end; 0 means three quarters of ``timeout``.
    ``collect``: names of the tasks whose results are wanted, each at most 64 MB; empty means all, each at most 4 MB.
    ``unattended``: as if nobody were there: without the SSH agent, and without a password that somebody exported unless
    it is systemd that hands out credentials.
    ``fresh``: log in anew even where a connection is still open.
    ``marker``: what this work is known by on the hosts, so that its remains can be stopped later; empty makes one up.
    ``wait_seconds``: how long the playbook may wait for its values, where it is started before they are known.
    ``become_password``: where it is None, ``SELEXTRACT_BECOME_PASSWORD`` or the systemd credential ``become-password``
    is taken, if there is one.
    """

    playbook: str
    inventory: Inventory | Path
    hosts: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 600.0
    answer_seconds: float = 0.0
    check: bool = False
    diff: bool = False
    forks: int = 0
    collect: tuple[str, ...] = ()
    unattended: bool = False
    fresh: bool = False
    marker: str = ""
    become_password: str | None = field(default=None, repr=False)
    wait_seconds: float = 0.0


class Caught:
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


ENDED: dict[str, Any] = {"event": "ended"}


class AnsibleProcess(threading.Thread):
    """One ansible-playbook, run by ansible-runner in this thread; everything it tells goes into a queue.

    It may be started before it is known what is to be done: then the playbook waits until that is handed over.
    """

    def __init__(self, request: PlaybookRun, inventory: Inventory, folder: Path, marker: str) -> None:
        super().__init__(name=f"playbook {request.playbook}", daemon=True)
        self.pid: int | None = None
        self.rc: int | None = None
        self.caught = Caught()
        self.kill = threading.Event()
        self._request = request
        self._inventory = inventory
        self._folder = folder
        self._marker = marker
        self._told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def hand_over(self, values: Mapping[str, Any], *, begun: float, request: PlaybookRun) -> None:
        """Say what is to be done; the file is there whole or not at all, because the playbook may be waiting for it.

        ``begun`` is when the time limits of ``request`` began, by the monotonic clock.
        """
        until = begun + (request.answer_seconds or request.timeout * _ANSWER_SHARE)
        shortest = min(_SHORTEST_ANSWER_SECONDS, request.timeout / 6)
        write_private(self._folder / "until", f"{until} {shortest}")
        write_private(self._folder / "run.json.new", dict(values)).rename(self._folder / "run.json")

    @property
    def over(self) -> bool:
        """Whether it was started and has ended, well or not."""
        return self.ident is not None and not self.is_alive()

    @property
    def gone(self) -> bool:
        """Whether ansible-playbook, once begun, has ended.

        Only looked at here: ansible-runner sleeps for a moment before it waits for it.
        """
        if self.pid is None:
            return False
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def next_event(self, within: float) -> dict[str, Any] | None:
        """The next slim event, ``ENDED`` after the last, None when nothing was told ``within`` that many seconds."""
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
        self._told.put(ENDED)

    def _prepared(self) -> Any:
        with _IMPORTING:
            from ansible_runner.interface import init_runner

        request = self._request
        runner = init_runner(
            private_data_dir=str(self._folder),
            ident="run",
            playbook=request.playbook,
            inventory=self._inventories(),
            limit=f"@{write_private(self._folder / 'hosts', chr(10).join(request.hosts))}",
            extravars={
                "selextract_run_file": str(self._folder / "run.json"),
                "selextract_wait_seconds": self._request.wait_seconds,
                **({"selextract_environment": self._work()} if self._marker else {}),
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
        config.command = [
            *_dies_with_us(),
            *bounded([ansible_program("ansible-playbook"), *config.command[1:]]),
        ]
        return runner

    def _work(self) -> dict[str, str]:
        """What each task on a host is known by: the work that it belongs to, and who holds the lock for it."""
        holder = (self._request.values.get("run") or {}).get("holder")
        return {WORK_VARIABLE: self._marker, **({HOLDER_VARIABLE: str(holder)} if holder else {})}

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
            UNTIL_VARIABLE: str(self._folder / "until"),
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


def _dies_with_us() -> list[str]:
    """A prefix so that ansible-playbook is interrupted by the kernel when this process is killed outright."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "INT", "--"] if program else []
