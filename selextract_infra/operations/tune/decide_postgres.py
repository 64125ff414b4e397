"""Retuning a Postgres server that runs: what it has against what it should have, setting by setting (X-01 to X-04).

What ``postgresql.auto.conf`` or an argument of the server sets wins over every file of ours. Such a setting is named
and left alone, and where it decides how much the others may take, they are computed around it. And max_connections is
not lowered below what is open: after the restart a part of the app would be turned away.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selextract_infra.assess.postgres.parameters import STANDBY_PARAMETERS, parameter
from selextract_infra.assess.postgres.proposal import Subject
from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.assess.service import limit_of
from selextract_infra.model import figures
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.figures import GB, KB, MB
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.postgres import Role, Storage, Unit, Workload
from selextract_infra.model.postgres_conf import conf_value
from selextract_infra.model.postgres_observation import PostgresObservation, PostgresSetting
from selextract_infra.model.tuning import PostgresFacts, PostgresTuning, Setting
from selextract_infra.operations.tune.host_share import connections_asked_for, memory_beside_others
from selextract_infra.policy.schema.system import SystemProfile

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["Retuning", "facts_of", "in_force", "pinned_by", "raw_value", "retune_postgres"]

_SIZES = {"B": 1, "kB": KB, "8kB": 8 * KB, "MB": MB, "GB": GB}
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0}
_OURS_TO_SET = ("default", "configuration file")
_CONNECTIONS = "max_connections"
_WORK_MEM = "work_mem"
_IDLE_SHARE = 0.25  # a server of which no more than this share is open is idle
_MEMORY = ("shared_buffers", "work_mem", "maintenance_work_mem", "autovacuum_work_mem", "max_connections")


@dataclass(frozen=True)
class Retuning:
    """One server's tuning against what is in force.

    ``settings`` are those that our file may hold, ``reload`` and ``restart`` the names that change, by what it takes.
    ``pinned`` has, by name, what wins over us.
    """

    tuning: PostgresTuning
    settings: tuple[Setting, ...]
    reload: tuple[str, ...]
    restart: tuple[str, ...]
    pinned: dict[str, str]
    decisions: tuple[Decision, ...]
    findings: tuple[Finding, ...]


def facts_of(host: HostObservation, postgres: PostgresObservation, policy: Policy) -> PostgresFacts:
    """What the server has: its container's limits, else what the host can give it beside all others."""
    mapped = policy.application.services[postgres.service].postgres
    container = next((container for container in host.containers if container.name == postgres.container), None)
    memory, cpus = (limit_of(container, resource, host.facts) if container else None for resource in ("memory", "cpus"))
    fixed = _pinned_number(postgres, "max_connections")
    standby = {name: int(postgres.settings[name].value) for name in STANDBY_PARAMETERS if name in postgres.settings}
    return PostgresFacts(
        memory=int(memory or memory_beside_others(host, postgres, policy)),
        cpus=cpus or float(host.facts.cpus),
        version=postgres.version or 0,
        connections=(mapped.connections or connections_asked_for(host, postgres, policy)) if fixed is None else fixed,
        workload=Workload(mapped.workload) if mapped.workload else None,
        storage=Storage(mapped.storage),
        disk=postgres.disk_total or None,
        role=Role.READER if postgres.in_recovery else Role.PRIMARY,
        lz4=postgres.lz4,
        primary=standby if postgres.in_recovery else {},
    )


def retune_postgres(
    facts: PostgresFacts,
    postgres: PostgresObservation,
    policy: Policy,
    *,
    subject: Subject,
    shared_buffers: int | None = None,
    overrides: Collection[str] = (),
) -> Retuning:
    """Compare what the server should have with what is in force.

    ``shared_buffers`` (bytes) and ``overrides`` as for ``tune_postgres``. Raises what that raises.
    """
    tuning = tune_postgres(facts, policy, shared_buffers=shared_buffers, overrides=overrides, subject=subject)
    held = _held_connections(tuning, postgres, policy)
    spared = _spared_work_mem(tuning, postgres, policy)
    kept = {setting.name: setting for setting in (held, spared) if setting is not None}
    settings = [kept.get(setting.name, setting) for setting in tuning.settings]
    known = [setting for setting in settings if setting.name in postgres.settings]
    pinned = {setting.name: by for setting in known if (by := pinned_by(postgres.settings[setting.name]))}
    changing = [
        setting
        for setting in known
        if setting.name not in pinned and not _equal(setting, postgres.settings[setting.name])
    ]
    return Retuning(
        tuning=tuning,
        settings=tuple(setting for setting in known if setting.name not in pinned),
        reload=tuple(setting.name for setting in changing if not setting.context.restart),
        restart=tuple(setting.name for setting in changing if setting.context.restart),
        pinned=pinned,
        decisions=tuple(
            _decision(setting, postgres.settings[setting.name], pinned.get(setting.name), tuning) for setting in known
        ),
        findings=(
            *tuning.findings,
            *_findings(tuning, postgres, pinned, subject),
            *_held_findings(held, tuning, postgres),
            *_spared_findings(spared, tuning, postgres),
        ),
    )


