"""What a watching process remembers between two looks: samples, counts and cooldowns of each service.

Nothing here looks, waits or acts; times are Unix seconds. How far apart samples are is told by the samples themselves,
because on a busy machine a look may take longer than the interval.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selextract_infra.assess.calendar import Calendar
from selextract_infra.assess.instance_usage import usage_gaps
from selextract_infra.assess.mapped_role import mapping_findings, roles_seen
from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.room import DatabaseSide
from selextract_infra.assess.samples import Samples
from selextract_infra.assess.scaled_service import SampleRing, ScaledService
from selextract_infra.assess.scaling_inputs import (
    database_side,
    host_size,
    most_of,
    only_instances,
    reads_per_second,
    samples_of,
    scaled_services,
    transactions_per_second,
)
from selextract_infra.assess.tasks import uncounted_tasks
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.emergency import open_emergencies
from selextract_infra.model.figures import count as counted
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.scaling import Direction, ScalingDecision, ServiceStamps
from selextract_infra.model.traffic import TrafficObservation
from selextract_infra.operations.scaling.autoscaler import Autoscaler, wanted_counts
from selextract_infra.operations.watch.readings import readings_of

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["Watched"]

_LATE = 2.5  # intervals without a sample after which a metric counts as lost
_SPARE = 1.2  # how much longer than any rule looks back samples are kept


@dataclass
class Watched:
    """The services and hosts that one process watches.

    ``replicas`` are those of each primary that was seen; on the hosts ``by_transactions`` its reads are not counted,
    and its transactions stand for them.
    """

    policy: Policy
    services: dict[tuple[str, str], ScaledService] = field(default_factory=dict)
    replicas: dict[tuple[str, str], ScaledService] = field(default_factory=dict)
    by_transactions: set[str] = field(default_factory=set)
    _traffic: dict[str, TrafficObservation] = field(default_factory=dict)
    _readings: dict[tuple[str, str, str], SampleRing] = field(default_factory=dict)
    _lost: set[tuple[str, str, str]] = field(default_factory=set)
    _pinned: set[tuple[str, str]] = field(default_factory=set)
    _emergency: set[str] = field(default_factory=set)
    _told_uncounted: set[str] = field(default_factory=set)
    _told_gaps: set[str] = field(default_factory=set)
    _told_roles: set[str] = field(default_factory=set)

    @property
    def interval(self) -> float:
        """Seconds between two looks."""
        return self.policy.monitoring.watch.interval

    def read(self, seen: Observation, at: float) -> None:
        """Take in the readings that an incident is judged by, whatever becomes of the rest of the look."""
        for host in seen.hosts:
            for name, metric, value in readings_of(host, self.policy) if host.problem is None else ():
                self._readings.setdefault((host.name, name, metric), SampleRing(self._keep)).add(at, value)

    def take(self, seen: Observation, at: float) -> list[str]:
        """Take in the rest of it; returns what people should hear: counts changed by hand, metrics lost and found."""
        news: list[str] = []
        for host in seen.hosts:
            if host.problem is None:
                news += self._counts(host, seen, at)
                self._samples(host, at)
        self._emergency = {one.host for one in open_emergencies(seen)}
        return [*news, *self._mapping(seen), *self._uncounted(seen), *self._gaps(seen), *self._missing(seen, at)]

    def _counts(self, host: HostObservation, seen: Observation, at: float) -> Iterator[str]:
        only, stamps = only_instances(host, self.policy), _stamps(host)
        ours = host.name in self._emergency | {one.host for one in open_emergencies(seen)}
        for fresh in scaled_services(host, self.policy):
            known = self.services.get(fresh.key)
            if known is None:
                fresh.keep = self._keep
                self.services[fresh.key] = fresh
                if fresh.key in only:
                    self._pinned.add(fresh.key)
                    yield f"{host.name}/{fresh.name} is not scaled: {only[fresh.key]}"
                if fresh.name in stamps and fresh.restore(stamps[fresh.name], at):
                    yield f"{host.name}/{fresh.name} has {fresh.count} instances, changed while nobody watched"
                continue
            known.observe_limits(fresh)
            before = known.count
            if ours:
                known.count = fresh.count
            elif known.observe_count(fresh.count, at):
                now = counted(fresh.count, "instance")
                yield f"{host.name}/{fresh.name} went from {before} to {now} by another hand, respected for a while"

    def _samples(self, host: HostObservation, at: float) -> None:
        most = most_of(host, self.policy)
        for name, metrics in samples_of(host, self.policy, reads=self._reads(host)).items():
            service = self.services.get((host.name, name)) or self._replicas_of(host, name)
            if service is None:
                continue
            if metrics.get("requests_per_second") == 0:  # then nothing was slow either
                metrics.setdefault("response_time_p95", 0.0)
            for metric, value in metrics.items():
                service.record(metric, at, value, most.get(name, {}).get(metric))

    def _reads(self, host: HostObservation) -> float | None:
        """Reads per second since the last look; transactions, where reads are not counted."""
        before, now = self._traffic.get(host.name), host.traffic
        self._traffic[host.name] = now
        if before is None:
            return None
        reads = reads_per_second(before, now)
        if now.reads is None:
            self.by_transactions.add(host.name)
            return transactions_per_second(before, now)
        self.by_transactions.discard(host.name)
        return reads

    def _replicas_of(self, host: HostObservation, name: str) -> ScaledService | None:
        """The replicas of the primary that this service is; None where it is none."""
        server = host.postgres
        if server is None or server.service != name or server.problem is not None or server.in_recovery:
            return None
        found = self.replicas.setdefault(
            (host.name, name), ScaledService(name, "database", 0, host.name, server.project, keep=self._keep)
        )
        found.count = len(server.replicas)
        return found

    def _mapping(self, seen: Observation) -> Iterator[str]:
        """Services in which something else runs than the policy says, each told once while it is so."""
        now = {finding.sentence.rstrip(".") for finding in mapping_findings(seen, self.policy)}
        yield from sorted(now - self._told_roles)
        self._told_roles = now

    def _uncounted(self, seen: Observation) -> Iterator[str]:
        """Services whose pending tasks are not known, each told once."""
        for finding in uncounted_tasks(seen, self.policy):
            if finding.subject not in self._told_uncounted:
                self._told_uncounted.add(finding.subject)
                yield f"pending tasks of {finding.subject} are not known: {finding.sentence} Try: {finding.resolution}"

    def _gaps(self, seen: Observation) -> Iterator[str]:
        """Instances of which a reading or a limit is missing, each told once while it is so."""
        now = {f"{finding.subject}: {finding.sentence}" for finding in usage_gaps(seen, self.policy)}
        yield from sorted(now - self._told_gaps)
        self._told_gaps = now

    def _missing(self, seen: Observation, at: float) -> Iterator[str]:
        """Metrics that were there and are not any more, each told once, and told when they are back."""
        reached = {host.name for host in seen.hosts}
        for key, ring in self._readings.items():
            host, service, metric = key
            late = not ring.at or at - ring.at[-1] > _LATE * self.interval
            where = "/".join(part for part in (host, service) if part)
            if late and key not in self._lost:
                self._lost.add(key)
                if host in reached:
                    yield f"{metric} of {where} is missing: nothing is taken away there until it is back"
            elif not late and key in self._lost:
                self._lost.discard(key)
                yield f"{metric} of {where} is back"

    @cached_property
    def _keep(self) -> float:
        """Seconds for which samples are kept."""
        scaling = Autoscaler(self.policy, (), Calendar.of(self.policy))
        return _SPARE * scaling.looks_back

    def measurements(self, seen: Observation) -> list[Measurement]:
        """The raw samples, as an Assessment takes them; ``seen`` says what runs in which service."""
        roles = roles_seen(seen, self.policy)
        return [
            Measurement(
                metric,
                "/".join(part for part in (host, service) if part),
                Samples(tuple(ring.at), tuple(ring.values)),
                roles.get(service),
            )
            for (host, service, metric), ring in self._readings.items()
            if ring.at
        ]

    def decide(
        self, seen: Observation, at: float, calendar: Calendar, incident: IncidentSeverity | None
    ) -> tuple[ScalingDecision, ...]:
        """What the autoscaler would do now with each service that can be scaled, on hosts that were seen."""
        looked_at = [host for host in seen.hosts if host.problem is None]
        sizes = [host_size(host, self.policy) for host in looked_at]
        scaler = Autoscaler(
            self.policy,
            sizes,
            calendar,
            cheaper=self.policy.optimisation.profile.production.value,
            usual=wanted_counts(self.policy),
            database=_database(looked_at, self.policy),
        )
        names = {host.name for host in looked_at}
        here = [service for service in self.services.values() if service.host in names]
        free = [service for service in here if service.key not in self._pinned]
        beside = [service for service in here if service.key in self._pinned]
        return scaler.decide(free, at, incident=incident, beside=beside)

    def replicas_wanted(self, at: float, calendar: Calendar) -> tuple[ScalingDecision, ...]:
        """The primaries whose reads ask for a replica more. Only people make one: it needs another host."""
        scaler = Autoscaler(self.policy, (), calendar)
        return tuple(one for one in scaler.decide(list(self.replicas.values()), at) if one.direction is Direction.OUT)

    def moved(self, seconds: float) -> None:
        """The clock was set by so many seconds: stamps go with it, and samples from before count no more."""
        for service in self.services.values():
            stamps = service.stamps
            service.restore(
                stamps.model_copy(
                    update={
                        name: value + seconds
                        for name in ("last_out", "last_in", "changed_by_hand")
                        if (value := getattr(stamps, name)) is not None
                    }
                ),
                float("inf"),
            )
            service.forget_samples()
        for replicas in self.replicas.values():
            replicas.forget_samples()
        self._traffic.clear()
        self._readings.clear()

    def stamps(self, host: str) -> dict[str, Any]:
        """What has to outlive a restart, by service of that host."""
        return {one.name: one.stamps.model_dump() for one in self.services.values() if one.host == host}


def _stamps(host: HostObservation) -> Mapping[str, ServiceStamps]:
    kept = (host.state.get("autoscaler") or {}).get("services") or {}
    return {name: ServiceStamps.model_validate(stamps) for name, stamps in kept.items()}


def _database(hosts: Collection[HostObservation], policy: Policy) -> DatabaseSide | None:
    """The host on which Postgres was seen says how many connections there are; else the guide does."""
    return next((database_side(host, policy) for host in hosts if host.postgres is not None), None)
