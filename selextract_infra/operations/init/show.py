"""A draft as people read it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from selextract_infra.model.text import displayable
from selextract_infra.operations.init.draft import ProjectDraft, ServiceDraft
from selextract_infra.report.table import Block, Cell, Line, Tone, prose, table

__all__ = ["show_drafts"]


def show_drafts(projects: Iterable[ProjectDraft]) -> Iterator[Block]:
    """Each project: its services with role and evidence, then what a person has to say."""
    for project in projects:
        if project.problem:
            yield Line(f"{project.place}: refused", Tone.BAD)
            yield Line(displayable(project.problem), indent=2)
            continue
        yield Line(f"{project.name} in {project.directory}", Tone.STRONG, f"read by {project.read_by}")
        yield table(
            ("service", "role", "", prose("because")),
            ((_name(service), service.role, _basis(service), _because(service)) for service in project.services),
        )
        yield from (Line(sentence, indent=2) for sentence in _questions(project))
        yield Line()


def _name(service: ServiceDraft) -> str:
    return displayable(service.name, limit=60)


def _basis(service: ServiceDraft) -> Cell:
    return Cell(service.basis, Tone.WARNING if service.basis == "choose" else Tone.GOOD)


def _because(service: ServiceDraft) -> str:
    parts = [*service.evidence]
    if service.options:
        parts.append(f"choose one of {', '.join(service.options)}")
    if service.single:
        parts.append(f"only one: {service.single[0]}")
    parts += [f"{address.variable} leads to {address.leads_to}" for address in service.addresses]
    return displayable("; ".join(parts))


def _questions(project: ProjectDraft) -> Iterator[str]:
    for service in project.services:
        for asked in service.asked:
            yield displayable(f"choose: where {asked} of {service.name} leads, cannot be told.")
