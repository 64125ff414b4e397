"""What was asked for and answered in a Run, line by line, so that its states can be brought about again.

A line is JSON: first where the Run began, then each request with its answer and the digest of the state that asked. The
Plan is in the journal by its digest; results and sentences are in it, and nothing that the journal does not hold too.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Self

from selextract_infra.errors import SelextractError
from selextract_infra.flow.machine.messages import FlowAnswer, FlowRequest
from selextract_infra.flow.machine.state import RunState

__all__ = ["RunLog", "forget_run_logs"]

_FOLDER = "runs"


class RunLog:
    """The log of one Run in the folder of the journal; a resumed Run goes on in the same file.

    Raises ``SelextractError`` when it cannot be written: a Run that cannot be recorded is not begun.
    """

    def __init__(self, state_folder: Path, state: RunState) -> None:
        self._folder = state_folder / _FOLDER
        self._handle: int | None = None
        began = {"plan": state.plan.digest, "began": state.model_dump(mode="json", exclude={"plan"})}
        self._waiting = [json.dumps(began)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def add(self, request: FlowRequest, answer: FlowAnswer, state: RunState) -> None:
        """Append one turn; before the Run has an ID it waits for that."""
        turn = {
            "request": request.model_dump(mode="json"),
            "answer": answer.model_dump(mode="json"),
            "state": state.digest,
        }
        self._waiting.append(json.dumps(turn))
        if state.run is None:
            return
        text, self._waiting = "".join(f"{line}\n" for line in self._waiting), []
        try:
            os.write(self._opened(state.run.id), text.encode())
        except OSError as problem:
            raise SelextractError(
                f"The log of run {state.run.id} in {self._folder} cannot be written: {problem.strerror}.",
                remedy="make room or mend its permissions",
            ) from problem

    def _opened(self, run_id: str) -> int:
        if self._handle is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            self._handle = os.open(self._folder / f"{run_id}.jsonl", flags, 0o600)
            os.fchmod(self._handle, 0o600)  # one that was there before, too
        return self._handle


def forget_run_logs(state_folder: Path, before: datetime) -> None:
    """Remove the logs to which nothing was added since then."""
    for file in (state_folder / _FOLDER).glob("*.jsonl"):
        if file.stat().st_mtime < before.timestamp():
            file.unlink(missing_ok=True)
