"""Bottlenecks: live measurements ranked against the signatures of the guide (BOT-01 to BOT-07)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from selextract_infra.assess.measurements import METRICS, Measurement
from selextract_infra.model.assessment import Bottleneck
from selextract_infra.model.figures import amount, percent
from selextract_infra.policy import Policy

__all__ = ["Signature", "bottlenecks", "signatures_of"]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a bottleneck looks like: a metric, of a role or of anything, at a threshold; ``peak`` where it has one."""

    name: str
    kind: str
    item: str
    metrics: tuple[str, ...]
    threshold: float
    peak: float | None = None
    role: str | None = None


def signatures_of(policy: Policy) -> tuple[Signature, ...]:
    """The guide's six signatures. Where it gives no number, the threshold that it has for the same metric is taken."""
    alerts, baseline = policy.monitoring.infrastructure, policy.baseline
    thresholds: dict[str, tuple[tuple[str, ...], float, float | None, str | None]] = {
        "worker_cpu": (
            ("cpu_usage",),
            policy.bottlenecks["worker_cpu"].average or alerts.cpu_usage.warning,
            policy.bottlenecks["worker_cpu"].peak,
            "worker",
        )
        if "worker_cpu" in policy.bottlenecks
        else (("cpu_usage",), alerts.cpu_usage.warning, None, "worker"),
        "database_connections": (
            ("database_connections",),
            float(policy.limits.soft.database_connections.limit),
            None,
            None,
        ),
        "api_response_time": (("response_time", "response_time_p95"), policy.load_tests.gate.p95, None, None),
        "worker_memory": (("memory_usage",), alerts.memory_usage.warning, None, "worker"),
        "disk_writes": (("disk_operations",), baseline.database.disk_io.peak, None, None),
        "network": (("network_bandwidth",), alerts.network_bandwidth.warning, None, None),
    }
    signatures = []
    for name, bottleneck in policy.bottlenecks.items():
        # How much the guide's own disk bears says nothing about another one.
        if name in thresholds and (name != "disk_writes" or policy.holds("baseline.database.disk_io.peak")):
            metrics, threshold, peak, role = thresholds[name]
            item = policy.origin(f"bottlenecks.{name}").item_id or name
            signatures.append(Signature(name, bottleneck.rank, item, metrics, threshold, peak, role))
    return tuple(signatures)


def bottlenecks(
    measurements: Iterable[Measurement], signatures: Sequence[Signature], now: float, window: float
) -> tuple[Bottleneck, ...]:
    """Every signature that was measured in the last ``window`` seconds, the one under most pressure first.

    Pressure is the average over its threshold, or the highest value over the peak where the signature has one. At equal
    pressure a primary bottleneck comes before a secondary one.
    """
    ranked: list[Bottleneck] = []
    for measurement in measurements:
        for signature in signatures:
            if measurement.metric not in signature.metrics or signature.role not in (None, measurement.role):
                continue
            values = measurement.samples.within(now, window)[1]
            if values:
                ranked.append(_pressed(signature, measurement, values))
    ranked.sort(key=lambda bottleneck: (-bottleneck.pressure, bottleneck.kind, bottleneck.item, bottleneck.subject))
    return tuple(bottleneck.model_copy(update={"rank": rank}) for rank, bottleneck in enumerate(ranked, start=1))


def _pressed(signature: Signature, measurement: Measurement, values: Sequence[float]) -> Bottleneck:
    average, highest = fmean(values), max(values)
    by_average = average / signature.threshold
    by_peak = highest / signature.peak if signature.peak else 0.0
    value, threshold = (
        (highest, signature.peak) if signature.peak and by_peak > by_average else (average, signature.threshold)
    )
    unit = METRICS[measurement.metric].unit
    pressure = max(by_average, by_peak)
    met = "is a bottleneck" if pressure >= 1 else f"is at {percent(pressure)} of it"
    numbers = f"{amount(value, unit)} against {amount(threshold, unit)}"
    return Bottleneck(
        rank=0,
        kind=signature.kind,
        name=signature.name,
        item=signature.item,
        subject=measurement.subject,
        value=value,
        threshold=threshold,
        pressure=pressure,
        sentence=f"{measurement.subject} {measurement.metric} {numbers} {met}",
    )
