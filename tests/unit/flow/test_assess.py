"""Assessments and outlooks from what is recorded; no host is touched."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from selextract_infra.assess.severity import Signals
from selextract_infra.errors import UsageError
from selextract_infra.flow.assess import assess_file, assess_seen, recall
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.outlook import outlook
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.observation import HostFacts
from tests.unit.seen import AT, GB, MB, container, history, host, observation, one, policy

POLICY = policy()


def disk(free: int) -> HostFacts:
    return HostFacts(cpus=8, memory=32 * GB, disk_total=1000 * 10**9, disk_free=free * 10**9, machine_id="app1")


def test_what_is_recalled_is_what_was_recorded(tmp_path: Path) -> None:
    seen = one("api", cpu=1.9, seconds=3600)
    with Journal(tmp_path) as journal:
        journal.record_observation(seen)
        recalled = recall(journal, POLICY)
    assert recalled.hosts[0].history == seen.hosts[0].history


def test_nothing_recorded_is_one_sentence(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal, pytest.raises(UsageError, match="no observation"):
        recall(journal, POLICY)


def test_memory_that_grows_is_seen_ahead_and_a_disk_without_history_is_named(tmp_path: Path) -> None:
    hours = 40 * 24
    growing = np.linspace(900 * MB, 1900 * MB, hours).astype(np.int64)
    seen = observation(host([container("api")], [history("api", memory=growing, bucket=3600.0, seconds=hours * 3600)]))
    with Journal(tmp_path) as journal:
        journal.record_observation(seen)
        ahead = outlook(journal, seen, POLICY, now=AT)
    memory = ahead.forecasts[0]
    assert memory.resource == "memory of api on app1"
    assert 3 <= ahead.days_left["memory of api on app1"] <= 9
    assert any("disk of app1" in reason for reason in ahead.without)


def test_days_of_the_outlook_make_a_severity(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        for day in range(45):
            at = AT - timedelta(days=44 - day)
            journal.record_observation(observation(host([], facts=disk(500 - 10 * day))).model_copy(update={"at": at}))
        seen = recall(journal, POLICY)
        ahead = outlook(journal, seen, POLICY, now=AT)
    assert set(ahead.days_left) == {"disk of app1"}
    found = assess_seen(seen, POLICY, signals=Signals(days_left=ahead.days_left)).assessment
    assert found.response is not None
    assert found.response.severity in (IncidentSeverity.P3, IncidentSeverity.P2)


def test_roles_of_a_file_come_from_the_mapping_or_the_guides_names(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    rows = "".join(f"{1_763_600_000 + 15 * number},worker,95\n" for number in range(40))
    file.write_text("at,service,cpu_usage_percent\n" + rows, encoding="utf-8")
    found = assess_file(file, POLICY).assessment
    assert [one.item for one in found.bottlenecks] == ["BOT-01"]


def test_the_usual_throughput_of_a_season_is_higher(tmp_path: Path) -> None:
    stated = policy(monitoring={"throughput_baseline": {"stated": "100/second"}})
    file = tmp_path / "metrics.csv"
    for first, level in ((1_763_640_000, "critical"), (1_760_000_000, "ok")):  # 20 November and 9 October 2025
        rows = "".join(f"{first + 15 * number},api,170\n" for number in range(40))
        file.write_text("at,service,requests_per_second\n" + rows, encoding="utf-8")
        judged = assess_file(file, stated).assessment.judgements
        assert next((one.level for one in judged if one.item == "MON-07"), "ok") == level
