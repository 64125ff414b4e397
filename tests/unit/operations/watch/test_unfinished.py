"""Which unfinished Runs the loop takes up by itself: its own, where nobody works and nothing is frozen."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from selextract_infra.flow.context import Context
from selextract_infra.flow.unfinished import at_work
from selextract_infra.hosts.identity import identity_of, owner, watcher
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.operations.watch.unfinished import OwnRuns
from tests.unit.seen import AT

LATER = (AT + timedelta(minutes=5)).isoformat()


def seen(*, made_by: str = "", frozen: bool = False, lock: dict[str, Any] | None = None) -> Observation:
    record = {"run_id": "run-a", "owner": "root@there (process 1)", "steps": {}, "plan": {"made_by": made_by}}
    state = {"unfinished": [record], "lock": lock, "freeze": {"reason": "test"} if frozen else None}
    return Observation(at=AT, hosts=(HostObservation(name="app1", state=state),))


def lock(who: str, process: int | None = None) -> dict[str, Any]:
    about = {"purpose": "scale app1", "taken_at": "now", "lease_until": LATER}
    identity = {} if process is None else identity_of(process)
    return {"run_id": "run-a", "owner": who, **about, "identity": identity}


@pytest.mark.parametrize(
    ("there", "dry"),
    [
        (seen(made_by=owner()), False),
        (seen(made_by="watch of root@another"), False),
        (seen(made_by=watcher(), frozen=True), False),
        (seen(made_by=watcher(), lock=lock("root@another (process 7)")), False),
        (seen(made_by=watcher()), True),
        (Observation(at=AT, hosts=(HostObservation(name="app1"),)), False),
    ],
    ids=["a person's", "another machine's", "frozen", "at work elsewhere", "dry run", "nothing"],
)
def test_what_is_not_its_own_or_not_idle_is_left_alone(there: Observation, dry: bool, tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"app1": {}}}}))
    said: list[str] = []
    with Context(tmp_path / "hosts.yml", state=tmp_path / "state") as context:
        assert not OwnRuns(context, lambda _, text: said.append(text), dry_run=dry).end(there)
    assert said == []


def test_another_process_of_this_machine_is_at_work_as_long_as_it_lives() -> None:
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()  # before that the system does not know its program yet
        (host,) = seen(made_by=watcher(), lock=lock(owner(other.pid), other.pid)).hosts
        assert at_work(host, "run-a", AT, idle=os.getpid())
        other.communicate(b"\n")
    assert not at_work(host, "run-a", AT, idle=os.getpid())


def test_the_loop_s_own_process_is_at_work_on_nothing_between_two_looks() -> None:
    (host,) = seen(made_by=watcher(), lock=lock(owner(), os.getpid())).hosts
    assert at_work(host, "run-a", AT)
    assert not at_work(host, "run-a", AT, idle=os.getpid())
    assert f"@{socket.gethostname()}" in watcher()
