from __future__ import annotations

import io
from datetime import timedelta

from rich.cells import cell_len
from rich.console import Console

from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus
from selextract_infra.report.run import run_blocks, runs_table
from selextract_infra.report.terminal import draw
from tests.unit.seen import AT

RUN = Run(
    id="20260301T020000-9f3ac1",
    operation="rightsize",
    plan_digest="sha256:p",
    policy_digest="sha256:q",
    owner="ops@control (process 1)",
    purpose="rightsize app1",
    hosts=("app1", "app2"),
    started_at=AT,
    ended_at=AT + timedelta(seconds=42),
    status=RunStatus.PARTLY_DONE,
    results=(
        StepResult(
            step="rightsize", host="app1", status=StepStatus.VERIFIED, changed=True,
            started_at=AT, ended_at=AT + timedelta(seconds=12),
        ),
        StepResult(step="rightsize", host="app2", status=StepStatus.ROLLED_BACK, message="api is \x1b[31munhealthy."),
        StepResult(step="rightsize", host="app3", status=StepStatus.VERIFIED),
    ),
    overrides=("X-06",),
    message="app2 was rolled back.",
    exit_code=6,
)  # fmt: skip


def text_of(width: int, *, runs: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width)
    draw(console, [runs_table([RUN])] if runs else run_blocks(RUN))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_run_says_what_became_of_each_step_on_each_host() -> None:
    words = " ".join(text_of(100).split())
    assert "app1 rightsize verified 12 s" in words
    assert "app2 rightsize rolled back api is unhealthy." in words
    assert "app3 rightsize verified, unchanged" in words
    assert "rightsize 20260301T020000-9f3ac1: partly done after 42 s. app2 was rolled back." in words
    assert "Overridden: X-06." in words


def test_runs_are_a_list_that_fits_80_columns() -> None:
    for runs in (False, True):
        assert max(cell_len(line) for line in text_of(80, runs=runs).splitlines()) <= 80
    assert "2026-03-01 02:00 20260301T020000-9f3ac1 rightsize partly done" in " ".join(text_of(140, runs=True).split())
