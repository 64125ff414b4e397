"""Assess: look, or recall, or read; then judge by the Policy. Nothing is changed anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from selextract_infra.assess.assessment import assess, assess_measurements
from selextract_infra.assess.calendar import Calendar
from selextract_infra.assess.dated_events import event_findings
from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.observed import measurements_of
from selextract_infra.assess.severity import Signals
from selextract_infra.assess.traffic import traffic_measurements, usual_throughput
from selextract_infra.errors import UsageError
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.hosts.observe.metrics_csv import load_metrics
from selextract_infra.model.assessment import Assessment
from selextract_infra.model.observation import Observation
from selextract_infra.policy import Policy

__all__ = ["Assessed", "assess_file", "assess_seen", "recall"]


@dataclass(frozen=True)
class Assessed:
    """An Assessment with the measurements it rests on, and what of the source was left out."""

    assessment: Assessment
    measurements: tuple[Measurement, ...] = ()
    ignored: tuple[str, ...] = ()


def assess_seen(
    observation: Observation, policy: Policy, *, source: str = "observation", signals: Signals | None = None
) -> Assessed:
    """Judge an Observation, live or saved; ``signals`` is what else is known, such as days until exhaustion."""
    more = traffic_measurements(observation, policy)
    assessment = assess(observation, policy, more=more, usual=_usual(policy, observation.at), signals=signals)
    findings = (*assessment.findings, *event_findings(policy, observation.at))
    judged = assessment.model_copy(update={"source": source, "findings": findings})
    return Assessed(judged, (*measurements_of(observation, policy), *more))


def assess_file(path: Path, policy: Policy, *, zone: tzinfo | None = None, until: datetime | None = None) -> Assessed:
    """Judge the metrics of a CSV file at its last time, or at ``until``.

    Raises UsageError for a file that cannot be read as metrics.
    """
    roles = {name: service.role for name, service in policy.application.services.items()}
    recorded = load_metrics(
        path,
        zone=zone,
        until=until,
        role_of=lambda subject: roles.get(subject, subject if subject in policy.containers else None),
    )
    assessment = assess_measurements(
        recorded.measurements, policy, recorded.at, source=path.name, usual=_usual(policy, recorded.at)
    )
    return Assessed(assessment, recorded.measurements, recorded.ignored)


def recall(journal: Journal, policy: Policy) -> Observation:
    """The newest Observation of the journal with the history of the policy's window; no host is touched.

    Raises UsageError when the journal holds none.
    """
    last = journal.last_observation()
    if last is None:
        raise UsageError("The journal holds no observation yet.", remedy="selextract-infra observe")
    since = last.at - timedelta(seconds=policy.rightsizing.window)
    hosts = []
    for host in last.hosts:
        spacing = {"bucket_seconds": host.sampler.bucket, "interval_seconds": host.sampler.interval}
        known = {name: value for name, value in spacing.items() if value}
        machine = host.facts.machine_id
        series = journal.history(machine, since=since, before=last.at) if machine else ()
        hosts.append(host.model_copy(update={"history": tuple(history.model_copy(update=known) for history in series)}))
    return last.model_copy(update={"hosts": tuple(hosts)})


def _usual(policy: Policy, at: datetime) -> float | None:
    """The usual throughput of that time, in a season so many times as much (X-38)."""
    calendar = Calendar.of(policy)
    return usual_throughput(policy, at.astimezone(calendar.zone), multiplier=calendar.adjustment(at).multiplier)
