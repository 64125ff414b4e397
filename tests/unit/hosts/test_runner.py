"""Running playbooks: what ansible-runner and ansible-core do by themselves, and must not do here.

Real ansible-playbook processes against this machine; runs are shared where they can be.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.errors import InventoryError, SelextractError
from selextract_infra.hosts import ansible_process, runner
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.runner import PlaybookOutcome, PlaybookRun, TaskEvent, run_playbook
from tests.unit.hosts.servers import closed_port

PLAYBOOKS = Path(__file__).parent / "playbooks"
HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
GONE = {"ansible_host": "127.0.0.1"}


@pytest.fixture(scope="module")
def monkeymodule() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    hosts: dict[str, Any] = dict.fromkeys(("good", "broken", "rescued", "large"), HERE)
    gone = {**GONE, "ansible_port": closed_port()}
    path = tmp_path_factory.mktemp("inventory") / "hosts.yml"
    path.write_text(json.dumps({"all": {"hosts": {**hosts, "gone": gone}}}))
    return Inventory.load(path)


@dataclass(frozen=True)
class Finished:
    """One run with everything that could be seen of it."""

    outcome: PlaybookOutcome
    events: list[TaskEvent]
    spied: dict[str, Any]
    handlers_kept: bool
    printed: bool
    hostile: str
    owned: Path


@pytest.fixture(scope="module")
def finished(
    inventory: Inventory, tmp_path_factory: pytest.TempPathFactory, monkeymodule: pytest.MonkeyPatch
) -> Finished:
    owned = tmp_path_factory.mktemp("owned") / "file"
    hostile = f"{{{{ lookup('pipe', 'touch {owned}') }}}}\n- !!python/object:os.system\x1b]0;owned\x07 $(touch {owned})"
    monkeymodule.setenv("PATH", "/usr/bin:/bin")
    monkeymodule.setenv("SECRET_OF_THE_CALLER", "hunter2")
    monkeymodule.setenv("ANSIBLE_HOST_KEY_CHECKING", "False")
    monkeymodule.setattr(ansible_process, "_LARGEST_RESULT", 30_000)
    events: list[TaskEvent] = []

    def listen(event: TaskEvent) -> None:
        events.append(event)
        raise KeyError(event.task)

    names = tuple(host.name for host in inventory.hosts)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    said = tmp_path_factory.mktemp("said") / "output"
    with said.open("w") as file, _OutputTo(file.fileno()):
        outcome = run_playbook(
            PlaybookRun(
                str(PLAYBOOKS / "work.yml"), inventory, names, {"hosts": {name: {"text": hostile} for name in names}}
            ),
            on_event=listen,
        )
    spied = json.loads(str(outcome.hosts["good"].results["Spy on the run"]["stdout"]))
    kept = handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    return Finished(outcome, events, spied, kept, bool(said.read_text()), hostile, owned)


class _OutputTo:
    """Everything this process prints goes to a file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._before = os.dup(1), os.dup(2)
        os.dup2(self._descriptor, 1)
        os.dup2(self._descriptor, 2)

    def __exit__(self, *unused: object) -> None:
        for number, before in zip((1, 2), self._before, strict=True):
            os.dup2(before, number)
            os.close(before)


def test_each_host_is_judged_by_what_happened_to_it(finished: Finished) -> None:
    statuses = {name: host.status for name, host in finished.outcome.hosts.items()}
    assert statuses == {"good": "ok", "broken": "failed", "rescued": "ok", "large": "failed", "gone": "unreachable"}
    assert finished.outcome.status == "failed"


def test_each_failure_is_one_displayable_sentence(finished: Finished) -> None:
    hosts = finished.outcome.hosts
    assert hosts["broken"].message == "This one is broken."
    assert hosts["gone"].message == "nothing listens on its SSH port"
    assert hosts["gone"].remedy
    assert hosts["large"].message == "the result of 'Say too much' is too large to be taken in"


def test_changes_and_results_are_counted_by_host(finished: Finished) -> None:
    good = finished.outcome.hosts["good"]
    assert good.changed == 1
    assert list(good.results) == ["Say what was handed over", "Spy on the run", "Fail and be forgiven"]
    assert "invocation" not in good.results["Spy on the run"]


def test_events_tell_of_each_task_on_each_host(finished: Finished) -> None:
    told = {(event.kind, event.host, event.task) for event in finished.events}
    assert {
        ("task_started", "good", "Spy on the run"),
        ("task_done", "good", "Spy on the run"),
        ("task_done", "good", "Fail and be forgiven"),
        ("failed", "broken", "Fail"),
        ("unreachable", "gone", "Say what was handed over"),
    } <= told


