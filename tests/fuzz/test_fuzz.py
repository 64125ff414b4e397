"""Whatever is typed, written or answered: a sentence with a documented exit code, never a traceback.

Each target has its own seed and number of inputs, so a failure is drawn again; ``SELEXTRACT_FUZZ_SEED`` draws others.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.errors import SelextractError
from selextract_infra.flow.planning import plan_from, request_for
from selextract_infra.flow.registry import operation_named
from selextract_infra.flow.saved import load_plan
from selextract_infra.hosts.events import HostOutcome
from selextract_infra.hosts.observe.hosts import observation_of
from selextract_infra.hosts.observe.recorded import load_observation, save_observation
from selextract_infra.hosts.observe.sampler_history import unpack_history
from selextract_infra.operations.status.status import host_status
from selextract_infra.plan import rightsize
from selextract_infra.policy import load_policy
from selextract_infra.report.layout import plain_text
from selextract_infra.report.plan import plan_blocks
from tests.fuzz.drawn import NUMBERS, Draw, bent, text_of, word
from tests.unit.seen import AT, MB, one, policy

# 20,300 inputs in 71 s of one core; a busy machine has several times that.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SEED = os.environ.get("SELEXTRACT_FUZZ_SEED", "selextract")
CODES = frozenset({0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130})  # 1 is a defect of ours
NO_NUMBER = re.compile(r"(?<![\w.'-])(?:NaN|nan|[+-]?Infinity|[+-]?inf|-0(?:\.0+)?)(?![\w.'-])")
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
POLICY = policy()
PLAN = rightsize(one("api", peak=600 * MB), POLICY, settle=True)
OBSERVATION = one("api", peak=600 * MB)


def draws(target: str, count: int) -> list[Draw]:
    return [Draw(f"{SEED} {target} {number}") for number in range(count)]


def refuse_odd_numbers(text: str) -> None:
    """Outside of texts, in which somebody may have written so."""
    found = NO_NUMBER.search(TEXT.sub("", text))
    assert not found, (found, text[-600:])


@cache
def app(command: str) -> typer.Typer:
    return build(command)


COMMANDS: dict[str, tuple[str, ...]] = {
    "tune postgres": (
        "--memory", "--cpus", "--pg-version", "--connections", "--workload", "--storage", "--disk", "--role",
        "--shared-buffers", "--primary-connections", "--lz4", "--format",
    ),
    "budget connections": (
        "--api", "--workers", "--pooled", "--surge", "--per-process", "--max-connections", "--poolers", "--databases",
        "--format",
    ),
    "cost": ("--host", "--after", "--growing", "--fail-on", "--format"),
    "growth": ("--scenario", "--month", "--host", "--today", "--fail-on", "--format"),
    "roadmap": ("--start", "--today", "--done", "--all", "--fail-on", "--format"),
    "forecast": ("--current", "--weekly-growth", "--limit", "--horizon", "--today", "--all", "--format"),
    "windows list": ("--from", "--days", "--format"),
    "policy show": ("--origin", "--format"),
    "policy explain": ("--host", "--format"),
    "policy export": ("--interval",),
}  # fmt: skip
USUAL: dict[str, tuple[str, ...]] = {
    "tune postgres": ("--memory", "2GiB", "--cpus", "2", "--connections", "50", "--pg-version", "16"),
    "budget connections": ("--api", "4", "--workers", "6"),
    "cost": ("--host", "8c/32GB/1TB/1Gbps"),
    "forecast": ("--current", "50", "--weekly-growth", "2", "--limit", "100"),
    "policy explain": ("MEM-07",),
    "policy export": ("prometheus-rules",),
}
SHAPED = {
    "--memory": "{}GB", "--disk": "{}GB", "--host": "{}c/{}GB/{}TB/1Gbps", "--after": "8c/{}GB/1TB/1Gbps",
    "--growing": "app1/api memory={}MB+{}MB", "--weekly-growth": "{}%",
}  # fmt: skip


def command_line(command: str, draw: Draw) -> list[str]:
    words = list(USUAL.get(command, ())) if draw.random() < 0.8 else []
    for _ in range(draw.randint(1, 3)):
        option = draw.choice(COMMANDS[command])
        shape = SHAPED.get(option)
        value = word(draw)
        if shape and draw.random() < 0.7:
            value = shape.format(*(draw.choice(NUMBERS) for _ in range(shape.count("{}"))))
        place = words.index(option) if option in words else len(words)
        words[place : place + 2] = [option, value] if draw.random() < 0.8 else [f"{option}={value}"]
    return [*command.split(), *words]


@pytest.mark.parametrize("command", COMMANDS)
def test_any_command_line_ends_with_a_documented_code(command: str) -> None:
    for draw in draws(command, 200):
        words = command_line(command, draw)
        done = CliRunner().invoke(app(command.split()[0]), words, env={"COLUMNS": "100", "TERM": "dumb"})
        problem = done.exception
        code = problem.exit_code if isinstance(problem, SelextractError) else done.exit_code
        assert isinstance(problem, (SelextractError, SystemExit, type(None))), (words, problem)
        assert code in CODES, (words, code, done.output[-500:])
        refuse_odd_numbers(done.stdout)


def safely(work: Callable[[], Any], also: type[Exception] = SelextractError) -> Any:
    """What it gives; None where it refuses in a sentence."""
    try:
        return work()
    except (SelextractError, also) as problem:
        refused = str(problem)
    assert refused
    return None


def test_any_saved_plan_is_the_same_steps_or_refused(tmp_path: Path) -> None:
    data, file = PLAN.model_dump(mode="json"), tmp_path / "plan.json"
    for draw in draws("plan", 2000):
        file.write_text(text_of(bent(data, draw), draw), encoding="utf-8", errors="surrogatepass")
        plan = safely(lambda: load_plan(file, POLICY))
        if plan is not None:
            refuse_odd_numbers(plain_text(plan_blocks(plan), 100))
            refuse_odd_numbers(plan.model_dump_json())


def test_any_observation_file_is_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "observation.json"
    save_observation(OBSERVATION, file)
    data = json.loads(file.read_text())
    for draw in draws("observation file", 1500):
        file.write_text(text_of(bent(data, draw), draw), encoding="utf-8", errors="surrogatepass")
        safely(lambda: load_observation(file))


OPERATIONS: dict[str, dict[str, Any]] = {
    "rightsize": {},
    "scale": {"wanted": {"api": 3}},
    "tune workers": {},
    "balancer": {"on": True},
}


def test_any_answer_of_a_host_is_its_own_problem() -> None:
    """Everything that is made of it: status, incident, a plan of each kind."""
    (host,) = OBSERVATION.hosts
    data = host.model_copy(update={"history": ()}).model_dump(mode="json")
    good = HostOutcome("ok", results={"Observe the host": {"observation": {**data, "name": "app2"}}})
    for draw in draws("answer", 1500):
        outcome = HostOutcome("ok", results={"Observe the host": {"observation": bent(data, draw)}})
        seen = observation_of({"app1": outcome, "app2": good}, AT)
        first, second = seen.hosts
        assert second.problem is None
        refuse_odd_numbers(seen.model_dump_json())
        status = host_status(seen, first)
        refuse_odd_numbers(status.model_dump_json())
        if first.problem is None:
            name = draw.choice(sorted(OPERATIONS))
            operation = operation_named(name)
            plan = safely(partial(plan_from, operation, seen, request_for(operation, OPERATIONS[name]), POLICY))
            if plan is not None:
                refuse_odd_numbers(plain_text(plan_blocks(plan), 100))


def test_any_history_is_columns_or_a_value_error() -> None:
    row: list[Any] = [1772330400, "api-1", "shop", "api", 0.5, 0.9, 1000, 10, 0, 0, 4, 0]
    for draw in draws("history", 9000):
        rows = [bent(row, draw) if draw.random() < 0.3 else [row[0] + 60 * number, *row[1:]] for number in range(4)]
        text = "\n".join(text_of(line, draw) for line in rows).encode("utf-8", "surrogatepass")
        packed = base64.b64encode(zlib.compress(text, 1)).decode()
        if draw.random() < 0.05:
            packed = packed[: draw.randrange(len(packed))]
        for measured in safely(partial(unpack_history, packed), ValueError) or ():
            refuse_odd_numbers(measured.model_dump_json())


def test_any_policy_is_read_or_refused(tmp_path: Path) -> None:
    data = {
        "application": {"project": "shop", "directory": "/srv/shop", "services": {"api": {"role": "api"}}},
        "rightsizing": {"window": "7 days"},
        "maintenance": {"windows": {"night": {"schedule": "FREQ=DAILY;BYHOUR=2", "duration": "2 hours"}}},
    }
    file = tmp_path / "policy.yml"
    for draw in draws("policy", 3500):
        file.write_text(text_of(bent(data, draw), draw), encoding="utf-8", errors="surrogatepass")
        safely(lambda: load_policy({}, files=[file]))


def test_any_csv_is_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "use.csv"
    for draw in draws("csv", 800):
        lines = ["date,use", *(f"2026-01-{day:02d},{50 + day}" for day in range(1, 29))]
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(lines))
            cells = lines[place].split(",")
            cells[draw.randrange(len(cells))] = word(draw)
            lines[place] = draw.choice(",;\t").join(cells)
        file.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
        words = ["forecast", "--csv", str(file), "--column", "use", "--limit", "100", "--today", "2026-02-01"]
        with contextlib.suppress(UnicodeError):
            file.read_text(encoding="utf-8")
        done = CliRunner().invoke(app("forecast"), words, env={"COLUMNS": "100", "TERM": "dumb"})
        assert isinstance(done.exception, (SelextractError, SystemExit, type(None))), (lines, done.exception)
        refuse_odd_numbers(done.stdout)
