"""The policy in words: shown with units and origin, explained with numbers, on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.defects.explain import explain
from selextract_infra.defects.run import rules
from selextract_infra.defects.text import explanation_text
from selextract_infra.errors import GateError, PolicyError, UnitError, UsageError
from selextract_infra.hosts.observe.recorded import save_observation
from selextract_infra.model.observation import (
    ContainerObservation,
    HostFacts,
    HostObservation,
    Limits,
    Observation,
    ProjectObservation,
    Usage,
)
from selextract_infra.policy import default_policy, load_policy
from selextract_infra.policy.show import shown

GB = 1024**3


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(build(), ["policy", *words])
    assert result.exit_code == code, result.stdout
    return result.stdout


def refused(*words: str) -> BaseException:
    result = CliRunner().invoke(build(), ["policy", *words])
    assert result.exception is not None
    return result.exception


def answer(*words: str) -> Any:
    return json.loads(run(*words, "--format", "json"))


@pytest.fixture
def team(tmp_path: Path) -> Path:
    file = tmp_path / "team.yml"
    file.write_text("sizing:\n  headroom: 30%\n")
    return file


def test_a_value_is_shown_as_it_is_written() -> None:
    assert [value.text for value in shown(default_policy(), "sizing.headroom")] == ["40%"]
    texts = {value.path: value.text for value in shown(default_policy(), "containers.api")}
    assert texts["containers.api.memory"] == "2GB"
    assert texts["containers.api.cpu_usage"] == "not stated"


def test_everything_shown_can_be_written_back() -> None:
    """What is shown is what a team may write: each value read again gives the same policy."""
    policy, again = default_policy(), dict[str, Any]()
    for value in shown(policy):
        if value.text in ("not stated", "none", "yes", "no") or not isinstance(value.value, (int, float)):
            continue
        here: dict[str, Any] = again
        *above, last = value.path.split(".")
        for step in above:
            here = here.setdefault(step, {})
        here[last] = value.text
    assert load_policy(again).digest == policy.digest


def test_the_origin_of_a_value_is_shown(team: Path) -> None:
    assert run("show", "sizing.headroom", "--origin").split() == ["sizing.headroom", "40%", "(REC-03,", "guide)"]
    shown = run("show", "sizing", "--origin", "--policy", str(team))
    assert f"{team}:2" in "".join(shown.split()), "a long path is broken over lines"
    assert "80%  (rule: X-40; " in run("show", "capacity_alerts.warning", "--origin")


def test_values_are_answered_as_data_too() -> None:
    assert answer("show", "host.memory") == [
        {"path": "host.memory", "text": "32GB", "value": 32 * GB, "item": "SYS-02", "where": "guide"}
    ]


def test_a_path_that_is_not_there_names_the_nearest() -> None:
    error = refused("show", "sizing.headrom")
    assert isinstance(error, PolicyError)
    assert "did you mean headroom" in str(error)


def test_a_rule_is_explained_with_its_numbers() -> None:
    text = run("explain", "x-06")
    for words in (
        "right-sizing the API",
        "Severity: breaking",
        "refused unless it is overridden",
        "target usage     80 %",
    ):
        assert words in text
    assert answer("explain", "X-06")["finding"]["numbers"]["allowed_peak_bytes"] == pytest.approx(921.6 * 1024**2)


def test_figures_have_the_unit_of_what_they_measure() -> None:
    """Memory is binary, storage decimal (X-46)."""
    for rule, figure in (
        ("X-06", "allowed peak 921.6 MB"),
        ("X-39", "needed 1,666.7 GB"),
        ("X-54", "moderate change -40 %"),
    ):
        assert figure in " ".join(run("explain", rule).split())


@pytest.mark.parametrize("words", [("check",), *(("explain", rule.id) for rule in rules())], ids=" ".join)
def test_prose_fits_a_narrow_terminal(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = run(*words).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert not [line for line in lines if line.lstrip().startswith("%")]


def test_every_item_fits_a_narrow_terminal() -> None:
    policy = default_policy()
    for item in policy.items:
        text = explanation_text(explain(policy, item), 80)
        assert max(len(line) for line in text.splitlines()) <= 80, item


def test_a_rule_that_holds_is_said_to_hold(tmp_path: Path) -> None:
    file = tmp_path / "ours.yml"
    file.write_text("scaling: {worker: {scale_up: {instances: 1}}}\n")
    assert "does not have the defect" in run("explain", "X-30", "--policy", str(file))


def test_an_item_is_explained_with_its_values_and_what_was_found_about_it() -> None:
    text = run("explain", "MEM-07")
    assert "MEM-07  memory_parts.database.shared_buffers\n" in text
    assert "  shared_buffers  8GB  (guide)" in text
    assert "X-01" in text
    assert explain(default_policy(), "RP1-O1").values == ()


def test_an_unknown_id_names_the_nearest() -> None:
    assert isinstance(refused("explain", "MEM-77"), UsageError)
    assert "did you mean MEM-07" in str(refused("explain", "MEM-77"))


def test_the_check_of_another_host_and_policy(team: Path) -> None:
    assert "75 findings on 8 cores, 32GB, 1TB, 1Gbps: 17 breaking, 37 major, 21 minor." in run("check")
    found = answer("check", "--host", "64c/256GB/4TB/10Gbps", "--policy", str(team))
    assert found["hosts"][0]["host"]["cpus"] == 64
    rules = [finding["rule"] for finding in found["hosts"][0]["findings"]]
    assert "X-09" not in rules
    assert "X-01" in rules
    assert isinstance(refused("check", "--host", "8 apples"), UnitError)


def test_the_check_is_a_gate_when_asked(tmp_path: Path) -> None:
    assert isinstance(refused("check", "--fail-on", "breaking"), GateError)
    assert isinstance(refused("check", "--fail-on", "terrible"), UsageError)


def test_the_check_of_an_observation_judges_what_is_really_there(tmp_path: Path) -> None:
    def container(name: str, service: str, cpus: float, memory: int, used: int) -> ContainerObservation:
        return ContainerObservation(
            name=name, id=name, image="x", project="shop", service=service,
            limits=Limits(cpus=cpus, memory=memory), usage=Usage(cpus=cpus / 2, memory=used),
        )  # fmt: skip

    seen = Observation.model_validate(
        {
            "at": "2025-03-01T00:00:00Z",
            "hosts": (
                HostObservation(
                    name="app1",
                    facts=HostFacts(cpus=16, memory=64 * GB, disk_total=2 * 10**12),
                    projects=(ProjectObservation(name="shop", directory="/opt/shop"),),
                    containers=(
                        container("a1", "web", 2, 2 * GB, GB // 2),
                        container("a2", "web", 2, 2 * GB, GB),
                        container("db", "pg", 4, 40 * GB, 8 * GB),
                    ),
                ),
            ),
        }
    )
    file, ours = tmp_path / "seen.json", tmp_path / "ours.yml"
    save_observation(seen, file)
    ours.write_text("application: {project: shop, services: {web: {role: api}, pg: {role: database}}}\n")
    host = answer("check", "--observation", str(file), "--policy", str(ours))["hosts"][0]
    assert host["name"] == "app1"
    assert host["host"] == {"cpus": 16, "memory": 64 * GB, "storage": 2 * 10**12, "network": 10**9}
    found = {finding["rule"]: finding for finding in host["findings"]}
    assert "X-01" not in found
    assert found["X-06"]["numbers"]["used_bytes"] == GB
    assert found["X-10"]["numbers"]["unclear_containers"] == 4


def test_only_the_rules_for_prometheus_are_exported(tmp_path: Path) -> None:
    out = tmp_path / "rules.yml"
    assert run("export", "prometheus-rules", "--out", str(out)) == ""
    assert "selextract_cpu_usage_ratio" in out.read_text()
    assert out.read_text() == run("export", "prometheus-rules")
    assert isinstance(refused("export", "grafana"), UsageError)
    assert isinstance(refused("export", "prometheus-rules", "--interval", "2 minutes"), UsageError)
    assert isinstance(refused("export", "prometheus-rules", "--out", str(tmp_path / "no" / "where")), UsageError)
