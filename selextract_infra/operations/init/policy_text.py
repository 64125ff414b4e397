"""The files of an inventory: what was seen, each line saying from what; what could not be told is a choice. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from selextract_infra.model.text import displayable
from selextract_infra.operations.init.draft import ProjectDraft, ServiceDraft
from selextract_infra.operations.init.target import Target

__all__ = ["WrittenHost", "hosts_text", "policy_text"]

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*\Z")
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_COLUMN = 44  # where a remark begins, as far as a line leaves room for it

_HEADER = """---
# What `selextract-infra init` saw. It is yours: init never writes over it, and says what differs when it looks again.
#   seen:    and from what
#   choose:  it could not be told; what stands there is what does least, the others are named
"""


@dataclass(frozen=True)
class WrittenHost:
    """A host as it goes into the inventory; ``root``: root was needed to look at it, ``user`` is who looked."""

    name: str
    target: Target
    root: bool
    user: str = ""


def hosts_text(hosts: Sequence[WrittenHost]) -> str:
    """The inventory: how each host is reached."""
    lines = ["all:", "  hosts:"]
    for host in hosts:
        lines.append(f"    {_scalar(host.name)}:")
        lines.append(_remarked(f"      ansible_host: {_scalar(host.target.host)}", "seen: it answers there"))
        if host.target.user:
            lines.append(_remarked(f"      ansible_user: {_scalar(host.target.user)}", "seen: this login works"))
        if host.target.port:
            lines.append(f"      ansible_port: {host.target.port}")
        lines.append(_become(host))
    return _HEADER + "\n".join(lines) + "\n"


def _become(host: WrittenHost) -> str:
    if host.root:
        return _remarked("      ansible_become: true", "seen: without root Docker's socket cannot be opened")
    if host.user == "root":
        return _remarked("      ansible_become: false", "seen: the login is root already")
    return _remarked("      ansible_become: false", "seen: it looks and plans without root; to change anything: true")


def policy_text(projects: Sequence[ProjectDraft], *, loose: Sequence[str]) -> str:
    """The policy: the mapping of the project. ``loose`` are containers without a Compose project."""
    lines = ["selextract_policy:"]
    lines.append(
        _remarked("  profile: own", "seen: the guide's load, hardware, prices and seasons are not this system's")
    )
    chosen = max(projects, key=lambda project: len(project.services), default=None)
    if chosen is not None:
        lines += ["  application:", *_application(chosen)]
    for project in projects:
        if project is not chosen:
            reason = (
                f"{len(project.services)} services in {project.directory}, left out; to map it instead, name it above"
            )
            lines.append(f"    # choose: project {displayable(project.name, limit=60)}, {displayable(reason)}")
    if loose:
        names = ", ".join(displayable(name, limit=60) for name in loose)
        lines.append(f"# seen: containers without a Compose project are left out: {names}")
    return _HEADER + "\n".join(lines) + "\n"


def _application(project: ProjectDraft) -> Iterator[str]:
    yield _remarked(f"    project: {_scalar(project.name)}", "seen: the label of its containers")
    yield _remarked(f"    directory: {_scalar(project.directory)}", "seen: the label of its containers")
    yield "    services:"
    for service in project.services:
        yield from _service(service, {other.name: other for other in project.services})


def _service(service: ServiceDraft, others: Mapping[str, ServiceDraft]) -> Iterator[str]:
    yield f"      {_scalar(service.name)}:"
    for reason in service.single:
        yield f"        # seen: there can only be one, because {displayable(reason)}"
    yield _remarked(f"        role: {service.role}", _why(service))
    if service.health:
        yield _remarked(f"        health: {_scalar(service.health)}", "seen: it answered well on the host")
    elif service.role in ("api", "frontend", "nginx"):
        yield "        # choose: health: http://127.0.0.1:PORT/PATH, asked on the host; no published port answered"
    yield from _environment(service, others)
    for asked in service.asked:
        yield f"        # choose: where {displayable(asked)} leads, cannot be told"


def _why(service: ServiceDraft) -> str:
    evidence = "; ".join(displayable(words, limit=120) for words in service.evidence)
    if service.basis == "seen":
        return f"seen: {evidence}"
    others = ", ".join(option for option in service.options if option != service.role)
    return f"choose: or {others}; {evidence}"


def _environment(service: ServiceDraft, others: Mapping[str, ServiceDraft]) -> Iterator[str]:
    lines = []
    databases = [
        each for each in service.addresses if each.leads_to in others and others[each.leads_to].role == "database"
    ]
    whole = [address for address in databases if address.form == "dsn"]
    for address in whole[:1]:
        line = f"          dsn: {_scalar(address.variable)}"
        lines.append(_remarked(line, f"seen: it leads to {displayable(address.leads_to, limit=60)}"))
    lines += [f"          # choose: dsn: {each.variable} leads to {each.leads_to} too" for each in whole[1:]]
    for address in databases if not whole else ():
        parts = ", ".join(address.parts.values()) or "nothing"
        lines.append(f"          # seen: {address.variable} leads to {address.leads_to}, with {parts} beside it")
    if service.role in ("worker", "api") and len(service.counts) == 1:
        lines.append(_remarked(f"          concurrency: {service.counts[0]}", "seen: it holds a number"))
    elif service.counts:
        lines.append(f"          # choose: concurrency: one of {', '.join(service.counts)}")
    if any(not line.lstrip().startswith("#") for line in lines):
        yield "        environment:"
    yield from lines


def _remarked(line: str, remark: str) -> str:
    return f"{line:<{_COLUMN}} # {remark}"


def _scalar(text: str) -> str:
    """A value as YAML reads it back as that very text; what hosts said is data."""
    if _PLAIN.match(text) and text.lower() not in _YAML_WORDS:
        return text
    return json.dumps(text)
