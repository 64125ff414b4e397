"""A replay on a terminal: readable at 80 columns, long lists cut unless all is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rich.console import Console

from selextract_infra.model.scaling import Flap, ServiceOutcome, SimulatedAction, Simulation
from selextract_infra.operations.scaling.show import show_simulation
from selextract_infra.report.terminal import draw

START = datetime(2025, 3, 5, tzinfo=UTC)


def replay(actions: int) -> Simulation:
    outcome = ServiceOutcome(
        name="api", role="api", samples=240, first_count=2, last_count=2, highest_count=3, actions=actions, flaps=1,
        refused=0, minutes_over={"cpu_usage": 12.0, "memory_usage": 0.0}, instance_hours=2.5, cost=1.234,
    )  # fmt: skip
    return Simulation(
        source="metrics.csv",
        start=START,
        end=START + timedelta(hours=1),
        interval_seconds=15,
        ticks=240,
        samples=240,
        services=(outcome,),
        actions=tuple(
            SimulatedAction(
                at=START + timedelta(minutes=step), service="api", before=2, after=3, rule="TRG-01",
                why=f"reason {step}", why_less="the maximum is 3" if step == 0 else None,
            )
            for step in range(actions)
        ),
        flaps=(Flap(at=START, service="api", after_seconds=600),),
        ignored=("nginx\x1b[31m",),
    )  # fmt: skip


def printed(found: Simulation, *, everything: bool = False) -> str:
    screen = Console(width=80, color_system=None)
    with screen.capture() as capture:
        draw(screen, show_simulation(found, everything=everything))
    return capture.get()


def test_actions_reasons_and_totals_fit_80_columns() -> None:
    text = printed(replay(2))
    assert "2 -> 3" in text
    assert "less: the maximum" in text
    assert "CPU 12" in text
    assert "flap: api" in text
    assert "2.5 instance-hours" in text
    assert "\x1b" not in text
    assert "Left out: nginx" in text


def test_a_long_list_is_cut_unless_all_is_asked_for() -> None:
    assert "reason 60" not in printed(replay(61))
    assert "1 more action; --all shows them" in printed(replay(61))
    assert "reason 60" in printed(replay(61), everything=True)


def test_nothing_to_do_is_said() -> None:
    assert "No count would have changed." in printed(replay(0))
