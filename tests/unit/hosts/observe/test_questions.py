"""What hosts are asked for follows from the mapping, and never reaches for a secret."""

from __future__ import annotations

from selextract_infra.hosts.observe.questions import wanted_of_hosts
from selextract_infra.policy import default_policy, load_policy

MAPPED = load_policy(
    {
        "application": {
            "project": "shop",
            "services": {
                "db": {"role": "database", "postgres": {"superuser": "owner", "socket": "/run/db"}},
                "web": {"role": "api", "environment": {"dsn": "DATABASE_URL", "concurrency": "WEB_CONCURRENCY"}},
                "page": {"role": "frontend"},
            },
        }
    }
)


def test_a_mapped_database_is_asked_as_its_own_superuser() -> None:
    wanted = wanted_of_hosts(MAPPED)
    assert wanted["projects"] == [{"name": "shop"}]
    assert wanted["databases"] == [
        {"project": "shop", "service": "db", "superuser": "owner", "socket": "/run/db"},
    ]
    assert {"shared_buffers", "jit"} <= set(wanted["postgres_settings"])


def test_counts_are_asked_for_and_the_dsn_never_is() -> None:
    assert wanted_of_hosts(MAPPED)["numbers"] == {"web": ["WEB_CONCURRENCY"]}


def test_services_go_along_by_role_for_whatever_look_a_host_has() -> None:
    assert wanted_of_hosts(MAPPED)["services"] == {"api": ["web"], "database": ["db"], "frontend": ["page"]}


def test_nothing_is_asked_for_where_nothing_is_mapped() -> None:
    assert wanted_of_hosts(default_policy())["databases"] == []
