"""How long an upgrade takes is learned from the last ones of its kind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selextract_infra.errors import DriftError
from selextract_infra.flow.context import Context
from selextract_infra.model.observation import HostFacts
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus
from selextract_infra.model.upgrade import PHASES, Abilities, Mode
from selextract_infra.operations.upgrade.hardware import refuse_strangers
from selextract_infra.operations.upgrade.observe import learned_durations
from tests.unit.operations.upgrade.planned import upgrade_of_host
from tests.unit.seen import AT, container, host, observation, policy

ROBOT = Abilities(name="docker", modes=dict.fromkeys(PHASES, (Mode.LIVE, Mode.REBOOT)))


def ran(context: Context, number: int, seconds: float, *, mode: Mode = Mode.LIVE, done: bool = True) -> None:
    """An upgrade of the memory that the journal holds; each of its steps took so many seconds."""
    there = host([container("api", health="healthy")])
    plan = upgrade_of_host(there, "memory", policy(), provider=ROBOT, mode=mode, durations={"gate": float(number)})
    began = AT + timedelta(days=number)
    results = tuple(
        StepResult(
            step=step.id, host="app1", status=StepStatus.VERIFIED, started_at=began,
            ended_at=began + timedelta(seconds=seconds),
        )
        for step in plan.steps
    )  # fmt: skip
    context.journal.record_plan(plan)
    context.journal.record_run(
        Run(
            id=f"run-{number}", operation="upgrade", plan_digest=plan.digest, policy_digest=plan.policy_digest,
            owner="me", purpose="upgrade app1", hosts=("app1",), started_at=began, results=results,
            status=RunStatus.DONE if done else RunStatus.ROLLED_BACK,
        )
    )  # fmt: skip


def test_before_the_first_upgrade_nothing_is_known(context: Context) -> None:
    assert learned_durations(context, "memory", None, ROBOT) == {}


def test_the_last_three_count_with_a_margin(context: Context) -> None:
    for number, seconds in enumerate((1000.0, 10.0, 20.0, 30.0)):
        ran(context, number, seconds)
    learned = learned_durations(context, "memory", None, ROBOT)
    assert learned["backup"] == 20.0 * context.policy.vertical.learning.margin
    assert "drain" not in learned


@pytest.mark.parametrize(("phase", "mode"), [("cpu", None), ("memory", Mode.REBOOT)])
def test_another_phase_or_another_way_teaches_nothing(context: Context, phase: str, mode: Mode | None) -> None:
    ran(context, 1, 10.0)
    assert learned_durations(context, phase, mode, ROBOT) == {}


def test_one_that_was_put_back_teaches_nothing(context: Context) -> None:
    ran(context, 1, 10.0, done=False)
    assert learned_durations(context, "memory", None, ROBOT) == {}


def test_a_machine_with_another_identity_is_a_stranger_and_its_own_is_not() -> None:
    there = host([container("api", health="healthy")], facts=HostFacts(cpus=8, memory=32 << 30, machine_id="aaaa"))
    plan = upgrade_of_host(there, "memory", policy(), provider=ROBOT)
    refuse_strangers(plan, observation(there))
    other = there.model_copy(update={"facts": there.facts.model_copy(update={"machine_id": "bbbb"})})
    with pytest.raises(DriftError, match="Another machine came back as app1") as stranger:
        refuse_strangers(plan, observation(other))
    assert stranger.value.exit_code == 9
