"""Findings about how containers are defined and started: what stands in the way of changing and restoring limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from selextract_infra.assess.service import fixed_identity, services_on
from selextract_infra.model.capacity import FILE_NAME, foreign_keys, limits_in
from selextract_infra.model.figures import cores, count, memory
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import ContainerObservation, HostObservation, ProjectObservation

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = [
    "FORMS",
    "attachment_findings",
    "closed_findings",
    "container_findings",
    "definition_findings",
    "host_findings",
    "project_problem",
]

FORMS = ("service", "deploy", None)
"""The forms of limits that can be carried on; anything else mixes them within one service."""


def host_findings(host: HostObservation) -> Iterator[Finding]:
    """What keeps a whole host from being judged: it could not be looked at, or nobody samples it."""
    if host.problem is not None:
        yield _finding(
            "observe", Severity.MAJOR, host.name, f"{host.name} could not be looked at: {host.problem}",
            "selextract-infra doctor says what is missing",
        )  # fmt: skip
    elif host.state.get("closed"):
        yield from closed_findings(host)
    elif not host.sampler.running:
        state = "does not run" if host.sampler.installed else "is not installed"
        yield _finding(
            "rightsizing.minimum_coverage", Severity.MAJOR, host.name,
            f"The sampler {state} on {host.name}, so there is no history of what its containers use.",
            "selextract-infra sampler installs and starts it",
        )  # fmt: skip
    if host.problem is None and not (host.facts.memory and host.facts.cpus):
        yield _finding(
            "LIM-H5", Severity.MAJOR, host.name,
            f"The size of {host.name} is unknown, so nothing is raised there.", "check the facts of the host",
        )  # fmt: skip


def closed_findings(host: HostObservation) -> Iterator[Finding]:
    """That a user looks who may ask Docker and not read what root keeps there."""
    if host.state.get("closed"):
        yield _finding(
            "observe", Severity.MAJOR, host.name,
            f"What is kept on {host.name} is for root alone, so the history of use is unknown there, and whether a run"
            " or an emergency is on.",
            "look as root, or as a user who may become root",
        )  # fmt: skip


def project_problem(project: ProjectObservation) -> str | None:
    """Why the limits of a Compose project cannot be written beside its files, in one sentence; None where they can."""
    if project.problem is not None:
        return f"Compose rejects the files of {project.name}: {project.problem}"
    if project.unwritable is not None:
        return f"Nothing of ours would take effect in {project.name}: {project.unwritable}"
    if project.capacity_file is not None and (foreign := foreign_keys(project.capacity_file)):
        return f"{_ours(project)} of {project.name} holds what is not ours: {', '.join(foreign[:3])}"
    return None


def attachment_findings(host: HostObservation, project: ProjectObservation) -> Iterator[Finding]:
    """What a person should know of how our capacity file takes effect in a project, or no longer does."""
    attachment = project.attachment
    if attachment is not None and attachment.problem is not None:
        yield _finding(
            "attachment", Severity.MAJOR, f"{host.name}/{project.name}",
            f"Our values no longer take effect in {project.name} on {host.name}: {attachment.problem}",
            "the next run attaches them again; `uninstall` takes them away",
        )  # fmt: skip
    if attachment is not None and attachment.note is not None:
        yield _finding(
            "attachment",
            Severity.MINOR,
            f"{host.name}/{project.name}",
            f"{host.name}: {attachment.note}",
            "plan the app's next `up` with that in mind",
        )


def definition_findings(host: HostObservation, project: ProjectObservation, policy: Policy) -> Iterator[Finding]:
    """What is wrong with the definitions of a project's services, and which of them the policy does not map."""
    mapped = policy.application.services
    running = {c.service for c in host.containers if c.project == project.name and c.service is not None}
    for name in sorted(running - set(mapped)):
        near = get_close_matches(name, [known for known in mapped if known not in running], 1)
        hint = f" (the mapping has {near[0]}, which does not run here)" if near else ""
        yield _finding(
            "application.services", Severity.MINOR, f"{host.name}/{name}",
            f"The service {name} on {host.name} is not mapped to a role{hint}, so it is left alone.",
            "map it under application.services in the policy",
        )  # fmt: skip
    for definition in project.services:
        name = definition.name
        if definition.limit_form not in FORMS:
            yield _finding(
                "CTR-00", Severity.MAJOR, f"{host.name}/{name}",
                f"{name} on {host.name} has its limits in two forms, mem_limit or cpus beside deploy.resources.limits.",
                "keep one of the two in the app's Compose files",
            )  # fmt: skip
        pinned = fixed_identity(definition)
        if definition.replicas > 1 and pinned:
            yield _finding(
                "HAPI-01", Severity.MAJOR, f"{host.name}/{name}",
                f"{name} on {host.name} asks for {count(definition.replicas, 'instance')} but has {pinned}, which only"
                " one of them can have.",
                "take it out of the app's Compose files",
            )  # fmt: skip


