"""What became of the steps of a Run on a host: read from what its tasks returned, whatever they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from selextract_infra.hosts.runner import HostOutcome, PlaybookOutcome
from selextract_infra.model.plan import Step
from selextract_infra.model.run import StepResult, StepStatus
from selextract_infra.model.text import displayable

__all__ = ["Execution", "Segment", "judged", "result_with", "results_on", "sentence_of", "why_not_begun"]

_TOLD_BY_HOSTS = (StepStatus.VERIFIED, StepStatus.FAILED, StepStatus.ROLLED_BACK, StepStatus.ROLLBACK_FAILED)
_LONGEST_AGO = 86_400.0  # seconds
_CARRYING = ("Let the host carry the steps out", "Let the host carry the steps out with it", "On the host")  # tasks


@dataclass(frozen=True)
class Segment:
    """Steps of a Plan that follow each other; several only where one host carries them out by itself.

    ``last`` ends the Run on the hosts. ``begins_within`` has, by step, the seconds within which it may begin.
    """

    steps: tuple[Step, ...]
    hosts: tuple[str, ...]
    last: bool
    begins_within: Mapping[str, float] = field(default_factory=dict)

    @property
    def bounds(self) -> tuple[float, ...]:
        """Seconds that each step may take with its way back."""
        return tuple(step.timeout_seconds + step.rollback_seconds for step in self.steps)


@dataclass(frozen=True)
class Execution:
    """What became of a step: a result for each host, and whether it was cancelled."""

    results: tuple[StepResult, ...]
    cancelled: bool = False

    def hosts(self, status: StepStatus) -> tuple[str, ...]:
        """The hosts that ended in that status."""
        return tuple(result.host for result in self.results if result.status is status)


def judged(
    outcome: PlaybookOutcome, step: str, hosts: tuple[str, ...], started: datetime, ended: datetime
) -> Execution:
    """What became of a step, or of a rollback, on each of ``hosts``, from what its playbook came to there."""
    stopped = outcome.status in ("cancelled", "timed out")
    results = []
    for name in hosts:
        host = outcome.hosts[name]
        done = not stopped and host.status == "failed" and _all_done(host, (step,))
        status = StepStatus.VERIFIED if done else _status(host, stopped=stopped)
        results.append(
            StepResult(
                step=step, host=name, status=status, started_at=started, ended_at=ended,
                changed=host.changed > 0, message=host.message or why_not_begun(host) or _not_proved(host, status),
            )
        )  # fmt: skip
    return Execution(tuple(results), cancelled=stopped)


def results_on(
    name: str, host: HostOutcome, segment: Segment, now: datetime, *, stopped: bool
) -> tuple[StepResult, ...]:
    """What became of each step that the host began, as it tells; and of the step at hand where it tells nothing."""
    answer = (result_with(host, "steps") or {}).get("steps")
    outcomes: Mapping[str, Any] = answer if isinstance(answer, Mapping) else {}
    begun = [step for step in segment.steps if isinstance(outcomes.get(step.id), Mapping)]
    results = [_result_of(step, name, outcomes[step.id], now) for step in begun]
    if host.status == "failed" and not stopped and _all_done(host, (step.id for step in segment.steps)):
        return tuple(results)
    if all(result.status is StepStatus.VERIFIED for result in results) and (host.status != "ok" or stopped):
        # Where nothing is known of a step that failed, each of them may have done something.
        status = _status(host, stopped=stopped)
        left = [step for step in segment.steps if step not in begun] or [begun[-1]]
        at_hand = left[-1] if status is StepStatus.FAILED and not begun else left[0]
        results = [result for result in results if result.step != at_hand.id]
        results.append(StepResult(step=at_hand.id, host=name, status=status, ended_at=now, message=host.message))
    elif stopped:
        results[-1] = results[-1].model_copy(update={"status": StepStatus.CANCELLED, "message": host.message})
    return tuple(results)


def _result_of(step: Step, host: str, outcome: Mapping[str, Any], now: datetime) -> StepResult:
    """What a host tells of one step, whatever that is; its own clock counts only for how long ago something was."""
    statuses = {status.value: status for status in _TOLD_BY_HOSTS}
    return StepResult(
        step=step.id,
        host=host,
        status=statuses.get(str(outcome.get("status")), StepStatus.FAILED),
        started_at=_ago(outcome.get("began_ago"), now),
        ended_at=_ago(outcome.get("ended_ago"), now),
        changed=outcome.get("changed") is True,
        message=displayable(str(outcome.get("message") or "")),
    )


def _ago(seconds: object, now: datetime) -> datetime:
    known = isinstance(seconds, (int, float)) and 0 <= seconds <= _LONGEST_AGO
    return now - timedelta(seconds=float(seconds)) if known and isinstance(seconds, (int, float)) else now


def _not_proved(host: HostOutcome, status: StepStatus) -> str:
    """Of which services nothing tells that they serve, in the words of the host; empty where all is proved."""
    if status is not StepStatus.VERIFIED:
        return ""
    gate = result_with(host, "finished") or result_with(host, "not_proved")
    return displayable(str(gate.get("sentence") or "")) if gate else ""


def _status(host: HostOutcome, *, stopped: bool) -> StepStatus:
    if host.status == "ok":
        return StepStatus.NOT_BEGUN if why_not_begun(host) else StepStatus.VERIFIED
    if host.status == "unreachable" or _unheard(host):
        return StepStatus.UNREACHABLE
    if host.status == "missing":
        return StepStatus.NOT_BEGUN
    if stopped:
        return StepStatus.CANCELLED
    restored = result_with(host, "restored")
    if restored is None:
        return StepStatus.FAILED if result_with(host, "acquired") else StepStatus.NOT_BEGUN
    as_before = restored["restored"] and not restored.get("differences")
    return StepStatus.ROLLED_BACK if as_before else StepStatus.ROLLBACK_FAILED


def why_not_begun(host: HostOutcome) -> str:
    """Why the host stopped before it began anything of what was sent; empty where it did not."""
    answer = result_with(host, "finished") or {}
    return displayable(str(answer.get("stopped") or ""), limit=400) if not answer.get("steps") else ""


def _all_done(host: HostOutcome, steps: Iterable[str]) -> bool:
    """Whether the host said that these steps are verified: then only its lock was not given back."""
    outcomes = (result_with(host, "finished") or {}).get("steps")
    known = outcomes if isinstance(outcomes, Mapping) else {}
    return all(isinstance(known.get(step), Mapping) and known[step].get("status") == "verified" for step in steps)


def _unheard(host: HostOutcome) -> bool:
    """Whether the module that follows the host's own work was killed: as of a lost host, how it goes on is unknown."""
    return any("module_stderr" in host.results.get(task, {}) for task in _CARRYING)


def sentence_of(host: HostOutcome) -> str:
    """What was put back there and how, in the host's own words; its notes must reach a person."""
    restored = result_with(host, "restored")
    return displayable(str(restored.get("sentence") or "")) if restored else ""


def result_with(host: HostOutcome, key: str) -> Mapping[str, Any] | None:
    """The newest task result of that host that has ``key``: what a module of ours reports, whatever its task's name."""
    return next((result for result in reversed(list(host.results.values())) if key in result), None)
