"""A rollback that would overwrite what came after it is refused by key, with the one command that confirms it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from selextract_infra.errors import DriftError
from selextract_infra.hosts import executor
from selextract_infra.hosts.executor import HostAccess, put_back
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.runner import HostOutcome, PlaybookOutcome, PlaybookRun
from selextract_infra.model.run import StepStatus
from tests.unit.hosts.test_executor import RUN


class Playbook:
    """Answers for `selextract.infra.undo`, and keeps what it was handed."""

    def __init__(self, status: Literal["ok", "failed"], **results: dict[str, Any]) -> None:
        hosts = {"app1": HostOutcome(status=status, results=results)}
        self.outcome = PlaybookOutcome("successful" if status == "ok" else "failed", hosts, seconds=1.0)
        self.values: Any = {}

    def __call__(self, run: PlaybookRun, **_: Any) -> PlaybookOutcome:
        self.values = run.values
        return self.outcome


@pytest.fixture
def access(tmp_path: Path) -> HostAccess:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {app1: {}}}\n", encoding="utf-8")
    return HostAccess(Inventory(inventory, ()), clock=lambda: datetime(2026, 1, 4, 3, tzinfo=UTC))


def undone(monkeypatch: pytest.MonkeyPatch, access: HostAccess, playbook: Playbook, **more: Any) -> Any:
    monkeypatch.setattr(executor, "run_playbook", playbook)
    return put_back(access, RUN, ("app1",), ("one",), bound=60, **more)


LATER = {"changed_since": [{"key": "file:api.mem_limit", "sentence": "file:api.mem_limit: changed since by run r2"}]}


def test_later_changes_are_named_and_the_way_to_confirm_each_is_printed(
    monkeypatch: pytest.MonkeyPatch, access: HostAccess
) -> None:
    playbook = Playbook("failed", ask=LATER, lock={"acquired": True})
    with pytest.raises(
        DriftError, match=r"nothing was undone\. app1: file:api\.mem_limit: changed since by run r2"
    ) as no:
        undone(monkeypatch, access, playbook, also=())
    assert no.value.remedy == "selextract-infra rollback r1 --also file:api.mem_limit"
    assert no.value.exit_code == 9


def test_a_run_that_just_failed_puts_itself_back_without_asking(
    monkeypatch: pytest.MonkeyPatch, access: HostAccess
) -> None:
    playbook = Playbook("ok", restored={"restored": True, "differences": [], "sentence": "Everything was put back."})
    (result,) = undone(monkeypatch, access, playbook).results
    assert (result.status, result.message) == (StepStatus.ROLLED_BACK, "Everything was put back.")
    assert playbook.values["hosts"]["app1"] == {"steps": [{"id": "one"}], "fails": True, "also": []}


def test_differences_after_it_are_a_failure_to_put_back(monkeypatch: pytest.MonkeyPatch, access: HostAccess) -> None:
    told = {"restored": True, "differences": ["api-1 is gone."], "sentence": "Put back, except: api-1 is gone."}
    playbook = Playbook("failed", restored=told, lock={"acquired": True})
    (result,) = undone(monkeypatch, access, playbook, also=("count:api",)).results
    assert (result.status, result.message) == (StepStatus.ROLLBACK_FAILED, "Put back, except: api-1 is gone.")
    assert playbook.values["hosts"]["app1"]["also"] == ["count:api"]