def container_findings(host: HostObservation, project: ProjectObservation, policy: Policy) -> Iterator[Finding]:
    """What is wrong with the containers of a project: no limits, uneven ones, or started past the files in force."""
    ours = (project.capacity_file or {}).get("services")
    sized = ours if isinstance(ours, dict) else {}
    for service in services_on(host, policy):
        if service.project == project.name:
            yield from _unlimited(host, service.name, service.containers)
            yield from _uneven(host, service.name, service.containers)
            for container in service.containers:
                yield from _started_past(host, project, container, sized.get(service.name))


def _unlimited(host: HostObservation, name: str, containers: Sequence[ContainerObservation]) -> Iterator[Finding]:
    for resource in ("memory", "cpus"):
        without = [container.name for container in containers if getattr(container.limits, resource) is None]
        if without:
            word = "CPU" if resource == "cpus" else "memory"
            yield _finding(
                "CTR-00", Severity.MAJOR if resource == "memory" else Severity.MINOR, f"{host.name}/{name}",
                f"{', '.join(without)} on {host.name} without a {word} limit: it may take all that the host has.",
                "rightsize gives it a generous one in place; a rollback then sets the host's total in its stead,"
                " because Docker takes no limit away from a container that runs",
            )  # fmt: skip


def _uneven(host: HostObservation, name: str, containers: Sequence[ContainerObservation]) -> Iterator[Finding]:
    if len({(container.limits.memory, container.limits.cpus) for container in containers}) > 1:
        values = "; ".join(
            f"{container.name} has {memory(container.limits.memory)} and {cores(container.limits.cpus)}"
            for container in containers
        )
        yield _finding(
            "CTR-00", Severity.MINOR, f"{host.name}/{name}",
            f"The instances of {name} on {host.name} have different limits: {values}.",
            "the lowest counts as the limit now; a change makes them equal",
        )  # fmt: skip


def _started_past(
    host: HostObservation, project: ProjectObservation, container: ContainerObservation, ours: object
) -> Iterator[Finding]:
    """A container from other files than those in force, or with other limits than ours: the next ``up`` changes it."""
    directory = PurePosixPath(project.directory)
    file = _ours(project)
    in_force = {str(directory / name) for name in project.files} - _our_files(project)
    started = {str(directory / name) for name in container.config_files} - _our_files(project)
    if in_force and started and started != in_force:
        yield _finding(
            "compose files", Severity.MAJOR, f"{host.name}/{container.name}",
            f"{container.name} on {host.name} was started from {', '.join(sorted(started))}, but in force are"
            f" {', '.join(sorted(in_force))}.",
            "start it without -f, or name its files in COMPOSE_FILE; else the next up recreates it differently",
        )  # fmt: skip
        return
    wanted, past = limits_in(ours), not any(PurePosixPath(name).name == file for name in container.config_files)
    if container.config_files and past and wanted.memory is not None and wanted.memory != container.limits.memory:
        yield _finding(
            "compose files", Severity.MAJOR, f"{host.name}/{container.name}",
            f"{container.name} on {host.name} was started past {file} or changed by hand: it has"
            f" {memory(container.limits.memory)} where the file says {memory(wanted.memory)}.",
            f"start it without -f, or with {file} as the last -f",
        )  # fmt: skip


def _ours(project: ProjectObservation) -> str:
    """The name of our file in a project's folder."""
    return project.attachment.file if project.attachment is not None else FILE_NAME


def _our_files(project: ProjectObservation) -> set[str]:
    """The paths that our file has, or had before it was moved to where it takes effect."""
    return {str(PurePosixPath(project.directory) / name) for name in (FILE_NAME, _ours(project))}


def _finding(rule: str, severity: Severity, subject: str, sentence: str, resolution: str) -> Finding:
    return Finding(
        rule=rule, severity=severity, rule_class=RuleClass.WARN, subject=subject, sentence=sentence,
        resolution=resolution,
    )  # fmt: skip