def pinned_by(in_server: PostgresSetting) -> str | None:
    """What wins over our file, in words; None where nothing does."""
    if in_server.source == "command line":
        return "an argument of the server (-c)"
    if in_server.source not in _OURS_TO_SET:
        return f"the source {in_server.source}"
    return "postgresql.auto.conf" if (in_server.file or "").endswith("/postgresql.auto.conf") else None


def in_force(name: str, in_server: PostgresSetting) -> bool | int | float | str:
    """A value in force in base units, as a ``Setting`` has it."""
    unit, text = parameter(name).unit, in_server.value
    if unit is Unit.BYTES:
        count = int(text)
        return count * _SIZES[in_server.unit or "B"] if count > 0 else count
    if unit is Unit.SECONDS:
        count = int(text)
        return count * _SECONDS[in_server.unit or "s"] if count > 0 else count
    if text in ("on", "off"):
        return text == "on"
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number == int(number) and "." not in text else number


def raw_value(setting: Setting, unit: str | None) -> str:
    """A setting as ``pg_settings`` will show it, in that unit."""
    value = setting.value
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return value
    if setting.unit is Unit.BYTES:
        return str(int(value) // _SIZES[unit or "B"])
    if setting.unit is Unit.SECONDS:
        return str(round(value / _SECONDS[unit or "s"]))
    return f"{value:g}"


def _equal(setting: Setting, in_server: PostgresSetting) -> bool:
    wanted = raw_value(setting, in_server.unit)
    try:
        return math.isclose(float(wanted), float(in_server.value))
    except ValueError:
        return wanted == in_server.value


def _held_connections(tuning: PostgresTuning, postgres: PostgresObservation, policy: Policy) -> Setting | None:
    """``max_connections`` as it is in force, where what would be right is less than what is open; else None."""
    setting = next((setting for setting in tuning.settings if setting.name == _CONNECTIONS), None)
    now = postgres.settings.get(_CONNECTIONS)
    if setting is None or now is None or pinned_by(now):
        return None
    in_use = postgres.connections.open + policy.postgres.superuser_reserved
    if int(setting.value) >= min(int(now.value), in_use):
        return None
    return setting.model_copy(update={"value": int(now.value)})


def _held_findings(held: Setting | None, tuning: PostgresTuning, postgres: PostgresObservation) -> Iterator[Finding]:
    if held is None:
        return
    right = next(setting.value for setting in tuning.settings if setting.name == held.name)
    yield Finding(
        rule="X-13",
        severity=Severity.MAJOR,
        rule_class=RuleClass.WARN,
        subject=held.name,
        sentence=f"max_connections stays {held.value}: {postgres.connections.open} connections are open, and {right}"
        " would be right. The memory does not add up with it.",
        numbers={"open_connections": postgres.connections.open, "max_connections": int(held.value)},
        resolution="Pool the connections, or give the container more memory.",
    )


def _spared_work_mem(tuning: PostgresTuning, postgres: PostgresObservation, policy: Policy) -> Setting | None:
    """``work_mem`` as it is in force, where less would only be right if an idle server were full; else None."""
    setting = next((setting for setting in tuning.settings if setting.name == _WORK_MEM), None)
    now, most = postgres.settings.get(_WORK_MEM), postgres.settings.get(_CONNECTIONS)
    if policy.profile is SystemProfile.GUIDE or setting is None or now is None or most is None or pinned_by(now):
        return None
    value = in_force(_WORK_MEM, now)
    if isinstance(value, str) or postgres.connections.open > int(most.value) * _IDLE_SHARE:
        return None
    return setting.model_copy(update={"value": int(value)}) if int(setting.value) < value else None


def _spared_findings(
    spared: Setting | None, tuning: PostgresTuning, postgres: PostgresObservation
) -> Iterator[Finding]:
    if spared is None:
        return
    right = next(setting for setting in tuning.settings if setting.name == spared.name)
    yield Finding(
        rule="X-02",
        severity=Severity.MINOR,
        rule_class=RuleClass.WARN,
        subject=spared.name,
        sentence=f"work_mem stays {conf_value(spared)}: {postgres.connections.open} connections are open, and only if"
        f" all that may be were at work at once would {conf_value(right)} be right.",
        numbers={"open_connections": postgres.connections.open, "right_bytes": int(right.value)},
        resolution="give it a memory limit that carries its max_connections, or allow fewer of them",
    )


def _pinned_number(postgres: PostgresObservation, name: str) -> int | None:
    setting = postgres.settings.get(name)
    return int(setting.value) if setting is not None and pinned_by(setting) else None


def _decision(setting: Setting, in_server: PostgresSetting, pinned: str | None, tuning: PostgresTuning) -> Decision:
    """What becomes of one setting, with the guide's wish where there is one."""
    wish = next((decision for decision in tuning.decisions if decision.resource == setting.name), None)
    now, wanted = in_force(setting.name, in_server), setting.value
    less = wish.why_less.rstrip(".") if wish and wish.why_less else None
    verdict = _verdict(setting, in_server, pinned)
    if verdict is Verdict.REFUSED:
        less = f"{conf_value(setting)} would be right, but {pinned} says otherwise and wins over every file"
    return (wish or Decision(host="", resource=setting.name, verdict=verdict, rule=setting.rule, why="")).model_copy(
        update={
            "host": tuning.decisions[0].host,
            "project": tuning.decisions[0].project,
            "service": tuning.decisions[0].service,
            "verdict": verdict,
            "rule": wish.rule if wish else setting.rule,
            "current": _number(now),
            "granted": _number(now if verdict is Verdict.REFUSED else wanted),
            "current_text": conf_value(setting.model_copy(update={"value": now})),
            "granted_text": conf_value(setting.model_copy(update={"value": now}) if pinned else setting),
            "why": f"{setting.why[:1].upper()}{setting.why[1:]}.",
            "why_less": less,
        }
    )


def _verdict(setting: Setting, in_server: PostgresSetting, pinned: str | None) -> Verdict:
    if _equal(setting, in_server):
        return Verdict.KEEP
    if pinned:
        return Verdict.REFUSED
    now, wanted = _number(in_force(setting.name, in_server)), _number(setting.value)
    if now is None or wanted is None:
        return Verdict.SET
    return Verdict.RAISE if wanted > now else Verdict.LOWER


def _number(value: float | str) -> float | None:
    return None if isinstance(value, (bool, str)) else value


def _findings(
    tuning: PostgresTuning, postgres: PostgresObservation, pinned: dict[str, str], subject: Subject
) -> Iterator[Finding]:
    for setting in tuning.settings:
        if setting.name in pinned and not _equal(setting, postgres.settings[setting.name]):
            yield _pinned_finding(setting, postgres.settings[setting.name], pinned[setting.name], subject)
    ours = {setting.name for setting in tuning.settings}
    waiting = [name for name in postgres.pending_restart if name not in ours]
    if waiting:
        yield Finding(
            rule="DRV-09",
            severity=Severity.MINOR,
            rule_class=RuleClass.REPORT,
            subject=subject.service,
            sentence=f"{', '.join(waiting)} of {postgres.container} wait for a restart that is not part of this plan.",
            resolution="They take effect with the next restart, whoever makes it.",
        )
    for own in postgres.role_settings:
        who = " in ".join(name for name in (own.role, own.database) if name) or "every role"
        yield Finding(
            rule="DRV-09",
            severity=Severity.MINOR,
            rule_class=RuleClass.REPORT,
            subject=own.name,
            sentence=f"Sessions of {who} get {own.name} = {own.value}, whatever the files say.",
            resolution=f"ALTER ROLE or ALTER DATABASE ... RESET {own.name} gives it back to the files.",
        )
    if postgres.shm_size is not None and postgres.shm_size < tuning.shm_size:
        yield Finding(
            rule="postgres.shm_minimum",
            severity=Severity.MINOR,
            rule_class=RuleClass.REPORT,
            subject="shm_size",
            sentence=f"{postgres.container} has {figures.memory(postgres.shm_size)} of shared memory, and parallel"
            f" queries and vacuums may need {figures.memory(tuning.shm_size)}.",
            numbers={"shm_size_bytes": postgres.shm_size, "needed_bytes": tuning.shm_size},
            resolution=f"Set shm_size: {tuning.shm_size // MB}m in the app's Compose file; it takes a recreation.",
        )


def _pinned_finding(setting: Setting, in_server: PostgresSetting, by: str, subject: Subject) -> Finding:
    now = in_force(setting.name, in_server)
    larger = setting.name in _MEMORY and isinstance(now, (int, float)) and now > float(setting.value)
    shown = conf_value(setting.model_copy(update={"value": now}))
    beyond = " The memory does not add up with it." if larger else ""
    return Finding(
        rule=setting.rule if setting.rule.startswith("X-") else "DRV-09",
        severity=Severity.MAJOR if larger else Severity.MINOR,
        rule_class=RuleClass.WARN,
        subject=setting.name,
        sentence=f"{setting.name} is {shown} by {by}, which wins over every file; {conf_value(setting)} would be"
        f" right.{beyond}",
        resolution=f"Only the team of {subject.service} can change that: "
        + ("ALTER SYSTEM RESET " + setting.name if by == "postgresql.auto.conf" else "take it out of the command")
        + ".",
    )
