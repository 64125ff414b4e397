"""What the state machine of a Run asks for, and what it is answered. Pure data, with nothing secret in it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from selextract_infra.errors import SelextractError
from selextract_infra.model.base import Frozen
from selextract_infra.model.run import RunStatus, StepResult

__all__ = [
    "ANSWERS",
    "REQUESTS",
    "BeginRun",
    "CheckWindow",
    "Done",
    "Failed",
    "Failure",
    "Finish",
    "FlowAnswer",
    "FlowRequest",
    "HostsLookedAt",
    "LookAtHosts",
    "NoteEvent",
    "PeopleTold",
    "PerformSegment",
    "PerformStep",
    "RecordRun",
    "RunBegun",
    "Started",
    "StepPerformed",
    "StepsUndone",
    "Stop",
    "StopRemains",
    "TellPeople",
    "UndoSteps",
    "WindowChecked",
]


class Failure(Frozen):
    """Why something was not done: ``error`` is the name of a class in the tree of errors."""

    error: str
    sentence: str
    exit_code: int
    remedy: str | None = None

    @classmethod
    def of(cls, error: SelextractError) -> Failure:
        """What an error says."""
        return cls(error=type(error).__name__, sentence=str(error), exit_code=error.exit_code, remedy=error.remedy)


class Stop(Frozen):
    """Why a Run ends at a safe point, between two steps, and how."""

    status: RunStatus
    exit_code: int
    sentence: str


class CheckWindow(Frozen):
    """Whether users may be disturbed now, for so long."""

    kind: Literal["check window"] = "check window"
    needed_seconds: float


class LookAtHosts(Frozen):
    """Look at the hosts: which of the Plan's cannot be worked on, and whether the others are still what it rests on."""

    kind: Literal["look"] = "look"


class BeginRun(Frozen):
    """Name the Run."""

    kind: Literal["begin run"] = "begin run"


class RecordRun(Frozen):
    """Write the Run down as it stands in the state, the first time ``with_plan``."""

    kind: Literal["record"] = "record"
    with_plan: bool = False


class NoteEvent(Frozen):
    """Write something down that happened."""

    kind: Literal["note"] = "note"
    event: str
    sentence: str


class StopRemains(Frozen):
    """Stop what a killed process has left working on these hosts."""

    kind: Literal["stop remains"] = "stop remains"
    hosts: tuple[str, ...]


class TellPeople(Frozen):
    """Tell people that it begins, or how it ended."""

    kind: Literal["tell"] = "tell"
    moment: Literal["begin", "end"]


class PerformStep(Frozen):
    """Carry one step out on some of its hosts; ``last`` ends the Run on them."""

    kind: Literal["perform"] = "perform"
    step: str
    hosts: tuple[str, ...]
    last: bool


class PerformSegment(Frozen):
    """Let a host carry these steps out by itself, one after the other; ``last`` ends the Run on it.

    ``begins_within`` has, for steps that users may notice, the seconds from now within which they may begin.
    """

    kind: Literal["perform segment"] = "perform segment"
    steps: tuple[str, ...]
    hosts: tuple[str, ...]
    last: bool
    begins_within: dict[str, float] = Field(default_factory=dict)


class UndoSteps(Frozen):
    """Put back what these steps did on some hosts, the newest first; ``steps`` stand in the Plan's order."""

    kind: Literal["undo"] = "undo"
    steps: tuple[str, ...]
    hosts: tuple[str, ...]


class Finish(Frozen):
    """It has ended; with a ``failure`` nothing, or nothing more, could be begun."""

    kind: Literal["finish"] = "finish"
    failure: Failure | None = None


class _Answer(Frozen):
    """``at`` is when it came."""

    at: AwareDatetime


class Started(_Answer):
    """The beginning; the answer to nothing."""

    kind: Literal["started"] = "started"


class Done(_Answer):
    """It was done; there is no more to say."""

    kind: Literal["done"] = "done"


class Failed(_Answer):
    """It was not done, and nothing was touched by it. ``preempted``: something more urgent asked for the hosts.

    ``fenced``: somebody else carries the Run out by now, so what is written down of it is theirs to write.
    """

    kind: Literal["failed"] = "failed"
    failure: Failure
    preempted: bool = False
    fenced: bool = False


class WindowChecked(_Answer):
    """Whether so much time is left, and ``remedy``, what to do where it is not.

    ``seconds_left`` are those of the window that is open.
    """

    kind: Literal["window checked"] = "window checked"
    fits: bool
    seconds_left: float = 0.0
    sentence: str
    remedy: str


class HostsLookedAt(_Answer):
    """By host of the Plan, why it cannot be worked on; the others are as the Plan says."""

    kind: Literal["looked"] = "looked"
    missing: dict[str, str] = Field(default_factory=dict)


class RunBegun(_Answer):
    """The Run's ID, and who carries it out."""

    kind: Literal["begun"] = "begun"
    run_id: str
    owner: str


class PeopleTold(_Answer):
    """People were told; ``message`` is what the Run's own message is now."""

    kind: Literal["told"] = "told"
    message: str


class StepPerformed(_Answer):
    """A result for each host; with ``stop`` where the Run ends there for now.

    After a segment, the results of those of its steps that were begun, in their order.
    """

    kind: Literal["performed"] = "performed"
    results: tuple[StepResult, ...]
    cancelled: bool = False
    stop: Stop | None = None


class StepsUndone(_Answer):
    """A result for each host."""

    kind: Literal["undone"] = "undone"
    results: tuple[StepResult, ...]


FlowRequest = (
    CheckWindow
    | LookAtHosts
    | BeginRun
    | RecordRun
    | NoteEvent
    | StopRemains
    | TellPeople
    | PerformStep
    | PerformSegment
    | UndoSteps
    | Finish
)
FlowAnswer = (
    Started | Done | Failed | WindowChecked | HostsLookedAt | RunBegun | PeopleTold | StepPerformed | StepsUndone
)
REQUESTS: TypeAdapter[FlowRequest] = TypeAdapter(Annotated[FlowRequest, Field(discriminator="kind")])
ANSWERS: TypeAdapter[FlowAnswer] = TypeAdapter(Annotated[FlowAnswer, Field(discriminator="kind")])
