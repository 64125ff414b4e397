"""What the modules do on a real host: limits in place, the capacity file, the gate, the way back."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from selextract_infra.model.observation import HostObservation
from tests.lab.modules import COMPOSE, DIRECTORY, MIB, Shop, shop, shop_goes

__all__ = ["shop", "shop_goes"]

pytestmark = pytest.mark.lab

SMALLER = {"web": {"memory": 48 * MIB, "cpus": 0.2}}
WRITTEN = {"web": {"mem_limit": 48 * MIB, "memswap_limit": 48 * MIB, "cpus": 0.2}}


def test_limits_change_in_place_once_and_nothing_restarts(shop: Shop) -> None:
    before = shop.inspect("shop-web-1", "{{.State.StartedAt}}")
    shop.begin()
    preview = shop.limit(SMALLER, check=True)
    assert preview["changed"]
    assert shop.limits("shop-web-1") == (64 * MIB, 64 * MIB, 0.3)
    assert shop.limit(SMALLER)["changed"]
    assert shop.limits("shop-web-1") == shop.limits("shop-web-2") == (48 * MIB, 48 * MIB, 0.2)
    assert not shop.limit(SMALLER)["changed"]
    assert shop.inspect("shop-web-1", "{{.State.StartedAt}}") == before


def test_a_run_of_another_keeps_everybody_out_until_it_ends(shop: Shop) -> None:
    shop.begin()
    changed = shop.limit(SMALLER)
    assert changed["changed"], changed
    refused = shop.module("host_lock", run_id="another", owner="somebody")
    assert refused["acquired"] is False
    assert "locked by tester for testing since" in refused["sentence"]
    assert shop.module("host_lock", state="free")["failed"]
    assert shop.step("health_gate", project="shop", services=SMALLER)["verified"]
    assert shop.module("host_lock", state="free", run_id=shop.run_id)["status"] == "done"
    assert shop.module("host_lock", run_id="another")["acquired"]
    assert shop.module("host_lock", state="free", run_id="another")["acquired"]


def test_everything_is_put_back_in_the_containers_and_in_the_files(shop: Shop) -> None:
    shop.put(".env", "SECRET='s3cret'\nLAST=without-newline")
    shop.begin()
    changed = shop.limit(SMALLER)
    assert changed["changed"], changed
    shop.capacity(WRITTEN)
    assert shop.read(".env") == "SECRET='s3cret'\nLAST=without-newline"  # not touched: the override's place is free
    assert "mem_limit" in shop.read("compose.override.yml")
    restored = shop.module("undo", run_id=shop.run_id)
    assert restored["restored"]
    assert restored["changed"]
    assert shop.limits("shop-web-1") == (64 * MIB, 64 * MIB, 0.3)
    assert shop.read(".env") == "SECRET='s3cret'\nLAST=without-newline"
    assert shop.shell(f"ls {DIRECTORY}").split() == ["compose.yml"]
    assert not shop.module("undo", run_id=shop.run_id)["changed"]
    assert shop.module("host_lock", state="free", run_id=shop.run_id)["status"] == "rolled back"
    assert shop.module("undo", run_id=shop.run_id)["kind"] == "locked"


def test_a_container_without_limits_is_as_free_as_before_and_the_note_says_what_it_shows_instead(shop: Shop) -> None:
    shop.begin()
    limited = shop.limit({"free": {"memory": 48 * MIB, "cpus": 0.2}})
    assert "has no limit of cpus" in limited["notes"][0]
    restored = shop.module("undo", run_id=shop.run_id)
    assert restored["restored"], restored["sentence"]
    assert "host's total" in restored["notes"][0]
    # Docker takes no memory limit away in place: this one is what the kernel itself calls unlimited.
    cores = float(shop.shell("docker info -f '{{.NCPU}}'"))
    assert shop.limits("shop-free-1") == (2**62, 2**63 - 4096, cores)


def test_a_limit_below_present_use_is_refused_before_any_container_is_touched(shop: Shop) -> None:
    shop.shell("docker exec -d shop-web-2 python3 -c 'import time; x = b\"x\" * (40 << 20); time.sleep(600)'")
    shop.shell("timeout 20 sh -c 'until docker exec shop-web-2 pgrep -f sleep.600 >/dev/null; do sleep 0.1; done'")
    shop.begin()
    refused = shop.limit({"web": {"memory": 42 * MIB}})
    assert refused["failed"]
    assert (refused["kind"], refused["rule"]) == ("refused", "shrink_margin")
    assert re.search(r"shop-web-2 uses 4\d(\.\d)? MB now; with 10% on top", refused["msg"])
    assert shop.limits("shop-web-1") == (64 * MIB, 64 * MIB, 0.3)


def test_what_docker_refuses_is_one_sentence_before_anything_is_touched(shop: Shop) -> None:
    shop.begin()
    refused = shop.limit({"jobs": {"cpus": 0.2}, "web": {"cpus": 64.0}})
    assert refused["failed"]
    assert (refused["kind"], refused["rule"]) == ("refused", "engine")
    assert re.search(r"Docker would not make shop-web-\d with .*64 cores: .*CPUs", refused["msg"])
    assert shop.limits("shop-jobs-1")[2] == 0.3


def test_cpus_given_as_quota_are_changed_as_quota(shop: Shop) -> None:
    shop.shell("docker run -d --name shop-quota --label com.docker.compose.project=shop"
               " --label com.docker.compose.service=quota --cpu-period 50000 --cpu-quota 20000"
               " selextract/stack:lab sleep infinity")  # fmt: skip
    shop.begin()
    assert shop.limit({"quota": {"cpus": 0.6}})["changed"]
    assert shop.inspect("shop-quota", "{{.HostConfig.CpuPeriod}} {{.HostConfig.CpuQuota}}") == "50000 30000"
    assert not shop.limit({"quota": {"cpus": 0.6}})["changed"]


def test_the_gate_waits_no_longer_than_its_bound_and_names_what_is_missing(shop: Shop) -> None:
    shop.begin()
    changed = shop.limit(SMALLER)
    assert changed["changed"], changed
    failed = shop.step("health_gate", project="shop", services=SMALLER, urls=["http://127.0.0.1:9/"], bound_seconds=1)
    assert failed["kind"] == "gate"
    assert failed["msg"] == "After 1 s http://127.0.0.1:9/ does not answer (Connection refused)."


def test_the_gate_fails_for_a_container_that_restarted_since_its_limits_changed(shop: Shop) -> None:
    shop.begin()
    changed = shop.limit(SMALLER)
    assert changed["changed"], changed
    shop.shell("docker restart -t 0 shop-web-1")
    failed = shop.step("health_gate", project="shop", services=SMALLER)
    assert failed["msg"] == "shop-web-1 restarted after its limits were changed."


def test_the_gate_fails_for_a_container_killed_for_memory_after_its_limit_was_lowered(shop: Shop) -> None:
    shop.begin()
    changed = shop.limit(SMALLER)
    assert changed["changed"], changed
    shop.shell("docker exec shop-web-1 python3 -c 'x = b\"x\" * (90 << 20)'", check=False)
    failed = shop.step("health_gate", project="shop", services=SMALLER)
    assert failed["msg"] == "shop-web-1 was killed for memory after its limit was lowered."


def test_where_state_cannot_be_written_nothing_is_touched(shop: Shop) -> None:
    shop.shell("mkdir -p /var/lib/selextract-infra && mount -t tmpfs -o size=16k tmpfs /var/lib/selextract-infra"
               " && (cat /dev/zero > /var/lib/selextract-infra/filler 2>/dev/null; true)")  # fmt: skip
    try:
        failed = shop.module("host_lock", run_id=shop.run_id, run={})
        assert failed["kind"] == "state"
        assert "No space left on device" in failed["msg"]
        assert failed["msg"].endswith("so nothing was touched.")
        assert shop.limit(SMALLER)["failed"]
        assert shop.limits("shop-web-1") == (64 * MIB, 64 * MIB, 0.3)
    finally:
        shop.shell("umount /var/lib/selextract-infra")


def test_the_capacity_file_keeps_the_apps_form_and_changes_only_once(shop: Shop) -> None:
    limits = {"memory": str(50 * MIB), "cpus": "0.2"}
    jobs = {"jobs": {"memswap_limit": 50 * MIB, "deploy": {"resources": {"limits": limits}}}}
    shop.begin()
    written = shop.capacity({**WRITTEN, **jobs})
    assert written["changed"], written
    first = shop.read("compose.override.yml")
    assert not shop.capacity({**WRITTEN, **jobs})["changed"]
    assert shop.read("compose.override.yml") == first
    merged = json.loads(shop.shell(f"cd {DIRECTORY} && docker compose config --format json"))["services"]
    assert merged["web"]["mem_limit"] == merged["web"]["memswap_limit"] == str(48 * MIB)
    assert merged["web"]["scale"] == 2
    assert merged["jobs"]["deploy"]["resources"]["limits"]["memory"] == str(50 * MIB)


@pytest.mark.parametrize(
    ("environment", "entry"),
    [
        ("COMPOSE_FILE=compose.yml", "COMPOSE_FILE=compose.yml:/srv/shop/compose.capacity.yml"),
        ("A=1\nCOMPOSE_FILE='compose.yml:more files.yml' # both\nB=2\n",
         "COMPOSE_FILE='compose.yml:more files.yml:/srv/shop/compose.capacity.yml' # both"),
        ('NAME=more\nexport COMPOSE_FILE="compose.yml:${NAME} files.yml"\n',
         'export COMPOSE_FILE="compose.yml:${NAME} files.yml:/srv/shop/compose.capacity.yml"'),
        ("COMPOSE_PATH_SEPARATOR=;\nCOMPOSE_FILE=compose.yml;more files.yml",
         "COMPOSE_FILE=compose.yml;more files.yml;/srv/shop/compose.capacity.yml"),
    ],
)  # fmt: skip
def test_the_environment_file_gets_one_entry_and_loses_it_again(shop: Shop, environment: str, entry: str) -> None:
    shop.put("more files.yml", "services: {web: {environment: {MORE: '1'}}}\n")
    shop.put(".env", environment)
    shop.shell(f"chown 1234:4321 {DIRECTORY}/.env && chmod 0640 {DIRECTORY}/.env")
    shop.begin()
    assert shop.capacity(WRITTEN)["changed"]
    assert entry in shop.read(".env").splitlines()
    assert shop.shell(f"stat -c '%u:%g %a' {DIRECTORY}/.env").strip() == "1234:4321 640"
    more = "MORE" in shop.shell(f"cd {DIRECTORY} && docker compose config")
    assert more is ("more" in environment)
    assert shop.module("capacity_file", state="absent")["removed_from"] == [DIRECTORY]
    assert shop.read(".env") == environment
    assert shop.shell(f"stat -c '%u:%g %a' {DIRECTORY}/.env").strip() == "1234:4321 640"
    assert "compose.capacity.yml" not in shop.shell(f"ls -a {DIRECTORY}")


def test_an_override_file_stays_in_force(shop: Shop) -> None:
    shop.put("compose.override.yml", "services: {web: {environment: {OVERRIDDEN: '1'}}}\n")
    shop.begin()
    assert shop.capacity(WRITTEN)["files"] == ["compose.yml", "compose.override.yml", "compose.capacity.yml"]
    assert "OVERRIDDEN" in shop.shell(f"cd {DIRECTORY} && docker compose config")


def test_what_compose_would_reject_is_never_put_in_place(shop: Shop) -> None:
    shop.put(".env", "A=1\n")
    shop.begin()
    mixed = {"jobs": {"mem_limit": 50 * MIB}}
    failed = shop.capacity(mixed)
    assert failed["kind"] == "compose"
    assert failed["msg"].startswith("Compose rejects the files in /srv/shop:")
    assert shop.read(".env") == "A=1\n"
    assert sorted(shop.shell(f"ls -A {DIRECTORY}").split()) == [".env", "compose.yml"]


def test_an_instance_is_replaced_once_and_only_when_its_files_differ(shop: Shop) -> None:
    shop.begin()
    replace: dict[str, Any] = {"name": "shop-web-1", "project": "shop", "service": "web", "directory": DIRECTORY}
    assert not shop.step("replace_instance", **replace)["changed"]
    shop.capacity(WRITTEN)
    old = shop.inspect("shop-web-1", "{{.Id}}")
    assert shop.step("replace_instance", check=True, **replace)["changed"]
    assert shop.inspect("shop-web-1", "{{.Id}}") == old
    assert shop.step("replace_instance", **replace)["changed"]
    assert old not in shop.shell("docker ps -aq --no-trunc").split()
    assert len(shop.shell("docker ps -q --filter label=com.docker.compose.service=web").split()) == 2
    assert not shop.step("replace_instance", **replace)["changed"]
    wrong = shop.step("replace_instance", **{**replace, "name": "shop-web-2", "service": "jobs"})
    assert wrong["msg"] == "shop-web-2 belongs to service web, not to jobs."


def test_observing_never_returns_an_environment_and_treats_names_as_data(shop: Shop) -> None:
    hostile = "{{ lookup('pipe', 'touch /tmp/owned') }}"
    shop.put("compose.yml", COMPOSE.replace("init: true", f'init: true\n    labels: {{evil: "{hostile}"}}', 1))
    shop.shell(
        "docker run -d --name hostile --label com.docker.compose.project=\"$(printf '\\033[31m')$(id)\""
        f' --label "com.docker.compose.service={hostile}" --label "com.docker.compose.project.working_dir=/$(id)"'
        " selextract/stack:lab sleep infinity"
    )
    try:
        seen = shop.module("observe_host", projects=[{"name": "shop", "directory": DIRECTORY}], history_window=0)
    finally:
        shop.shell("docker rm -f hostile")
    assert "not-for-anybody" not in json.dumps(seen)
    host = HostObservation.model_validate({**seen["observation"], "name": "app1"})
    container = next(one for one in host.containers if one.name == "hostile")
    assert container.service == hostile
    assert (container.project or "").startswith("\x1b[31muid=0")
    project = host.project("shop")
    assert project is not None
    assert project.problem is None
    assert {one.name: one.limit_form for one in project.services} == {"web": "service", "jobs": "deploy", "free": None}
    assert {one.name: one.replicas for one in project.services} == {"web": 2, "jobs": 1, "free": 1}


def test_a_project_that_compose_rejects_says_so_and_the_rest_is_seen(shop: Shop) -> None:
    shop.put("compose.yml", COMPOSE + "    mem_limit: [broken\n")
    seen = shop.module("observe_host", history_window=0)
    host = HostObservation.model_validate({**seen["observation"], "name": "app1"})
    project = host.project("shop")
    assert project is not None
    assert (project.problem or "").startswith("Compose rejects the files in /srv/shop:")
    assert len(host.containers_of("shop", "web")) == 2


def test_where_docker_does_not_run_the_facts_are_seen_and_one_sentence_says_so(shop: Shop) -> None:
    missing: dict[str, Any] = {"docker_socket": "/run/no-docker.sock"}
    seen = shop.module("observe_host", **missing)["observation"]
    assert seen["problem"] == "Docker is not running on this host: nothing answers at /run/no-docker.sock."
    assert seen["facts"]["memory"] > 0
    shop.begin()
    failed = shop.step("container_limits", project="shop", services=SMALLER, shrink_margin=0.1, **missing)
    assert failed["kind"] == "docker"


def test_a_container_that_was_down_before_may_come_up_after_its_limit_was_raised(shop: Shop) -> None:
    shop.shell("docker stop -t 0 shop-jobs-1")
    shop.begin()
    raised = {"jobs": {"memory": 80 * MIB}}
    assert shop.limit(raised)["changed"]
    shop.shell("docker start shop-jobs-1")
    assert shop.step("health_gate", project="shop", services=raised)["verified"]
