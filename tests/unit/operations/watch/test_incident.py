"""What the loop makes of an incident: two looks for a P1, one proposal for a P2, and nothing after a person's hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from selextract_infra.flow.context import Context
from selextract_infra.flow.notification import notifier
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.observation import Observation
from selextract_infra.operations.watch.incident import IncidentWatch
from selextract_infra.operations.watch.memory import Watched
from selextract_infra.operations.watch.people import People
from tests.unit.operations.emergency.test_incident_report import incident
from tests.unit.operations.watch.test_memory import STEP, server, traffic
from tests.unit.seen import ROLES

START = datetime(2025, 3, 5, 12, tzinfo=UTC)
APPLICATION = {
    "project": "selextract",
    "directory": "/opt/selextract",
    "services": {name: {"role": role} for name, role in ROLES.items()},
}


class Loop:
    """The incident's part of the loop, fed with looks; ``said`` is what it told."""

    def __init__(self, context: Context, *, dry_run: bool) -> None:
        self.said: list[tuple[str, str]] = []
        self.sent: list[str] = []
        self.context = context
        self.watched = Watched(context.policy)
        told = notifier(context.policy, context.journal, context.clock, dry_run=self.sent.append)

        def say(kind: str, text: str) -> None:
            self.said.append((kind, text))

        self.people = People(context, told, say, dry_run=dry_run)
        self.incident = IncidentWatch(context, self.watched, say, self.people, dry_run=dry_run)

    def looks(self, times: int, *, failed: int, first: int = 0) -> IncidentSeverity | None:
        severity = None
        for number in range(first, first + times):
            at = START + timedelta(seconds=number * STEP)
            seen = Observation(at=at, hosts=(server(traffic=traffic(failed=failed)),))
            self.watched.read(seen, at.timestamp())
            self.watched.take(seen, at.timestamp())
            severity = self.incident.notice(seen)
            self.incident.follow(seen)
            self.people.gather()
        return severity

    def told(self, kind: str) -> list[str]:
        return [text for one, text in self.said if one == kind]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    hosts = {"all": {"hosts": {"app1": {}}, "vars": {"selextract_policy": {"application": APPLICATION}}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(hosts))
    with Context(tmp_path / "hosts.yml", state=tmp_path / "state", clock=lambda: START) as one:
        yield one


def test_a_p1_needs_more_than_one_look_and_a_rehearsal_only_says_what_it_would_do(context: Context) -> None:
    loop = Loop(context, dry_run=True)
    assert loop.looks(5, failed=66) is IncidentSeverity.P1
    (would,) = set(loop.told("would do"))
    assert "api instances 4" in would
    assert "worker instances 6" in would
    assert len(loop.told("would do")) < 5


def test_a_p2_is_proposed_once_and_begins_nothing(context: Context) -> None:
    loop = Loop(context, dry_run=False)
    assert loop.looks(12, failed=40) is IncidentSeverity.P2
    assert loop.told("emergency") == []
    assert len([line for line in loop.sent if line.startswith("P2")]) == len(set(loop.sent))
    assert len(loop.told("told")) == 1


def test_its_end_is_said(context: Context) -> None:
    loop = Loop(context, dry_run=True)
    loop.looks(5, failed=66)
    assert loop.looks(40, failed=0, first=5) is None
    assert loop.told("incident")[-1].endswith("is over.")


def test_after_a_person_ended_one_nothing_begins_by_itself_for_its_lifetime(context: Context) -> None:
    closed = incident().model_copy(update={"closed_at": START - timedelta(minutes=10), "closed_by": "ops@here"})
    context.journal.record_incident(closed)
    loop = Loop(context, dry_run=True)
    assert loop.looks(6, failed=66) is IncidentSeverity.P1
    assert loop.told("would do") == []
    by_itself = closed.model_copy(update={"closed_by": "app1, time to live"})
    context.journal.record_incident(by_itself)
    loop.looks(2, failed=66, first=6)
    assert loop.told("would do")


def test_ansible_waits_from_the_first_look_at_a_p1_until_that_is_over(context: Context) -> None:
    by_hand = incident().model_copy(update={"closed_at": START - timedelta(minutes=10), "closed_by": "ops@here"})
    context.journal.record_incident(by_hand)  # so that none begins by itself
    loop = Loop(context, dry_run=False)
    looks = 0
    while loop.looks(1, failed=66, first=looks) is not IncidentSeverity.P1:
        assert context.access.ready is None
        looks += 1
    waiting = context.access.ready
    assert waiting is not None
    loop.looks(1, failed=66, first=looks + 1)
    assert context.access.ready is waiting
    loop.looks(40, failed=0, first=looks + 2)
    assert context.access.ready is None


def test_a_rehearsal_makes_nothing_ready(context: Context) -> None:
    loop = Loop(context, dry_run=True)
    assert loop.looks(5, failed=66) is IncidentSeverity.P1
    assert context.access.ready is None
