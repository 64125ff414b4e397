"""Policy: the guide as data, typed and frozen; every value knows where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, model_validator

from selextract_infra.errors import PolicyError
from selextract_infra.policy.schema.approvals import Approvals
from selextract_infra.policy.schema.events import DatedEvent
from selextract_infra.policy.schema.investment import (
    Cost,
    CpuParts,
    MemoryParts,
    OptimisationPolicy,
    Planning,
    Vertical,
)
from selextract_infra.policy.schema.operation import EmergencyPolicy, Monitoring, Prediction, Season, SeasonRules
from selextract_infra.policy.schema.planning import GrowthPolicy, Recommendations, Roadmap
from selextract_infra.policy.schema.replication import ReplicationPolicy
from selextract_infra.policy.schema.rules import (
    Application,
    Facts,
    Forecasting,
    JournalRetention,
    Postgres,
    Rightsizing,
    Sizing,
    Workers,
)
from selextract_infra.policy.schema.scaling import (
    Balancing,
    EnabledFrom,
    Maintenance,
    PgBouncer,
    PlannedEventPolicy,
    Regions,
    Scaling,
    TriggerRules,
    Triggers,
)
from selextract_infra.policy.schema.system import (
    Baseline,
    BottleneckPolicy,
    CapacityAlerts,
    ContainerPolicy,
    Guide,
    HostPolicy,
    Indicators,
    LimitsPolicy,
    LoadTests,
    Objective,
    SystemProfile,
)
from selextract_infra.policy.schema.windows import Period, Schedule
from selextract_infra.policy.section import Section, Table
from selextract_infra.policy.source import Path, PolicyEntry, Source, find

__all__ = ["Policy", "Provenance"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a value comes from: the guide's item (None for our own rules), and ``guide``, ``file:line`` or
    ``inventory``.
    """

    item_id: str | None
    where: str


class Policy(BaseModel):
    """All that the guide says, with the team's overrides. Get one from ``load_policy`` or ``default_policy``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: SystemProfile
    guide: Guide
    objectives: Table[Objective]
    kpis: Indicators
    capacity_alerts: CapacityAlerts
    host: HostPolicy
    containers: Table[ContainerPolicy]
    baseline: Baseline
    load_tests: LoadTests
    bottlenecks: Table[BottleneckPolicy]
    limits: LimitsPolicy
    growth: GrowthPolicy
    triggers: Triggers
    trigger_rules: TriggerRules
    planned_events: Table[PlannedEventPolicy]
    events: Table[DatedEvent]
    maintenance: Maintenance
    windows: Table[Period]
    blackouts: Table[Period]
    schedule: Schedule
    approvals: Approvals
    scaling: Scaling
    enabled_from: EnabledFrom
    balancing: Balancing
    pgbouncer: PgBouncer
    regions: Regions
    vertical: Vertical
    memory_parts: MemoryParts
    cpu_parts: CpuParts
    planning: Planning
    cost: Cost
    optimisation: OptimisationPolicy
    roadmap: Roadmap
    monitoring: Monitoring
    prediction: Prediction
    seasons: Table[Season]
    season_rules: SeasonRules
    emergency: EmergencyPolicy
    recommendations: Recommendations
    sizing: Sizing
    rightsizing: Rightsizing
    forecast: Forecasting
    postgres: Postgres
    replication: ReplicationPolicy
    workers: Workers
    facts: Facts
    journal: JournalRetention
    application: Application

    _sources: tuple[Source, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _events_are_of_a_kind(self) -> Self:
        for name, event in self.events.items():
            if event.kind is not None and event.kind not in self.planned_events:
                known = ", ".join(self.planned_events)
                raise ValueError(f'events.{name}.kind: "{event.kind[:60]}" is no kind of planned_events; {known}')
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the effective values: equal policies have equal digests, wherever their values come from.

        Windows, blackouts, events, the schedule, approvals and who is notified are no part of it: what is right to do
        does not depend on when it is allowed or wanted and by whom, which is judged at the time it is done, nor on who
        hears of it.
        """
        from selextract_infra.model.base import digest_of

        apart = {"windows", "blackouts", "events", "schedule", "approvals"}
        values = self.model_dump(mode="json", exclude=apart)
        values["emergency"].pop("notifications")
        return digest_of(values)

    @property
    def entries(self) -> tuple[PolicyEntry, ...]:
        """All commented places of the guide, in its order: each item once, and our own rules."""
        return self._sources[0].entries if self._sources else ()

    @cached_property
    def items(self) -> Mapping[str, PolicyEntry]:
        """The guide's items by their ID."""
        return {entry.item: entry for entry in self.entries if entry.item is not None}

    def entry(self, path: str | Path) -> PolicyEntry | None:
        """The entry that explains the value at a dotted path: the nearest one that encloses it."""
        steps = _steps(path)
        by_path = self._entries_by_path
        entries = (by_path.get(steps[:length]) for length in range(len(steps), 0, -1))
        return next((entry for entry in entries if entry is not None), None)

    def origin(self, path: str | Path) -> Provenance:
        """Where the value at a dotted path comes from.

        Raises PolicyError when there is nothing at that path.
        """
        self.value(path)
        entry = self.entry(path)
        steps = _steps(path)
        where = "guide"
        for source in reversed(self._sources[1:]):
            if find(source.values, steps)[0]:
                where = source.where(steps)
                break
        return Provenance(None if entry is None else entry.item, where)

    def value(self, path: str | Path) -> Any:
        """The value or section at a dotted path, such as ``sizing.headroom``; a tuple of steps where a name has a dot.

        Raises PolicyError with the nearest known name when there is none.
        """
        here: Any = self
        done: list[str] = []
        for step in _steps(path):
            known = names_in(here)
            if step not in known:
                raise PolicyError(f"there is no {'.'.join([*done, step])} in the policy{nearest(step, known)}")
            here = here[step] if isinstance(here, Mapping) else getattr(here, step)
            done.append(step)
        return here

    @cached_property
    def _entries_by_path(self) -> dict[Path, PolicyEntry]:
        return {entry.path: entry for entry in self.entries}


def _steps(path: str | Path) -> Path:
    return tuple(path.split(".")) if isinstance(path, str) else path


def nearest(name: str, known: list[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or all when none is near."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(known)}" if known else ""


def names_in(value: object) -> list[str]:
    """The names below a value of the policy: fields of a section, rows of a table, none of anything else."""
    if isinstance(value, Policy):
        return list(Policy.model_fields)
    if isinstance(value, Section):
        return list(value.annotations())
    return list(value) if isinstance(value, Mapping) else []
