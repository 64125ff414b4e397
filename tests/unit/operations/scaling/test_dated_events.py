"""Dated events and the cheaper profile, replayed on the command line: what the team runs, more of it, and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from selextract_infra.operations.scaling.simulate_command import register

HEADER = (
    "at,service,cpu_usage_percent,memory_usage_percent,response_time_p95_ms,requests_per_second,pending_tasks,instances"
)
START = datetime(2025, 3, 3, tzinfo=UTC)
STEP = timedelta(minutes=5)
EVENT = {"start": "2025-03-05 12:00", "end": "2025-03-06 12:00", "time_zone": "UTC"}


@pytest.fixture
def app() -> typer.Typer:
    application = typer.Typer(pretty_exceptions_enable=False)

    @application.callback()
    def root() -> None:
        pass

    register(application)
    return application


def recorded(folder: Path, counts: dict[str, int], days: float, start: datetime = START) -> str:
    """A load that asks for nothing, neither more nor fewer, with so many instances."""
    lines, at = [HEADER], start
    while at < start + timedelta(days=days):
        for name, count in counts.items():
            mine = f"50,60,600,{100 * count}," if name == "api" else "40,60,,,4"
            lines.append(f"{at.timestamp():.0f},{name},{mine},{count}")
        at += STEP
    file = folder / "metrics.csv"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def actions(app: typer.Typer, folder: Path, metrics: str, policy: dict[str, Any], *more: str) -> list[tuple[Any, ...]]:
    """When, which service, from how many to how many."""
    file = folder / "policy.yml"
    file.write_text(yaml.safe_dump(policy))
    words = ["simulate", "--metrics", metrics, "--policy", str(file), "--host", "64c/256GB/1TB/1Gbps"]
    done = CliRunner().invoke(app, [*words, "--pooling", "pooled", "--format", "json", *more])
    assert done.exit_code == 0, done.output
    return [
        (datetime.fromisoformat(one["at"]), one["service"], one["before"], one["after"])
        for one in json.loads(done.stdout)["actions"]
    ]


@pytest.mark.parametrize("mapped", [True, False], ids=["count in the mapping", "what ran before"])
@pytest.mark.parametrize(
    ("event", "lead", "api", "worker"),
    [
        ({"kind": "marketing_campaign"}, 24, 6, 8),
        ({"kind": "feature_launch"}, 12, 5, 6),
        ({"kind": "peak_season"}, 0, 6, 7),
        ({"factor": "2x"}, 0, 6, 8),
    ],
)
def test_an_event_raises_what_the_team_runs_and_restores_it(
    app: typer.Typer, tmp_path: Path, mapped: bool, event: dict[str, Any], lead: int, api: int, worker: int
) -> None:
    policy: dict[str, Any] = {"events": {"sale": EVENT | event}}
    if mapped:
        services = {"api": {"role": "api", "count": 3}, "worker": {"role": "worker", "count": 4}}
        policy["application"] = {"project": "shop", "services": services}
    metrics = recorded(tmp_path, {"api": 3, "worker": 4}, days=5)
    begins = datetime(2025, 3, 5, 12, tzinfo=UTC) - timedelta(hours=lead)
    ends = datetime(2025, 3, 6, 12, tzinfo=UTC)
    found = actions(app, tmp_path, metrics, policy)
    assert [one for one in found if one[0] < ends] == [(begins, "api", 3, api), (begins, "worker", 4, worker)]
    after = [one for one in found if one[0] >= ends]
    assert [one[1:] for one in after[:2]] == [("api", api, 3), ("worker", worker, 4)]
    assert {one[0] for one in after[:2]} == {ends}, "restored at once, not waited for"
    assert len(after) == 2


def test_without_a_recorded_count_the_replay_begins_with_that_of_the_mapping(app: typer.Typer, tmp_path: Path) -> None:
    services = {"api": {"role": "api", "count": 4}}
    file = recorded(tmp_path, {"api": 4}, days=1)
    bare = Path(file)
    bare.write_text("\n".join(line.rpartition(",")[0] for line in bare.read_text().splitlines()) + "\n")
    policy = {"application": {"project": "shop", "services": services}}
    (tmp_path / "policy.yml").write_text(yaml.safe_dump(policy))
    done = CliRunner().invoke(
        app, ["simulate", "--metrics", file, "--policy", str(tmp_path / "policy.yml"), "--format", "json"]
    )
    assert json.loads(done.stdout)["services"][0]["first_count"] == 4


@pytest.mark.parametrize(("count", "after"), [(3, [2]), (1, [])])
def test_the_cheaper_profile_halves_weekends_and_the_other_is_unchanged(
    app: typer.Typer, tmp_path: Path, count: int, after: list[int]
) -> None:
    friday, saturday = datetime(2025, 8, 1, 12, tzinfo=UTC), datetime(2025, 8, 2, tzinfo=UTC)
    policy: dict[str, Any] = {}
    metrics = recorded(tmp_path, {"worker": count}, days=1, start=friday)
    assert actions(app, tmp_path, metrics, policy, "--cheaper") == [(saturday, "worker", 3, one) for one in after]
    found = actions(app, tmp_path, metrics, policy)
    assert [one for one in found if one[3] < one[2]] == []


def test_in_a_low_season_the_cheaper_profile_goes_down_by_its_factor(app: typer.Typer, tmp_path: Path) -> None:
    day = datetime(2025, 7, 15, tzinfo=UTC)
    metrics = recorded(tmp_path, {"worker": 4}, days=0.5, start=day)
    assert [one[1:] for one in actions(app, tmp_path, metrics, {}, "--cheaper")] == [("worker", 4, 3)]
    assert actions(app, tmp_path, metrics, {}) == []
