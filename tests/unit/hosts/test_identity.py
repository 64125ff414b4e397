"""A process is known to be gone by what its own machine says of it, never by a name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from selextract_infra.hosts import identity
from selextract_infra.hosts.identity import has_ended, identity_of, new_holder


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with an ID, which a container may lack."""
    (tmp_path / "machine-id").write_text("5f1e\n")
    monkeypatch.setattr(identity, "_MACHINE_ID", tmp_path / "machine-id")


def test_this_process_lives() -> None:
    assert not has_ended(identity_of())


def test_a_process_that_has_ended_is_gone_also_before_it_is_reaped() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        identity = identity_of(other.pid)
        assert not has_ended(identity)
        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert has_ended(identity)


def test_another_process_with_the_same_number_is_not_taken_for_it() -> None:
    assert has_ended({**identity_of(), "pid_started": 1})


@pytest.mark.parametrize("changed", [{"machine_id": "another"}, {"machine_id": ""}])
def test_nothing_is_known_of_another_machine_s_process(changed: dict[str, str]) -> None:
    gone = {**identity_of(), "pid_started": 1, **changed}
    assert not has_ended(gone)
    assert not has_ended(gone, on_this_machine=True)


def test_another_boot_proves_it_only_where_the_lock_is_on_this_machine() -> None:
    """A copied virtual machine has the machine-id of its original and a boot of its own."""
    before = {**identity_of(), "boot_id": "before"}
    assert not has_ended(before)
    assert has_ended(before, on_this_machine=True)


def test_containers_of_one_machine_have_boots_of_their_own(tmp_path: Path) -> None:
    def proc(name: str, first_started: int) -> Path:
        folder = tmp_path / name
        for pid in ("1", "7"):
            (folder / pid).mkdir(parents=True)
            fields = " ".join(["S", *["0"] * 18, str(first_started), "0"])
            (folder / pid / "stat").write_text(f"{pid} (a) b) {fields}\n")
        (folder / "sys/kernel/random").mkdir(parents=True)
        (folder / "sys/kernel/random/boot_id").write_text("the machine's\n")
        return folder

    first, second = (identity_of(7, proc=proc(name, start)) for name, start in (("one", 100), ("two", 200)))
    assert first["pid_started"] == 100
    assert first["boot_id"] != second["boot_id"]


def test_where_the_system_tells_nothing_nobody_is_known_to_be_gone(tmp_path: Path) -> None:
    assert identity_of(proc=tmp_path) == {}
    assert not has_ended({})


def test_no_two_holders_have_the_same_token() -> None:
    assert new_holder() != new_holder()
