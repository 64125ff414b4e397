"""Readings against rules: a level, the numbers, and one sentence. A thin window is ``unknown``, never ``ok`` (X-43)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from selextract_infra.assess.measurements import METRICS, Measurement
from selextract_infra.assess.rules import COMPARISONS, ThresholdRule, ThresholdStep
from selextract_infra.assess.samples import Aggregate, Holds, WindowValue, sustained, window_value
from selextract_infra.model.assessment import OPPOSITE, Judgement, Level
from selextract_infra.model.figures import amount, compared, duration, percent

__all__ = ["judge", "judge_all", "worst_first"]

_SIGNALS = frozenset({"error_rate", "response_time", "response_time_p95"})
_RAISED = Level.WARNING.rank


def judge_all(
    measurements: Iterable[Measurement],
    rules: Sequence[ThresholdRule],
    now: float,
    *,
    baseline: float | None = None,
    baseline_pages_alone: bool = False,
) -> tuple[Judgement, ...]:
    """Every measurement against every rule of its metric, worst first.

    All that is not ok is told; of a measurement that is ok by every rule only the first one. ``now`` is Unix seconds;
    ``baseline`` the usual requests per second at that time (X-38). Low throughput pages only beside errors or latency,
    unless ``baseline_pages_alone``. The work is linear in the number of measurements.
    """
    by_metric: dict[str, list[ThresholdRule]] = defaultdict(list)
    for rule in rules:
        by_metric[rule.metric].append(rule)
    judged: list[Judgement] = []
    for measurement in measurements:
        judged += _judge_one(measurement, by_metric.get(measurement.metric, ()), now, baseline)
    if not baseline_pages_alone and not any(
        judgement.metric in _SIGNALS and judgement.level.rank >= _RAISED for judgement in judged
    ):
        usual = {rule.item for rule in rules if rule.of_baseline}
        judged = [
            judgement.model_copy(update={"pages": False}) if judgement.item in usual else judgement
            for judgement in judged
        ]
    return worst_first(judged)


def _judge_one(
    measurement: Measurement, rules: Sequence[ThresholdRule], now: float, baseline: float | None
) -> list[Judgement]:
    windows: Windows = {}
    verdicts = [(rule, _verdict(rule, measurement, now, baseline, windows)) for rule in rules]
    reported = [pair for pair in verdicts if pair[1].level is not Level.OK]
    if not any(verdict.level is not Level.UNKNOWN for _, verdict in reported):
        reported += [pair for pair in verdicts if pair[1].level is Level.OK][:1]
    return [_judgement(rule, measurement, verdict) for rule, verdict in reported]


def worst_first(judgements: Iterable[Judgement]) -> tuple[Judgement, ...]:
    """In the order in which a person should read them."""
    return tuple(
        sorted(
            judgements,
            key=lambda judgement: (-judgement.level.rank, judgement.subject, judgement.metric, judgement.item),
        )
    )


def judge(rule: ThresholdRule, measurement: Measurement, now: float, *, baseline: float | None = None) -> Judgement:
    """One measurement against one rule."""
    return _judgement(rule, measurement, _verdict(rule, measurement, now, baseline, {}))


Windows = dict[tuple[float, Aggregate], WindowValue]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What one rule says about one measurement: the step that was met or the nearest, and why nothing can be said."""

    level: Level
    step: ThresholdStep
    value: float | None
    coverage: float | None
    why: str = ""


def _verdict(
    rule: ThresholdRule, measurement: Measurement, now: float, baseline: float | None, windows: Windows
) -> _Verdict:
    """``windows`` keeps what was computed for other rules that look at the same one."""
    steps = rule.steps
    if rule.of_baseline:
        if baseline is None:
            return _Verdict(Level.UNKNOWN, steps[-1], None, None, "the usual throughput of this hour is not known")
        steps = tuple(ThresholdStep(step.level, step.operator, step.threshold * baseline) for step in steps)
    if rule.holds_for is not None:
        return _held(rule, steps[0], measurement, now, rule.holds_for)
    single = measurement.momentary and rule.window > 0
    aggregate = Aggregate.LAST if single else rule.aggregate
    value = windows.get((rule.window, aggregate))
    if value is None:
        value = windows[rule.window, aggregate] = window_value(measurement.samples, now, rule.window, aggregate)
    return _compared(rule, steps, measurement, value, single=single)


