"""Monitoring, prediction, seasons and emergencies (MON, PRE, SEA, SEV, EM*, CB)."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Generic, Literal, TypeVar

from selextract_infra.errors import UnitError
from selextract_infra.policy.condition import Condition
from selextract_infra.policy.schema.rules import StepTimes
from selextract_infra.policy.section import FrozenTable, PolicyReading, Section, Table
from selextract_infra.policy.units import (
    BaselineRatio,
    Count,
    Factor,
    P95Seconds,
    PerSecond,
    Positive,
    Seconds,
    Share,
)

__all__ = [
    "Alert",
    "Breaker",
    "DayOfYear",
    "EmergencyPolicy",
    "Monitoring",
    "Prediction",
    "Season",
    "SeasonRules",
    "SeverityPolicy",
]

Amount = TypeVar("Amount", int, float)

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_LEAP_YEAR = 2000


class DayOfYear(Section):
    """A day that comes back each year; written ``November 20``."""

    month: int
    day: int

    @classmethod
    def read(cls, value: Any) -> Any:
        """Month and day of a text such as ``November 20``."""
        return value if isinstance(value, Mapping) else _parts(str(value))

    def __str__(self) -> str:
        """As it is written in a policy."""
        return f"{_MONTHS[self.month - 1]} {self.day}"


def _parts(text: str) -> dict[str, int]:
    month, _, day = text.partition(" ")
    if month not in _MONTHS or not day.isdecimal():
        raise UnitError(f'"{text[:60]}" is not a day of the year; accepted: November 20, July 1')
    number = _MONTHS.index(month) + 1
    try:
        date(_LEAP_YEAR, number, int(day))
    except ValueError as error:
        raise UnitError(f'"{text[:60]}" is no day of any year; {month} is shorter') from error
    return {"month": number, "day": int(day)}


class Alert(Section, Generic[Amount]):
    """Thresholds of one metric (MON). ``window`` is None for the last value; ``statistic`` is the guide's word."""

    warning: Amount
    critical: Amount
    statistic: Literal["average", "rate", "last", "window_percentile"]
    window: Positive[Seconds] | None = None


class RisingAlert(Alert[Amount], Generic[Amount]):
    """Thresholds of a metric of which more is worse."""

    def complaint(self) -> str | None:
        """The thresholds are in the wrong order."""
        return "warning is above critical" if self.warning > self.critical else None


class FallingAlert(Alert[Amount], Generic[Amount]):
    """Thresholds of a metric of which less is worse."""

    def complaint(self) -> str | None:
        """The thresholds are in the wrong order."""
        return "warning is below critical" if self.warning < self.critical else None


class InfrastructureAlerts(Section):
    """Metrics of hosts and containers, as shares of what is there (MON-01 to MON-04)."""

    cpu_usage: RisingAlert[Share]
    memory_usage: RisingAlert[Share]
    disk_usage: RisingAlert[Share]
    network_bandwidth: RisingAlert[Share]


class ApplicationAlerts(Section):
    """Metrics of the app (MON-05 to MON-08). Throughput alone gets worse as it gets less."""

    response_time: RisingAlert[P95Seconds]
    error_rate: RisingAlert[Share]
    throughput: FallingAlert[BaselineRatio]
    queue_length: RisingAlert[Count]


class WatchPolicy(Section):
    """The loop that looks and decides: seconds between looks, until it is blind, until a P2 is told again."""

    interval: Positive[Seconds]
    blind_after: Positive[Seconds]
    repeat: Positive[Seconds]


class Monitoring(Section):
    """The eight metrics and how they are read (MON, X-38, X-42, X-43).

    ``throughput_hours`` has the usual requests per second by time of the week (``mon-fri 08:00-20:00``).
    """

    infrastructure: InfrastructureAlerts
    application: ApplicationAlerts
    percentile_rule: Literal["window_percentile"]
    throughput_baseline: PolicyReading[Positive[PerSecond]]
    throughput_hours: Table[PerSecond] = FrozenTable()
    throughput_needs_signal: PolicyReading[bool]
    raw_interval: Seconds
    fast_window: PolicyReading[Seconds]
    watch: WatchPolicy


class PredictionLevel(Section):
    """Fewer days than this (in seconds) raise this alert (PRE-02, PRE-03)."""

    below: Seconds
    alert: str

    @property
    def days(self) -> float:
        """The threshold in days."""
        return self.below / 86400


class GuideFormula(Section):
    """The guide's program for predictions, as data to be judged (X-19, X-20).

    ``tests``: its tests in their order, the first that matches wins. ``handles``: the special cases it knows of
    ``no_growth``, ``shrinking``, ``exhausted`` and ``not_a_number``. ``divides_growth_first``: whether the growth is
    divided by 7 before it divides.
    """

    tests: tuple[Literal["warning", "critical"], ...]
    handles: tuple[Literal["no_growth", "shrinking", "exhausted", "not_a_number"], ...]
    divides_growth_first: bool


