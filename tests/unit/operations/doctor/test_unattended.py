"""What would be missing at 02:00 is found before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selextract_infra.operations.doctor.diagnosis import CheckStatus
from selextract_infra.operations.doctor.unattended import machine_checks
from selextract_infra.policy import Policy, load_policy

NAME = "SELEXTRACT_SLACK_URL"


def team(*credentials: str, dead_man: str | None = None, **channels: Any) -> Policy:
    schedule = {"credentials": list(credentials), "dead_man": dead_man}
    return load_policy({"schedule": schedule, "emergency": {"notifications": {"channels": channels}}})


def found(policy: Policy, units: Path, **environment: str) -> dict[str, CheckStatus]:
    return {check.name: check.status for check in machine_checks(policy, environment, units)}


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A machine on which the timer was installed with one credential."""
    folder = tmp_path / "units"
    (folder / "timers.target.wants").mkdir(parents=True)
    (folder / "timers.target.wants" / "selextract-run-due.timer").symlink_to("../selextract-run-due.timer")
    (tmp_path / NAME).write_text("slack://a/b/c\n")
    (folder / "selextract-run-due.service").write_text(f"[Service]\nLoadCredential={NAME}:{tmp_path / NAME}\n")
    return folder


def test_all_is_there(units: Path) -> None:
    policy = team(NAME, slack=f"${{{NAME}}}", mail_server="mailto://localhost")
    assert set(found(policy, units).values()) == {CheckStatus.OK}


def test_a_machine_without_a_timer_is_warned_about(tmp_path: Path) -> None:
    assert found(team(), tmp_path)["timer"] is CheckStatus.WARNING


@pytest.mark.parametrize("content", [None, ""], ids=["gone", "empty"])
def test_a_credential_without_a_file_is_a_problem(units: Path, content: str | None) -> None:
    file = units.parent / NAME
    file.unlink()
    if content is not None:
        file.write_text(content)
    (check,) = [one for one in machine_checks(team(NAME), {}, units) if one.name == f"credential {NAME}"]
    assert check.status is CheckStatus.PROBLEM
    assert str(file) in check.sentence


def test_what_a_person_has_exported_does_not_count(units: Path) -> None:
    policy = team(NAME, "SELEXTRACT_MAIL")
    assert found(policy, units, SELEXTRACT_MAIL="here")["credential SELEXTRACT_MAIL"] is CheckStatus.PROBLEM


def test_what_systemd_hands_out_counts(units: Path, tmp_path: Path) -> None:
    (tmp_path / "SELEXTRACT_MAIL").write_text("mailto://localhost")
    policy = team("SELEXTRACT_MAIL")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert found(policy, units, **environment)["credential SELEXTRACT_MAIL"] is CheckStatus.OK


@pytest.mark.parametrize(
    "policy",
    [
        team(slack="${SELEXTRACT_OTHER}"),
        team(dead_man="SELEXTRACT_OTHER"),
        team(mail_server="mailto://${SELEXTRACT_OTHER}"),
    ],
    ids=["a channel", "the dead-man address", "the mail server"],
)
def test_what_is_needed_but_not_listed_is_a_problem(units: Path, policy: Policy) -> None:
    (check,) = [one for one in machine_checks(policy, {}, units) if one.name == "credential SELEXTRACT_OTHER"]
    assert check.status is CheckStatus.PROBLEM
    assert "schedule.credentials does not list it" in check.sentence


def test_severities_of_which_nobody_would_hear_are_named(units: Path) -> None:
    (check,) = [one for one in machine_checks(team(slack="slack://a/b/c"), {}, units) if one.name == "messages"]
    assert check.sentence == "nobody would be told of P1, P3, P4"
