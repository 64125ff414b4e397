"""Series for a forecast, from what the journal holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from selextract_infra.errors import UsageError
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.recorded_series import HostResource, journal_series
from selextract_infra.model.forecast import Confidence
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import (
    ContainerObservation,
    HostFacts,
    HostObservation,
    Limits,
    Observation,
)
from selextract_infra.planning.forecast.forecast import forecast
from selextract_infra.policy import default_policy

POLICY = default_policy()
NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
GB = 10**9


def history(name: str, memory: int, days: int = 30) -> ContainerHistory:
    first = int((NOW - timedelta(days=days)).timestamp())
    at = list(range(first, first + days * 86400, 3600))
    return ContainerHistory(
        name=name,
        service="api",
        at=at,
        cpu=[0.5 if name == "api-1" else 0.7] * len(at),
        cpu_peak=[1.0] * len(at),
        memory=[memory + 1000 * number for number in range(len(at))],
        page_cache=[0] * len(at),
        oom_kills=[0] * len(at),
        restarts=[0] * len(at),
        samples=[240] * len(at),
    )


def seen(at: datetime, used: int, *histories: ContainerHistory) -> Observation:
    containers = [
        ContainerObservation(
            name=f"api-{number}",
            id=str(number),
            image="api",
            project="shop",
            service="api",
            limits=Limits(memory=limit, cpus=2.0),
        )
        for number, limit in ((1, 3_000_000), (2, 2_000_000))
    ]
    facts = HostFacts(machine_id="m1", disk_total=1000 * GB, disk_free=1000 * GB - used)
    host = HostObservation(name="app1", facts=facts, containers=tuple(containers), history=histories)
    return Observation(at=at, hosts=(host,))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path) as record:
        for day in range(60, 0, -1):
            record.record_observation(seen(NOW - timedelta(days=day), (500 - day) * GB))
        record.record_observation(seen(NOW, 500 * GB, history("api-1", 900_000), history("api-2", 1_000_000)))
        yield record


def test_a_services_memory_is_that_of_its_highest_container(journal: Journal) -> None:
    found = journal_series(journal, "app1", "api", HostResource.MEMORY, POLICY, now=NOW)
    assert found.limit == 2_000_000
    assert found.series.unit == "bytes of RAM"
    assert found.series.values[-1] == pytest.approx(1_000_000 + 1000 * (30 * 24 - 3), abs=3000)
    answer = forecast(found.series, POLICY, limit=found.limit)
    assert answer.confidence is Confidence.LOW
    assert answer.exhaustion is not None
    assert answer.exhaustion.p50_days == pytest.approx((2_000_000 - 1_720_000) / 24_000, abs=2)


def test_a_services_cpu_is_a_daily_mean(journal: Journal) -> None:
    found = journal_series(journal, "app1", "api", HostResource.CPU, POLICY, now=NOW)
    assert (found.limit, found.series.unit) == (2.0, "cores")
    assert found.series.values.tolist() == pytest.approx([0.7] * len(found.series.values))


def test_a_hosts_disk_comes_from_its_observations(journal: Journal) -> None:
    found = journal_series(journal, "app1", None, HostResource.DISK, POLICY, now=NOW)
    assert (found.limit, found.series.unit, found.series.days_known) == (1000 * GB, "bytes", 61)
    answer = forecast(found.series, POLICY, limit=found.limit)
    assert answer.exhaustion is not None
    assert answer.exhaustion.p50_days == pytest.approx(500, abs=15)


@pytest.mark.parametrize(
    ("host", "service", "sentence"),
    [
        ("db1", "api", "no observation of db1; its newest one has app1"),
        ("app1", "web", "no history of web on app1; it has api"),
        ("app1", None, "Whose memory is meant"),
    ],
)
def test_what_the_journal_does_not_know(journal: Journal, host: str, service: str | None, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        journal_series(journal, host, service, HostResource.MEMORY, POLICY, now=NOW)


def test_an_empty_journal_is_said(tmp_path: Path) -> None:
    with Journal(tmp_path) as empty, pytest.raises(UsageError, match=r"no observation of app1\."):
        journal_series(empty, "app1", None, HostResource.DISK, POLICY, now=NOW)
