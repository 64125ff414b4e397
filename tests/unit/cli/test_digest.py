"""A plan that was looked at and saved is the one that is carried out, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.cli.frame.apply_plan import save
from selextract_infra.errors import DriftError, SelextractError, UsageError
from selextract_infra.flow.context import Context
from selextract_infra.flow.queue import Queue, QueuedPlan, QueueStatus
from selextract_infra.flow.saved import load_plan, refuse_other_digest
from selextract_infra.flow.schedule import run_due
from selextract_infra.flow.windows import Opening
from selextract_infra.model.plan import Plan
from selextract_infra.plan import rightsize
from tests.unit.seen import AT, MB, one, policy

POLICY = policy()
PLAN = rightsize(one("api", peak=600 * MB), POLICY)
OTHER = rightsize(one("api", peak=300 * MB), POLICY)


def test_saving_prints_the_digest_that_apply_holds_it_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.json"
    save(PLAN, file)
    assert f"selextract-infra apply {file} --digest {PLAN.digest}" in " ".join(capsys.readouterr().err.split())
    assert file.stat().st_mode & 0o777 == 0o600
    refuse_other_digest(load_plan(file, POLICY), PLAN.digest)


def test_saving_replaces_what_is_there_and_follows_no_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    link = tmp_path / "plan.json"
    link.symlink_to(precious)
    save(PLAN, link)
    assert precious.read_text() == "kept"
    assert not link.is_symlink()
    readable = tmp_path / "readable.json"
    readable.write_text("x")
    readable.chmod(0o644)
    save(PLAN, readable)
    assert readable.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_put_in_its_place_is_refused(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selextract_infra.flow.saved.load_plan", lambda *_: OTHER)
    where = ["-i", str(context.inventory.path), "--state", str(tmp_path / "state")]
    answer = CliRunner().invoke(build("apply"), ["apply", "plan.json", "--yes", "--digest", PLAN.digest, *where])
    assert isinstance(answer.exception, DriftError)
    assert PLAN.digest in str(answer.exception)


def test_a_queued_plan_that_was_changed_in_the_queue_is_refused(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = QueuedPlan(
        id="20260301T020000-9f3ac1", window="night",
        opening=Opening(windows=("night",), time_zone="UTC", starts_at=AT, ends_at=AT.replace(hour=5)),
        operation="rightsize",
        hosts=PLAN.hosts, plan_digest=PLAN.digest, needed_seconds=60.0, inventory=str(context.inventory.path),
        queued_at=AT, queued_by="ann",
    )  # fmt: skip
    Queue(context.journal.folder).add(entry, OTHER)
    applied: list[Plan] = []

    def reopened(_entry: QueuedPlan) -> Context:
        opened = Context(context.inventory, state=context.journal.folder)
        opened.policy = POLICY
        return opened

    monkeypatch.setattr("selextract_infra.flow.schedule.apply", lambda _, plan, **_more: applied.append(plan))
    (ended,) = (
        run_due(context.journal, lambda: AT.replace(minute=5), reopened, retry_after=1.0, begins=print, ended=print)
        or ()
    )
    assert (ended.status, ended.exit_code) == (QueueStatus.REFUSED, 9)
    assert applied == []


@pytest.mark.parametrize("text", ["NaN", "[" * 10_000, '{"format": 1e999}', "{}", ""])
def test_a_file_that_holds_no_plan_is_a_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="holds no plan"):
        load_plan(file, POLICY)


def test_a_plan_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(SelextractError, match="larger than a plan can be"):
        load_plan(Path("/dev/zero"), POLICY)
