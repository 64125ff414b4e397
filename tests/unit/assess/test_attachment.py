"""How our file takes effect, and what keeps it from that, as findings and as a refusal before anything is touched."""

from __future__ import annotations

from typing import Any

from selextract_infra.assess.usage import attachment_findings, container_findings, project_problem
from selextract_infra.model.finding import Severity
from selextract_infra.model.observation import (
    AttachmentObservation,
    ContainerObservation,
    HostObservation,
    Limits,
    ProjectObservation,
)
from selextract_infra.policy import default_policy

POLICY = default_policy()
HOST = HostObservation(name="app1")


def project(**attachment: Any) -> ProjectObservation:
    about = {"form": "override", "file": "compose.override.yml", "attached": True, **attachment}
    return ProjectObservation(
        name="shop",
        directory="/srv/shop",
        files=("compose.yml", "compose.override.yml"),
        capacity_file={"services": {"web": {"mem_limit": 100}}},
        attachment=AttachmentObservation(**about),
    )


def started_from(*names: str, memory: int) -> HostObservation:
    files = tuple(f"/srv/shop/{name}" for name in names)
    web = ContainerObservation(
        name="shop-web-1", id="1", image="x", project="shop", service="web", number=1, state="running",
        limits=Limits(memory=memory, cpus=1.0), config_files=files,
    )  # fmt: skip
    return HostObservation(name="app1", containers=(web,))


def test_what_takes_effect_is_no_finding() -> None:
    assert list(attachment_findings(HOST, project())) == []
    assert project_problem(project()) is None


def test_what_no_longer_takes_effect_is_one() -> None:
    (finding,) = attachment_findings(HOST, project(problem="compose.override.yml is gone."))
    assert finding.severity is Severity.MAJOR
    assert "no longer take effect in shop on app1: compose.override.yml is gone." in finding.sentence


def test_what_a_person_should_know_before_the_next_run_is_one() -> None:
    (finding,) = attachment_findings(HOST, project(note="COMPOSE_FILE goes out again."))
    assert (finding.severity, finding.sentence) == (Severity.MINOR, "app1: COMPOSE_FILE goes out again.")


def test_where_there_is_no_way_nothing_is_planned_and_the_way_is_named() -> None:
    refused = project(form="refused", refusal="Add `-f compose.capacity.yml`.")
    assert refused.unwritable == "Add `-f compose.capacity.yml`."
    assert "Add `-f compose.capacity.yml`." in (project_problem(refused) or "")


def test_containers_from_before_our_override_are_not_started_past_it() -> None:
    assert list(container_findings(started_from("compose.yml", memory=100), project(), POLICY)) == []


def test_containers_with_other_limits_than_our_override_are() -> None:
    told = [
        finding.sentence for finding in container_findings(started_from("compose.yml", memory=200), project(), POLICY)
    ]
    assert any("was started past compose.override.yml" in sentence for sentence in told)
