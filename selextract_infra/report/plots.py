"""Plots as SVG text that takes its colours from the page, so that one picture is readable in light and in dark.

matplotlib draws with placeholder colours; each becomes a CSS variable of the page. Every plot is drawn twice, wide and
narrow, because a wide picture shrunk to a phone has unreadable text; the page shows the one that fits.
matplotlib is an extra and is imported when the first plot is drawn.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import Headroom
from selextract_infra.model.figures import amount, count, dollars, percent, printable
from selextract_infra.model.forecast import Forecast
from selextract_infra.model.planning import CostReport, MilestoneStatus, RoadmapReport
from selextract_infra.report.table import Tone, tone_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ROLES_OF_TONES", "Plot", "cost_steps", "forecast_fan", "headroom_bars", "roadmap_timeline"]

_MOST_BARS = 24
_WIDE_INCHES, _NARROW_INCHES = 7.6, 3.5
_DAY = timedelta(days=1)
_DOTS = {
    MilestoneStatus.DONE: ("o", "ok"),
    MilestoneStatus.DUE: ("^", "warning"),
    MilestoneStatus.OVERDUE: ("D", "critical"),
    MilestoneStatus.UPCOMING: ("o", "surface"),
}
_ROLES = "ink muted grid surface ok warning critical accent band cpu memory storage network"
_COLOURS = {role: f"#0f{number:02x}0e" for number, role in enumerate(_ROLES.split(), start=1)}
"""Placeholders that matplotlib draws with and that become the page's own colours."""

ROLES_OF_TONES = {
    Tone.WORST: "critical",
    Tone.BAD: "critical",
    Tone.WARNING: "warning",
    Tone.ACTIVE: "warning",
    Tone.GOOD: "ok",
    Tone.QUIET: "muted",
}
"""The page's colour for a tone; a tone without one is plain text."""


@dataclass(frozen=True)
class Plot:
    """One picture in two widths, with what a reader who cannot see it needs to know."""

    title: str
    description: str
    wide: str
    narrow: str


def headroom_bars(headroom: Sequence[Headroom]) -> Plot:
    """What is used of each capacity, worst first, with the line that the wanted headroom draws (REC-03)."""
    rows = sorted(headroom, key=lambda row: row.free)[:_MOST_BARS]
    left_out = len(headroom) - len(rows)
    lines = sorted({1 - row.wanted for row in rows})

    def draw(axes: Axes, narrow: bool) -> None:
        labels = [_short(f"{row.subject} {row.resource}", 22 if narrow else 40) for row in rows]
        shares = [min(1.2, 1 - row.free) for row in rows]
        positions = list(range(len(rows)))
        axes.barh(positions, [1.0] * len(rows), color=_COLOURS["grid"], height=0.62)
        axes.barh(positions, shares, color=[_COLOURS[ROLES_OF_TONES[tone_of(row.level)]] for row in rows], height=0.62)
        for position, row in zip(positions, rows, strict=True):
            axes.text(1.02, position, percent(1 - row.free), va="center", color=_COLOURS["ink"])
        for line in lines:
            axes.axvline(line, color=_COLOURS["ink"], linewidth=1, linestyle=(0, (3, 2)))
        axes.set_yticks(positions, labels)
        axes.set_xlim(0, 1.18 if narrow else 1.1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)

    worst = (
        f"{printable(rows[0].subject)} {rows[0].resource} is at {percent(1 - rows[0].free)}"
        if rows
        else "nothing is known"
    )
    more = f"; {left_out:,} more with more room are left out" if left_out else ""
    return _plot(
        "Used capacity",
        f"Bars of used capacity for {len(rows)} resources, worst first: {worst}{more}. "
        "The dashed line is the most that leaves the wanted headroom.",
        draw,
        heights=(0.7 + 0.25 * max(2, len(rows)), 0.7 + 0.27 * max(2, len(rows))),
    )


