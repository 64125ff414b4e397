"""What a Run's log says, taken once more through the state machine: the same states have to come of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.machine.advance import advance
from selextract_infra.flow.machine.messages import ANSWERS, REQUESTS, Finish, FlowAnswer, FlowRequest, Started
from selextract_infra.flow.machine.state import RunState
from selextract_infra.model.plan import Plan

__all__ = ["replay", "replay_runs"]


@dataclass(frozen=True)
class LoggedTurn:
    """A request, what it was answered, and the digest of the state between the two."""

    request: FlowRequest
    answer: FlowAnswer
    state: str


def logged_runs(file: Path, plan: Plan) -> Iterator[tuple[RunState, list[LoggedTurn]]]:
    """Each time that a Run was taken up: the state in which it began, and its turns."""
    began: RunState | None = None
    turns: list[LoggedTurn] = []
    for line in file.read_text().splitlines():
        entry: dict[str, Any] = json.loads(line)
        if "began" in entry:
            if began is not None:
                yield began, turns
            began, turns = RunState.model_validate({**entry["began"], "plan": plan}), []
        else:
            request, answer = REQUESTS.validate_python(entry["request"]), ANSWERS.validate_python(entry["answer"])
            turns.append(LoggedTurn(request, answer, entry["state"]))
    if began is not None:
        yield began, turns


def replay_runs(state: Path) -> int:
    """Replay every Run that was logged below a folder of state; returns how many turns that were.

    Raises ``AssertionError`` at the first turn that asks for something else, or comes to another state.
    """
    count = 0
    with Journal(state) as journal:
        for file in sorted((state / "runs").glob("*.jsonl")):
            recorded = journal.run(file.stem)
            plan = journal.plan(recorded.plan_digest) if recorded else None
            assert recorded is not None, file
            if plan is None:  # of a Run that another control machine made, and this one put back
                continue
            ends = replay(file, plan)
            count += sum(turns for _, _, turns in ends)
            if ends and isinstance(ends[-1][1], Finish) and recorded.ended_at is not None:
                assert ends[-1][0].begun_run == recorded, f"{file.name} ends in another Run than the journal's"
    return count


def replay(file: Path, plan: Plan) -> list[tuple[RunState, FlowRequest, int]]:
    """Each time that the Run was taken up: its last state and request, and the number of its turns."""
    ends = []
    for began, turns in logged_runs(file, plan):
        at = turns[0].answer.at if turns else began.plan.made_at
        state_now, request = advance(began, Started(at=at))
        for number, turn in enumerate(turns):
            assert request == turn.request, f"{file.name}, turn {number}: it asks for something else"
            assert state_now.digest == turn.state, f"{file.name}, turn {number}: it is in another state"
            state_now, request = advance(state_now, turn.answer)
        ends.append((state_now, request, len(turns)))
    return ends
