"""Doctor: can every host be worked on, and if not, what is to be done about it. Looks only, changes nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from selextract_infra.assess.mapped_role import role_of
from selextract_infra.errors import CancelledError
from selextract_infra.flow.capacity_warnings import nobody_looks_ahead
from selextract_infra.hosts.inventory import Inventory, InventoryHost
from selextract_infra.hosts.preflight import OBSERVE_TASK, READY_TASK, Preflight, look_before
from selextract_infra.model.figures import MB, disk, percent
from selextract_infra.model.observation import ContainerObservation
from selextract_infra.model.text import displayable
from selextract_infra.operations.doctor.diagnosis import CheckStatus, Diagnosis, DiagnosisCheck, HostDiagnosis
from selextract_infra.operations.doctor.unattended import machine_checks
from selextract_infra.policy import Policy

__all__ = ["diagnosis_of", "doctor", "with_the_app"]

_OLDEST_PYTHON = (3, 9)
_CLOCK_SECONDS = 5.0
"""Leases and the age of samples are judged by both clocks; more apart than this and the judgement is wrong."""
_STATE_BYTES = 64 * MB
"""What the state folder needs at least: seven days of samples of a few dozen containers."""


def doctor(
    inventory: Inventory,
    policy: Policy,
    *,
    at: datetime,
    unattended: bool = False,
    looked_ahead: datetime | None = None,
    cancel: threading.Event | None = None,
) -> Diagnosis:
    """Look at all hosts at once; it takes about as long as the slowest one.

    ``looked_ahead`` is when this machine last looked whether a resource will be used up, None for never.

    ``unattended`` proves that it works without a person: no SSH agent, no question by ssh, and no password but from a
    systemd credential; and that this machine has the timer and its credentials. Raises ``CancelledError`` when
    ``cancel`` is set.
    """
    mapped = policy.application
    projects = [{"name": mapped.project, "directory": str(mapped.directory or "")}] if mapped.project else []
    preflights = look_before(inventory, projects, unattended=unattended, cancel=cancel)
    if cancel is not None and cancel.is_set():
        raise CancelledError("Cancelled while the hosts were being looked at; nothing was changed.")
    return Diagnosis(
        at=at,
        unattended=unattended,
        hosts=with_the_app(diagnosis_of(host, preflights[host.name], policy) for host in inventory.hosts),
        machine=(_warned(looked_ahead, policy, at), *(machine_checks(policy, os.environ) if unattended else ())),
    )


def diagnosis_of(host: InventoryHost, preflight: Preflight, policy: Policy) -> HostDiagnosis:
    """What was seen of one host, judged: a check for each thing that working on it needs."""
    checks = [*_way(preflight), _login(preflight)]
    ready = preflight.outcome.results.get(READY_TASK, {})
    if "root" in ready:
        checks += [_python(ready), _root(ready), _state(ready), _clock(preflight.clock_ahead)]
    else:
        checks += [_not_made(name, preflight) for name in ("python", "root", "state folder", "clock")]
    observed = preflight.outcome.results.get(OBSERVE_TASK, {}).get("observation")
    if observed:
        checks += [_docker(observed), _compose(observed), _disk(observed, policy), _sampler(observed)]
        checks.append(_app(observed, policy))
    else:
        checks += [_not_made(name, preflight) for name in ("docker", "compose", "disk", "sampler", "app")]
    return HostDiagnosis(
        name=host.name,
        address=host.address,
        connection="local" if preflight.local else "ssh",
        checks=tuple(_with_a_problem(checks, preflight)),
    )


def with_the_app(hosts: Iterable[HostDiagnosis]) -> tuple[HostDiagnosis, ...]:
    """Where no host at all has the app, each of them has that problem: the project's name in the policy is wrong."""
    known = tuple(hosts)
    absent = [check for host in known for check in host.checks if check.name == "app" and _ABSENT in check.sentence]
    if not known or len(absent) < len(known):
        return known
    return tuple(
        host.model_copy(
            update={
                "checks": tuple(
                    _problem(check.name, check.sentence, _OTHER_PROJECT) if check.name == "app" else check
                    for check in host.checks
                )
            }
        )
        for host in known
    )


_ABSENT = "no container of "
_OTHER_PROJECT = "correct application.project in the policy, or start the app"


def _with_a_problem(checks: list[DiagnosisCheck], preflight: Preflight) -> list[DiagnosisCheck]:
    """Who did not answer everything has a problem; where nobody knows which, it is the first check skipped."""
    if preflight.outcome.status == "ok" or any(check.status is CheckStatus.PROBLEM for check in checks):
        return checks
    names = [check.name for check in checks if check.status is CheckStatus.SKIPPED and check.name not in _OUTSIDE]
    return [
        _problem(check.name, preflight.outcome.message, _remedy(preflight)) if [check.name] == names[:1] else check
        for check in checks
    ]


