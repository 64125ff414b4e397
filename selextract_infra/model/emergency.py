"""An emergency as it travels: what a host holds of it, what it did, and what the journal keeps of the incident."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime, Field

from selextract_infra.model.assessment import Assessment, IncidentSeverity, Judgement
from selextract_infra.model.base import Frozen
from selextract_infra.model.finding import Finding
from selextract_infra.model.host_state import EmergencyStatus
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.scaling import EmergencyDecision, IncidentBottleneck

PLAYBOOK = "selextract.infra.emergency"  # what begins one

__all__ = [
    "Drill",
    "EmergencyAssessment",
    "EmergencyOnHost",
    "EmergencyReading",
    "EmergencyStatus",
    "Incident",
    "Moment",
    "Reverted",
    "Validation",
    "emergencies",
    "open_emergencies",
    "open_emergency",
]


class EmergencyOnHost(Frozen):
    """What a host says of its newest emergency; ``project`` is the Compose project that it is about."""

    host: str
    run: str
    project: str = ""
    status: EmergencyStatus
    severity: str = ""
    reason: str = ""
    owner: str = ""
    began_at: AwareDatetime
    expires_at: AwareDatetime
    reverted_at: AwareDatetime | None = None
    reverted_by: str = ""
    message: str = ""

    @property
    def open(self) -> bool:
        """Whether there is still something to take back."""
        return self.status in (EmergencyStatus.ACTIVE, EmergencyStatus.REFUSED)

    @classmethod
    def read(cls, host: str, content: Mapping[str, Any]) -> EmergencyOnHost:
        """From the host's own record."""
        known = ("project", "severity", "reason", "owner", "began_at", "reverted_at", "reverted_by", "message")
        more = {key: content[key] for key in known if content.get(key) is not None}
        return cls(host=host, run=content["run_id"], status=content["status"], expires_at=content["expires_at"], **more)


def emergencies(observation: Observation) -> tuple[EmergencyOnHost, ...]:
    """The newest emergency of each host that had one."""
    return tuple(
        EmergencyOnHost.read(host.name, content)
        for host in observation.hosts
        if (content := host.state.get("emergency"))
    )


def open_emergencies(observation: Observation) -> tuple[EmergencyOnHost, ...]:
    """Those that are on, or that could not be taken back."""
    return tuple(emergency for emergency in map(open_emergency, observation.hosts) if emergency is not None)


def open_emergency(host: HostObservation) -> EmergencyOnHost | None:
    """The emergency that is on at a host, or that could not be taken back there."""
    content = host.state.get("emergency")
    emergency = EmergencyOnHost.read(host.name, content) if content else None
    return emergency if emergency is not None and emergency.open else None


class EmergencyAssessment(Frozen):
    """The first five minutes (EPB-1): the state, what is affected, what it is bound by, what it means, what it needs.

    ``severity`` is None where nothing speaks for an incident. ``needs`` is None while an emergency is on.
    """

    at: AwareDatetime
    assessment: Assessment
    severity: IncidentSeverity | None
    affected: tuple[str, ...]
    bounds: tuple[IncidentBottleneck, ...]
    impact: str
    needs: EmergencyDecision | None
    active: tuple[EmergencyOnHost, ...] = ()


class EmergencyReading(Frozen):
    """One metric before and after, in its unit; None where it was not measured.

    ``better`` is None without both, and where both are written the same.
    """

    metric: str
    subject: str
    unit: str
    before: float | None
    after: float | None
    better: bool | None = None


class Validation(Frozen):
    """Whether it helps (EPB-3): the effect by metric, what has not recovered, and what else gives way."""

    at: AwareDatetime
    effect: tuple[EmergencyReading, ...]
    unrecovered: tuple[str, ...]
    cascades: tuple[Finding, ...]
    severity: IncidentSeverity | None = None

    @property
    def recovered(self) -> bool:
        """Every service answers and no reading is critical."""
        return not self.unrecovered

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        compared = [reading for reading in self.effect if None not in (reading.before, reading.after)]
        better = sum(reading.better is True for reading in compared)
        effect = f"{better} of {len(compared)} readings are better" if compared else "no reading can be compared"
        recovery = "all services have recovered" if self.recovered else f"not recovered: {'; '.join(self.unrecovered)}"
        cascade = f", and {len(self.cascades)} other things give way" if self.cascades else ""
        return f"{effect}; {recovery}{cascade}"


class Moment(Frozen):
    """One line of an incident's timeline."""

    at: AwareDatetime
    what: str


class Incident(Frozen):
    """What the journal keeps of one emergency; its ID is that of the Run. ``drill``: it was a rehearsal.

    ``subject`` is what people were told of it by before there was a Run.
    """

    id: str
    subject: str = ""
    opened_at: AwareDatetime
    reason: str
    drill: bool = False
    owner: str = ""
    hosts: tuple[str, ...] = ()
    decision: EmergencyDecision
    before: tuple[Judgement, ...] = ()
    validations: tuple[Validation, ...] = ()
    timeline: tuple[Moment, ...] = ()
    acknowledged_at: AwareDatetime | None = None
    acknowledged_by: str = ""
    closed_at: AwareDatetime | None = None
    closed_by: str = Field(default="", description="who took it back: a person, or the host's own time to live")
    failed: bool = Field(default=False, description="it did not begin, and everything is as before")

    def with_moment(self, at: Any, what: str) -> Incident:
        """The incident with one more line."""
        return self.model_copy(update={"timeline": (*self.timeline, Moment(at=at, what=what))})


class Drill(Frozen):
    """One rehearsal: its steps, each with how many seconds it took."""

    at: AwareDatetime
    incident: str
    real: bool
    steps: dict[str, float]
    sentence: str


class Reverted(Frozen):
    """What was taken back, by host; ``nothing``: no emergency was on, so nothing had to be."""

    at: AwareDatetime
    runs: tuple[str, ...] = ()
    hosts: dict[str, str] = Field(default_factory=dict)

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to do."""
        return not self.hosts
