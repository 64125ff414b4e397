"""What has to be on this machine before something can run at night: the timer, its credentials, somebody to tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from selextract_infra.flow.notify_routes import routes
from selextract_infra.hosts.credentials import references
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.operations.doctor.diagnosis import CheckStatus, DiagnosisCheck
from selextract_infra.policy import Policy

__all__ = ["UNITS", "machine_checks"]

UNITS = Path("/etc/systemd/system")
_SERVICE, _TIMER = "selextract-run-due.service", "timers.target.wants/selextract-run-due.timer"
_INSTALL = "selextract-infra schedule install"


def machine_checks(policy: Policy, environment: Mapping[str, str], units: Path = UNITS) -> tuple[DiagnosisCheck, ...]:
    """Look at the units that were installed, not at what a person has exported: at night there is no person.

    ``environment`` counts only where systemd itself handed out credentials.
    """
    return (_timer(units), *_credentials(policy, environment, units), _messages(policy))


def _timer(units: Path) -> DiagnosisCheck:
    if (units / _TIMER).is_symlink() or (units / _TIMER).exists():
        return DiagnosisCheck(name="timer", status=CheckStatus.OK, sentence="installed")
    return DiagnosisCheck(
        name="timer",
        status=CheckStatus.WARNING,
        sentence="none is installed on this machine, so nothing that is queued here is carried out",
        remedy=_INSTALL,
    )


def _credentials(policy: Policy, environment: Mapping[str, str], units: Path) -> Iterator[DiagnosisCheck]:
    listed = policy.schedule.credentials
    files = _loaded(units / _SERVICE)
    handed_out = environment.get("CREDENTIALS_DIRECTORY")
    for name, user in sorted(_needed(policy).items()):
        if name not in listed:
            yield _missing(name, f"{user} needs it, but schedule.credentials does not list it", "list it in the policy")
        elif handed_out:
            yield _from_file(name, Path(handed_out, name))
        elif name in files:
            yield _from_file(name, files[name])
        else:
            yield _missing(name, f"{_SERVICE} does not load it, so it would be missing at night", _INSTALL)


def _needed(policy: Policy) -> dict[str, str]:
    """By variable, what needs it; those that are only listed are needed by the inventory."""
    needed = dict.fromkeys(policy.schedule.credentials, "the inventory")
    channels = policy.emergency.notifications.channels
    for channel in ("page", "slack", "ticket", "webhook", "mail_server"):
        needed.update(dict.fromkeys(references(getattr(channels, channel) or ""), f"the channel {channel}"))
    if policy.schedule.dead_man:
        needed[policy.schedule.dead_man] = "the dead-man address"
    return needed


def _loaded(service: Path) -> dict[str, Path]:
    """By credential, the file that the installed service loads it from."""
    try:
        lines = service.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    loads = (
        line.removeprefix("LoadCredential=").partition(":") for line in lines if line.startswith("LoadCredential=")
    )
    return {name: Path(path) for name, _, path in loads}


def _from_file(name: str, file: Path) -> DiagnosisCheck:
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        return _missing(name, f"there is no {file}", f"write it there, readable for its owner alone; then {_INSTALL}")
    except OSError as problem:
        return DiagnosisCheck(
            name=f"credential {name}",
            status=CheckStatus.WARNING,
            sentence=f"{file} cannot be looked at: {problem.strerror}",
            remedy="run doctor as root",
        )
    if not size:
        return _missing(name, f"{file} is empty", "write it there")
    return DiagnosisCheck(name=f"credential {name}", status=CheckStatus.OK, sentence=f"in {file}")


def _missing(name: str, sentence: str, remedy: str) -> DiagnosisCheck:
    return DiagnosisCheck(name=f"credential {name}", status=CheckStatus.PROBLEM, sentence=sentence, remedy=remedy)


_TELL_SOMEBODY = "give emergency.notifications.channels a mail_server; then selextract-infra notify test"
_NAME_SOMEBODY = "name a channel or people in emergency.notifications; then selextract-infra notify test"


def _messages(policy: Policy) -> DiagnosisCheck:
    mute = [
        severity for severity in IncidentSeverity if all(route.target is None for route in routes(policy, severity))
    ]
    if mute:
        return DiagnosisCheck(
            name="messages",
            status=CheckStatus.WARNING,
            sentence=f"nobody would be told of {', '.join(mute)}",
            remedy=_TELL_SOMEBODY if policy.emergency.notifications.immediate else _NAME_SOMEBODY,
        )
    return DiagnosisCheck(name="messages", status=CheckStatus.OK, sentence="every severity has somebody to tell")