def _warned(looked_ahead: datetime | None, policy: Policy, at: datetime) -> DiagnosisCheck:
    """Whether anybody hears in time that a resource will be used up."""
    finding = nobody_looks_ahead(looked_ahead, policy, at)
    if finding is not None:
        return _warning("warnings", finding.sentence, finding.resolution)
    return _ok("warnings", f"this machine looked ahead at {looked_ahead:%Y-%m-%d %H:%M}Z")


_OUTSIDE = ("port", "host key")


def _ok(name: str, sentence: str = "") -> DiagnosisCheck:
    return DiagnosisCheck(name=name, status=CheckStatus.OK, sentence=sentence)


def _problem(name: str, sentence: str, remedy: str = "") -> DiagnosisCheck:
    return DiagnosisCheck(name=name, status=CheckStatus.PROBLEM, sentence=sentence, remedy=remedy)


def _warning(name: str, sentence: str, remedy: str = "") -> DiagnosisCheck:
    return DiagnosisCheck(name=name, status=CheckStatus.WARNING, sentence=sentence, remedy=remedy)


def _skipped(name: str, sentence: str) -> DiagnosisCheck:
    return DiagnosisCheck(name=name, status=CheckStatus.SKIPPED, sentence=sentence)


def _way(preflight: Preflight) -> Iterator[DiagnosisCheck]:
    """Port and host key, as seen from outside; where ssh got through all the same, ssh is right."""
    if preflight.local:
        yield _skipped("port", "this very machine, reached without ssh")
        yield _skipped("host key", "this very machine, reached without ssh")
        return
    if preflight.jump:
        yield _skipped("port", "reached by way of another host, so it cannot be seen from here")
        yield _skipped("host key", "left to ssh")
        return
    through = preflight.outcome.status in ("ok", "failed")
    yield _ok("port", "open") if preflight.look.open or through else _problem("port", preflight.look.problem, _UP)
    yield _host_key(preflight, through=through)


_UNATTENDED = {
    "login": "name a key file without a passphrase with ansible_ssh_private_key_file; the SSH agent is not asked",
    "become": "allow the user sudo with NOPASSWD, or pass the systemd credential become-password",
}
_UP = "check that the host and its sshd are up, ansible_host and ansible_port, and the firewall"


def _host_key(preflight: Preflight, *, through: bool) -> DiagnosisCheck:
    shown = f"it shows {preflight.fingerprint}"
    match preflight.key:
        case "unchecked":
            return _warning(
                "host key", "it is not checked", "remove host_key_checking=false and StrictHostKeyChecking=no"
            )
        case "changed" if not through:
            return _problem(
                "host key",
                f"it is not the one in known_hosts: {shown}",
                "find out why; if the host was rebuilt, remove the old key with ssh-keygen -R and log in once",
            )
        case "revoked":
            return _problem("host key", f"it is revoked in known_hosts: {shown}", "give the host a new key")
        case "unknown" if not through:
            return _problem(
                "host key",
                f"it is not known here: {shown}",
                "compare that with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on the host, then log in once",
            )
        case _ if through:
            return _ok("host key", preflight.fingerprint)
        case "known":
            return _ok("host key", preflight.fingerprint)
        case _:
            return _skipped("host key", "the host did not show one")


def _login(preflight: Preflight) -> DiagnosisCheck:
    """What OpenSSH said, through Ansible; a failure after that is told where it belongs."""
    ready = preflight.outcome.results.get(READY_TASK, {})
    if "user" in ready:
        user = displayable(str(ready["user"]), limit=40)
        return _ok("login", f"this very machine, as {user}" if preflight.local else f"works as {user}")
    stage = preflight.outcome.stage
    if stage in _AFTER_LOGIN or (preflight.outcome.status == "failed" and not stage):
        return _ok("login", "works")
    if stage in ("network", "host key") and not preflight.jump:
        return _skipped("login", "not tried, because of what is said above")
    return _problem("login", preflight.outcome.message, _remedy(preflight))


_AFTER_LOGIN = {"python": "python", "become": "root", "disk": "state folder", "docker": "docker"}
"""Stages at which a task can fail once the login works, and the check that tells of it."""


def _not_made(name: str, preflight: Preflight) -> DiagnosisCheck:
    if _AFTER_LOGIN.get(preflight.outcome.stage) == name:
        return _problem(name, preflight.outcome.message, _remedy(preflight))
    return _skipped(
        name, "not looked at, because of what is said above" if preflight.outcome.stage else preflight.outcome.message
    )


def _remedy(preflight: Preflight) -> str:
    return (
        _UNATTENDED.get(preflight.outcome.stage, preflight.outcome.remedy)
        if preflight.unattended
        else preflight.outcome.remedy
    )


def _python(ready: Mapping[str, Any]) -> DiagnosisCheck:
    version = displayable(str(ready["python"]), limit=20)
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if parts < _OLDEST_PYTHON:
        return _problem("python", f"it is {version}, and 3.9 is needed", "install a newer python3 on the host")
    return _ok("python", version)


