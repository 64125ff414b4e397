"""Which role of the policy each service of a project has, and what a person has to be asked. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from selextract_infra.operations.init.addresses import words_of
from selextract_infra.operations.init.draft import AddressDraft, ServiceDraft
from selextract_infra.operations.init.kinds import STORES, ServiceKind, kind_of
from selextract_infra.operations.init.signs import ServiceSigns

__all__ = ["OTHER", "drafted_services"]

OTHER = "other"
_OF_THE_APP = ("api", "frontend", "worker", OTHER)
_SCALED = ("api", "frontend", "worker")
_ONE_ALONE = {"scheduler": "it gives out work by the clock", "once": "it does its work once and ends"}
_COUNTS = frozenset({"concurrency", "workers", "processes", "threads", "procs"})


def drafted_services(services: Iterable[ServiceSigns]) -> tuple[ServiceDraft, ...]:
    """The services of one project, each with its role, or with the choice that a person has."""
    known = [(signs, kind_of(signs)) for signs in services]
    databases = [signs.name for signs, kind in known if kind.engine == "postgres"]
    return tuple(_drafted(signs, kind, several_databases=len(databases) > 1) for signs, kind in known)


def _drafted(signs: ServiceSigns, kind: ServiceKind, *, several_databases: bool) -> ServiceDraft:
    role, options = _role(kind, several_databases=several_databases)
    single = [*signs.single]
    if kind.kind in _ONE_ALONE:
        single.append(_ONE_ALONE[kind.kind])
    # A second instance on the same files is safe with some programs only, and nobody can see with which.
    if role in _SCALED and signs.writable:
        single.append(f"it keeps data in {signs.writable[0]}")
        if kind.kind == "web":
            options = options or _OF_THE_APP
    basis = "choose" if options else "seen"
    return ServiceDraft(
        name=signs.name,
        kind=kind.kind,
        engine=kind.engine,
        role=role,
        basis=basis,
        options=options,
        evidence=kind.evidence,
        single=tuple(single),
        scaled=role in _SCALED and basis == "seen" and not single,
        addresses=tuple(
            AddressDraft(variable=each.variable, leads_to=each.leads_to, form=each.form, parts=dict(each.parts))
            for each in signs.leads.known
        ),
        asked=(*signs.leads.asked, *(f"the variables in {file}, which is not there" for file in signs.unread)),
        counts=tuple(name for name in signs.counts if not _COUNTS.isdisjoint(words_of(name))),
        health=signs.health,
    )


def _role(kind: ServiceKind, *, several_databases: bool) -> tuple[str, tuple[str, ...]]:
    """The role, and the options where it has to be chosen; what may lose data is never an option beside a store."""
    if kind.engine == "postgres":
        if several_databases or not kind.certain:
            return "database", ("database", OTHER)
        return "database", ()
    if kind.engine == "redis":
        return "redis", () if kind.certain else ("redis", OTHER)
    if kind.kind in STORES:
        return OTHER, ()
    if kind.engine == "nginx":
        return "nginx", () if kind.certain else ("nginx", "frontend", OTHER)
    if kind.kind == "worker":
        return "worker", () if kind.certain else ("worker", OTHER)
    if kind.kind == "web":
        return "api", ()
    if kind.kind in ("app", "unknown"):
        return OTHER, _OF_THE_APP
    return OTHER, () if kind.certain else _OF_THE_APP
