"""A replay does what watching would do, counts it right, and refuses what cannot be read with its line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.assess.calendar import planned_event
from selextract_infra.assess.hardware import read_hardware
from selextract_infra.errors import UsageError
from selextract_infra.model.scaling import Simulation
from selextract_infra.operations.scaling.show import show_simulation
from selextract_infra.operations.scaling.simulate import Question, simulate
from selextract_infra.policy import default_policy, load_policy
from tests.unit.operations.scaling.scaled import CALM, GUIDE, LARGE, POOLED, autoscaler, service

START = datetime(2025, 3, 5, tzinfo=UTC)
HEADER = "at,service,cpu_usage_percent,memory_usage_percent,response_time_p95_ms,requests_per_second,pending_tasks"
TICK = 15


def row(second: float, name: str, cpu: float = 20, rps: str = "60", pending: str = "", p95: str = "300") -> str:
    memory = "50"
    if name.startswith("worker"):
        rps, p95, pending = "", "", pending or "4"
    return f"{START.timestamp() + second:.0f},{name},{cpu},{memory},{p95},{rps},{pending}"


def written(folder: Path, rows: list[str], header: str = HEADER) -> Path:
    file = folder / "metrics.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def replayed(folder: Path, rows: list[str], header: str = HEADER, **question: Any) -> Simulation:
    values: dict[str, Any] = {"host": read_hardware(LARGE), "database": POOLED} | question
    return simulate(written(folder, rows, header), default_policy(), Question(**values))


def hours(number: float) -> range:
    return range(0, int(number * 3600), TICK)


def test_a_load_step_is_absorbed_and_taken_back_without_flapping(tmp_path: Path) -> None:
    rows = [
        row(second, "api", cpu=20 if not 3600 <= second < 7200 else 60, rps="900" if 3600 <= second < 7200 else "60")
        for second in hours(6)
    ]
    found = replayed(tmp_path, rows)
    assert (found.actions[0].before, found.actions[0].rule) == (2, "HAPI-03")
    assert found.actions[0].at == START + timedelta(seconds=3600 + 300)
    assert [one.after for one in found.actions] == [6, 5, 4, 3, 2]
    assert found.flaps == ()
    assert (found.services[0].first_count, found.services[0].last_count, found.services[0].highest_count) == (2, 2, 6)


def test_cpu_is_shared_out_over_the_instances_of_the_replay(tmp_path: Path) -> None:
    rows = [row(second, "api", cpu=90) for second in hours(3)]
    shared = replayed(tmp_path, rows)
    assert [one.after for one in shared.actions] == [3]  # 90 % of two are 60 % of three
    assert replayed(tmp_path, rows, shares_load=False).services[0].last_count == 10


def test_recorded_instances_say_whose_load_it_was(tmp_path: Path) -> None:
    rows = [row(second, "api", cpu=45) + ",4" for second in hours(2)]
    found = replayed(tmp_path, rows, header=HEADER + ",instances", counts={"api": 2})
    assert [(one.before, one.after) for one in found.actions] == [(2, 3)]  # 45 % of four are 90 % of two
    assert "instances" not in found.ignored


def test_hours_cost_and_minutes_over_target(tmp_path: Path) -> None:
    rows = [
        one
        for second in hours(2)
        for one in (row(second, "api", p95="600"), row(second, "worker", pending="60" if second < 1800 else "4"))
    ]
    found = replayed(tmp_path, rows)
    api, worker = found.services
    assert (api.instance_hours, worker.instance_hours) == (4, 4)
    assert api.cost == pytest.approx(4 * (2 * 25 + 2 * 5) / 720)
    assert api.minutes_over == {"cpu_usage": 0, "memory_usage": 0, "response_time_p95": 120}
    assert worker.minutes_over == {"pending_tasks": 30}
    assert (found.samples, found.ticks, found.interval_seconds) == (960, 480, 15)


def test_without_a_price_or_a_target_of_the_teams_own_neither_is_reckoned_with(tmp_path: Path) -> None:
    rows = [row(second, "api", p95="600") for second in hours(2)]
    simulation = simulate(written(tmp_path, rows), load_policy({"profile": "own"}))
    assert (simulation.services[0].cost, simulation.cost) == (None, None)
    assert list(simulation.services[0].minutes_over) == ["cpu_usage", "memory_usage"]
    shown = " ".join(str(block) for block in show_simulation(simulation))
    assert "unknown by unit price" in shown


def test_a_quick_reversal_is_a_flap(tmp_path: Path) -> None:
    policy = load_policy({"triggers": {"cpu_scale_in": {"duration": "1 minute"}}})
    rows = [row(second, "api", cpu=90 if second < 330 else 5) for second in hours(1)]
    question = Question(host=read_hardware(LARGE), database=POOLED)
    found = simulate(written(tmp_path, rows), policy, question)
    assert [one.after for one in found.actions] == [3, 2]
    assert [flap.service for flap in found.flaps] == ["api"]
    assert found.services[0].flaps == 1


def test_what_does_not_fit_is_refused_once_and_said(tmp_path: Path) -> None:
    rows = [row(second, "api", cpu=95) for second in hours(4)]
    found = replayed(tmp_path, rows, host=read_hardware(GUIDE), counts={"api": 3})
    assert found.actions == ()
    assert [one.before for one in found.refusals] == [3]
    assert "X-09" in (found.refusals[0].why_less or "")
    assert found.services[0].refused == 1


def test_the_replay_decides_what_watching_every_tick_decides(tmp_path: Path) -> None:
    rows, watched = [], service("api", keep=3600)
    scaler, expected = autoscaler(), []
    for second in hours(10):
        busy = (second // 2700) % 3 == 1
        rows.append(row(second, "api", cpu=88 if busy else 12, rps="700" if busy else "55"))
        at = START.timestamp() + second
        share = 2 / watched.count
        for metric, value in (CALM["api"] | {"cpu_usage": (0.88 if busy else 0.12) * share}).items():
            watched.record(metric, at, (700 if busy else 55) if metric == "requests_per_second" else value)
        decision = scaler.decide([watched], at)[0]
        if decision.changes and decision.direction and decision.granted is not None:
            expected.append((decision.at, decision.current, decision.granted, decision.why))
            watched.acted(decision.direction, int(decision.granted), at)
    found = replayed(tmp_path, rows)
    assert [(one.at, one.before, one.after, one.why) for one in found.actions] == expected
    assert len(expected) > 4


def test_a_gap_in_the_recording_is_no_breach(tmp_path: Path) -> None:
    rows = [row(second, "api", cpu=95) for second in hours(1) if second % 300 < 200]
    assert replayed(tmp_path, rows).actions == ()


def test_the_cheaper_profile_and_planned_events(tmp_path: Path) -> None:
    rows = [row(second, "api", rps="20") for second in hours(4)]
    cheaper = replayed(tmp_path, rows, cheaper=True)
    assert cheaper.services[0].last_count == 1
    assert {finding.rule for finding in cheaper.findings} == {"X-34", "X-35"}
    event = planned_event(
        default_policy(), "marketing_campaign", "sale", START + timedelta(hours=25), START + timedelta(hours=26)
    )
    planned = replayed(tmp_path, rows, events=(event,))
    assert [(one.at, one.after, one.rule) for one in planned.actions] == [(START + timedelta(hours=1), 4, "MAN-05")]


def test_mapped_services_have_the_role_of_their_mapping_and_others_are_left_out(tmp_path: Path) -> None:
    policy = load_policy({"application": {"services": {"web": {"role": "api"}, "nginx": {"role": "nginx"}}}})
    rows = [one for second in hours(0.2) for one in (row(second, "web"), row(second, "nginx"))]
    found = simulate(written(tmp_path, rows), policy)
    assert [(one.name, one.role) for one in found.services] == [("web", "api")]
    assert found.ignored == ("nginx",)


def test_the_long_form_is_read_too(tmp_path: Path) -> None:
    at = START.timestamp()
    rows = [f"{at + second},api,cpu_usage_percent,95" for second in hours(1)]
    found = replayed(tmp_path, rows, header="at,service,metric,value")
    assert found.actions[0].rule == "TRG-01"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("at,service,cpu_usage\n", "no time"),
        ("at,service,cpu_usage\n1735689600,api,0.5\n", "one time only"),
        ("at,cpu_usage\n1735689600,0.5\n1735689615,0.5\n", "no column for the service"),
        ("service,cpu_usage\napi,0.5\n", "no column for the time"),
        ("at,service,colour\n1735689600,api,0.5\n", "no column of a known metric"),
        ("at,service,cpu_usage\n1735689600,api,0.5\n1735689615,api,much\n", "Line 3"),
        ("at,service,cpu_usage\n1735689600,api,0.5\n1735689615,api,-1\n", "Line 3"),
        ("at,service,cpu_usage\n1735689600,api,0.5\n1735689615,api,inf\n", "Line 3"),
        ("at,service,cpu_usage\n1735689600,api,0.5\n1735689585,api,0.5\n", "Line 3"),
        ("at,service,cpu_usage\n1735689600,api,0.5\n1735689615,api\n", "Line 3"),
        ("at,service,cpu_usage\n1735689600,api,0.5\nyesterday,api,0.5\n", "Line 3"),
        ("at,service,cpu_usage\n1735689600,api,0.5\n1735689615,api,0.5\n1735689615,api,0.6\n", "Line 4"),
        ("at,service,cpu_usage,instances\n1735689600,api,0.5,2\n1735689615,api,0.5,two\n", "Line 3"),
        ("at,service,cpu_usage\n1735689600,edge,0.5\n1735689615,edge,0.5\n", "no service that is scaled"),
        ("at,service,cpu_usage\n2025-03-05T00:00:00,api,0.5\n2025-03-05T00:00:15,api,0.5\n", "time zone"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "metrics.csv"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        simulate(file, default_policy())
    assert sentence in str(refused.value)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        simulate(tmp_path / "none.csv", default_policy())
    file = tmp_path / "binary.csv"
    file.write_bytes(b"\xff\xfe\x00\x01" * 50)
    with pytest.raises(UsageError, match="UTF-8"):
        simulate(file, default_policy())
