"""The balancer for reads: private addresses only, checks as the policy says, the primary where no replica is."""

from __future__ import annotations

import json

from plugins.module_utils.haproxy.read_rotation import config_text
from selextract_infra.templates.read_balancer import OwnPlace, read_balancer_values
from tests.unit.operations.replicas.replicated import policy

POLICY = policy()
VALUES = read_balancer_values(
    POLICY,
    service="postgres",
    network="selextract_default",
    place=OwnPlace("selextract-balancer-ro", "/var/lib/x/balancer-ro", "10.0.0.11", 15432),
)


def test_it_is_published_on_the_private_address_and_nowhere_else() -> None:
    service = json.loads(VALUES["compose"])["services"]["balancer"]
    assert service["ports"] == ["10.0.0.11:15432:5431"]
    assert service["image"] == POLICY.balancing.proxy.image
    assert service["mem_limit"] == service["memswap_limit"] == POLICY.replication.balancer.memory


def test_it_joins_the_apps_network_and_is_no_part_of_the_apps_project() -> None:
    content = json.loads(VALUES["compose"])
    assert content["name"] == "selextract-balancer-ro"
    assert content["networks"]["app"] == {"external": True, "name": "selextract_default"}


def test_only_named_addresses_reach_the_primary() -> None:
    assert "tcp-request connection reject unless { src -f /etc/selextract/replicas.acl }" in VALUES["head"]


def test_a_replica_leaves_after_as_many_bad_checks_as_the_policy_says() -> None:
    assert VALUES["options"]["reads"] == "check port 8432 inter 2000ms fall 3 rise 2 on-marked-down shutdown-sessions"
    assert "shutdown-sessions" not in VALUES["options"]["analytics"]


def test_without_a_replica_the_primary_answers() -> None:
    text = config_text({**VALUES, "replicas": [], "allowed": []})
    for backend in ("reads", "analytics"):
        section = text.partition(f"\nbackend {backend}\n")[2].partition("\nbackend")[0]
        assert [line.split()[:3] for line in section.splitlines() if line.strip().startswith("server")] == [
            ["server", "primary", "postgres:5432"]
        ]
        assert " backup " in section
        assert "balance roundrobin" in section
        assert f"uri /{backend}" in section
