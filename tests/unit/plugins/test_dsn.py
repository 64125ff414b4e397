from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.pgbouncer.look import _address
from plugins.module_utils.postgres.dsn import Address, read_address, redirected
from plugins.module_utils.system.failure import HostSideError

LAB = "postgresql://selextract:${POSTGRES_PASSWORD:?set it in .env}@postgres:5432/selextract"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("postgresql://shop:s3cret@db:5433/orders", Address("shop", "db", 5433, "orders")),
        ("postgres://shop@db/orders?sslmode=prefer", Address("shop", "db", 5432, "orders")),
        ("postgresql+psycopg://shop:p%40ss@10.0.0.5:5432/orders", Address("shop", "10.0.0.5", 5432, "orders")),
        ("jdbc:postgresql://db:5432/orders?user=shop", Address("", "db", 5432, "orders")),
    ],
)
def test_an_address_is_taken_apart_without_its_password(text: str, address: Address) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "mysql://a@b/c", "postgresql://a@b1,b2/c", "host=b dbname=c", "postgres://a@b:x/c"]
)
def test_what_is_no_address_of_one_server_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(HostSideError) as refused:
        read_address(text)
    assert refused.value.kind == "refused"
    assert not text or text not in refused.value.sentence


def test_another_host_with_the_same_references() -> None:
    assert redirected(LAB, "pgbouncer", 6432) == (
        "postgresql://selextract:${POSTGRES_PASSWORD:?set it in .env}@pgbouncer:6432/selextract"
    )


@pytest.mark.parametrize(
    ("raw", "after"),
    [
        ("postgres://${USER}:$SECRET@${DB_HOST:-db}/${NAME:-x}?a=b", "postgres://${USER}:$SECRET@p:1/${NAME:-x}?a=b"),
        ("postgresql://u:${A:-${B:-x@y/z}}@db:${PORT}/n", "postgresql://u:${A:-${B:-x@y/z}}@p:1/n"),
        ("postgresql://u@db/n", "postgresql://u@p:1/n"),
    ],
)
def test_references_stay_wherever_they_stand(raw: str, after: str) -> None:
    assert redirected(raw, "p", 1) == after


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("postgresql://u:s3cret@db/n", "in plain"),
        ("postgresql://u:${A}s3cret@db/n", "in plain"),
        ("postgresql://u@db/n?password=s3cret", "options"),
        ("postgresql://u:${A}@db/n?sslmode=verify-full", "certificate"),
        ("${DATABASE_URL}", "only the app's team"),
        ("$DATABASE_URL", "only the app's team"),
        ("postgresql://u:s3$$cret@db/n", "in plain"),
        ("postgresql://u:${A}@db1,db2/n", "one Postgres server"),
    ],
)
def test_a_secret_in_plain_is_never_written_down(raw: str, why: str) -> None:
    with pytest.raises(HostSideError, match=why) as refused:
        redirected(raw, "p", 1)
    assert "s3" not in refused.value.sentence


@given(
    st.from_regex(r"[A-Z_]{1,12}(:\?[a-z @/:]{0,12})?", fullmatch=True), st.from_regex(r"[a-z]{1,9}", fullmatch=True)
)
def test_any_reference_survives(inner: str, name: str) -> None:
    raw = f"postgresql://{name}:${{{inner}}}@old:5432/{name}"
    assert redirected(raw, "new", 6432) == f"postgresql://{name}:${{{inner}}}@new:6432/{name}"


def test_a_whole_address_in_one_variable_is_refused_with_what_the_team_can_write() -> None:
    filled_in = {"DATABASE_URL": "postgresql://shop:s3cret@db/shop_live"}
    problem = _address({"DATABASE_URL": "${DATABASE_URL:?missing}"}, filled_in, "DATABASE_URL", "p", 1)["problem"]
    assert "postgresql://shop:${DB_PASSWORD}@db:5432/shop_live" in problem
    assert "s3cret" not in problem
