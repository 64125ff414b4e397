"""The diagnosis: every check of every host, and what to do where one found a problem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from selextract_infra.model.figures import count
from selextract_infra.report.table import Block, Cell, Line, Table, Tone, prose, table

if TYPE_CHECKING:
    from selextract_infra.operations.doctor.diagnosis import Diagnosis, DiagnosisCheck

__all__ = ["show_diagnosis"]


def show_diagnosis(diagnosis: Diagnosis) -> Iterator[Block]:
    """The checks of each host and of this machine, and in the last line whether they can be worked on."""
    for host in diagnosis.hosts:
        where = "this machine" if host.connection == "local" else host.address
        yield Line(host.name, Tone.STRONG, note=f"({where})")
        yield _checks(host.checks)
    if diagnosis.machine:
        yield Line("for unattended runs from this machine" if diagnosis.unattended else "this machine", Tone.STRONG)
        yield _checks(diagnosis.machine)
    ill = [host.name for host in diagnosis.hosts if not host.healthy]
    hosts = count(len(diagnosis.hosts), "host")
    manner = " without a person" if diagnosis.unattended else ""
    if ill:
        yield Line(f"{len(ill)} of {hosts} cannot be worked on{manner}: {', '.join(ill)}.", Tone.BAD)
    elif not diagnosis.healthy:
        yield Line("This machine lacks what unattended runs need.", Tone.BAD)
    else:
        yield Line(f"{hosts} can be worked on{manner}.", Tone.GOOD)


def _checks(checks: Sequence[DiagnosisCheck]) -> Table:
    rows = (
        (
            check.name,
            Cell.state(check.status),
            Cell(check.sentence, note=f"-> {check.remedy}" if check.remedy else ""),
        )
        for check in checks
    )
    return replace(table(("", "", prose("")), rows), indent=2)