def forecast_fan(forecast: Forecast) -> Plot:
    """A series, its forecast as a P10 to P90 band around the P50, and the usable capacity where it is known."""
    known = [(forecast.start + timedelta(days=number), value) for number, value in enumerate(forecast.values)]
    band = [(day.day, day.p10, day.p90) for day in forecast.days if day.p10 is not None and day.p90 is not None]
    usable = None if forecast.exhaustion is None else forecast.exhaustion.usable

    def draw(axes: Axes, narrow: bool) -> None:
        values = [float("nan") if value is None else value for _, value in known]
        axes.plot(_days([day for day, _ in known]), values, color=_COLOURS["ink"], linewidth=1.3)
        lows, highs = [low for _, low, _ in band], [high for _, _, high in band]
        axes.fill_between(_days([day for day, _, _ in band]), lows, highs, color=_COLOURS["band"], linewidth=0)
        middle = [day.p50 for day in forecast.days]
        axes.plot(_days([day.day for day in forecast.days]), middle, color=_COLOURS["accent"], linewidth=1.8)
        if usable is not None:
            axes.axhline(usable, color=_COLOURS["critical"], linewidth=1.2, linestyle=(0, (4, 2)))
            _note(axes, "usable", (0.01, usable), (0, 3), ("axes fraction", "data"), "critical")
        _date_axis(axes, 3 if narrow else 6)
        if forecast.unit:
            axes.yaxis.set_major_formatter(lambda value, _: amount(value, forecast.unit))
        axes.grid(axis="y", color=_COLOURS["grid"], linewidth=0.7)

    name = printable(forecast.resource)
    reaches = (
        f", reaching {_figure(forecast.days[-1].p50, forecast)} at the P50 on {forecast.days[-1].day}"
        if forecast.days
        else ""
    )
    limit = "" if usable is None else f" The usable capacity is {_figure(usable, forecast)}."
    return _plot(
        f"Forecast of {name}",
        f"{name}: {count(forecast.days_known, 'day')} known until {forecast.end}, then a forecast of"
        f" {count(len(forecast.days), 'day')} with a band from P10 to P90{reaches}.{limit}",
        draw,
        heights=(2.9, 2.4),
    )


def _figure(value: float, forecast: Forecast) -> str:
    return amount(value, forecast.unit) if forecast.unit else f"{value:,.6g}"


def cost_steps(cost: CostReport) -> Plot:
    """The monthly cost over the months of the table, by resource, with the sum of the phases' own quotes beside it."""
    rows = sorted(cost.rows, key=lambda row: row.month)
    end = (rows[-1].month if rows else 0) + 3
    months = [row.month for row in rows] + [end]
    parts = ("cpu", "memory", "storage", "network")

    def draw(axes: Axes, narrow: bool) -> None:
        floor = [0.0] * len(months)
        for part in parts:
            values = [getattr(row, part) for row in rows]
            ceiling = [low + value for low, value in zip(floor, [*values, values[-1]], strict=True)]
            axes.fill_between(months, floor, ceiling, step="post", color=_COLOURS[part], linewidth=0)
            floor = ceiling
        axes.step(months, floor, where="post", color=_COLOURS["ink"], linewidth=1.2)
        for row in rows:
            _note(axes, dollars(row.total), (row.month, row.total), (2, 4))
        axes.set_ylim(0, max(floor) * 1.18)
        axes.set_xlim(0, end)
        axes.set_xticks([row.month for row in rows], [str(row.month) for row in rows])
        axes.set_xlabel("month of the program", color=_COLOURS["muted"])
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        handles = [_patch(part) for part in reversed(parts)]
        look = {"frameon": False, "labelcolor": _COLOURS["ink"], "fontsize": 8}
        axes.legend(handles=handles, loc="upper left", ncols=2 if narrow else 4, **look)

    totals = ", ".join(f"{dollars(row.total)} at month {row.month}" for row in rows)
    return _plot(
        "Cost a month",
        f"Steps of the monthly cost by resource: {totals}.",
        draw if rows else _empty,
        heights=(2.8, 2.5),
    )


