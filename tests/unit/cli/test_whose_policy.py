"""Every command takes the inventory that Ansible would, and says whose policy its answer is by."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from selextract_infra.cli import build

POLICY = "all:\n  hosts: {app1: {}}\n  vars: {selextract_policy: {profile: own, sizing: {headroom: 35%}}}\n"
METRICS = "at,service,cpu_usage_percent\n2025-11-03T00:00:00Z,api,40\n2025-11-03T00:01:00Z,api,41\n"
LINEAR = ["--current", "700GB", "--weekly-growth", "20GB", "--limit", "1TB", "--resource", "disk"]
WITHOUT_HOSTS = {
    "policy show": ["sizing.headroom"],
    "policy check": [],
    "policy explain": ["X-06"],
    "policy export": ["prometheus-rules"],
    "cost": [],
    "growth": [],
    "roadmap": [],
    "loadtest": ["--emit-script"],
    "forecast": LINEAR,
    "simulate": ["--metrics", "metrics.csv"],
    "report": ["--html", "page.html"],
    "budget connections": ["--api", "2", "--workers", "2"],
    "tune postgres": ["--memory", "2GB", "--cpus", "2", "--connections", "50", "--pg-version", "16"],
    "windows next": [],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SELEXTRACT_INVENTORY", "ANSIBLE_INVENTORY", "ANSIBLE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "metrics.csv").write_text(METRICS)
    (tmp_path / "hosts.yml").write_text(POLICY)
    return tmp_path


def first_line(command: str, arguments: list[str]) -> str:
    """The first line on standard error."""
    word = command.split()[0]
    answer = CliRunner().invoke(build(word), [*command.split(), *arguments])
    assert "Policy: " in answer.stderr, (answer.output, answer.exception)
    return answer.stderr.splitlines()[0]


@pytest.mark.parametrize("command", WITHOUT_HOSTS)
def test_a_command_that_looks_at_no_host_takes_the_policy_of_ansibles_inventory(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSIBLE_INVENTORY", "hosts.yml")
    expected = "Policy: profile own, inventory hosts.yml (by ANSIBLE_INVENTORY)."
    assert first_line(command, WITHOUT_HOSTS[command]) == expected


def test_without_an_inventory_the_guide_is_said_to_hold() -> None:
    assert first_line("cost", []) == "Policy: profile guide, no inventory named."


def test_an_inventory_without_a_profile_is_said_to_be_the_guides(folder: Path) -> None:
    (folder / "plain.yml").write_text("all: {hosts: {app1: {}}}\n")
    assert first_line("cost", ["-i", "plain.yml"]) == "Policy: profile guide, inventory plain.yml (by -i)."


def test_a_command_for_hosts_names_init_where_no_inventory_is() -> None:
    answer = CliRunner().invoke(build("status"), ["status"])
    assert "No inventory is named" in str(answer.exception)
