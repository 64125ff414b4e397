"""Every Run is logged as it was asked for and answered, and the log brings about the same states."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from selextract_infra.errors import DriftError, PreemptedError
from selextract_infra.flow import executor
from selextract_infra.flow.apply import apply
from selextract_infra.flow.executor import RunExecutor
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.machine.state import resuming, rolling_back
from selextract_infra.flow.run_log import forget_run_logs
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import RunStatus
from tests.replayed import replay, replay_runs
from tests.unit.flow.test_executor_windows import OPENS, TWO, Hosts


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    hosts = Hosts(Journal(tmp_path), OPENS)
    monkeypatch.setattr(executor, "execute", hosts.execute)
    monkeypatch.setattr(executor, "execute_segment", hosts.execute_segment)
    monkeypatch.setattr(executor, "put_back", hosts.put_back)
    monkeypatch.setattr(executor, "stop_at_safe_point", lambda *_, **__: {})
    return hosts


def test_a_run_that_was_stopped_resumed_and_rolled_back_is_replayed(hosts: Hosts, tmp_path: Path) -> None:
    hosts.urgent_before = "two"
    stopped = apply(hosts.context, TWO)
    assert stopped.status is RunStatus.WAITING
    (tmp_path / "runs" / f"{stopped.id}.jsonl").chmod(0o644)  # somebody copied it
    hosts.urgent_before = ""
    held = stopped.model_copy(update={"status": RunStatus.RUNNING, "ended_at": None, "exit_code": None})
    done = RunExecutor(hosts.context).run(resuming(TWO, held, ("app1",)))
    assert done.status is RunStatus.DONE
    back = RunExecutor(hosts.context).run(rolling_back(TWO, done, ("app1",), note="by hand"))
    assert back.status is RunStatus.ROLLED_BACK
    (log,) = (tmp_path / "runs").iterdir()
    assert log.name == f"{done.id}.jsonl"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert [json.loads(line)["began"]["goal"] for line in log.read_text().splitlines() if "began" in line] == [
        "apply",
        "resume",
        "roll back",
    ]
    assert replay_runs(tmp_path) == sum("request" in line for line in log.read_text().splitlines())


def test_a_log_from_before_there_were_segments_is_replayed() -> None:
    """Each step went over by a request of its own, and a state knew nothing of segments."""
    folder = Path("tests/cases/steps_one_by_one")
    plan = Plan.model_validate_json((folder / "plan.json").read_text())
    ends = replay(folder / "run.jsonl", plan)
    assert [state.begun_run.status for state, _, _ in ends] == ["waiting", "done", "rolled back"]
    assert sum(turns for _, _, turns in ends) == sum(
        "request" in line for line in (folder / "run.jsonl").read_text().splitlines()
    )


def test_steps_that_a_host_carried_out_together_are_replayed(hosts: Hosts, tmp_path: Path) -> None:
    assert apply(hosts.context, TWO).status is RunStatus.DONE
    assert hosts.segments == [("one", "two")]
    assert replay_runs(tmp_path) > 0


def test_a_run_that_puts_back_what_it_did_is_replayed(hosts: Hosts, tmp_path: Path) -> None:
    hosts.took["one"] = timedelta(minutes=45)
    assert apply(hosts.context, TWO).exit_code == 4
    assert replay_runs(tmp_path) > 0


def test_a_log_that_says_something_else_is_noticed(hosts: Hosts, tmp_path: Path) -> None:
    apply(hosts.context, TWO)
    (log,) = (tmp_path / "runs").iterdir()
    log.write_text(log.read_text().replace('"status": "verified"', '"status": "failed"'))
    with pytest.raises(AssertionError, match=r"it is in another state|it asks for something else"):
        replay_runs(tmp_path)


def test_what_never_became_a_run_leaves_no_log(hosts: Hosts, tmp_path: Path) -> None:
    other = TWO.model_copy(update={"policy_digest": "another"})
    with pytest.raises(DriftError, match="The policy changed since the plan was made") as drift:
        apply(hosts.context, other)
    assert drift.value.remedy == "plan again; nothing was touched"
    assert not (tmp_path / "runs").exists()


def test_the_very_error_of_a_host_comes_out(hosts: Hosts, tmp_path: Path) -> None:
    hosts.urgent_before = "one"
    with pytest.raises(PreemptedError, match="asked for by ops"):
        apply(hosts.context, TWO)
    assert replay_runs(tmp_path) > 0


def test_old_logs_are_forgotten(hosts: Hosts, tmp_path: Path) -> None:
    apply(hosts.context, TWO)
    (log,) = (tmp_path / "runs").iterdir()
    written = log.stat().st_mtime
    forget_run_logs(tmp_path, OPENS.fromtimestamp(written - 1, OPENS.tzinfo))
    assert log.exists()
    forget_run_logs(tmp_path, OPENS.fromtimestamp(written + 1, OPENS.tzinfo))
    assert not log.exists()
