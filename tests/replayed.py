"""What a Run's log says, taken once more through the state machine: the same states have to come of it."""

from __future__ import annotations

from pathlib import Path

from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.machine.advance import advance
from selextract_infra.flow.machine.messages import Finish, Started
from selextract_infra.flow.run_log import logged_runs

__all__ = ["replay_runs"]


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
            ended = False
            for began, turns in logged_runs(file, plan):
                at = turns[0].answer.at if turns else began.plan.made_at
                state_now, request = advance(began, Started(at=at))
                for number, turn in enumerate(turns):
                    assert request == turn.request, f"{file.name}, turn {number}: it asks for something else"
                    assert state_now.digest == turn.state, f"{file.name}, turn {number}: it is in another state"
                    state_now, request = advance(state_now, turn.answer)
                    count += 1
                ended = isinstance(request, Finish)
            if ended and recorded.ended_at is not None:
                assert state_now.begun_run == recorded, f"{file.name} ends in another Run than the journal's"
    return count
