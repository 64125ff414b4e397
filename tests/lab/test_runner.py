"""Running playbooks on a real host: work that is cancelled stops there too, and a host that is gone is noticed."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.runner import PlaybookOutcome, PlaybookRun, run_playbook
from selextract_infra.lab import Lab
from tests.lab.program import wait_for
from tests.lab.reaching import dropping, written

pytestmark = pytest.mark.lab

TICK = str(Path(__file__).parent / "playbooks" / "tick.yml")
HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


class Ticking:
    """The ticking playbook on ``app1``, begun and working."""

    def __init__(self, lab: Lab, inventory: Inventory, trace: str) -> None:
        self.cancel = threading.Event()
        self.outcome: PlaybookOutcome | None = None
        self._lab = lab
        self._trace = trace
        self._run = PlaybookRun(TICK, inventory, ("app1",), {"trace": trace}, timeout=100)
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        wait_for(self.ticks, bound=30, what="the first tick on the host")

    def _work(self) -> None:
        self.outcome = run_playbook(self._run, cancel=self.cancel)

    def ticks(self) -> int:
        """How far the work got, read by the host's console."""
        return int(self._lab.host("app1").execute("sh", "-c", f"cat {self._trace} 2>/dev/null | wc -l"))

    def ended(self) -> PlaybookOutcome:
        """The outcome, once there is one."""
        self._thread.join(90)
        assert self.outcome is not None
        return self.outcome


@pytest.fixture
def trace(lab: Lab, request: pytest.FixtureRequest) -> str:
    path = f"/run/ticks-{request.node.name}"
    lab.host("app1").execute("rm", "-f", path)
    return path


def test_cancelled_work_stops_on_the_host_and_the_host_proves_it(lab: Lab, tmp_path: Path, trace: str) -> None:
    ticking = Ticking(lab, Inventory.load(written(lab, tmp_path / "hosts.json", {"app1": {}}, shared=True)), trace)
    ticking.cancel.set()
    asked = time.monotonic()
    outcome = ticking.ended()
    after = ticking.ticks()
    assert (outcome.status, outcome.forced) == ("cancelled", False)
    assert outcome.hosts["app1"].stopped is True
    assert outcome.hosts["app1"].message == "stopped, and nothing of it is left running on the host"
    assert time.monotonic() - asked < 20
    left = lab.host("app1").execute(
        "sh", "-c", f"grep -ls 'ticks-' /proc/[0-9]*/cmdline | wc -l; sleep 1; wc -l < {trace}"
    )
    assert int(left.split()[-1]) == after


def test_a_host_that_cannot_be_asked_is_never_said_to_be_stopped(lab: Lab, tmp_path: Path, trace: str) -> None:
    ticking = Ticking(lab, Inventory.load(written(lab, tmp_path / "hosts.json", {"app1": {}})), trace)
    with dropping(lab, 22):
        ticking.cancel.set()
        outcome = ticking.ended()
    assert outcome.status == "cancelled"
    assert outcome.hosts["app1"].stopped is False
    assert "could not be proved" in outcome.hosts["app1"].message
    lab.host("app1").execute("pkill", "-f", trace, check=False)


def test_a_host_that_drops_off_in_the_middle_is_unreachable_in_time_and_others_go_on(lab: Lab, tmp_path: Path) -> None:
    inventory = Inventory.load(written(lab, tmp_path / "hosts.json", {"app1": {}, "here": HERE}))
    began = threading.Event()

    def run() -> None:
        outcomes.append(
            run_playbook(
                PlaybookRun(str(Path(TICK).with_name("nap.yml")), inventory, ("app1", "here"), timeout=80),
                on_event=lambda event: began.set() if (event.host, event.kind) == ("here", "task_done") else None,
            )
        )

    outcomes: list[PlaybookOutcome] = []
    thread = threading.Thread(target=run)
    thread.start()
    assert began.wait(30)
    started = time.monotonic()
    with dropping(lab, 22):
        thread.join(70)
    (outcome,) = outcomes
    assert time.monotonic() - started < 40
    assert outcome.hosts["app1"].status == "unreachable"
    assert outcome.hosts["app1"].message == "it does not answer"
    assert outcome.hosts["here"].status == "ok"


def test_a_host_that_swallows_everything_is_given_up_after_the_connect_timeout(lab: Lab, tmp_path: Path) -> None:
    gone = {"ansible_port": 2222}
    inventory = Inventory.load(written(lab, tmp_path / "hosts.json", {"gone": gone, "app1": {}}))
    with dropping(lab, 2222):
        outcome = run_playbook(PlaybookRun("selextract.infra.stop", inventory, ("gone", "app1"), _no_work()))
    assert outcome.hosts["gone"].status == "unreachable"
    assert outcome.hosts["gone"].message == "it does not answer"
    assert outcome.hosts["app1"].status == "ok"
    assert outcome.seconds < 25


def _no_work() -> dict[str, dict[str, dict[str, str]]]:
    return {"hosts": {name: {"marker": "0" * 16} for name in ("gone", "app1")}}


def test_a_password_is_never_a_template(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    console, password = lab.host("app1"), "{{ 7 * 7 }} $(id) \"quoted'"
    console.execute("chpasswd", feed=f"ops:{password}".encode())
    monkeypatch.setenv("SELEXTRACT_BECOME_PASSWORD", password)
    inventory = Inventory.load(written(lab, tmp_path / "hosts.json", {"app1": {"ansible_user": "ops"}}))
    try:
        outcome = run_playbook(PlaybookRun("selextract.infra.stop", inventory, ("app1",), _no_work()))
    finally:
        console.execute("chpasswd", feed=f"ops:{lab.state().ops_password}".encode())
    assert outcome.hosts["app1"].status == "ok", outcome.hosts["app1"].message
