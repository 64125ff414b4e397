"""Other teams' Projects on the host: hardware is everybody's, so each is named, stopped, backed up and started."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.errors import RefusedError
from selextract_infra.flow.saved import rebuild_unchanged
from selextract_infra.model.observation import ContainerObservation, HostFacts, HostObservation, ProjectObservation
from selextract_infra.model.plan import Plan
from selextract_infra.model.upgrade import Mode
from tests.unit.operations.upgrade.planned import upgrade_of_host
from tests.unit.operations.upgrade.test_plan import ROBOT, RULES, SERVICES
from tests.unit.seen import GB, container, host


def crowded(**stores: str | None) -> HostObservation:
    """The guide's server with another team's shop on it, and a balancer of ours; by service what the shop's are."""
    facts = HostFacts(memory=32 * GB, cpus=8, disk_total=10**12, network_speed=10**9, machine_id="m1", disk_free=10**12)
    seen = host([container(name, health="healthy") for name in SERVICES], facts=facts)
    shop = [
        ContainerObservation(
            name=f"shop-{name}-1", id=f"shop{name}", image="x", project="shop", service=name, store=store
        )
        for name, store in stores.items()
    ]
    ours = ContainerObservation(name="b", id="b", image="x", project="selextract-balancer", service="balancer")
    projects = (
        *seen.projects,
        ProjectObservation(name="shop", directory="/srv/shop"),
        ProjectObservation(
            name="selextract-balancer", directory="/var/lib/selextract-infra/projects/selextract/balancer"
        ),
    )
    return seen.model_copy(update={"containers": (*seen.containers, *shop, ours), "projects": projects})


def plan(there: HostObservation, **more: Any) -> Plan:
    return upgrade_of_host(there, "memory", RULES, provider=ROBOT, **more)


def test_each_project_is_named_stopped_and_backed_up_and_ours_is_no_app() -> None:
    made = plan(crowded(web=None, db="postgres", cache="cache"), mode=Mode.REBOOT)
    values = {step.id: step.values["app1"] for step in made.steps}
    assert values["drain"]["others"] == [{"project": "shop", "directory": "/srv/shop", "order": ["web"], "graces": {}}]
    assert values["stop"]["others"][0]["order"] == ["cache", "db"]
    assert values["backup"]["others"] == [
        {
            "project": "shop",
            "directory": "/srv/shop",
            "databases": [{"service": "db", "superuser": "postgres", "socket": None}],
        }
    ]
    assert values["preflight"]["others"] == values["backup"]["others"]
    (named,) = [finding for finding in made.findings if finding.rule == "projects"]
    assert named.sentence.startswith("The host also runs shop (web, cache, db). All of it is stopped")
    titles = [step.title for step in made.steps if "shop" in step.title]
    assert len(titles) == 3


def test_while_the_host_runs_nothing_of_them_is_stopped_but_all_are_named() -> None:
    made = plan(crowded(web=None, db="postgres"))
    assert [step.id for step in made.steps] == [
        "preflight",
        "freeze",
        "backup",
        "hardware",
        "retune",
        "gate",
        "unfreeze",
    ]
    (named,) = [finding for finding in made.findings if finding.rule == "projects"]
    assert "stopped" not in named.sentence
    assert "db is dumped" in named.sentence


def test_what_cannot_be_backed_up_is_refused_by_name_unless_somebody_says_otherwise() -> None:
    there = crowded(web=None, orders="mysql")
    with pytest.raises(
        RefusedError, match=r"app1 also runs shop, and orders \(mysql\) of it cannot be backed up"
    ) as no:
        plan(there, mode=Mode.REBOOT)
    assert no.value.override == "--override projects"
    made = plan(there, mode=Mode.REBOOT, overrides=("projects",))
    assert made.overrides == ("projects",)
    (stop,) = [step for step in made.steps if step.id == "stop"]
    assert stop.values["app1"]["others"][0]["order"] == ["orders"]


def test_a_saved_plan_names_them_too() -> None:
    made = plan(crowded(web=None, db="postgres"), mode=Mode.REBOOT)
    assert rebuild_unchanged(made, RULES).steps == made.steps


def test_a_project_of_which_nothing_runs_is_nobodys_concern() -> None:
    assert not [finding for finding in plan(crowded()).findings if finding.rule == "projects"]
