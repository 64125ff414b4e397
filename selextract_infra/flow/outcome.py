"""How a Run ended, from the results of its steps: status, exit code and one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from selextract_infra.errors import worst_exit_code
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus

__all__ = ["all_put_back", "concluded"]

OBSERVE = "observe"

CODES = {
    StepStatus.VERIFIED: 0,
    StepStatus.SKIPPED: 0,
    StepStatus.ROLLED_BACK: 6,
    StepStatus.FAILED: 7,
    StepStatus.ROLLBACK_FAILED: 7,
    StepStatus.UNREACHABLE: 8,
    StepStatus.NOT_BEGUN: 8,
    StepStatus.CANCELLED: 130,
    StepStatus.RUNNING: 1,
    StepStatus.PENDING: 1,
}


def concluded(run: Run, now: datetime) -> Run:
    """The Run with its end: the last result of each host decides; over several hosts the worst wins."""
    last = {result.host: result for result in run.results}
    code = worst_exit_code([CODES[result.status] for result in last.values()])
    return run.model_copy(
        update={
            "ended_at": now,
            "status": _status(code, last.values()),
            "exit_code": code,
            "message": _sentence(run, code, last),
        }
    )


def all_put_back(run: Run, hosts: tuple[str, ...]) -> Run:
    """The Run with its end as rolled back, where the last results, those of ``hosts``, all say so."""
    undone = run.results[len(run.results) - len(hosts) :]
    if any(result.status is not StepStatus.ROLLED_BACK for result in undone):
        return run
    ended = {"status": RunStatus.ROLLED_BACK, "exit_code": 0, "message": _in_words_of_hosts(undone)}
    return run.model_copy(update=ended)


def _in_words_of_hosts(undone: Iterable[StepResult]) -> str:
    """What the hosts say of it: what could only be put back in another way is in that."""
    sentences = {result.host: result.message for result in undone}
    if len(set(sentences.values())) == 1:
        return next(iter(sentences.values())) or "Everything was put back."
    return " ".join(f"{host}: {sentence or 'Everything was put back.'}" for host, sentence in sentences.items())


def _status(code: int, last: Iterable[StepResult]) -> RunStatus:
    if code == 0:
        return RunStatus.DONE
    if code == 130:
        return RunStatus.CANCELLED
    if code == 7:
        return RunStatus.ROLLBACK_FAILED
    if any(result.status is StepStatus.VERIFIED for result in last):
        return RunStatus.PARTLY_DONE
    if any(result.status is StepStatus.UNREACHABLE and result.step != OBSERVE for result in last):
        return RunStatus.INTERRUPTED
    if all(result.status in (StepStatus.UNREACHABLE, StepStatus.NOT_BEGUN) for result in last):
        return RunStatus.REFUSED
    return RunStatus.ROLLED_BACK


def _sentence(run: Run, code: int, last: dict[str, StepResult]) -> str:
    if code == 0:
        verified = [result for result in run.results if result.status is StepStatus.VERIFIED and result.message]
        remarks = dict.fromkeys(f"{result.host}: {result.message}" for result in verified)
        return " ".join([f"Done on {_hosts(last)}.", *remarks])
    reasons = {
        host: next(
            (
                result.message
                for result in run.results
                if result.host == host and result.message and result.status is not StepStatus.VERIFIED
            ),
            "no reason was given",
        ).rstrip(".")
        for host, result in last.items()
        if CODES[result.status]
    }
    reasons_text = "; ".join(f"{host}: {reason}" for host, reason in reasons.items())
    return {
        130: f"Cancelled; the work on {_hosts(reasons)} was stopped and run {run.id} is unfinished.",
        6: f"Failed and put back: {reasons_text}.",
        7: f"Failed, and not everything is as before: {reasons_text}.{_left(last, reasons_text)}",
        8: f"Not worked on: {reasons_text}.{_lost(run, last)}",
    }.get(code, f"{reasons_text}.")


def _lost(run: Run, last: Mapping[str, StepResult]) -> str:
    """What became of hosts that went away in the middle of a step; they go on by themselves."""
    lost = [host for host, result in last.items() if result.status is StepStatus.UNREACHABLE and result.step != OBSERVE]
    if not lost:
        return ""
    return (
        f" What was begun on {_hosts(lost)} goes on there to the next safe point; selextract-infra status says how far"
        f" it is, then resume {run.id}, or rollback {run.id}."
    )


def _left(last: Mapping[str, StepResult], reasons_text: str) -> str:
    """What the last look at each host says beside the reason it failed for."""
    failed = [result for result in last.values() if result.status is StepStatus.ROLLBACK_FAILED]
    more = [f"{result.host}: {result.message}" for result in failed if result.message.rstrip(".") not in reasons_text]
    return "".join(f" {sentence}" for sentence in more)


def _hosts(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "no host"
