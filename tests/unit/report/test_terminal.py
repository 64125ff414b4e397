from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from selextract_infra.model.observation import HostFacts, Observation, SamplerStatus
from selextract_infra.model.plan import Plan
from selextract_infra.plan import rightsize, tune_workers
from selextract_infra.report.observation import change_blocks, observation_blocks
from selextract_infra.report.plan import plan_blocks
from selextract_infra.report.terminal import draw
from tests.unit.seen import GB, MB, container, history, host, observation, one, policy

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202e{{ lookup('pipe', 'id') }} [red]x[/red]\r\n"


def screen(width: int = 80, *, colour: bool = False) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=colour, color_system="standard" if colour else None)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def plan_on(width: int, plan: Plan) -> str:
    console = screen(width)
    draw(console, plan_blocks(plan))
    return shown(console)


def guide() -> Observation:
    limits = {"api": 2 * GB, "worker": 3 * GB, "postgres": 2 * GB, "nginx": 512 * MB}
    histories = [history("api", memory=600 * MB), history("worker", memory=2900 * MB), history("postgres")]
    return observation(host([container(name, memory=memory) for name, memory in limits.items()], histories))


@pytest.mark.parametrize("width", [80, 110, 200])
def test_no_line_is_wider_than_the_screen_and_all_that_matters_is_there(width: int) -> None:
    text = plan_on(width, rightsize(guide(), policy()))
    assert max(cell_len(line) for line in text.splitlines()) <= width
    words = " ".join(text.split())
    for heading in ("service", "resource", "now", "peak seen", "proposed", "why", "saving"):
        assert heading in words
    for value in ("2,048 MB", "600 MB", "1,008 MB", "$5.08", "databases and caches are never reduced unasked"):
        assert value in words


def test_at_200_columns_a_row_is_a_line() -> None:
    (line,) = [line for line in plan_on(200, rightsize(guide(), policy())).splitlines() if "1,008 MB" in line]
    assert line.split()[:2] == ["-", "api"]
    assert "The peak of 600 MB is 29.3 % of the limit; REC-03 allows 60 %." in line


def test_colour_is_for_terminals_only() -> None:
    plan = rightsize(guide(), policy())
    assert "\x1b[" not in plan_on(80, plan)
    console = screen(colour=True)
    draw(console, plan_blocks(plan))
    assert "\x1b[" in shown(console)


def test_hostile_names_are_text_even_on_a_console_that_reads_markup() -> None:
    services = [container(HOSTILE), container("api", name=HOSTILE, memory=None)]
    seen = observation(
        host(services, [history("api", memory=600 * MB)]),
        host([], name="app2", problem=HOSTILE),
        unreachable={"app3": HOSTILE},
    )
    console = Console(file=io.StringIO(), width=80, markup=True)
    draw(console, plan_blocks(rightsize(seen, policy(), settle=True)))
    draw(console, observation_blocks(seen))
    text = shown(console)
    assert re.sub(r"[\n─]", "", text).isprintable()
    assert "[red]x[/red]" in " ".join(text.split())


def test_many_values_that_stay_are_counted() -> None:
    mapped = {f"s{number}": {"role": "api"} for number in range(20)}
    rules = policy(application={"project": "selextract", "directory": "/opt/selextract", "services": mapped})
    text = plan_on(200, rightsize(observation(host([container(name) for name in mapped])), rules))
    assert "40 values are unknown and left alone." in text


def test_steps_that_may_be_noticed_are_marked() -> None:
    text = plan_on(120, rightsize(one("api", peak=600 * MB), policy(), settle=True))
    assert "2. Recreate api on app1, one instance at a time (may be noticed)" in text


def test_an_observation_shows_limits_use_and_history() -> None:
    killed = container("worker", oom_killed=True, restarts=3, health="unhealthy", memory=200 * MB, use=100 * MB)
    over = container("redis", memory=100 * MB, use=219 * MB)
    seen = observation(
        host([container("api", cpus=0.5), killed, over], [history("api")]),
        host([], name="app2", sampler=SamplerStatus(), facts=HostFacts()),
        host([], name="app3", problem="Docker is not running."),
        unreachable={"app4": "No route to host."},
    )
    console = screen(130)
    draw(console, observation_blocks(seen))
    words = " ".join(shown(console).split())
    for said in (
        "app1 8 cores, 32,768 MB",
        "selextract-api-1 running 0.05 0.5 50 MB 2,048 MB 2.4 % 7 days",
        "selextract-worker-1 unhealthy, killed for memory, 3 restarts 0.05 2 100 MB 200 MB 50 % none",
        "219 MB 100 MB 219 % over",
        "The sampler does not run here, so there is no history.",
        "Docker is not running.",
        "app4 was not reached: No route to host.",
    ):
        assert said in words


def test_what_changed_is_shown_before_and_after() -> None:
    before, after = one("api"), one("api", memory=1 * GB, cpus=1.0)
    console = screen(100)
    draw(console, change_blocks(before, after))
    words = " ".join(shown(console).split())
    assert "app1 selextract-api-1 memory 2,048 MB 1,024 MB 50 MB" in words
    assert "app1 selextract-api-1 CPU 2 cores 1 core 0.05 cores" in words
    console = screen()
    draw(console, change_blocks(before, before))
    assert shown(console) == "No limit changed.\n"


def test_settings_have_neither_a_peak_nor_a_saving() -> None:
    seen = observation(
        host([container("worker", number=number, memory=3 * GB, stop_grace_seconds=300) for number in (1, 2)])
    )
    mapped = policy({"worker": {"environment": {"concurrency": "CELERY_CONCURRENCY"}}})
    words = " ".join(plan_on(120, tune_workers(seen, mapped)).split())
    assert "service resource now proposed why" in words
    assert "saving" not in words
