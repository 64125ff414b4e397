"""What an app's address asks for: what gets through PgBouncer, and what is refused by its name alone."""

from __future__ import annotations

import pytest

from plugins.module_utils.postgres.dsn import leads_to, login_of, read_address
from plugins.module_utils.postgres.dsn_parameters import refuse_parameters, startup_parameters, wants_tls
from plugins.module_utils.system.failure import HostSideError

BASE = "postgresql://shop:s3cret@db:5432/orders"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("options=-c%20statement_timeout%3D30000", "statement_timeout (in options)"),
        ("options=-csearch_path%3Dshop%20-cjit%3Doff", "jit, search_path (in options)"),
        ("options=--search_path%3Dshop", "search_path (in options)"),
        ("options=-c%20search_path%3Dshop", "search_path (in options)"),
        ("options=geqo", "options"),
        ("search_path=shop", "search_path"),
        ("currentSchema=shop", "currentSchema"),
        ("schema=shop", "schema"),
        ("statement_timeout=30000", "statement_timeout"),
        ("sslmode=require&lock_timeout=1", "lock_timeout"),
        ("%E2%80%AE=1", "of a name that is no plain word"),
    ],
)
def test_a_parameter_that_pgbouncer_does_not_know_is_refused_by_its_name(query: str, named: str) -> None:
    with pytest.raises(HostSideError) as refused:
        read_address(f"{BASE}?{query}")
    assert f"the startup parameter {named}, which PgBouncer does not hand on" in refused.value.sentence
    assert "s3cret" not in refused.value.sentence
    assert "30000" not in refused.value.sentence


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("host=/var/run/postgresql", "names its server in its options"),
        ("port=5433", "names its port in its options"),
        ("service=shop", "service file"),
        ("passfile=/root/.pgpass", "password from a file"),
        ("sslrootcert=/ca.pem", "certificate of a known authority"),
        ("sslcert=/me.pem", "certificate of its own"),
        ("sslmode=verify-full", "a sslmode that does not go through PgBouncer"),
        ("ssl=verify-ca", "a ssl that does not go through PgBouncer"),
        ("channel_binding=require", "a channel_binding that does not go through"),
        ("gssencmode=require", "a gssencmode that does not go through"),
        ("sslnegotiation=direct", "a sslnegotiation that does not go through"),
        ("target_session_attrs=standby", "a target_session_attrs that does not go through"),
        ("replication=database", "asks for replication"),
    ],
)
def test_what_leads_past_pgbouncer_is_refused(query: str, why: str) -> None:
    with pytest.raises(HostSideError, match=why):
        refuse_parameters(f"{BASE}?{query}")


@pytest.mark.parametrize(
    "query",
    [
        "", "?sslmode=prefer&connect_timeout=5&application_name=web",
        "?sslmode=require&target_session_attrs=read-write",
        "?ssl=true", "?ssl=require&prepared_statement_cache_size=0", "?pool_size=5&max_overflow=2&pool_timeout=3",
        "?connection_limit=5&pgbouncer=true", "?prepareThreshold=0&ApplicationName=web&tcpKeepAlive=true",
        "?default_query_exec_mode=simple_protocol", "?client_encoding=utf8&TimeZone=UTC", "?keepalives=1",
    ],
)  # fmt: skip
def test_what_a_driver_keeps_or_pgbouncer_carries_is_no_obstacle(query: str) -> None:
    refuse_parameters(BASE + query)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("postgresql://shop@db1,db2/orders", "names several servers"),
        ("postgresql://shop:p@db1:5432,db2:5432/orders", "names several servers"),
        ("postgresql:///orders", "names no host"),
        ("postgresql://shop@/orders", "names no host"),
        ("postgresql://shop@%2Fvar%2Frun%2Fpostgresql/orders", "by a local socket"),
    ],
)
def test_several_hosts_and_sockets_are_refused_in_words(address: str, why: str) -> None:
    with pytest.raises(HostSideError, match=why):
        read_address(address)


def test_the_login_is_the_apps_own_percent_coding_and_parameters_with_it() -> None:
    address = "postgresql+asyncpg://sh%6Fp:p%40ss%2Fw@db/or%64ers?application_name=we%20b&sslmode=require&pool_size=3"
    login = login_of(address)
    assert login is not None
    assert (login.user, login.database, login.password) == ("shop", "orders", "p@ss/w")
    assert login.parameters == (("application_name", "we b"),)
    assert login.tls
    assert (read_address(address).user, read_address(address).database) == ("shop", "orders")


def test_without_a_password_there_is_no_login_unless_another_variable_has_it() -> None:
    assert login_of("postgresql://shop@db/orders") is None
    assert login_of("jdbc:postgresql://db/orders?user=shop") is None
    known = login_of("postgresql://shop@db/orders", "pw")
    assert known is not None
    assert known.password == "pw"
    assert not known.tls


def test_what_is_sent_at_login_is_no_more_than_what_is_carried() -> None:
    assert startup_parameters(f"{BASE}?TimeZone=UTC&pool_size=3") == {"timezone": "UTC"}
    assert not wants_tls(f"{BASE}?sslmode=prefer")


@pytest.mark.parametrize(
    ("text", "leads"),
    [
        ("postgresql://u:p@pgbouncer:6432/n?options=-csearch_path%3Dx", True),
        ("postgresql://pgbouncer:6432/n", True),
        ("postgresql://u@a:1,pgbouncer:6432/n", True),
        ("postgresql://u@pgbouncer:64321/n", False),
        ("postgresql://u@old-pgbouncer:6432/n", False),
        ("pgbouncer", False),
        ("", False),
    ],
)
def test_who_is_led_is_seen_whatever_else_the_address_asks_for(text: str, leads: bool) -> None:
    assert leads_to(text, "pgbouncer", 6432) is leads