def test_a_listener_that_raises_breaks_nothing_and_is_reported(finished: Finished) -> None:
    assert len(finished.outcome.listener_problems) == len(finished.events) > 10
    assert finished.outcome.listener_problems[0] == "KeyError('Say what was handed over')"


def test_values_are_data_and_never_templates(finished: Finished) -> None:
    assert finished.outcome.hosts["good"].results["Say what was handed over"]["stdout"] == finished.hostile
    assert not finished.owned.exists()


def test_the_folder_of_a_run_is_private_and_removed(finished: Finished) -> None:
    assert sorted(finished.spied["modes"].values()) == [0o600, 0o700]
    assert not Path(finished.spied["folder"]).exists()


def test_arguments_show_paths_only(finished: Finished) -> None:
    assert "hunter2" not in str(finished.spied["arguments"])
    assert "lookup" not in str(finished.spied["arguments"])
    extra = [value for value in finished.spied["arguments"] if value.startswith(("@", "{"))]
    assert all(value.startswith(f"@{finished.spied['folder']}") for value in extra)


def test_the_command_with_its_environment_is_not_left_lying_about(finished: Finished) -> None:
    assert "artifacts/run/command" not in finished.spied["files"]


def test_the_environment_is_minimal_and_keys_are_checked(finished: Finished) -> None:
    environment = finished.spied["environment"]
    assert "SECRET_OF_THE_CALLER" not in environment
    assert environment["ANSIBLE_HOST_KEY_CHECKING"] == "True"
    assert environment["ANSIBLE_CACHE_PLUGIN"] == "memory"


def test_ansible_is_found_without_an_activated_virtual_environment(finished: Finished) -> None:
    assert str(Path(sys.executable).parent / "ansible-playbook") in finished.spied["arguments"]


def test_events_do_not_pile_up_as_files(finished: Finished) -> None:
    pending = [name for name in finished.spied["files"] if "job_events" in name]
    assert all("-partial" in name for name in pending)


def test_nothing_of_ansible_is_printed(finished: Finished) -> None:
    assert not finished.printed


def test_signal_handlers_stay_the_callers(finished: Finished) -> None:
    assert finished.handlers_kept


def test_a_path_is_read_as_an_inventory_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="There is no inventory"):
        run_playbook(PlaybookRun("x.yml", tmp_path / "nowhere.yml", ("app1",)))


def test_no_host_is_an_error(inventory: Inventory) -> None:
    with pytest.raises(InventoryError, match="No host was chosen"):
        run_playbook(PlaybookRun("x.yml", inventory, ()))


def test_a_host_that_the_playbook_never_came_to_is_no_success(inventory: Inventory) -> None:
    outcome = run_playbook(PlaybookRun(str(PLAYBOOKS / "work.yml"), inventory, ("nobody",)))
    assert outcome.status == "failed"
    assert outcome.hosts["nobody"].status == "missing"


def test_a_playbook_that_cannot_be_read_is_told_and_touches_no_host(inventory: Inventory, tmp_path: Path) -> None:
    playbook = tmp_path / "unreadable.yml"
    playbook.write_text("- {name: Not a playbook, hosts: all, no_such_keyword: true}\n")
    outcome = run_playbook(PlaybookRun(str(playbook), inventory, ("good",)))
    assert (outcome.status, outcome.hosts["good"].status) == ("failed", "missing")
    assert "no_such_keyword" in outcome.message
    assert len(outcome.message.splitlines()) == 1


def test_what_ansible_runner_raises_is_raised_here_and_not_lost_in_its_thread(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_options: Any) -> None:
        raise RuntimeError("no more threads")

    monkeypatch.setattr("ansible_runner.interface.init_runner", refuse)
    with pytest.raises(SelextractError, match="Ansible could not be run: no more threads"):
        run_playbook(PlaybookRun("x.yml", inventory, ("good",)))


def test_settings_that_ansible_runner_would_drop_are_in_force(inventory: Inventory, tmp_path: Path) -> None:
    prepared = ansible_process.AnsibleProcess(
        PlaybookRun("x.yml", inventory, ("good",), check=True, diff=True), inventory, tmp_path, "m"
    )
    config = prepared._prepared().config
    assert config.pexpect_timeout == 0.2
    assert config.suppress_ansible_output
    assert config.suppress_output_file
    assert config.fact_cache is None
    assert not config.process_isolation
    assert config.rotate_artifacts == 0
    assert {"--check", "--diff", "--forks"} <= set(config.command)


