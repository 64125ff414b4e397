"""What a playbook run tells: task events while it goes on, and one outcome for each host at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from selextract_infra.hosts.explain import FailureExplanation, explain
from selextract_infra.model.bounds import refuse_unbounded
from selextract_infra.model.figures import MB
from selextract_infra.model.task_event import EventKind, TaskEvent
from selextract_infra.model.text import displayable

__all__ = ["HostOutcome", "HostStatus", "Listener", "slimmed"]

HostStatus = Literal["ok", "failed", "unreachable", "missing"]

_KINDS: Mapping[str, EventKind] = {
    "runner_on_start": "task_started",
    "runner_on_ok": "task_done",
    "runner_on_skipped": "task_done",
    "runner_retry": "progress",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
}
_STATS = "playbook_on_stats"
_COMPLAINTS = ("error", "verbose")
_KEPT_COMPLAINTS = 40
_TOO_LARGE = "is too large to be taken in"
_LONGEST_TEXT = 64 * MB  # the packed history of a host is one text


@dataclass(frozen=True)
class HostOutcome:
    """How the run ended for one host.

    ``status``: ``ok``; ``failed``: reached, but a task failed or was stopped; ``unreachable``; ``missing``: the
    playbook never came to it, so nothing was touched. ``changed`` counts tasks that changed something. ``message`` is
    one displayable sentence, ``remedy`` what to do about it, ``stage`` what it failed at (``explain.Stage``), as far as
    that is known. ``results`` holds the task results by task name, newest last, without what Ansible adds for itself:
    data from the host, never a template. ``stopped`` is None unless the run was cancelled or timed out; then it says
    whether the host proved that none of the work is left running.
    """

    status: HostStatus
    changed: int = 0
    message: str = ""
    remedy: str = ""
    stage: str = ""
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stopped: bool | None = None


def slimmed(event: Mapping[str, Any], collect: tuple[str, ...]) -> dict[str, Any] | None:
    """Of a raw event only what is needed later, so that memory stays bounded; None when nothing is."""
    kind = event.get("event", "")
    data = event.get("event_data") or {}
    if kind in _COMPLAINTS:
        return {"event": kind, "stdout": str(event.get("stdout", ""))[:2000]}
    if kind == _STATS:
        return {"event": kind, **{key: data.get(key, {}) for key in ("processed", "dark", "failures", "changed")}}
    if kind not in _KINDS:
        return None
    task, (result, unbounded) = str(data.get("task", "")), _bounded(data.get("res"))
    collected = kind != "runner_retry" and (not collect or task in collect)
    failed = kind in ("runner_on_failed", "runner_on_unreachable")
    return {
        "event": kind,
        "host": str(data.get("host", "")),
        "task": task,
        "ignored": bool(data.get("ignore_errors")),
        "changed": bool((result or {}).get("changed")),
        "lost": unbounded or (_TOO_LARGE if kind == "runner_on_ok" and collected and result == {} else ""),
        "result": result if collected or failed else _told(result) if kind == "runner_retry" else None,
        "collected": collected,
    }


def _bounded(result: Any) -> tuple[Mapping[str, Any] | None, str]:
    """What a host answered, or nothing and why: no answer of ours is so deep, and none has such numbers."""
    try:
        refuse_unbounded(result, longest_text=_LONGEST_TEXT)
    except ValueError as problem:
        return {}, f"is not understood: {problem}"
    return result if isinstance(result, Mapping) else None, ""


def _told(result: Any) -> dict[str, str]:
    """How far a task is, in its own words."""
    return {"progress": str((result or {}).get("progress") or "")[:200]}


class Listener:
    """Turns slim events into task events and, at the end, into outcomes. ``planned`` are the hosts that should run."""

    def __init__(self, planned: tuple[str, ...]) -> None:
        self._planned = planned
        self._results: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._failure: dict[str, FailureExplanation] = {}
        self._unreachable: dict[str, FailureExplanation] = {}
        self._seen: set[str] = set()
        self._lost: set[str] = set()
        self._complaints: list[str] = []
        self._stats: Mapping[str, Mapping[str, int]] | None = None

    @property
    def contacted(self) -> tuple[str, ...]:
        """The hosts on which a task was at least started and that were not unreachable."""
        return tuple(sorted(self._seen - set(self._unreachable)))

    @property
    def complete(self) -> bool:
        """Whether the statistics were told, which come last."""
        return self._stats is not None

    @property
    def complaint(self) -> str:
        """What Ansible itself complained about, as one sentence: an unreadable playbook, a wrong option."""
        text = "\n".join(self._complaints)
        return displayable(text.partition("[ERROR]:")[2] or text.partition("ERROR!")[2])

    def hear(self, event: Mapping[str, Any]) -> TaskEvent | None:
        """Take one slim event in; what a person following the run should see of it."""
        kind = event["event"]
        if kind in _COMPLAINTS:
            self._complaints = [*self._complaints[-_KEPT_COMPLAINTS:], event["stdout"]]
            return None
        if kind == _STATS:
            self._stats = event
            return None
        return self._task(event, event["host"], event["task"], event["result"] or {})

    def _task(self, event: Mapping[str, Any], host: str, task: str, result: Mapping[str, Any]) -> TaskEvent:
        kind: EventKind = "task_done" if event["ignored"] else _KINDS[event["event"]]
        message = ""
        self._seen.add(host)
        if kind == "progress":
            return TaskEvent(kind, host, displayable(task), message=displayable(str(result.get("progress", ""))))
        if kind == "unreachable":
            explanation = explain(result)
            self._unreachable[host] = explanation
            message = explanation.sentence
        elif kind == "failed":
            explanation = explain(result)
            self._failure[host] = explanation
            message = explanation.sentence
        elif event["lost"]:
            kind, message = "failed", f"the result of {displayable(task)!r} {event['lost']}"
            self._failure[host] = FailureExplanation(message)
            self._lost.add(host)
        if kind != "task_started" and event["collected"] and result:
            collected = self._results.setdefault(host, {})
            collected.pop(task, None)
            collected[task] = {
                key: value for key, value in result.items() if key != "invocation" and not key.startswith("_ansible")
            }
        return TaskEvent(kind, host, displayable(task), event["changed"], message)

    def outcomes(self, *, stopped: Mapping[str, Mapping[str, Any]] | None) -> dict[str, HostOutcome]:
        """One outcome for each planned host, and for any other that did not end well.

        ``stopped`` is given for a run that was cancelled or timed out: by host, what the task answered that stopped it.
        """
        others = {host for host in self._seen - set(self._planned) if self._status(host) != "ok"}
        return {host: self._outcome(host, stopped) for host in (*self._planned, *sorted(others))}

    def _outcome(self, host: str, stopped: Mapping[str, Mapping[str, Any]] | None) -> HostOutcome:
        status = self._status(host)
        explanation = self._told(host, status)
        answer = (stopped or {}).get(host, {})
        message = explanation.sentence
        proof: bool | None = None
        if stopped is not None and status in ("ok", "failed"):
            proof = answer.get("left") == []
            if host not in self._failure and status == "failed":
                message = (
                    "stopped, and nothing of it is left running on the host"
                    if proof
                    else "stopped here, but it could not be proved that nothing of it is left running on the host"
                )
        return HostOutcome(
            status=status,
            changed=int(((self._stats or {}).get("changed") or {}).get(host, 0)),
            message=message,
            remedy=explanation.remedy,
            stage=explanation.stage,
            results={**self._results.get(host, {}), **({"stop": answer} if answer else {})},
            stopped=proof,
        )

    def _status(self, host: str) -> HostStatus:
        if host in self._unreachable:
            return "unreachable"
        if self._stats is None:
            return "failed" if host in self._seen else "missing"
        if host not in self._stats["processed"]:
            return "missing"
        return "failed" if self._stats["failures"].get(host) or host in self._lost else "ok"

    def _told(self, host: str, status: HostStatus) -> FailureExplanation:
        if status == "unreachable":
            return self._unreachable[host]
        if status == "failed":
            return self._failure.get(host, FailureExplanation("Ansible ended before this host was finished"))
        if status == "missing":
            return FailureExplanation(self.complaint or "the playbook never came to this host")
        return FailureExplanation("")
