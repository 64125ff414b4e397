"""The lab itself: what it promises to everything that is tested on it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from selextract_infra.errors import UsageError
from selextract_infra.lab import Lab, TaskShape
from selextract_infra.lab.host import wait_until
from selextract_infra.lab.machine import look
from selextract_infra.lab.topology import LAB_LABEL
from selextract_infra.policy import Policy, load_policy

pytestmark = pytest.mark.lab

GIBIBYTE = 1024**3
ITEMS = "SELECT count(*) FROM items WHERE key LIKE :'batch' || ':%'"
TASKS = "SELECT count(*) FROM tasks WHERE batch = :'batch'"


def on_host(lab: Lab, command: str, host: str = "app1", timeout: float = 120) -> str:
    done = lab.ssh(host, command, timeout=timeout)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def containers(lab: Lab, service: str = "") -> list[str]:
    """IDs of the application's containers, as its host's engine has them."""
    wanted = f"--filter label=com.docker.compose.service={service}" if service else ""
    return on_host(
        lab, f"docker ps -q --no-trunc --filter label=com.docker.compose.project=selextract {wanted}"
    ).split()


def made(name: str) -> dict[str, list[str]]:
    """Everything in this machine's engine that carries a lab's label."""
    engine = look().engine
    return {kind: engine.labelled(kind, f"{LAB_LABEL}={name}") for kind in ("container", "volume", "network")}


@pytest.fixture
def policy(lab: Lab) -> Policy:
    written = yaml.safe_load((lab.state().inventory / "group_vars" / "all" / "policy.yml").read_text())
    return load_policy(written["selextract_policy"])


@pytest.fixture
def healthy(lab: Lab) -> Iterator[Lab]:
    """The lab, with its application put back on its feet after the test."""
    yield lab
    lab.up()
    on_host(lab, "cd /opt/selextract && docker compose up -d --wait", timeout=200)


def test_a_host_sees_its_own_cores_and_memory(lab: Lab, policy: Policy) -> None:
    facts = on_host(lab, "nproc; grep -c ^processor /proc/cpuinfo; awk '/MemTotal/ {print $2 * 1024}' /proc/meminfo")
    cpus, listed, memory = map(int, facts.split())
    assert (cpus, listed, memory) == (policy.host.cpus, policy.host.cpus, policy.host.memory)


def test_hardware_changes_while_the_host_runs(lab: Lab) -> None:
    host = lab.host()
    try:
        host.set_hardware(cpus=1, memory=5 * GIBIBYTE)
        facts = on_host(lab, "nproc; awk '/MemTotal/ {print $2 * 1024}' /proc/meminfo")
        assert facts.split() == ["1", str(5 * GIBIBYTE)]
    finally:
        host.set_hardware(cpus=2, memory=4 * GIBIBYTE)


def test_systemd_runs_the_host_and_no_unit_failed(lab: Lab) -> None:
    assert on_host(lab, "systemctl is-system-running --wait").strip() == "running"
    assert re.match(r"v?2\.", on_host(lab, "docker compose version --short"))


def test_the_hosts_key_is_checked(lab: Lab, tmp_path: Path) -> None:
    state = lab.state()
    other = tmp_path / "known_hosts"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    key = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    other.write_text(f"{state.host('app1').address} {key}\n")
    done = subprocess.run(
        ["ssh", "-o", f"UserKnownHostsFile={other}", "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes",
         "-i", state.key, f"root@{state.host('app1').address}", "true"],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_ops_logs_in_by_key_and_needs_its_password_for_sudo(lab: Lab) -> None:
    assert lab.ssh("app1", "sudo -n true", user="ops").returncode != 0
    right = lab.ssh("app1", f"echo '{lab.state().ops_password}' | sudo -S -p '' id -un", user="ops")
    assert right.stdout.strip() == "root"


def test_ansible_reaches_every_host_through_the_written_inventory(lab_multi: Lab) -> None:
    listing = subprocess.run(
        [Path(sys.executable).parent / "ansible", "all", "-i", lab_multi.state().inventory, "-m", "ping"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert listing.returncode == 0, listing.stdout + listing.stderr
    assert sorted(re.findall(r"^(\S+) \| SUCCESS", listing.stdout, re.MULTILINE)) == [
        "app1",
        "db2",
        "db3",
        "db4",
    ]
    assert "WARNING" not in listing.stderr


def test_hosts_of_one_lab_reach_each_other(lab_multi: Lab) -> None:
    app = lab_multi.state().host("app1").address
    assert "ok" in on_host(lab_multi, f"curl -fsS -m 5 http://{app}:8080/api/v1/health", host="db2")
    assert on_host(lab_multi, "docker ps -q", host="db3") == ""


def test_the_compose_files_set_the_limits_that_the_labs_policy_states(lab: Lab, policy: Policy) -> None:
    stated = json.loads(on_host(lab, "cd /opt/selextract && docker compose -f compose.yml config --format json"))
    for name, mapped in policy.application.services.items():
        service, guide = stated["services"][name], policy.containers[mapped.role]
        assert int(service["mem_limit"]) == int(service["memswap_limit"]) == guide.memory, name
        assert service["cpus"] == guide.cpus, name
        assert service.get("scale", 1) == guide.count, name


def test_secrets_of_the_application_are_for_root_only(lab: Lab) -> None:
    assert on_host(lab, "stat -c '%a %U' /opt/selextract/.env").split() == ["600", "root"]


def test_a_lab_that_runs_is_left_as_it_is(lab: Lab) -> None:
    worker = containers(lab, "worker")[0]
    on_host(lab, f"docker update --memory 400m --memory-swap 400m {worker}")
    try:
        before = containers(lab), lab.host().details()
        begun = time.monotonic()
        lab.up()
        assert time.monotonic() - begun < 15
        after = lab.host().details()
        assert before[0] == containers(lab)
        assert before[1] is not None
        assert after is not None
        assert before[1]["State"]["StartedAt"] == after["State"]["StartedAt"]
        shown = on_host(lab, f"docker inspect -f '{{{{.HostConfig.Memory}}}}' {worker}")
        assert int(shown) == 400 * 1024**2
    finally:
        on_host(lab, f"docker update --memory 384m --memory-swap 384m {worker}")


def test_a_host_reboots_and_its_application_comes_back(healthy: Lab) -> None:
    started = "systemctl show --property UserspaceTimestampMonotonic --value"
    before, identity = on_host(healthy, started), on_host(healthy, "cat /etc/machine-id")
    healthy.host().reboot()
    healthy.host().wait_ready()
    assert on_host(healthy, started) != before
    assert on_host(healthy, "cat /etc/machine-id") == identity
    assert wait_until(lambda: all(one.health == "healthy" for one in healthy.status().hosts[0].services), 120)


def test_a_host_without_power_is_not_reached_and_up_switches_it_on(healthy: Lab) -> None:
    healthy.host().power_off()
    assert healthy.ssh("app1", "true").returncode == 255
    assert not healthy.status().running
    healthy.up()
    assert healthy.status().running


def test_a_lab_whose_notes_are_lost_is_taken_over(healthy: Lab) -> None:
    before = healthy.host().details()
    for file in healthy.folder.path.glob("*"):
        if file.is_file():
            file.unlink()
    state = healthy.up("single")
    after = healthy.host().details()
    assert before is not None
    assert after is not None
    assert before["Id"] == after["Id"]
    assert healthy.ssh("app1", "true").returncode == 0
    assert healthy.ssh("app1", f"echo '{state.ops_password}' | sudo -S -p '' true", user="ops").returncode == 0


def test_load_counts_what_the_database_counts(lab: Lab) -> None:
    with lab.load(rps=20, tasks_per_hour=3600, task=TaskShape(seconds=0.5)) as load:
        load.wait_for_requests(120)
    result = load.result
    assert result.clean, result.failures
    assert result.kinds["POST items"].ok == _rows(lab, load.batch, ITEMS)
    assert result.tasks.enqueued == _rows(lab, load.batch, TASKS)
    assert result.tasks.completed == result.tasks.enqueued > 0


def test_load_counts_every_request_that_fails(healthy: Lab) -> None:
    on_host(healthy, f"docker stop {' '.join(containers(healthy, 'api'))}")
    with healthy.load(rps=10) as load:
        load.wait_for_requests(40)
    result = load.result
    assert result.kinds["GET page"].failed == 0
    assert result.requests_failed == sum(count.total for kind, count in result.kinds.items() if kind != "GET page")
    assert sum(result.failures.values()) == result.requests_failed


def test_a_task_whose_process_is_killed_is_done_again_and_counted_as_doubled(healthy: Lab) -> None:
    worker = containers(healthy, "worker")[0]
    with healthy.load(tasks_per_hour=7200, task=TaskShape(seconds=4, memory=1024)) as load:
        assert wait_until(lambda: load.tasks_so_far >= 4, 30)
        on_host(healthy, f"docker exec {worker} sh -c 'kill -9 $(pgrep -P 1)'")
        assert wait_until(lambda: load.tasks_so_far >= 6, 30)
    assert load.result.tasks_doubled
    assert load.result.tasks_lost == 0


def test_an_instance_of_the_api_and_a_worker_go_and_come_without_a_loss(healthy: Lab) -> None:
    with healthy.load(rps=20, tasks_per_hour=3600) as load:
        load.wait_for_requests(40)
        for service in ("api", "worker"):
            gone = containers(healthy, service)[0]
            on_host(healthy, f"docker stop {gone} && docker rm {gone}")
            on_host(healthy, f"cd /opt/selextract && docker compose up -d --no-deps --no-recreate --wait {service}")
        load.wait_for_requests(load.requests_so_far + 40)
    assert load.result.clean, (load.result.failures, load.result.tasks)


def test_down_removes_exactly_what_up_made(lab: Lab) -> None:
    others = made(lab.name)
    brief = Lab("brief")
    with ThreadPoolExecutor(2) as pool:
        states = list(pool.map(lambda _: brief.up(), range(2)))
    assert states[0].hosts == states[1].hosts
    assert all(made("brief").values())
    assert brief.status().running
    brief.down()
    assert not any(made("brief").values())
    assert not brief.folder.path.exists()
    assert made(lab.name) == others
    with pytest.raises(UsageError, match="no lab called brief"):
        brief.state()


def _rows(lab: Lab, batch: str, query: str) -> int:
    """What a query counts of a load in the application's database."""
    postgres = containers(lab, "postgres")[0]
    counting = f"docker exec -i {postgres} psql -U postgres -d selextract -At -v batch={batch}"
    return int(on_host(lab, f'echo "{query}" | {counting}'))
