"""A Run is taken up where it is; where its host cannot be looked at, that is what is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selextract_infra.errors import DriftError, HostUnreachableError, UsageError
from selextract_infra.flow.context import Context
from selextract_infra.flow.unfinished import resume, roll_back
from selextract_infra.hosts.explain import explain
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.run import Run
from tests.unit.seen import AT

RUN = "20260301T020000-9f3ac1"
BOTH = pytest.mark.parametrize("take_up", [resume, roll_back])
TakeUp = Callable[[Context, str], Run]


def look(context: Context, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """The fleet's one host cannot be reached."""
    monkeypatch.setattr(context, "observe", lambda: Observation(at=AT, hosts=(), unreachable={"app1": why}))


@BOTH
def test_a_host_that_does_not_answer_may_hold_the_run(
    context: Context, monkeypatch: pytest.MonkeyPatch, take_up: TakeUp
) -> None:
    look(context, monkeypatch, "Nothing answers at 192.0.2.7.")
    with pytest.raises(HostUnreachableError, match=f"that may hold run {RUN} can be reached \\(app1: Nothing answers"):
        take_up(context, RUN)


@BOTH
def test_another_host_key_is_another_machine(
    context: Context, monkeypatch: pytest.MonkeyPatch, take_up: TakeUp
) -> None:
    said = "Host key for 192.0.2.7 has changed and you have requested strict checking."
    problem = explain({"unreachable": True, "msg": said})
    look(context, monkeypatch, f"app1: {problem.sentence}")
    with pytest.raises(DriftError, match="Another machine answers in place of app1"):
        take_up(context, RUN)


@BOTH
def test_a_run_that_no_host_holds_is_unknown(
    context: Context, monkeypatch: pytest.MonkeyPatch, take_up: TakeUp
) -> None:
    there = HostObservation(name="app1")
    monkeypatch.setattr(context, "observe", lambda: Observation(at=AT, hosts=(there,), unreachable={}))
    with pytest.raises(UsageError, match="No host holds an unfinished run"):
        take_up(context, RUN)
