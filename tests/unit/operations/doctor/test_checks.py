"""What doctor makes of what was seen: one sentence and one remedy for each thing that is missing."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.hosts.inventory import InventoryHost
from selextract_infra.hosts.look import LoginProbe
from selextract_infra.hosts.preflight import OBSERVE_TASK, READY_TASK, Preflight
from selextract_infra.hosts.runner import HostOutcome
from selextract_infra.operations.doctor.checks import diagnosis_of, with_the_app
from selextract_infra.operations.doctor.diagnosis import CheckStatus, DiagnosisCheck, HostDiagnosis
from selextract_infra.policy import load_policy

HOST = InventoryHost("app1", "192.0.2.1")
POLICY = load_policy(
    {"application": {"project": "shop", "directory": "/srv/shop", "services": {"web": {"role": "api"}}}}
)
READY = {"user": "root", "root": True, "python": "3.11.2", "time": 0.0, "state_free": 2**40, "state_problem": None}
OBSERVED: dict[str, Any] = {
    "facts": {"docker": "26.1", "compose": "2.26", "disk_total": 100 * 2**30, "disk_free": 50 * 2**30},
    "sampler": {"installed": True, "running": True},
    "projects": [{"name": "shop", "problem": None, "services": [{"name": "web"}]}],
    "problem": None,
}
OPEN = LoginProbe(open=True, key="a2V5")


def well(ready: dict[str, Any] | None = None, observed: dict[str, Any] | None = None) -> HostOutcome:
    results = {READY_TASK: {**READY, **(ready or {})}, OBSERVE_TASK: {"observation": {**OBSERVED, **(observed or {})}}}
    return HostOutcome("ok", results=results)


def preflight(outcome: HostOutcome, **seen: Any) -> Preflight:
    usual: dict[str, Any] = {
        "unattended": False, "local": False, "jump": False, "look": OPEN, "key": "known", "fingerprint": "SHA256:x",
        "clock_ahead": 0.1,
    }  # fmt: skip
    return Preflight(**{**usual, **seen}, outcome=outcome)


def diagnosed(seen: Preflight) -> HostDiagnosis:
    return diagnosis_of(HOST, seen, POLICY)


def named(host: HostDiagnosis, name: str) -> DiagnosisCheck:
    (check,) = [check for check in host.checks if check.name == name]
    return check


def test_a_host_that_has_everything_is_healthy() -> None:
    host = diagnosed(preflight(well()))
    assert host.healthy
    assert {check.status for check in host.checks} == {CheckStatus.OK}
    assert [check.name for check in host.checks] == [
        "port", "host key", "login", "python", "root", "state folder", "clock", "docker", "compose", "disk", "sampler",
        "app",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "name", "words"),
    [
        (preflight(well({"python": "3.8.10"})), "python", "3.9 is needed"),
        (preflight(well({"root": False, "user": "ops"})), "root", "tasks run as ops, not as root"),
        (preflight(well({"state_problem": "/var/lib cannot be written: Read-only"})), "state folder", "Read-only"),
        (preflight(well({"state_free": 2**20})), "state folder", "only 1 MB are free"),
        (preflight(well(), clock_ahead=42.0), "clock", "42 s ahead of the clock of this machine"),
        (preflight(well(), clock_ahead=-42.0), "clock", "42 s behind the clock of this machine"),
        (preflight(well(observed={"problem": "Docker is not running."})), "docker", "Docker is not running."),
        (
            preflight(well(observed={"facts": {**OBSERVED["facts"], "compose": None}})),
            "compose",
            "Compose v2 is not installed",
        ),
        (
            preflight(well(observed={"sampler": {"installed": True, "running": False}})),
            "sampler",
            "does not run",
        ),
        (
            preflight(well(observed={"projects": [{"name": "shop", "problem": None, "services": [{"name": "wob"}]}]})),
            "app",
            "maps web, which shop does not have; it has wob",
        ),
        (
            preflight(well(observed={"projects": [{"name": "shop", "problem": "no such file", "services": []}]})),
            "app",
            "no such file",
        ),
        (
            preflight(well(observed={"containers": [{"project": "web_shop", "service": "web"}]})),
            "app",
            "no container of shop runs here; there are containers of web_shop",
        ),
        (
            preflight(well(observed={"containers": [{"project": "shop", "service": "web", "store": "postgres"}]})),
            "app",
            "web is mapped as api but runs as database",
        ),
    ],
)
def test_each_missing_thing_is_a_problem_with_a_remedy(seen: Preflight, name: str, words: str) -> None:
    host = diagnosed(seen)
    assert not host.healthy
    check = named(host, name)
    assert check.status is CheckStatus.PROBLEM
    assert words in check.sentence
    assert check.remedy
    assert [one.name for one in host.checks if one.status is CheckStatus.PROBLEM] == [name]


@pytest.mark.parametrize(
    ("seen", "name"),
    [
        (preflight(well(observed={"sampler": {"installed": False, "running": False}})), "sampler"),
        (preflight(well(observed={"facts": {**OBSERVED["facts"], "disk_free": 2**30}})), "disk"),
        (preflight(well(), key="unchecked"), "host key"),
    ],
)
def test_what_does_not_keep_from_working_is_a_warning(seen: Preflight, name: str) -> None:
    host = diagnosed(seen)
    assert host.healthy
    assert named(host, name).status is CheckStatus.WARNING


def failing(stage: str, status: Any = "unreachable") -> HostOutcome:
    return HostOutcome(status, message=f"{stage} went wrong", remedy="do this", stage=stage)


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (preflight(failing("network"), look=LoginProbe(problem="it does not answer"), key="not looked at"), "port"),
        (preflight(failing("host key"), key="changed"), "host key"),
        (preflight(failing("host key"), key="unknown"), "host key"),
        (preflight(failing("login")), "login"),
        (preflight(failing("network"), jump=True, look=LoginProbe(), key="not looked at"), "login"),
        (preflight(failing("become", "failed")), "root"),
        (preflight(failing("python", "failed")), "python"),
    ],
)
def test_the_first_thing_that_fails_is_told_once_and_the_rest_is_skipped(seen: Preflight, problem: str) -> None:
    host = diagnosed(seen)
    found = [check for check in host.checks if check.status is CheckStatus.PROBLEM]
    assert [check.name for check in found] == [problem]
    assert found[0].remedy
    assert named(host, "docker").status is CheckStatus.SKIPPED
    assert len({check.name for check in host.checks}) == len(host.checks)


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (preflight(HostOutcome("failed", message="it failed")), "python"),
        (preflight(HostOutcome("failed", message="it failed", results={READY_TASK: READY})), "docker"),
        (preflight(HostOutcome("missing", message="the playbook never came to this host")), "login"),
        (preflight(failing("network")), "login"),
        (preflight(failing("host key"), local=True, look=LoginProbe(), key="not looked at"), "login"),
    ],
)
def test_no_failure_goes_untold_even_where_its_cause_is_unknown(seen: Preflight, problem: str) -> None:
    host = diagnosed(seen)
    assert [check.name for check in host.checks if check.status is CheckStatus.PROBLEM] == [problem]


def test_where_ssh_got_through_ssh_is_right_about_key_and_port() -> None:
    host = diagnosed(preflight(well(), look=LoginProbe(problem="it does not answer"), key="changed"))
    assert host.healthy


def test_unattended_the_remedy_is_one_that_needs_no_person() -> None:
    login = named(diagnosed(preflight(failing("login"), unattended=True)), "login")
    assert "without a passphrase" in login.remedy
    become = named(diagnosed(preflight(failing("become", "failed"), unattended=True)), "root")
    assert "NOPASSWD" in become.remedy


def test_this_machine_needs_no_port_and_no_key() -> None:
    host = diagnosed(preflight(well(), local=True, look=LoginProbe(), key="not looked at"))
    assert host.healthy
    assert host.connection == "local"
    assert named(host, "port").status is CheckStatus.SKIPPED


def test_what_a_host_says_is_shown_displayably() -> None:
    host = diagnosed(preflight(well({"user": "\x1b]0;x\x07ops", "root": False}, {"problem": "\x1b[2Jno\nDocker"})))
    assert named(host, "docker").sentence == "no Docker"
    assert named(host, "root").sentence == "tasks run as ops, not as root"


def test_a_project_that_no_host_has_is_a_problem_and_one_that_some_host_has_is_none() -> None:
    elsewhere = diagnosed(preflight(well(observed={"projects": [], "containers": [{"project": "web_shop"}]})))
    assert named(elsewhere, "app").status is CheckStatus.SKIPPED
    (alone,) = with_the_app([elsewhere])
    assert not alone.healthy
    assert "no container of shop and no folder of it here; there are containers of web_shop" in (
        named(alone, "app").sentence
    )
    both = with_the_app([elsewhere, diagnosed(preflight(well()))])
    assert all(host.healthy for host in both)