class PredictionWatch(Section):
    """How many seconds lie between two looks ahead that nobody asks for."""

    every: Positive[Seconds]


class Prediction(Section):
    """Days until exhaustion (PRE)."""

    warning: PredictionLevel
    critical: PredictionLevel
    resources: tuple[str, ...]
    watching: PredictionWatch
    guide_formula: GuideFormula


class Season(Section):
    """A time of the year, both days included, and what capacity is multiplied by (SEA)."""

    first: DayOfYear
    last: DayOfYear
    factor: Factor

    def covers(self, day: date) -> bool:
        """Whether the day lies in the season; a season may go over the end of a year."""
        first, last = (self.first.month, self.first.day), (self.last.month, self.last.day)
        here = (day.month, day.day)
        return first <= here <= last if first <= last else here >= first or here <= last


class SeasonRules(Section):
    """What holds where seasons, events and weekends meet (X-36, X-37)."""

    named_season_wins: PolicyReading[bool]
    overlapping: PolicyReading[Literal["maximum", "product"]]
    weekend_in_peak: PolicyReading[Literal["suspended", "product"]]
    weekend_in_low: PolicyReading[Literal["minimum", "product"]]


class SeverityPolicy(Section):
    """A severity of incidents (SEV): answer within ``respond`` seconds, tell those channels."""

    name: str
    respond: Seconds
    action: str
    notify: tuple[Literal["page", "slack", "email", "ticket"], ...]


class Classification(Section):
    """What makes an incident P1 to P4 (SEV-05, X-70)."""

    criteria: PolicyReading[dict[str, tuple[str, ...]]]


class EmergencyTrigger(Section):
    """What starts an investigation or an emergency (EMT); no condition where it is not a number."""

    condition: Condition | None = None
    response: str


class EmergencyCondition(Section):
    """What starts the emergency by itself (EMC)."""

    condition: Condition


class ScaleBy(Section):
    """So many times as much (EMA)."""

    factor: Positive[Factor]


class EmergencyActions(Section):
    """What the emergency does (EMA); ``lifetime`` seconds until it is taken back (X-17)."""

    api: ScaleBy
    worker: ScaleBy
    limits: ScaleBy
    caching: bool
    throttling: bool
    lifetime: PolicyReading[Seconds]
    scope: PolicyReading[Literal["critical_services", "all"]]
    cache_eviction: PolicyReading[str]
    times: StepTimes


class Channels(Section):
    """Where each channel goes; None is a channel without a target (X-70).

    A target is an address of apprise with references to variables (``${SELEXTRACT_SLACK_URL}``), never a secret;
    ``ticket`` may be an e-mail address as well. ``webhook`` hears of everything. ``mail_server`` sends the e-mail.
    """

    page: str | None = None
    slack: str | None = None
    ticket: str | None = None
    webhook: str | None = None
    email: tuple[str, ...] = ()
    mail_server: str | None = None


class Notifications(Section):
    """Who hears of an emergency and when (EMN)."""

    immediate: tuple[str, ...]
    escalate_after: Seconds
    escalate_to: tuple[str, ...]
    channels: Channels


class StepWindow(Section):
    """Seconds from detection; without an end for the last step."""

    start: Seconds
    end: Seconds | None = None


class PlaybookStep(Section):
    """One step of the emergency playbook (EPB)."""

    window: StepWindow


class BreakerThresholds(Section):
    """Failures in a row that open the breaker, and seconds until it lets one call through (CB-01)."""

    failures: Count
    recovery: Seconds


class BreakerStates(Section):
    """The state it begins in, and all states (CB-02)."""

    initial: Literal["closed", "open", "half_open"]
    value: tuple[Literal["closed", "open", "half_open"], ...]


class GuideBreaker(Section):
    """What the guide's own breaker does, as data to be judged (X-21); ``probes_while_half_open`` None is no limit."""

    defines_failure_handler: bool
    initialises_failure_time: bool
    imports_clock: bool
    scales_on: Literal["rejection", "opening"]
    resets_count_on_success: Literal["half_open", "always"]
    probes_while_half_open: Count | None = None
    clock: Literal["wall", "monotonic"]
    locks: bool


class Breaker(Section):
    """The circuit breaker (CB)."""

    thresholds: BreakerThresholds
    states: BreakerStates
    guide_program: GuideBreaker


class EmergencyPolicy(Section):
    """The incident path (SEV, EMT, EMC, EMA, EMN, EPB, CB); ``drill_every`` seconds it is rehearsed (REC-05)."""

    severities: Table[SeverityPolicy]
    classification: Classification
    triggers: Table[EmergencyTrigger]
    conditions: Table[EmergencyCondition]
    combination: PolicyReading[Literal["any", "all"]]
    single_flight: PolicyReading[bool]
    actions: EmergencyActions
    notifications: Notifications
    playbook: Table[PlaybookStep]
    drill_every: Positive[Seconds]
    breaker: Breaker