def _root(ready: Mapping[str, Any]) -> DiagnosisCheck:
    if ready["root"]:
        return _ok("root")
    user = displayable(str(ready["user"]), limit=40)
    return _problem("root", f"tasks run as {user}, not as root", "set ansible_become: true for the host")


def _state(ready: Mapping[str, Any]) -> DiagnosisCheck:
    if ready["state_problem"]:
        return _problem("state folder", displayable(str(ready["state_problem"])), "make it writable for root")
    if ready["state_free"] < _STATE_BYTES:
        return _problem("state folder", f"only {disk(ready['state_free'])} are free there", "free disk space")
    return _ok("state folder", "can be written")


def _clock(ahead: float | None) -> DiagnosisCheck:
    if ahead is None:
        return _skipped("clock", "the host did not say")
    if abs(ahead) > _CLOCK_SECONDS:
        how = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the clock of this machine"
        return _problem("clock", f"it is {how}", "let both take their time from NTP: timedatectl set-ntp true")
    return _ok("clock", f"{ahead:+.1f} s")


def _docker(observed: Mapping[str, Any]) -> DiagnosisCheck:
    if observed.get("problem"):
        return _problem("docker", displayable(str(observed["problem"])), "install or start Docker on the host")
    return _ok("docker", displayable(str(observed["facts"].get("docker")), limit=40))


def _compose(observed: Mapping[str, Any]) -> DiagnosisCheck:
    version = observed["facts"].get("compose")
    if not version:
        return _problem("compose", "Compose v2 is not installed", "install the package docker-compose-plugin")
    return _ok("compose", displayable(str(version), limit=40))


def _disk(observed: Mapping[str, Any], policy: Policy) -> DiagnosisCheck:
    total, free = observed["facts"].get("disk_total"), observed["facts"].get("disk_free")
    if not total or free is None:
        return _warning("disk", "its size is unknown")
    used = 1 - free / total
    sentence = f"{percent(used)} used, {disk(free)} free"
    if used >= policy.monitoring.infrastructure.disk_usage.critical:
        return _warning("disk", f"{sentence} (MON-03: critical)", "docker system df; free disk space")
    return _ok("disk", sentence)


def _sampler(observed: Mapping[str, Any]) -> DiagnosisCheck:
    sampler = observed["sampler"]
    if not sampler["installed"]:
        return _warning("sampler", "it is not installed, so there is no history", "selextract-infra sampler")
    if not sampler["running"]:
        return _problem(
            "sampler", "it is installed but does not run", "systemctl status selextract-sampler on the host"
        )
    return _ok("sampler", "running")


def _running_here(observed: Mapping[str, Any]) -> str:
    """The Compose projects that have containers on the host, as the end of a sentence."""
    names = sorted({str(each["project"]) for each in observed.get("containers") or () if each.get("project")})
    return f"; there are containers of {', '.join(displayable(name, limit=40) for name in names)}" if names else ""


def _other_programs(containers: Iterable[Mapping[str, Any]], policy: Policy) -> str:
    """The services in which something else runs than the policy says, in one sentence; empty without any."""
    others: dict[str, str] = {}
    for each in containers:
        service = policy.application.services.get(str(each.get("service")))
        if service is None:
            continue
        seen = ContainerObservation(name="", id="", image="", store=each.get("store"), proxy=each.get("proxy"))
        role = role_of(service.role, (seen,))
        if role != service.role:
            others[str(each["service"])] = f"{each['service']} is mapped as {service.role} but runs as {role}"
    return displayable("; ".join(others[name] for name in sorted(others)))


def _app(observed: Mapping[str, Any], policy: Policy) -> DiagnosisCheck:
    mapped = policy.application
    if not mapped.project:
        return _warning("app", "the policy maps no application", "write the section application of the policy")
    project = next((entry for entry in observed["projects"] if entry["name"] == mapped.project), None)
    if project is None:
        return _skipped("app", f"{_ABSENT}{mapped.project} and no folder of it here{_running_here(observed)}")
    if project["problem"]:
        return _problem("app", displayable(str(project["problem"])), "docker compose config on the host says more")
    present = {service["name"] for service in project["services"]}
    missing = sorted(set(mapped.services) - present)
    if missing:
        known = ", ".join(displayable(name, limit=40) for name in sorted(present))
        return _problem(
            "app",
            f"the policy maps {', '.join(missing)}, which {mapped.project} does not have; it has {known}",
            "correct application.services in the policy",
        )
    containers = observed.get("containers")
    own = [each for each in containers or () if each.get("project") == mapped.project]
    if containers is not None and not own:
        return _problem("app", f"{_ABSENT}{mapped.project} runs here{_running_here(observed)}", _OTHER_PROJECT)
    other = _other_programs(own, policy)
    if other:
        return _problem("app", other, "correct the roles under application.services in the policy")
    attachment = project.get("attachment") or {}
    for sentence in (attachment.get("problem"), attachment.get("refusal")):
        if sentence:
            return _warning("app", displayable(str(sentence)), "the next run attaches our file where there is a way")
    return _ok("app", f"{len(mapped.services)} services of {mapped.project} are mapped")
