"""Readings against rules: a level, the numbers, and one sentence. A thin window is ``unknown``, never ``ok`` (X-43)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from selextract_infra.assess.measurements import METRICS, Measurement
from selextract_infra.assess.rules import COMPARISONS, Rule, Step
from selextract_infra.assess.windows import Aggregate, Holds, sustained, window_value
from selextract_infra.model.assessment import Judgement, Level
from selextract_infra.model.figures import amount, duration, percent

__all__ = ["judge", "judge_all", "worst_first"]

_SIGNALS = frozenset({"error_rate", "response_time", "response_time_p95"})


def judge_all(
    measurements: Iterable[Measurement],
    rules: Sequence[Rule],
    now: float,
    *,
    baseline: float | None = None,
    baseline_pages_alone: bool = False,
) -> tuple[Judgement, ...]:
    """Every measurement against every rule of its metric, worst first.

    ``now`` is Unix seconds; ``baseline`` the usual requests per second at that time (X-38). Low throughput pages only
    beside errors or latency, unless ``baseline_pages_alone``. The work is linear in the number of measurements.
    """
    by_metric: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        by_metric[rule.metric].append(rule)
    judged = [
        (rule, judge(rule, measurement, now, baseline=baseline))
        for measurement in measurements
        for rule in by_metric.get(measurement.metric, ())
    ]
    signalled = baseline_pages_alone or any(
        judgement.metric in _SIGNALS and judgement.level.rank >= Level.WARNING.rank for _, judgement in judged
    )
    return worst_first(
        judgement
        if not rule.of_baseline or signalled or not judgement.pages
        else judgement.model_copy(update={"pages": False})
        for rule, judgement in judged
    )


def worst_first(judgements: Iterable[Judgement]) -> tuple[Judgement, ...]:
    """In the order in which a person should read them."""
    return tuple(sorted(judgements, key=lambda one: (-one.level.rank, one.subject, one.metric, one.item)))


def judge(rule: Rule, measurement: Measurement, now: float, *, baseline: float | None = None) -> Judgement:
    """One measurement against one rule."""
    if rule.of_baseline and baseline is None:
        return _unknown(rule, measurement, None, None, "the usual throughput of this hour is not known")
    steps = _of_baseline(rule.steps, baseline) if rule.of_baseline and baseline is not None else rule.steps
    if rule.holds_for is not None:
        return _judge_condition(rule, steps[0], measurement, now, rule.holds_for)
    return _judge_window(rule, steps, measurement, now)


def _judge_window(rule: Rule, steps: Sequence[Step], measurement: Measurement, now: float) -> Judgement:
    single = measurement.momentary and rule.window > 0
    aggregate = Aggregate.LAST if single else rule.aggregate
    seen = window_value(measurement.samples, now, rule.window, aggregate)
    if seen.value is None:
        when = f"in the last {duration(rule.window)}" if rule.window else "yet"
        return _unknown(rule, measurement, None, 0.0, f"no samples {when}")
    thin = _too_thin(rule, measurement, seen.coverage, single)
    if thin:
        return _unknown(rule, measurement, seen.value, seen.coverage, thin)
    met = next((step for step in steps if step.met(seen.value)), None)
    return _judged(rule, measurement, seen.value, met, steps[-1], None if single else seen.coverage)


def _too_thin(rule: Rule, measurement: Measurement, coverage: float, single: bool) -> str:
    """Why the window says too little, empty when it says enough."""
    if single and rule.coarsest is not None:
        return "a single reading starts no emergency"
    if coverage < rule.minimum_coverage:
        if rule.window and not single:
            return f"only {percent(coverage)} of the samples of the last {duration(rule.window)} are there"
        return "the last reading is too old"
    spacing = measurement.samples.spacing
    if rule.coarsest is not None and (spacing is None or spacing > rule.coarsest):
        return f"samples are more than {duration(rule.coarsest)} apart"
    return ""


def _judge_condition(rule: Rule, step: Step, measurement: Measurement, now: float, holds_for: float) -> Judgement:
    compare = COMPARISONS[step.operator]
    held = sustained(
        measurement.samples,
        now,
        holds_for,
        lambda value: compare(value, step.threshold),
        minimum_coverage=rule.minimum_coverage,
        coarsest=rule.coarsest,
    )
    last = window_value(measurement.samples, now, 0.0, Aggregate.LAST).value
    if held is Holds.INCONCLUSIVE:
        return _unknown(rule, measurement, last, None, f"the samples of the last {duration(holds_for)} are too few")
    return _judged(rule, measurement, last, step if held is Holds.YES else None, step, None)


def _of_baseline(steps: Sequence[Step], baseline: float) -> tuple[Step, ...]:
    return tuple(Step(step.level, step.operator, step.threshold * baseline) for step in steps)


def _judged(
    rule: Rule, measurement: Measurement, value: float | None, met: Step | None, nearest: Step, coverage: float | None
) -> Judgement:
    unit, step = METRICS[rule.metric].unit, met or nearest
    level = met.level if met else Level.OK
    number = "" if value is None else f"{amount(value, unit)} "
    relation = step.operator if met else f"not {step.operator}"
    lasting = f" for {duration(rule.holds_for)}" if rule.holds_for else ""
    effect = f": {rule.effect}" if met and rule.effect else ""
    return Judgement(
        metric=rule.metric,
        subject=measurement.subject,
        level=level,
        value=value,
        unit=unit,
        operator=step.operator,
        threshold=step.threshold,
        item=rule.item,
        window_seconds=rule.holds_for or rule.window,
        coverage=coverage,
        alert=rule.alert,
        pages=rule.alert and level.rank >= Level.CRITICAL.rank,
        sentence=f"{number}{relation} {amount(step.threshold, unit)}{lasting}{effect}",
    )


def _unknown(rule: Rule, measurement: Measurement, value: float | None, coverage: float | None, why: str) -> Judgement:
    unit, step = METRICS[rule.metric].unit, rule.steps[-1]
    return Judgement(
        metric=rule.metric,
        subject=measurement.subject,
        level=Level.UNKNOWN,
        value=value,
        unit=unit,
        operator=step.operator,
        threshold=None if rule.of_baseline else step.threshold,
        item=rule.item,
        window_seconds=rule.holds_for or rule.window,
        coverage=coverage,
        alert=rule.alert,
        sentence=why,
    )
