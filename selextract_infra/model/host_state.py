"""What a host says of what is noted on it: lock, freeze, Runs, emergency; each of the type that is worked with.

A host that says something else is understood in nothing of it: half of what is noted may be worse than none.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from selextract_infra.model.bounded_types import Moment, RunId, Text
from selextract_infra.model.bounds import refuse_unbounded

__all__ = ["EmergencyStatus", "noted_on_host"]

_Name = Annotated[str, Field(max_length=255)]
_UnixTime = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]


class EmergencyStatus(StrEnum):
    """Where an emergency stands on a host.

    ``refused``: its time was over, but a value had been changed by hand, so nothing was put back. ``kept``: a person
    left the values as they are. ``failed``: it could not begin, and everything is as before.
    """

    ACTIVE = "active"
    REVERTED = "reverted"
    REFUSED = "refused"
    KEPT = "kept"
    FAILED = "failed"


class _Noted(BaseModel):
    """Something that is noted on a host; what other versions note besides is kept as it is."""

    model_config = ConfigDict(extra="allow", defer_build=True)


class _Lock(_Noted):
    run_id: RunId | None = None
    owner: Text | None = None
    purpose: Text | None = None
    operation: Text | None = None
    taken_at: Text | None = None
    lease_until: Moment | None = None
    lease_left: float | None = Field(None, ge=-1e11, le=1e11, allow_inf_nan=False)
    epoch: int = Field(0, ge=0)
    identity: dict[str, str | int | float | None] | None = None


class _Freeze(_Noted):
    owner: Text | None = None
    since: Text | None = None
    reason: Text | None = None


class _Preemption(_Noted):
    operation: Text | None = None
    owner: Text | None = None
    reason: Text | None = None
    since: Text | None = None
    until: Text | None = None


class _StepOfRun(_Noted):
    status: Text | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None


class _UnfinishedRun(_Noted):
    run_id: RunId
    owner: Text | None = None
    purpose: Text | None = None
    started_at: Moment | None = None
    steps: dict[_Name, _StepOfRun] = Field(default_factory=dict, max_length=1000)
    plan: dict[str, Any] | None = None


class _FailedRollback(_Noted):
    run_id: RunId
    sentence: Annotated[str, Field(max_length=100_000)] | None = None


class _Emergency(_Noted):
    run_id: RunId
    status: EmergencyStatus
    expires_at: Moment | _UnixTime
    began_at: Moment | _UnixTime
    reverted_at: Moment | _UnixTime | None = None
    project: _Name | None = None
    severity: Text | None = None
    reason: Text | None = None
    owner: Text | None = None
    reverted_by: Text | None = None
    message: Annotated[str, Field(max_length=100_000)] | None = None


class _Stamps(_Noted):
    count: int | None = Field(None, ge=0, le=100_000)
    last_out: _UnixTime | None = None
    last_in: _UnixTime | None = None
    changed_by_hand: _UnixTime | None = None


class _Autoscaler(_Noted):
    services: dict[_Name, _Stamps] | None = Field(None, max_length=1000)


def _entries(value: Any) -> Any:
    """Without what is no entry: these are only told of, and one that is not understood hides no other."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else None


class _HostState(_Noted):
    closed: bool = False
    lock: _Lock | None = None
    freeze: _Freeze | None = None
    preempt: _Preemption | None = None
    unfinished: list[_UnfinishedRun] | None = Field(None, max_length=1000)
    ended: dict[RunId, Text] | None = Field(None, max_length=1000)
    failed_rollbacks: Annotated[list[_FailedRollback] | None, BeforeValidator(_entries)] = Field(None, max_length=1000)
    emergency: _Emergency | None = None
    projects: list[_Name] | None = Field(None, max_length=1000)
    autoscaler: _Autoscaler | None = None


def noted_on_host(state: Any) -> dict[str, Any]:
    """What is noted on a host, as plain data of the types that are worked with.

    Raises ``ValueError`` where something of it is of another type or beyond all bounds.
    """
    refuse_unbounded(state)
    noted = _HostState.model_validate(state).model_dump(mode="json", exclude_unset=True)
    if noted.get("unfinished", ()) is None:
        noted["unfinished"] = []
    return noted
