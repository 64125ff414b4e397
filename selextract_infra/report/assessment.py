"""An Assessment: the readings against their thresholds, the headroom, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from selextract_infra.assess.measurements import Measurement
from selextract_infra.model.assessment import Assessment, Headroom, Judgement, Level
from selextract_infra.model.figures import amount, count, duration, percent
from selextract_infra.report.plan import findings_table
from selextract_infra.report.sparkline import bar, sparkline
from selextract_infra.report.table import Block, Cell, Line, Table, Tone, number, picture, table, tone_of

__all__ = ["assessment_blocks", "headroom_table", "readings_table", "stamp"]

_MOST_ROWS = 40
_SPARK, _BAR = 8, 10
_UNKNOWN = "-"


def assessment_blocks(
    assessment: Assessment, measurements: Iterable[Measurement] = (), *, everything: bool = False
) -> Iterator[Block]:
    """The worst reading of each metric of each subject, then what follows from all of them."""
    level = assessment.level
    yield Line(f"{level} at {stamp(assessment.at)}, from {assessment.source}", tone_of(level))
    response = assessment.response
    if response is not None:
        yield Line(
            f"{response.severity}: {response.action}; tell {', '.join(response.channels)}; respond by"
            f" {stamp(response.respond_by)}",
            Tone.STRONG,
        )
        yield from (Line(f"because {reason}", indent=2) for reason in response.because)
    yield from _readings(assessment, measurements, everything=everything)
    rows = [row for row in assessment.headroom if everything or row.level is not Level.OK]
    if rows:
        yield headroom_table(rows, _MOST_ROWS)
    yield from _consequences(assessment)
    if assessment.findings:
        yield findings_table(assessment.findings, _MOST_ROWS)


def readings_table(
    judgements: Iterable[Judgement],
    measurements: Iterable[Measurement] = (),
    *,
    caption: str = "",
    most: int = _MOST_ROWS,
) -> Table:
    """Readings against their thresholds, with the course of each where ``measurements`` have it."""
    trends = {(series.subject, series.metric): series.samples.values[-_SPARK * 4 :] for series in measurements}
    return table(
        ("what", "level", number("reading"), "threshold", "rule", picture("trend")),
        (_reading(judgement, trends.get((judgement.subject, judgement.metric), ())) for judgement in judgements),
        caption=caption,
        most=most,
        noun="reading",
    )


def headroom_table(rows: Sequence[Headroom], most: int) -> Table:
    """Capacities, the fullest first."""
    fullest = sorted(rows, key=lambda row: row.free)
    needed = f"needed for {percent(fullest[0].wanted)} headroom" if fullest else "needed"
    return table(
        ("what", number("used"), number("of"), number("free"), number(needed), picture()),
        (
            (
                Cell(row.subject, note=row.resource),
                amount(row.used, row.unit),
                amount(row.capacity, row.unit),
                Cell(percent(row.free), tone_of(row.level)),
                amount(row.needed, row.unit),
                bar(1 - row.free, _BAR),
            )
            for row in fullest
        ),
        most=most,
        noun="capacity",
    )


def stamp(moment: datetime) -> str:
    """A moment to the minute, with its time zone."""
    return moment.strftime("%Y-%m-%d %H:%M %Z").strip()


def _readings(assessment: Assessment, measurements: Iterable[Measurement], *, everything: bool) -> Iterator[Block]:
    worst = assessment.worst_of_each
    shown = [judgement for judgement in worst if everything or judgement.level.rank >= Level.NOTICE.rank]
    if shown:
        yield readings_table(shown, measurements)
    hidden = [judgement.level for judgement in worst if judgement not in shown]
    if hidden:
        unknown = hidden.count(Level.UNKNOWN)
        yield Line(f"{count(len(hidden) - unknown, 'reading')} ok, {unknown} unknown (--all shows them)", Tone.QUIET)
    if not worst:
        yield Line("Nothing was measured.")


def _reading(judgement: Judgement, trend: Sequence[float]) -> tuple[Cell | str, ...]:
    unknown = judgement.level is Level.UNKNOWN
    reading = _UNKNOWN if judgement.value is None else amount(judgement.value, judgement.unit)
    threshold = ""
    if judgement.threshold is not None and not unknown:
        threshold = f"{judgement.relation} {amount(judgement.threshold, judgement.unit)}"
    return (
        Cell(judgement.subject, note=judgement.metric),
        Cell.state(judgement.level),
        reading,
        Cell(threshold, note=judgement.sentence if unknown else ""),
        judgement.item,
        sparkline(trend, _SPARK),
    )


def _consequences(assessment: Assessment) -> Iterator[Block]:
    pressed = [bottleneck for bottleneck in assessment.bottlenecks if bottleneck.pressure >= 1]
    for bottleneck in (pressed or assessment.bottlenecks[:1])[:_MOST_ROWS]:
        yield Line(f"{bottleneck.kind} bottleneck: {bottleneck.sentence} ({bottleneck.item})")
    if assessment.workers is not None:
        seconds = assessment.workers.wait_seconds
        wait = f"; a task queued now waits {duration(seconds)}" if seconds else ""
        yield Line(f"workers: {assessment.workers.sentence}{wait}")
    if assessment.connections is not None:
        yield Line(f"connections: {assessment.connections.sentence}")
