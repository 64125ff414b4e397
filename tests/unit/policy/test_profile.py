"""Rules hold for everybody; what the guide assumes of its own system holds where a team makes it its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.errors import SelextractError
from selextract_infra.flow.notify_routes import routes
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.tuning import ApiFacts
from selextract_infra.operations.tune.api import tune_api
from selextract_infra.policy import default_policy, load_policy
from selextract_infra.policy.schema.assumptions import ASSUMPTIONS

OWN: dict[str, Any] = {"profile": "own"}
MB = 2**20


def test_every_assumption_is_a_value_of_the_policy() -> None:
    for path in ASSUMPTIONS:
        default_policy().value(path)


def test_without_a_word_the_profile_is_the_guides_and_all_of_it_holds() -> None:
    policy = load_policy()
    assert policy.profile == "guide"
    assert all(policy.holds(path) for path in ASSUMPTIONS)
    assert policy == default_policy()


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(SelextractError, match="profile"):
        load_policy({"profile": "theirs"})


def test_rules_hold_for_everybody() -> None:
    policy = load_policy(OWN)
    assert policy.holds("sizing.headroom")
    assert policy.sizing == default_policy().sizing
    assert policy.rightsizing == default_policy().rightsizing


def test_nobody_is_told_whom_nobody_has_named() -> None:
    policy = load_policy(OWN)
    assert "selextract.com" not in repr(policy.emergency.notifications)
    for severity in IncidentSeverity:
        assert all(route.target is None and not route.addresses for route in routes(policy, severity))
    named = load_policy({**OWN, "emergency": {"notifications": {"immediate": ["ops@shop.example"]}}})
    assert named.emergency.notifications.immediate == ("ops@shop.example",)
    assert named.emergency.notifications.channels.email == ("ops@shop.example",)


def test_a_season_is_only_one_that_the_team_names() -> None:
    assert load_policy(OWN).seasons == {}
    sale = {"first": "March 1", "last": "March 7", "factor": 2.0}
    assert list(load_policy({**OWN, "seasons": {"sale": sale}}).seasons) == ["sale"]
    assert list(load_policy({"seasons": {"sale": sale}}).seasons) == ["black_friday", "year_end", "summer", "sale"]


def test_one_instance_is_enough_where_nobody_says_otherwise() -> None:
    policy = load_policy(OWN)
    assert (policy.scaling.api.instances.minimum, policy.scaling.worker.instances.minimum) == (1, 1)
    assert default_policy().scaling.api.instances.minimum == 2
    stated = load_policy({**OWN, "scaling": {"api": {"instances": {"minimum": 3}}}})
    assert stated.scaling.api.instances.minimum == 3


def test_what_is_not_stated_says_so_in_place_of_the_guide() -> None:
    policy = load_policy(OWN)
    assert policy.origin("seasons").where == "not stated"
    assert policy.origin("cost.prices.per_core").where == "not stated"
    assert policy.origin("sizing.headroom").where == "guide"
    assert load_policy().origin("seasons").where == "guide"


def test_a_stated_part_makes_the_assumption_the_teams_own() -> None:
    policy = load_policy({**OWN, "cost": {"prices": {"per_core": "$10/month"}}})
    assert policy.holds("cost.prices.per_core")
    assert not policy.holds("cost.prices.per_gb_memory")
    assert not policy.holds("cost.prices")
    assert not policy.holds("baseline.api.throughput")


def test_tuning_reckons_with_no_rate_that_nobody_measured() -> None:
    facts = ApiFacts(memory=512 * MB, cpus=1.0, instances=1, runtime="python")
    guide = {finding.rule for finding in tune_api(facts, load_policy()).findings}
    own = {finding.rule for finding in tune_api(facts, load_policy(OWN)).findings}
    assert "X-18" in guide
    assert "X-18" not in own


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    file = tmp_path / "hosts.yml"
    file.write_text("all:\n  hosts: {app1: {}}\n  vars: {selextract_policy: {profile: own}}\n")
    return file


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("cost", "The bill is unknown: the policy's profile is own, and it does not state cost.prices and cost.table."),
        ("growth", "How far the load grows is unknown"),
        ("roadmap", "The program is unknown"),
    ],
)
def test_a_command_that_rests_on_figures_of_another_system_says_so_and_does_nothing(
    inventory: Path, command: str, sentence: str
) -> None:
    answer = CliRunner().invoke(build(command), [command, "-i", str(inventory)])
    assert sentence in str(answer.exception)
    assert answer.stdout == ""


def test_the_report_leaves_out_the_chapters_that_would_be_about_another_system(inventory: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    answer = CliRunner().invoke(build("report"), ["report", "--html", str(page), "-i", str(inventory)])
    assert answer.exit_code == 0, answer.output
    text = page.read_text()
    for chapter in ("growth", "cost", "roadmap"):
        assert f"There is no {chapter}: the policy&#39;s profile is own" in text
    assert "$460" not in text


def test_hardware_that_nobody_states_is_asked_for(inventory: Path, tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.csv"
    metrics.write_text("at,service,cpu_usage_percent\n2025-11-03T00:00:00Z,api,40\n2025-11-03T00:01:00Z,api,41\n")
    words = ["simulate", "--metrics", str(metrics), "-i", str(inventory)]
    refused = CliRunner().invoke(build("simulate"), words)
    assert "Which hardware is meant is unknown" in str(refused.exception)
    assert "--host" in str(getattr(refused.exception, "remedy", ""))
    named = CliRunner().invoke(build("simulate"), [*words, "--host", "2c/4GB/100GB/1Gbps"])
    assert named.exit_code == 0, named.output
