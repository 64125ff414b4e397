"""A judged load test on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from selextract_infra.model.figures import duration
from selextract_infra.model.loadtest import LoadTestReport, Verdict
from selextract_infra.report.texts import new_table, plain

__all__ = ["print_load_test"]

_STYLES = {Verdict.FAIL: "bold red", Verdict.WARNING: "yellow", Verdict.PASSED: "green", Verdict.NOT_JUDGED: "dim"}


def print_load_test(screen: Console, report: LoadTestReport) -> None:
    """Each figure with its verdict, the worst first."""
    result = report.result
    users = "" if result.users is None else f", {result.users:,} users"
    length = "" if result.duration is None else f", {duration(result.duration)}"
    screen.print(plain(f"{report.verdict}: {report.test} run, {result.requests:,} requests{users}{length}", "bold"))
    table = new_table()
    for name in ("verdict", "rule", "what"):
        table.add_column(name, no_wrap=True)
    for name in ("measured", "wanted"):
        table.add_column(name, justify="right")
    for check in report.checks:
        verdict = Text(check.verdict, style=_STYLES[check.verdict])
        table.add_row(verdict, check.item, check.what, check.measured, check.wanted)
    screen.print(table)
    for check in report.checks:
        screen.print(plain(f"{check.item} {check.what}: {check.sentence}"))
    for note in report.notes:
        screen.print(plain(note, "yellow"))
