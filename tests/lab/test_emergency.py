"""An emergency on a real host: granted, validated, taken back exactly; it ends by itself where nobody does it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.emergencies import STATE, armed, counts, everything, on_host
from tests.lab.program import Program, wait_for
from tests.lab.rightsizing import as_deployed, policy_of

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

LIFETIME = 25


@pytest.fixture
def program(lab: Lab, tmp_path: Path) -> Program:
    """The program on a lab as its team deployed it."""
    as_deployed(lab)
    lab.ssh(
        "app1",
        f"systemctl disable --now selextract-emergency.timer 2>/dev/null; rm -f {STATE}",
    )
    return Program(lab.state().inventory, tmp_path / "state")


@pytest.fixture
def brief(lab: Lab, program: Program, tmp_path: Path) -> Program:
    """The same, under a policy whose emergencies last for seconds."""
    return _brief(lab, program, tmp_path / "brief", {})


@pytest.fixture
def hasty(lab: Lab, program: Program, tmp_path: Path) -> Program:
    """And whose lease is soon over when its process was killed."""
    return _brief(lab, program, tmp_path / "hasty", {"timeout": "45s", "rollback": "15s"})


def _brief(lab: Lab, program: Program, folder: Path, times: dict[str, str]) -> Program:
    def change(policy: dict[str, Any]) -> None:
        policy["emergency"] = {"actions": {"lifetime": {"stated": f"{LIFETIME}s"}, "times": times}}

    return Program(policy_of(lab, folder, change), program.state)


def test_it_grants_validates_and_is_taken_back_exactly_and_twice_is_harmless(lab: Lab, program: Program) -> None:
    before = everything(lab)
    assert before.count("/selextract-") == 8

    seen = program.run("emergency", "assess", "--format", "json")
    assert seen.code == 0, seen.words
    granted = {
        (one["service"], one["resource"]): one["granted"]
        for one in seen.data["needs"]["decisions"]
        if one["granted"] != one["current"]
    }
    assert granted["api", "instances"] == 4
    assert 3 <= granted["worker", "instances"] <= 6
    assert everything(lab) == before, "assessing changes nothing"

    drilled = program.run("emergency", "drill", "--format", "json", timeout=600)
    assert drilled.code == 0, drilled.words
    assert everything(lab) == before, "a drill in check mode changes nothing"
    assert not armed(lab)

    nobody = program.run("emergency", "run")
    assert nobody.code == 2, nobody.words
    run = program.run("emergency", "run", "--yes", "--reason", "a test", "--format", "json", timeout=600)
    assert run.code == 0, run.words
    assert counts(lab)["api"] == 4
    assert counts(lab)["worker"] == granted["worker", "instances"]
    assert armed(lab)
    assert on_host(lab)["reason"] == "a test"

    second = program.run("emergency", "run", "--yes")
    assert second.code == 3, second.words
    assert "X-74" in second.words
    refused = program.run("rightsize")
    assert refused.code == 3, refused.words
    assert "X-17" in refused.words
    status = program.run("status", "--format", "json")
    assert status.data["hosts"][0]["emergency"]["run"] == run.data["id"]

    validated = program.run("emergency", "validate", "--format", "json")
    assert validated.code in (0, 10), validated.words
    assert validated.data["unrecovered"] == []

    acknowledged = program.run("emergency", "ack", "--format", "json")
    assert acknowledged.code == 0, acknowledged.words
    assert acknowledged.data["acknowledged_by"]

    reverted = program.run("emergency", "revert", "--format", "json", timeout=600)
    assert reverted.code == 0, reverted.words
    assert everything(lab) == before
    assert not armed(lab)
    again = program.run("emergency", "revert")
    assert again.code == 0, again.words
    assert "nothing had to be put back" in again.words
    assert everything(lab) == before

    report = program.run("emergency", "report")
    assert report.code == 0, report.words
    for part in ("# Emergency", "## 1. Assessment", "## 2. Actions", "## 3. Validation", "## 4. Analysis", "a test"):
        assert part in report.out


def test_it_ends_by_itself_when_the_control_process_was_killed(lab: Lab, hasty: Program) -> None:
    before = everything(lab)
    process = hasty.start("emergency", "run", "--yes")
    wait_for(lambda: on_host(lab).get("status") == "active" and armed(lab), bound=300, what="it begins")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for(lambda: on_host(lab)["status"] == "reverted", bound=400, what="the host takes it back")
    assert on_host(lab)["reverted_by"] == "time to live"
    wait_for(lambda: not armed(lab), bound=60, what="the timer goes")
    assert everything(lab) == before


def test_what_a_hand_changed_is_left_and_said(lab: Lab, brief: Program) -> None:
    before = everything(lab)
    run = brief.run("emergency", "run", "--yes", timeout=600)
    assert run.code == 0, run.words
    changed = lab.ssh("app1", "docker update --cpus 0.6 selextract-api-1")
    assert changed.returncode == 0, changed.stderr
    wait_for(lambda: on_host(lab)["status"] == "refused", bound=400, what="the host leaves it")
    assert "Changed by hand" in on_host(lab)["message"]
    assert counts(lab)["api"] == 4
    refused = brief.run("emergency", "revert")
    assert refused.code == 3, refused.words
    assert "--force" in refused.words
    forced = brief.run("emergency", "revert", "--force", timeout=600)
    assert forced.code == 0, forced.words
    assert everything(lab) == before
