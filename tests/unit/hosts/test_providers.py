"""Who changes hardware: chosen by the operator, the inventory or the policy; a person is told exactly what to do."""

from __future__ import annotations

import pytest

from selextract_infra.errors import InventoryError, RefusedError, UsageError, WaitingForOperatorError
from selextract_infra.hosts.inventory import InventoryHost
from selextract_infra.hosts.providers import chosen_provider, provider_named
from selextract_infra.model.upgrade import PHASES, Mode
from selextract_infra.policy import default_policy, load_policy

GB = 1 << 30
SERVER = InventoryHost("app1", "192.0.2.7")


def test_a_person_does_it_unless_somebody_else_is_named() -> None:
    named = InventoryHost("app1", "192.0.2.7", variables={"selextract_provider": "docker"})
    assert chosen_provider(None, SERVER, default_policy()).abilities.name == "manual"
    assert chosen_provider(None, named, default_policy()).abilities.name == "docker"
    assert chosen_provider("manual", named, default_policy()).abilities.name == "manual"


def test_a_policy_that_wants_a_provider_is_not_left_to_a_person_by_accident() -> None:
    wants = load_policy({"vertical": {"performed_by": {"reading": "provider"}}})
    with pytest.raises(InventoryError, match="names none"):
        chosen_provider(None, SERVER, wants)
    assert chosen_provider("manual", SERVER, wants).abilities.waits


def test_an_unknown_provider_is_an_error() -> None:
    with pytest.raises(UsageError, match="docker"):
        provider_named("cloud")


@pytest.mark.parametrize(
    ("resource", "size", "words"),
    [
        ("memory", 64 * GB, "give it 64 GB of memory"),
        ("cpu", 16, "give it 16 cores"),
        ("storage", 2 * 10**12, "enlarge the disk of its data to 2,000 GB"),
        ("network", 10 * 10**9, "connect it with 10 Gbps"),
    ],
)
def test_a_person_is_told_exactly_what_to_do(resource: str, size: float, words: str) -> None:
    manual = provider_named("manual")
    with pytest.raises(WaitingForOperatorError) as waiting:
        manual.resize(SERVER, resource, size, Mode.REBOOT)
    assert str(waiting.value).startswith(f"Switch app1 (192.0.2.7) off, {words}, and switch it on")
    assert waiting.value.exit_code == 11


def test_nobody_is_called_to_take_hardware_out_again() -> None:
    manual = provider_named("manual")
    assert not manual.abilities.reverts
    with pytest.raises(RefusedError):
        manual.revert(SERVER, "memory", 32 * GB, Mode.REBOOT)


def test_the_lab_needs_a_lab() -> None:
    docker = provider_named("docker")
    assert set(docker.abilities.modes) == set(PHASES)
    with pytest.raises(InventoryError, match="selextract_lab"):
        docker.current(SERVER, "memory")
