"""CAPACITY_WARNING and CAPACITY_CRITICAL are sent once for each level, and that nobody would hear of them is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from selextract_infra.flow.capacity_warnings import last_look_ahead, looked_ahead_by, nobody_looks_ahead, warn_in_time
from selextract_infra.flow.context import Context
from selextract_infra.flow.notify import Notifier
from selextract_infra.model.observation import HostFacts, HostObservation, Observation

START = datetime(2026, 3, 1, 2, tzinfo=UTC)
GB = 10**9


class Site:
    """A host whose disk of 1,000 GB fills by so much a day; one look a day, and what people are told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        hosts: dict[str, Any] = {"all": {"hosts": {"app1": {}}}}
        (folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
        self.now, self.used, self.told = START, 500.0, list[str]()
        self.context = Context(folder / "hosts.yml", state=folder / "state", clock=lambda: self.now)
        monkeypatch.setattr(self.context, "observe", self._observe)
        policy, journal = self.context.policy, self.context.journal
        self.people = Notifier(policy, {}, journal, lambda: self.now, dry_run=self.told.append)

    def _observe(self) -> Observation:
        facts = HostFacts(machine_id="m1", disk_total=1000 * GB, disk_free=round((1000 - self.used) * GB))
        seen = Observation(at=self.now, hosts=(HostObservation(name="app1", facts=facts),))
        self.context.journal.record_observation(seen)
        return seen

    def days(self, number: int, growth: float) -> None:
        for _ in range(number):
            warn_in_time(self.context, self.people)
            self.now += timedelta(days=1)
            self.used += growth


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(tmp_path, monkeypatch)
    yield made
    made.context.close()


def test_a_disk_that_fills_is_told_once_as_a_warning_once_as_critical_and_once_when_it_is_over(site: Site) -> None:
    site.days(10, 0.0)
    assert site.told == []
    site.days(25, 15.0)
    warned = [line for line in site.told if "CAPACITY_WARNING" in line]
    assert len(warned) == 1, site.told
    site.days(8, 15.0)
    critical = [line for line in site.told if "CAPACITY_CRITICAL" in line]
    assert len(critical) == 1, site.told
    assert critical[0].startswith("P3 by email")
    told = len(site.told)
    site.used = 300.0
    site.days(40, 0.0)
    assert "no longer running out" in site.told[-1]
    assert len(site.told) <= told + 2, site.told


def test_it_looks_as_often_as_the_policy_says_also_after_a_restart(site: Site) -> None:
    site.days(1, 0.0)
    first = last_look_ahead(site.context.journal, site.now)
    site.now = START + timedelta(minutes=59)
    warn_in_time(site.context, site.people)
    assert last_look_ahead(site.context.journal, site.now) == first
    site.now = START + timedelta(minutes=60)
    warn_in_time(site.context, site.people)
    assert last_look_ahead(site.context.journal, site.now) == site.now


def test_where_nobody_looks_ahead_that_is_said_with_the_command(site: Site, tmp_path: Path) -> None:
    finding = nobody_looks_ahead(looked_ahead_by(tmp_path / "nothing", START), site.context.policy, START)
    assert finding is not None
    assert finding.sentence.startswith("Nobody is warned before a resource is used up")
    assert "selextract-infra schedule install" in finding.resolution
    assert not (tmp_path / "nothing").exists()
    site.days(1, 0.0)
    looked = looked_ahead_by(tmp_path / "state", site.now)
    assert nobody_looks_ahead(looked, site.context.policy, START + timedelta(hours=3)) is None
    assert nobody_looks_ahead(looked, site.context.policy, START + timedelta(hours=4)) is not None
