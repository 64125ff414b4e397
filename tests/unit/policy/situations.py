"""What is recorded of operations: cases of plans, and reports, replays, readings and routes of the guide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path as FilePath
from typing import Any
from unittest import mock

from selextract_infra.assess.assessment import assess_measurements
from selextract_infra.assess.calendar import Calendar
from selextract_infra.assess.connections import policy_budget
from selextract_infra.assess.hardware import reference_hardware
from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.assess.prometheus import prometheus_rules
from selextract_infra.assess.samples import Samples
from selextract_infra.assess.severity import Signals, respond, step_clock
from selextract_infra.errors import SelextractError
from selextract_infra.flow.assess import assess_seen
from selextract_infra.flow.circuit_breaker import CircuitBreaker
from selextract_infra.flow.notify_routes import routes
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.loadtest import LoadTestResult
from selextract_infra.model.postgres import Storage, Workload
from selextract_infra.model.tuning import PostgresFacts
from selextract_infra.operations.scaling.simulate import Question, simulate
from selextract_infra.planning.cost import cost_report
from selextract_infra.planning.exhaustion import linear_exhaustion
from selextract_infra.planning.forecast.forecast import forecast
from selextract_infra.planning.forecast.series import DailyUse, daily_series
from selextract_infra.planning.growth import grow
from selextract_infra.planning.loadtest.loadtest import judge_load_test
from selextract_infra.planning.loadtest.script import k6_script
from selextract_infra.planning.roadmap import roadmap_on
from selextract_infra.planning.season import season_demands
from selextract_infra.policy import Policy, default_policy
from tests.cases.case import Case, cases_of
from tests.unit.policy.sweep import Situation
from tests.unit.test_cases import FOLDER, OPERATIONS

__all__ = ["situations"]

AT = datetime(2025, 3, 5, 12, tzinfo=UTC)
_METRICS = (
    ("cpu_usage", "api"), ("memory_usage", "api"), ("disk_usage", "host"), ("network_bandwidth", "host"),
    ("error_rate", "api"), ("response_time_p95", "api"), ("requests_per_second", "api"), ("pending_tasks", "worker"),
    ("database_connections", "database"), ("tasks_per_hour", "worker"),
)  # fmt: skip


def situations(folder: FilePath) -> dict[str, Situation]:
    """All of them by name; ``folder`` takes the files that some need."""
    return {**_cases(), **_reports(), **_readings(), **_replays(folder), **_routes()}


def _cases() -> dict[str, Situation]:
    found: dict[str, Situation] = {}
    for operation, plan in OPERATIONS.items():
        for path in cases_of(FOLDER, operation):
            found[f"{operation}/{path.name}"] = _planned(Case.read(path / "case.yml"), plan)
    return found


def _planned(case: Case, plan: Callable[[Case, dict[str, Any]], object]) -> Situation:
    own = type(case).rules

    def situation(change: Callable[[Policy], Policy]) -> object:
        with mock.patch.object(Case, "rules", lambda this, overrides=None: change(own(this, overrides))):
            return plan(case, dict(case.request))

    return situation


def _of(report: Callable[[Policy], object]) -> Situation:
    return lambda change: report(change(default_policy()))


def _reports() -> dict[str, Situation]:
    found = {
        "cost": _of(cost_report),
        "roadmap": _of(lambda policy: roadmap_on(policy, date(2025, 1, 1), date(2025, 6, 1))),
        "seasons": _of(lambda policy: season_demands(policy, date(2025, 10, 1))),
        "rules": _of(lambda policy: prometheus_rules(policy, interval=15)),
        "budget": _of(lambda policy: policy_budget(policy, 4, 6)),
        "linear": _of(
            lambda policy: [
                linear_exhaustion("disk", current=use, weekly_growth=10, limit=1000, policy=policy)
                for use in (900, 960, 985, 991, 1000)
            ]
        ),
    }
    for name in default_policy().growth.scenarios:
        found[f"growth {name}"] = _of(lambda policy, name=name: grow(policy, name))  # type: ignore[misc]
    for test in ("baseline", "peak", "stress"):
        found[f"loadtest {test}"] = _of(lambda policy, test=test: k6_script(policy, test))  # type: ignore[misc]
    for workload, storage in product(Workload, Storage):
        facts = PostgresFacts(
            memory=64 * 2**30, cpus=16, version=17, workload=workload, storage=storage, disk=200 * 10**9
        )
        found[f"settings {workload} on {storage}"] = _of(lambda policy, facts=facts: tune_postgres(facts, policy))  # type: ignore[misc]
    for test in ("baseline", "peak", "stress"):
        for name, figures in {"fine": (0.2, 0.0, 50.0), "slow": (6.0, 0.2, 5.0)}.items():
            p95, failed, rate = figures
            result = LoadTestResult(
                form="k6", p95=p95, failed=failed, requests=9000, rate=rate, users=500, duration=60.0
            )
            found[f"loadtest {test} {name}"] = _of(
                lambda policy, result=result, test=test: judge_load_test(result, policy, test=test, cpu=0.9)  # type: ignore[misc]
            )
    found["breaker"] = _of(_breaker)
    for month in range(1, 24, 4):
        day = date(2025, 1, 1) + timedelta(days=30 * month)
        found[f"roadmap in month {month}"] = _of(lambda policy, day=day: roadmap_on(policy, date(2025, 1, 1), day))  # type: ignore[misc]
    for name, values in _series().items():
        found[f"forecast {name}"] = _of(lambda policy, values=values: _forecast(policy, values))  # type: ignore[misc]
    return found


def _breaker(policy: Policy) -> object:
    """Failures, a pause, and calls that succeed: when it opens, tries again and closes."""
    at = [0.0]
    breaker = CircuitBreaker("payments", policy=policy, clock=lambda: at[0])
    states = []

    def call(fails: bool) -> None:
        if fails:
            raise ValueError("it does not answer")

    for step in range(60):
        at[0] += 5.0
        try:
            breaker(call)(step < 20)
        except (ValueError, SelextractError) as problem:
            states.append(type(problem).__name__)
        states.append(f"{breaker.state} {breaker.failures}")
    return states


def _series() -> dict[str, list[float]]:
    weeks = [500 + 40 * (day % 7 < 5) for day in range(200)]
    return {
        "short": [900 + 10 * day for day in range(20)],
        "begun": [500.0] * 100 + [500 + 20 * day for day in range(24)],
        "step": [900.0] * 90 + [300 + 5 * day for day in range(60)],
        "weeks": [float(value) for value in weeks],
        "gap": [500 + day for day in range(100)] + [float("nan")] * 20 + [650 + day for day in range(60)],
    }


def _forecast(policy: Policy, values: list[float]) -> object:
    start = datetime(2025, 1, 1, 12, tzinfo=UTC)
    used = {start + timedelta(days=day): value for day, value in enumerate(values) if value == value}
    series = daily_series("use", used, DailyUse.MEAN, minimum_coverage=policy.forecast.minimum_coverage)
    return forecast(series, policy, limit=1000.0, today=date(2025, 8, 1))


def _readings() -> dict[str, Situation]:
    found: dict[str, Situation] = {}
    levels = {"low": 0.1, "usual": 0.5, "high": 0.78, "warning": 0.83, "critical": 0.92, "emergency": 0.97}
    for name, share in levels.items():
        found[f"readings {name}"] = _of(lambda policy, share=share: _judged(policy, share))  # type: ignore[misc]
    signals = Signals(down=("api",), breaker_open=("worker",), days_left={"disk": 5.0, "memory": 20.0})
    found["signals"] = _of(lambda policy: assess_measurements([], policy, AT, source="x", signals=signals))
    for operation, path in (("rightsize", 0), ("scale", 0), ("emergency", 0), ("tune_postgres", 0)):
        case = Case.read(cases_of(FOLDER, operation)[path] / "case.yml")
        found[f"assess {operation}"] = lambda change, case=case: (
            assess_seen(  # type: ignore[misc]
                case.observation(), change(case.rules())
            ).assessment
        )
    return found


def _judged(policy: Policy, share: float) -> object:
    scale = {
        "response_time_p95": 6.0, "requests_per_second": 900.0, "pending_tasks": 1500.0, "database_connections": 200.0,
        "error_rate": 0.12, "tasks_per_hour": 3000.0,
    }  # fmt: skip
    at = [AT.timestamp() - 15 * step for step in range(60, -1, -1)]
    measurements = [
        Measurement(metric, f"app1/{role}", Samples(tuple(at), (share * scale.get(metric, 1.0),) * len(at)), role)
        for metric, role in _METRICS
    ]
    return assess_measurements(measurements, policy, AT, source="x", usual=200.0, api_instances=4, worker_instances=6)


def _replays(folder: FilePath) -> dict[str, Situation]:
    found: dict[str, Situation] = {}
    quick = folder / "quick.csv"
    quick.write_text(_recorded(AT, seconds=30, busy=range(60, 180)))
    for scope, question in {"quick": Question(), "quick, cheaper": Question(cheaper=True)}.items():
        found[scope] = _of(lambda policy, question=question: simulate(quick, policy, question))  # type: ignore[misc]
    starts = {"plain": "2025-03-05", "black friday": "2025-11-19", "summer": "2025-07-15", "weekend": "2025-08-01"}
    for (name, day), cheaper in product(starts.items(), (False, True)):
        file = folder / f"{name.replace(' ', '-')}.csv"
        file.write_text(_recorded(datetime.fromisoformat(f"{day}T18:00:00+00:00")))
        question = Question(cheaper=cheaper)
        found[f"replay {name} {'cheaper' if cheaper else 'usual'}"] = _of(
            lambda policy, file=file, question=question: simulate(file, policy, question)  # type: ignore[misc]
        )
    return found


def _recorded(start: datetime, seconds: float = 240.0, busy: range = range(40, 80)) -> str:
    lines = [
        "at,service,cpu_usage_percent,memory_usage_percent,response_time_p95_ms,requests_per_second,pending_tasks,"
        "read_queries_per_second"
    ]
    for step in range(max(180, 2 * busy.stop)):
        at = (start + timedelta(seconds=seconds * step)).timestamp()
        high = step in busy
        lines += [
            f"{at:.0f},api,{85 if high else 20},{85 if high else 50},{2500 if high else 300},{900 if high else 60},,",
            f"{at:.0f},worker,{85 if high else 20},50,,,{400 if high else 4},",
            f"{at:.0f},database,{40},50,,,,{900 if high else 100}",
        ]
    return "\n".join(lines) + "\n"


def _routes() -> dict[str, Situation]:
    found: dict[str, Situation] = {}
    for severity in IncidentSeverity:
        found[f"routes {severity}"] = _of(
            lambda policy, severity=severity: (  # type: ignore[misc]
                routes(policy, severity), routes(policy, severity, escalated=True),
                respond(severity, (), AT, policy), step_clock(AT, policy),
            )
        )  # fmt: skip
    found["calendar"] = _of(
        lambda policy: [
            Calendar.of(policy, cheaper=cheaper).changes(AT, AT + timedelta(days=366)) for cheaper in (False, True)
        ]
    )
    found["hardware"] = _of(reference_hardware)
    return found
