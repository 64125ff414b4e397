"""The Journal keeps what it is given, lets nobody else read it, and says what is wrong in one sentence."""

from __future__ import annotations

import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from selextract_infra.errors import SelextractError, UsageError
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import HostFacts, HostObservation, Observation
from selextract_infra.model.run import Run, RunStatus
from tests.unit.operations.emergency.test_incident_report import incident

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


def _history(name: str, stamps: list[int], memory: int = 100) -> ContainerHistory:
    ones = [1] * len(stamps)
    return ContainerHistory(
        name=name, project="shop", service="api", at=stamps, cpu=ones, cpu_peak=ones,
        memory=[memory] * len(stamps), page_cache=ones, oom_kills=[0] * len(stamps), restarts=[0] * len(stamps),
        samples=ones,
    )  # fmt: skip


def _seen(*histories: ContainerHistory, at: datetime = NOW) -> Observation:
    return Observation(
        at=at, hosts=(HostObservation(name="app1", facts=HostFacts(machine_id="m1"), history=histories),)
    )


def _run(run_id: str, status: RunStatus = RunStatus.RUNNING) -> Run:
    return Run(
        id=run_id, operation="rightsize", plan_digest="p", policy_digest="q", owner="ops@here", purpose="test",
        hosts=("app1",), started_at=NOW, status=status,
    )  # fmt: skip


def test_histories_of_several_observations_join_into_one_series(tmp_path: Path) -> None:
    start = int(NOW.timestamp())
    with Journal(tmp_path) as journal:
        journal.record_observation(_seen(_history("api-1", [start, start + 60])))
        journal.record_observation(_seen(_history("api-1", [start + 60, start + 120], memory=200)))
        (series,) = journal.history("m1", since=NOW, before=NOW + timedelta(hours=1))
    assert series.at.tolist() == [start, start + 60, start + 120]
    assert series.memory.tolist() == [100, 200, 200], "the newer reading of a bucket replaces the older one"


def test_newest_bucket_is_kept_per_machine(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.record_observation(journal.bind_machines(_seen(_history("api-1", [60, 120]), _history("api-2", [60]))))
        assert journal.cursors() == {"app1": {"m1": 120}}


def test_an_observation_comes_back_without_its_histories(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        seen = _seen(_history("api-1", [60]))
        journal.record_observation(seen)
        last = journal.last_observation()
    assert last is not None
    assert last.digest == seen.digest
    assert last.hosts[0].history == ()


def test_the_journal_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    with Journal(tmp_path / "state") as journal:
        assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(journal.folder.stat().st_mode) == 0o700


def test_a_journal_that_was_there_with_a_wider_mode_is_its_owners_alone_again(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.path.chmod(0o644)
    with Journal(tmp_path) as journal:
        assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_a_journal_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("")
    (tmp_path / "journal.sqlite").symlink_to(elsewhere)
    with pytest.raises(SelextractError, match="cannot be written"):
        Journal(tmp_path)
    assert elsewhere.read_text() == ""


def test_a_run_is_found_by_the_beginning_of_its_id_only_when_unambiguous(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        for run_id in ("20260301-aaaa", "20260301-aabb", "20260302-cccc"):
            journal.record_run(_run(run_id))
        assert journal.run("20260302") == _run("20260302-cccc")
        assert journal.run("20260301") is None
        assert journal.run("%") is None, "a pattern is no ID"


def test_a_run_that_ended_is_no_longer_unfinished(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.record_run(_run("r1"))
        assert [run.id for run in journal.unfinished_runs()] == ["r1"]
        journal.record_run(_run("r1", RunStatus.DONE))
        assert journal.unfinished_runs() == []


def test_retention_forgets_old_buckets_and_keeps_runs(tmp_path: Path) -> None:
    old = int((NOW - timedelta(days=40)).timestamp())
    with Journal(tmp_path) as journal:
        journal.record_run(_run("r1"))
        journal.record_observation(_seen(_history("api-1", [old, int(NOW.timestamp())])))
        journal.forget(NOW, observations=timedelta(days=90), buckets=timedelta(days=35))
        (series,) = journal.history("m1", since=NOW - timedelta(days=60), before=NOW + timedelta(days=1))
        assert series.at.tolist() == [int(NOW.timestamp())]
        assert journal.run("r1") is not None


def test_two_control_processes_write_the_same_journal(tmp_path: Path) -> None:
    with Journal(tmp_path) as one, Journal(tmp_path) as two:
        one.record_run(_run("r1"))
        two.record_run(_run("r2"))
        assert {run.id for run in one.runs(10)} == {"r1", "r2"}


def test_a_journal_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        path = journal.path
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version=999")
    database.close()
    with pytest.raises(UsageError, match="newer version: schema 999"):
        Journal(tmp_path)


def test_a_journal_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    in_the_way = tmp_path / "state"
    in_the_way.write_text("a file, not a folder")
    with pytest.raises(SelextractError, match="cannot be written"):
        Journal(in_the_way)


def test_a_damaged_journal_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"this is no database at all, whatever its name" * 50)
    with pytest.raises(SelextractError, match="cannot be written: file is not a database"):
        Journal(tmp_path)


def test_incidents_are_kept_and_drills_apart_from_them(tmp_path: Path) -> None:
    real = incident()
    rehearsal = real.model_copy(
        update={"id": "d", "drill": True, "opened_at": real.opened_at + timedelta(days=1), "closed_at": NOW}
    )
    with Journal(tmp_path) as journal:
        assert journal.incident() is None
        assert journal.last_drill() is None
        for one in (real, rehearsal, rehearsal.model_copy(update={"id": "e", "failed": True})):
            journal.record_incident(one)
        journal.record_incident(real.with_moment(NOW, "More."))
        newest = journal.incident()
        assert newest is not None
        assert (newest.id, newest.timeline[-1].what) == (real.id, "More.")
        assert journal.incident("d") == rehearsal
        assert journal.last_drill() == rehearsal.opened_at


def test_a_run_that_somebody_has_dealt_with_is_closed_with_the_reason(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        assert journal.closed_runs() == frozenset()
        journal.close_run(NOW, "r1", "limits set by hand")
        assert journal.closed_runs() == frozenset({"r1"})
        assert journal.events(1)[0]["sentence"] == "Run r1 is closed: limits set by hand"
