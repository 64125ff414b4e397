"""Assessment: an Observation, its history or recorded metrics, judged by the Policy."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime

from selextract_infra.model.base import Frozen
from selextract_infra.model.finding import Finding

__all__ = [
    "OPPOSITE",
    "Assessment",
    "Bottleneck",
    "ConnectionBudget",
    "Headroom",
    "IncidentSeverity",
    "Judgement",
    "Level",
    "Response",
    "WorkerCapacity",
]


class Level(StrEnum):
    """How a reading stands. ``unknown`` means not measured, or measured too thinly to say; it is never ``ok``."""

    OK = "ok"
    UNKNOWN = "unknown"
    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"
    EMERGENCY = "emergency"

    @property
    def rank(self) -> int:
        """0 (ok) to 5 (emergency); for sorting, worst last."""
        return _RANKS[self]


OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
"""What holds where a comparison does not."""

_RANKS = {level: rank for rank, level in enumerate(Level)}


class IncidentSeverity(StrEnum):
    """Severity of an incident (SEV-01 to SEV-04); P1 is the worst."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"

    @property
    def rank(self) -> int:
        """4 (P1) to 1 (P4); higher is worse."""
        return 5 - int(self.value[1])


class Judgement(Frozen):
    """One reading against one rule of the Policy.

    ``value`` and ``threshold`` are in ``unit`` (``ratio``, ``seconds``, ``per second``, ``per hour``, ``bytes``,
    ``tasks``, ``users``, ``connections``, ``cores``); ``threshold`` is the one that was met, else the nearest one that
    was not. ``operator`` is how the two are compared. ``item`` names the line of the guide, or our own rule.
    ``coverage`` is the share of expected samples that were there, None for a single reading. ``alert`` marks readings
    that make a severity; ``pages`` is True where the level alone is a reason to wake a person (X-38, X-41).
    """

    metric: str
    subject: str
    level: Level
    value: float | None = None
    unit: str
    operator: str
    threshold: float | None = None
    item: str
    window_seconds: float = 0.0
    coverage: float | None = None
    alert: bool = True
    pages: bool = False
    sentence: str

    @property
    def relation(self) -> str:
        """How ``value`` stands to ``threshold``: the operator where it was met, its opposite where it was not."""
        return OPPOSITE[self.operator] if self.level is Level.OK else self.operator


class Headroom(Frozen):
    """How much of a capacity is used and how much has to stay free (REC-03).

    ``used``, ``capacity`` and ``needed`` are in ``unit``; ``needed`` is the smallest capacity that leaves the wanted
    headroom for what is used. ``free`` and ``wanted`` are ratios of the capacity.
    """

    subject: str
    resource: str
    unit: str
    used: float
    capacity: float
    free: float
    wanted: float
    needed: float
    level: Level
    sentence: str


class Bottleneck(Frozen):
    """What limits the system, worst first. ``pressure`` is the value over its threshold: at 1 the signature is met."""

    rank: int
    kind: str
    name: str
    item: str
    subject: str
    value: float
    threshold: float
    pressure: float
    sentence: str


class ConnectionBudget(Frozen):
    """Connections to Postgres that the instances want at once, and what there is (X-13).

    ``wanted`` is all clients at full pools plus ``reserved``; ``usable`` is ``maximum`` less ``reserved``.
    ``most_api_instances`` is how many API instances fit beside these workers without a pooler.
    """

    api: int
    workers: int
    reserved: int
    wanted: int
    maximum: int
    usable: int
    soft_limit: int
    fits: bool
    within_soft_limit: bool
    most_api_instances: int
    sentence: str


class WorkerCapacity(Frozen):
    """What the workers can do by Little's law (X-26, X-27). Rates are tasks per hour, times are seconds.

    ``slots`` run tasks at once, ``slots_needed`` are busy at ``demand``; ``wait_seconds`` is how long the last of
    ``queued`` tasks waits, None where nothing moves.
    """

    instances: int
    slots: int
    capacity: float
    demand: float | None = None
    slots_needed: float | None = None
    instances_needed: int | None = None
    queued: float | None = None
    wait_seconds: float | None = None
    level: Level
    sentence: str


class Response(Frozen):
    """Who has to do what by when (SEV-01 to SEV-05, X-70). Times count from detection."""

    severity: IncidentSeverity
    because: tuple[str, ...]
    action: str
    channels: tuple[str, ...]
    detected_at: AwareDatetime
    respond_by: AwareDatetime
    escalate_at: AwareDatetime | None = None


class Assessment(Frozen):
    """How good what was seen is.

    ``at`` is the time that was judged, ``source`` where the readings came from (``observation``, ``history``, a file's
    name). ``judgements`` has the worst first. ``response`` is None when nothing calls for one.
    """

    at: AwareDatetime
    source: str
    policy_digest: str
    judgements: tuple[Judgement, ...] = ()
    headroom: tuple[Headroom, ...] = ()
    bottlenecks: tuple[Bottleneck, ...] = ()
    connections: ConnectionBudget | None = None
    workers: WorkerCapacity | None = None
    response: Response | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def level(self) -> Level:
        """The worst level of all judgements; unknown where nothing was judged."""
        return max(
            (judgement.level for judgement in self.judgements), key=lambda level: level.rank, default=Level.UNKNOWN
        )

    @property
    def worst_of_each(self) -> tuple[Judgement, ...]:
        """The worst judgement of each metric of each subject, worst first."""
        worst: dict[tuple[str, str], Judgement] = {}
        for judgement in self.judgements:
            worst.setdefault((judgement.subject, judgement.metric), judgement)
        return tuple(worst.values())

    def worst(self, count: int) -> tuple[Judgement, ...]:
        """The first ``count`` judgements, worst first."""
        return self.judgements[:count]