def waited_for(note: Path) -> int:
    """The process that the playbook started, as soon as it has."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if note.exists() and note.read_text().strip():
            return int(note.read_text())
        time.sleep(0.02)
    raise AssertionError("the task did not start")


def is_gone(note: Path) -> bool:
    """Whether the process of the note works no more: it is gone, or dead and waiting for somebody to take note."""
    try:
        state = Path("/proc", note.read_text().strip(), "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def stopping(inventory: Inventory, note: Path, stop: Callable[[], None], **more: Any) -> tuple[PlaybookOutcome, float]:
    """Start the waiting playbook, stop it once its task works; how it ended and how long that took."""
    asked: list[float] = []

    def ask() -> None:
        waited_for(note)
        asked.append(time.monotonic())
        stop()

    thread = threading.Thread(target=ask)
    thread.start()
    outcome = run_playbook(PlaybookRun(str(PLAYBOOKS / "wait.yml"), inventory, ("good",), {"note": str(note)}), **more)
    end = time.monotonic()
    thread.join()
    return outcome, end - asked[0]


def test_cancelling_stops_the_work_on_the_host_and_proves_it(inventory: Inventory, tmp_path: Path) -> None:
    cancel = threading.Event()
    outcome, seconds = stopping(inventory, tmp_path / "note", cancel.set, cancel=cancel)
    assert (outcome.status, outcome.forced) == ("cancelled", False)
    assert outcome.hosts["good"].status == "failed"
    assert outcome.hosts["good"].stopped is True
    assert outcome.hosts["good"].message == "stopped, and nothing of it is left running on the host"
    assert is_gone(tmp_path / "note")
    assert seconds < 15


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as Python itself handles it, also where these tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_where_nothing_else_handles_it_is_a_cancel(inventory: Inventory, tmp_path: Path) -> None:
    outcome, _ = stopping(inventory, tmp_path / "note", lambda: os.kill(os.getpid(), signal.SIGINT))
    assert outcome.status == "cancelled"
    assert is_gone(tmp_path / "note")


def test_a_time_limit_stops_the_work_too(inventory: Inventory, tmp_path: Path) -> None:
    note = tmp_path / "note"
    outcome = run_playbook(
        PlaybookRun(str(PLAYBOOKS / "wait.yml"), inventory, ("good",), {"note": str(note)}, timeout=2.5)
    )
    assert outcome.status == "timed out"
    assert outcome.seconds < 20
    assert not note.exists() or is_gone(note)


def test_what_is_cancelled_before_it_starts_touches_no_host(inventory: Inventory) -> None:
    cancel = threading.Event()
    cancel.set()
    outcome = run_playbook(PlaybookRun(str(PLAYBOOKS / "wait.yml"), inventory, ("good",)), cancel=cancel)
    assert (outcome.status, outcome.hosts["good"].status) == ("cancelled", "missing")
    assert outcome.seconds < 0.5


STUBBORN = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print(flush=True); time.sleep(60)"


def test_what_does_not_heed_an_interrupt_is_killed_after_the_grace(
    inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "GRACE_SECONDS", 0.3)
    cancel = threading.Event()
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()

        ansible = ansible_process.AnsibleProcess(PlaybookRun("x.yml", inventory, ("good",)), inventory, tmp_path, "m")
        ansible.pid = process.pid
        stop = runner._Stop(ansible, time.monotonic() + 60, cancel)
        cancel.set()
        while process.poll() is None:
            stop.look()
            time.sleep(0.02)
    assert stop.forced
    assert ansible.kill.is_set()
    assert process.returncode == -signal.SIGKILL


KILLED = """
import sys
from pathlib import Path
from selextract_infra.hosts.runner import PlaybookRun, run_playbook
run_playbook(PlaybookRun(sys.argv[1], Path(sys.argv[2]), ("good",), {"note": sys.argv[3]}))
"""


def test_when_this_process_is_killed_outright_ansible_ends_too(inventory: Inventory, tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", KILLED, str(PLAYBOOKS / "wait.yml"), str(inventory.path), str(tmp_path / "note")]
    with subprocess.Popen(arguments) as process:
        work = waited_for(tmp_path / "note")
        process.kill()
    end = time.monotonic() + 10
    while Path("/proc", str(work)).exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path("/proc", str(work)).exists()


def test_importing_the_edge_is_cheap() -> None:
    code = "import sys, selextract_infra.hosts.runner; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"ansible", "ansible_runner", "paramiko", "pydantic", "yaml", "numpy"} & set(loaded)
