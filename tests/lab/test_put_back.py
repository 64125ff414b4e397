"""Put back is compared: what is not as it was before the first act is said, and listed until it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.modules import MIB, Shop, shop, shop_goes

__all__ = ["shop", "shop_goes"]

pytestmark = pytest.mark.lab

SMALLER = {"web": {"memory": 48 * MIB, "cpus": 0.2}}
WRITTEN = {"web": {"mem_limit": 48 * MIB, "memswap_limit": 48 * MIB, "cpus": 0.2}}


def put_back(shop: Shop) -> dict[str, Any]:
    return shop.module("undo", run_id=shop.run_id, compare=True)


def unresolved(shop: Shop) -> list[str]:
    seen = shop.module("observe_host", history_window=0)["observation"]["state"]["failed_rollbacks"]
    own = shop.run_id.partition("-")[0]  # other tests may have left runs of their own on a lab that is kept
    return [run["run_id"] for run in seen if str(run["run_id"]).startswith(own)]


def test_a_run_that_was_put_back_differs_in_nothing(shop: Shop) -> None:
    shop.put(".env", "A='secret'\nB=1")
    shop.begin()
    shop.limit({**SMALLER, "free": {"memory": 48 * MIB, "cpus": 0.2}})
    shop.capacity(WRITTEN)
    restored = put_back(shop)
    assert restored["restored"], restored
    assert restored["differences"] == []
    assert shop.module("host_lock", state="free", run_id=shop.run_id)["status"] == "rolled back"
    assert unresolved(shop) == []


def test_what_is_not_as_before_is_said_and_listed_until_it_is(shop: Shop) -> None:
    shop.put(".env", "A='secret'\nB=1")
    shop.begin()
    shop.limit(SMALLER)
    shop.capacity(WRITTEN)
    shop.shell("docker update --memory 60m --memory-swap 60m shop-jobs-1; docker stop -t 0 shop-free-1")
    shop.put(".env", "A='other'\nB=1")
    restored = put_back(shop)
    assert restored["differences"] == [
        "container shop-free-1: running is False, and was True.",
        "container shop-jobs-1: memory is 60 MB, and was 64 MB.",
        "container shop-jobs-1: memory with swap is 60 MB, and was 64 MB.",
        "file /srv/shop/.env: A is not as it was.",
    ]
    assert restored["sentence"].startswith("Put back, except: container shop-free-1: running")
    assert "secret" not in restored["sentence"]
    assert shop.module("host_lock", state="free", run_id=shop.run_id)["status"] == "rollback failed"
    assert unresolved(shop) == [shop.run_id]
    shop.shell("docker update --memory 64m --memory-swap 64m shop-jobs-1; docker start shop-free-1")
    shop.put(".env", "A='secret'\nB=1")
    assert unresolved(shop) == []


def later_run(shop: Shop) -> Shop:
    """Another Run of the same project, done."""
    other = Shop(shop.lab)
    other.begin()
    other.limit({"web": {"memory": 56 * MIB}, "jobs": {"memory": 56 * MIB}})
    other.capacity({**WRITTEN, "web": {**WRITTEN["web"], "mem_limit": 40 * MIB}, "free": {"scale": 1}})
    assert other.step("health_gate", project="shop", services={"web": {}})["verified"]
    assert other.module("host_lock", state="free", run_id=other.run_id)["status"] == "done"
    return other


def test_what_a_later_run_and_people_changed_is_named_and_stays_when_the_older_run_is_rolled_back(shop: Shop) -> None:
    shop.begin()
    shop.limit(SMALLER)
    shop.capacity(WRITTEN)
    assert shop.step("health_gate", project="shop", services=SMALLER)["verified"]
    assert shop.module("host_lock", state="free", run_id=shop.run_id)["status"] == "done"
    other = later_run(shop)
    shop.shell("docker update --memory 60m --memory-swap 60m shop-web-2")
    asked = shop.module("undo", run_id=shop.run_id, state="compared")["changed_since"]
    assert {change["key"]: change["run"] for change in asked} == {
        "container:shop-web-1": other.run_id,
        "container:shop-web-2": None,
        "file:web.mem_limit": other.run_id,
    }
    keys = [change["key"] for change in asked]
    assert shop.module("undo", run_id=shop.run_id, state="compared", also=keys)["changed_since"] == []
    shop.begin("undo")
    assert put_back(shop)["restored"]
    assert shop.limits("shop-web-1") == (64 * MIB, 64 * MIB, 0.3)
    assert shop.limits("shop-jobs-1")[0] == 56 * MIB
    assert "scale: 1" in shop.read("compose.override.yml")
    assert "web" not in shop.read("compose.override.yml")
    shop.module("host_lock", state="free", run_id=shop.run_id)
    left = other.module("undo", run_id=other.run_id, state="compared")["changed_since"]
    assert {change["key"] for change in left} == set(
        keys
    )  # what the first rollback overwrote is not the later run's now
    shop.shell(f"rm -f /var/lib/selextract-infra/runs/{other.run_id}.json")


def test_what_people_changed_after_the_run_is_no_difference_of_its_rollback(shop: Shop) -> None:
    shop.begin()
    shop.limit(SMALLER)
    assert shop.step("health_gate", project="shop", services=SMALLER)["verified"]
    assert shop.module("host_lock", state="free", run_id=shop.run_id)["status"] == "done"
    shop.shell("docker update --memory 60m --memory-swap 60m shop-jobs-1")
    shop.begin("undo")
    assert put_back(shop)["differences"] == []
    shop.module("host_lock", state="free", run_id=shop.run_id)
