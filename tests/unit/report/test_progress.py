from __future__ import annotations

import io

from rich.console import Console

from selextract_infra.model.task_event import TaskEvent
from selextract_infra.plan import rightsize
from selextract_infra.report.layout import plain_text
from selextract_infra.report.progress import Progress, progress
from selextract_infra.report.terminal import draw
from tests.unit.seen import MB, one, policy

PLAN = rightsize(one("api", peak=600 * MB), policy(), settle=True)
EVENTS = [
    TaskEvent("task_started", "app1", "Take the lock"),
    TaskEvent("task_done", "app1", "Take the lock"),
    TaskEvent("task_started", "app1", "Set limits in place"),
    TaskEvent("task_done", "app1", "Set limits in place", changed=True),
    TaskEvent("task_started", "app1", "Take the lock"),
    TaskEvent("failed", "app1", "Check that the services answer", message="api is \x1b[31munhealthy."),
]


def test_elsewhere_than_on_a_terminal_it_is_a_line_for_what_matters() -> None:
    console = Console(file=io.StringIO(), width=80, markup=False)
    with progress(console, PLAN) as listener:
        for event in EVENTS:
            listener(event)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "app1: step 1 of 2: Set 2 limits in place on app1",
        "app1: Set limits in place: changed",
        "app1: step 2 of 2: Recreate api on app1, one instance at a time",
        "app1: Check that the services answer: api is unhealthy.",
    ]


def test_a_host_that_carries_steps_out_by_itself_is_shown_at_the_one_that_it_tells() -> None:
    console = Console(file=io.StringIO(), width=80, markup=False)
    first, second = (step.title for step in PLAN.steps)
    with progress(console, PLAN) as listener:
        for event in EVENTS[:3]:
            listener(event)
        for title in (first, f"{second}: Replace shop-api-1", f"{second}: Check that the services answer"):
            listener(TaskEvent("progress", "app1", "On the host", message=title))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert [line for line in lines if ": step " in line] == [
        f"app1: step 1 of 2: {first}",
        f"app1: step 2 of 2: {second}",
    ]


def test_live_it_shows_each_host_with_its_step_and_task() -> None:
    seconds = iter([0.0, 7.0, 8.0])
    shown = Progress(steps=PLAN.steps, clock=lambda: next(seconds))
    console = Console(file=io.StringIO(), width=100)
    for event in EVENTS[:3]:
        shown.hear(event)
    draw(console, shown.blocks())
    for event in EVENTS[3:]:
        shown.hear(event)
    draw(console, shown.blocks())
    assert isinstance(console.file, io.StringIO)
    words = " ".join(console.file.getvalue().split())
    assert "app1 1 of 2 Set limits in place" in words
    assert "7 s" in words
    assert "app1 2 of 2 api is unhealthy. 1" in words


def test_a_terminal_is_left_clean() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with progress(console, PLAN) as listener:
        for event in EVENTS:
            listener(event)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().count("\x1b[?25l") == console.file.getvalue().count("\x1b[?25h")


def test_a_host_beyond_the_plan_and_no_plan_at_all_are_shown_too() -> None:
    console = Console(file=io.StringIO(), width=80)
    with progress(console, None) as listener:
        listener(TaskEvent("unreachable", "app9", "Observe the host", message="No route to host."))
        listener(TaskEvent("task_started", "app9", "Take the lock"))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == ["app9: Observe the host: No route to host.", "app9: begins"]


def test_how_far_a_long_task_is_stands_beside_it() -> None:
    shown = Progress()
    assert shown.hear(TaskEvent("progress", "db2", "Clone", message="8 MB of 456 MB")) == "db2: Clone: 8 MB of 456 MB"
    assert shown.hear(TaskEvent("progress", "db2", "Clone")) is None


def test_a_step_that_is_put_back_is_not_announced_as_the_next_one() -> None:
    shown = Progress(steps=PLAN.steps)
    for event in EVENTS[:3]:
        shown.hear(event)
    lines = [
        shown.hear(TaskEvent("failed", "app1", "Check that the services answer", message="No answer.")),
        shown.hear(TaskEvent("task_started", "app1", "Take the lock")),
        shown.hear(TaskEvent("task_started", "app1", "Stop where somebody else is at work")),
        shown.hear(TaskEvent("task_started", "app1", "Put back what was there")),
    ]
    assert lines == [
        "app1: Check that the services answer: No answer.",
        None,
        None,
        "app1: puts back step 1 of 2: Set 2 limits in place on app1",
    ]
    assert "1 of 2, undone" in plain_text(shown.blocks(), 100)
