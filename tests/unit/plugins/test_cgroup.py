from __future__ import annotations

from pathlib import Path

import pytest

from plugins.module_utils.docker.cgroup import Reading, cgroup_version, find_control_group


def put(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="ascii")
    return folder


def process(proc: Path, pid: int, lines: str) -> None:
    put(proc / str(pid), {"cgroup": lines})


FIRST = {
    "memory.usage_in_bytes": "1000\n",
    "memory.stat": "cache 5\ntotal_inactive_file 300\ntotal_active_file 200\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
}
SECOND = {
    "memory.current": "1000\n",
    "memory.stat": "inactive_file 300\nactive_file 200\n",
    "memory.events": "low 0\noom 4\noom_kill 3\n",
    "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
}
SEEN = Reading(cpu_seconds=2.5, memory=700, page_cache=200, oom_kills=3)


@pytest.mark.parametrize("mounted", ["cpuacct", "cpu,cpuacct"])
def test_version_1_is_read_wherever_cpuacct_is_mounted(tmp_path: Path, mounted: str) -> None:
    root, proc = tmp_path / "cgroup", tmp_path / "proc"
    put(root / "memory" / "docker" / "abc", FIRST)
    put(root / mounted / "docker" / "abc", {"cpuacct.usage": "2500000000\n"})
    process(proc, 7, f"5:memory:/docker/abc\n4:{mounted}:/docker/abc\n0::/elsewhere\n")
    group = find_control_group(7, str(root), str(proc))
    assert group is not None
    assert group.read() == SEEN
    assert cgroup_version(str(root)) == "v1"


def test_version_2_is_read_for_the_systemd_driver_too(tmp_path: Path) -> None:
    root, proc = tmp_path / "cgroup", tmp_path / "proc"
    put(root, {"cgroup.controllers": "cpu memory\n"})
    put(root / "system.slice" / "docker-abc.scope", SECOND)
    process(proc, 7, "0::/system.slice/docker-abc.scope\n")
    group = find_control_group(7, str(root), str(proc))
    assert group is not None
    assert group.read() == SEEN
    assert cgroup_version(str(root)) == "v2"


def test_a_container_that_is_gone_has_no_reading(tmp_path: Path) -> None:
    root, proc = tmp_path / "cgroup", tmp_path / "proc"
    folder = put(root / "docker" / "abc", SECOND)
    process(proc, 7, "0::/docker/abc\n")
    group = find_control_group(7, str(root), str(proc))
    assert group is not None
    (folder / "memory.current").unlink()
    assert group.read() is None
    assert find_control_group(8, str(root), str(proc)) is None


@pytest.mark.parametrize("path", ["/", "/../outside"])
def test_a_process_in_no_group_of_its_own_is_not_measured(tmp_path: Path, path: str) -> None:
    process(tmp_path / "proc", 7, f"0::{path}\n")
    assert find_control_group(7, str(put(tmp_path / "cgroup", SECOND)), str(tmp_path / "proc")) is None


def test_a_cache_larger_than_the_use_is_no_negative_memory(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    put(root / "docker" / "abc", {**SECOND, "memory.current": "100\n"})
    process(tmp_path / "proc", 7, "0::/docker/abc\n")
    group = find_control_group(7, str(root), str(tmp_path / "proc"))
    assert group is not None
    reading = group.read()
    assert reading is not None
    assert reading.memory == 0