def roadmap_timeline(roadmap: RoadmapReport) -> Plot:
    """The phases of each path as bars over time, milestones as dots, today as a line."""
    phases = [phase for phase in roadmap.phases if phase.ends > phase.starts]

    def draw(axes: Axes, narrow: bool) -> None:
        positions = list(range(len(phases)))
        for position, phase in zip(positions, phases, strict=True):
            tone = "accent" if phase.current else "grid"
            start, end = _day(phase.starts), _day(phase.ends)
            axes.barh(position, end - start, left=start, height=0.5, color=_COLOURS[tone])
        rows = {phase.id: position for position, phase in enumerate(phases)}
        for status in MilestoneStatus:
            dots = [milestone for milestone in roadmap.with_status(status) if milestone.phase in rows]
            days = [_day(milestone.due - _DAY) for milestone in dots]
            _dot(axes, [rows[milestone.phase] for milestone in dots], days, status)
        look = {"frameon": False, "labelcolor": _COLOURS["ink"], "handletextpad": 0.1, "columnspacing": 1.0}
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08 if narrow else -0.1), ncols=4, **look)
        axes.axvline(_day(roadmap.today), color=_COLOURS["ink"], linewidth=1.2, linestyle=(0, (3, 2)))
        _note(axes, "today", (_day(roadmap.today), 1), (3, -1), ("data", "axes fraction"))
        labels = [phase.id if narrow else _short(f"{phase.id}  {phase.title}", 42) for phase in phases]
        axes.set_yticks(positions, labels)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        _date_axis(axes, 3 if narrow else 6)

    current = ", ".join(phase.id for phase in phases if phase.current) or "none"
    overdue = len(roadmap.with_status(MilestoneStatus.OVERDUE))
    return _plot(
        "Roadmap",
        f"Timeline of {len(phases)} phases from {roadmap.start}; running on {roadmap.today}: {current}; "
        f"{count(overdue, 'milestone')} overdue.",
        draw if phases else _empty,
        heights=(1.1 + 0.3 * max(2, len(phases)),) * 2,
    )


def _dot(axes: Axes, positions: Sequence[float], days: Sequence[float], status: MilestoneStatus) -> None:
    """Milestones of one status: its form says it as well as its colour."""
    form, tone = _DOTS[status]
    (dots,) = axes.plot(days, positions, form, color=_COLOURS[tone], label=status.value)
    dots.set(markersize=5.5, markeredgecolor=_COLOURS["ink"], markeredgewidth=0.8)


def _note(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    offset: tuple[float, float],
    measured: str | tuple[str, str] = "data",
    role: str = "ink",
) -> None:
    """A few words beside a point, ``offset`` in points away from it."""
    note = axes.annotate(text, at, offset, measured, "offset points", color=_COLOURS[role])
    note.set_verticalalignment("bottom")


def _empty(axes: Axes, _narrow: bool) -> None:
    axes.text(0.5, 0.5, "nothing to show", ha="center", color=_COLOURS["muted"])
    axes.set_axis_off()


def _plot(title: str, description: str, draw: Callable[[Axes, bool], None], *, heights: tuple[float, float]) -> Plot:
    wide, narrow = heights
    return Plot(title, description, _svg(draw, _WIDE_INCHES, wide, False), _svg(draw, _NARROW_INCHES, narrow, True))


def _svg(draw: Callable[[Axes, bool], None], width: float, height: float, narrow: bool) -> str:
    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": "selextract-infra",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 8.5,
        "text.parse_math": False,
        "text.color": _COLOURS["ink"],
        "axes.edgecolor": _COLOURS["muted"],
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": _COLOURS["muted"],
        "ytick.color": _COLOURS["ink"],
        "xtick.labelcolor": _COLOURS["ink"],
        "ytick.labelcolor": _COLOURS["ink"],
    }
    pyplot_free = _matplotlib()
    with pyplot_free.rc_context(style):
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        draw(axes, narrow)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _for_page(file.getvalue())


def _matplotlib() -> Any:
    try:
        import matplotlib as mpl
    except ImportError as missing:
        raise UsageError(
            "The HTML report draws its plots with matplotlib, which is not installed.",
            remedy='pip install "selextract-infra[report]"',
        ) from missing
    return mpl


def _for_page(text: str) -> str:
    """The SVG element alone, with the page's colours and fonts, and names that are unique in the page."""
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head = rf'<svg {names} viewBox="\1" aria-hidden="true" focusable="false">'
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', head, svg, count=1)
    prefix = f"p{hashlib.sha256(svg.encode()).hexdigest()[:8]}-"
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}\1"', svg)
    svg = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}", svg)
    for role, colour in _COLOURS.items():
        svg = svg.replace(colour, f"var(--{role})")
    svg = svg.replace("'DejaVu Sans'", "inherit")
    return svg.strip()


def _short(text: str, longest: int) -> str:
    plain = printable(text)
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def _day(day: date) -> float:
    return float(day.toordinal() - date(1970, 1, 1).toordinal())


def _days(days: Sequence[date]) -> list[float]:
    return [_day(day) for day in days]


def _date_axis(axes: Axes, ticks: int) -> None:
    dates: Any = importlib.import_module("matplotlib.dates")
    locator = dates.AutoDateLocator(minticks=2, maxticks=ticks)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def _patch(role: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=_COLOURS[role], label={"cpu": "CPU"}.get(role, role))