def _compared(
    rule: ThresholdRule, steps: Sequence[ThresholdStep], measurement: Measurement, current: WindowValue, *, single: bool
) -> _Verdict:
    value = current.value
    if value is None:
        when = f"in the last {duration(rule.window)}" if rule.window else "yet"
        return _Verdict(Level.UNKNOWN, steps[-1], None, 0.0, f"no samples {when}")
    met = next((step for step in steps if step.met(value)), None)
    why = _too_thin(rule, current.coverage, single) or (_too_coarse(rule, measurement) if met else "")
    if why:
        return _Verdict(Level.UNKNOWN, met or steps[-1], value, current.coverage, why)
    return _Verdict(met.level if met else Level.OK, met or steps[-1], value, None if single else current.coverage)


def _too_thin(rule: ThresholdRule, coverage: float, single: bool) -> str:
    """Why the window says too little, empty when it says enough."""
    if single and rule.coarsest is not None:
        return "a single reading starts no emergency"
    if coverage >= rule.minimum_coverage:
        return ""
    if rule.window and not single:
        return f"only {percent(coverage)} of the samples of the last {duration(rule.window)} are there"
    return "the last reading is too old"


def _too_coarse(rule: ThresholdRule, measurement: Measurement) -> str:
    """Why what was met is not certain: emergencies are judged on raw samples (X-43)."""
    spacing = measurement.samples.spacing
    if rule.coarsest is None or (spacing is not None and spacing <= rule.coarsest):
        return ""
    return f"samples are more than {duration(rule.coarsest)} apart"


def _held(rule: ThresholdRule, step: ThresholdStep, measurement: Measurement, now: float, holds_for: float) -> _Verdict:
    """Whether a condition held for its whole duration, by its raw samples (TRG-06)."""
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
    coverage = window_value(measurement.samples, now, holds_for, Aggregate.HIGHEST).coverage
    if held is Holds.INCONCLUSIVE:
        why = f"the samples of the last {duration(holds_for)} are too few or too far apart"
        return _Verdict(Level.UNKNOWN, step, last, coverage, why)
    return _Verdict(step.level if held is Holds.YES else Level.OK, step, last, coverage)


def _judgement(rule: ThresholdRule, measurement: Measurement, verdict: _Verdict) -> Judgement:
    level, step, unit = verdict.level, verdict.step, METRICS[rule.metric].unit
    silent = level is Level.UNKNOWN and rule.of_baseline
    return Judgement(
        metric=rule.metric,
        subject=measurement.subject,
        level=level,
        value=verdict.value,
        unit=unit,
        operator=step.operator,
        threshold=None if silent else step.threshold,
        item=rule.item,
        window_seconds=rule.holds_for or rule.window,
        coverage=verdict.coverage,
        alert=rule.alert,
        pages=rule.alert and level.rank >= Level.CRITICAL.rank,
        sentence=verdict.why or _sentence(rule, verdict, unit),
    )


def _sentence(rule: ThresholdRule, verdict: _Verdict, unit: str) -> str:
    step, met = verdict.step, verdict.level is not Level.OK
    number, threshold = "", amount(step.threshold, unit)
    if verdict.value is not None:
        number, threshold = compared(verdict.value, step.threshold, unit)
        number += " "
    relation = step.operator if met else OPPOSITE[step.operator]
    lasting = f" for {duration(rule.holds_for)}" if rule.holds_for else ""
    effect = f": {rule.effect}" if met and rule.effect else ""
    return f"{number}{relation} {threshold}{lasting}{effect}"
