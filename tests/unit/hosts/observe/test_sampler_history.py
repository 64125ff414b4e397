from __future__ import annotations

import base64
import json
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.system.samples import packed_since, sampler_status
from selextract_infra.hosts.observe.sampler_history import host_with_history, unpack_history

NOW = 1_767_225_600


def row(at: int, name: str = "api-1", **values: Any) -> list[Any]:
    given_values = {
        "cpu": 0.1, "peak": 0.2, "memory": 100, "cache": 10, "kills": 0, "restarts": 0, "samples": 4, "limit": 256,
    } | values  # fmt: skip
    return [at, name, "shop", "api", *given_values.values()]


def write(folder: Path, rows: list[list[Any]]) -> None:
    for one in rows:
        with (folder / time.strftime("%Y-%m-%d.jsonl", time.gmtime(one[0]))).open("a", encoding="ascii") as segment:
            segment.write(json.dumps(one, separators=(",", ":")) + "\n")


def pack(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode())).decode()


def test_what_the_sampler_wrote_arrives_as_columns_by_container(tmp_path: Path) -> None:
    write(tmp_path, [row(NOW), row(NOW, "db-1"), row(NOW + 60, memory=300, kills=2)])
    packed, until = packed_since(str(tmp_path), 0)
    assert packed is not None
    assert until == NOW + 60
    api, database = unpack_history(packed, bucket_seconds=60, interval_seconds=15)
    assert (api.name, api.project, api.service) == ("api-1", "shop", "api")
    assert api.at.tolist() == [NOW, NOW + 60]
    assert api.memory.tolist() == [100, 300]
    assert api.oom_kills.tolist() == [0, 2]
    assert api.memory_limit.tolist() == [256, 256]
    assert database.at.tolist() == [NOW]


def test_only_what_is_newer_than_the_cursor_is_sent(tmp_path: Path) -> None:
    write(tmp_path, [row(NOW + minute * 60) for minute in range(3 * 1440)])
    packed, _ = packed_since(str(tmp_path), NOW + 2 * 86_400)
    assert packed is not None
    (api,) = unpack_history(packed)
    assert api.at.tolist() == [NOW + 2 * 86_400 + minute * 60 for minute in range(1, 1440)]
    assert packed_since(str(tmp_path), NOW + 3 * 86_400) == (None, None)


def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, [row(NOW)])
    segment = next(tmp_path.glob("*.jsonl"))
    segment.write_text(segment.read_text() + '[1767225660,"api-1","sh')
    packed, until = packed_since(str(tmp_path), 0)
    assert packed is not None
    assert until == NOW
    assert unpack_history(packed)[0].at.tolist() == [NOW]


def test_a_bucket_split_by_a_restart_of_the_sampler_is_one() -> None:
    parts = [
        row(60, cpu=0.4, peak=0.4, memory=5, cache=9, kills=1, samples=1),
        row(0),
        row(60, cpu=0.1, peak=0.8, memory=3, cache=7, restarts=1, samples=3),
    ]
    (api,) = unpack_history(pack("\n".join(json.dumps(part) for part in parts)))
    assert api.at.tolist() == [0, 60]
    assert api.cpu.tolist() == [0.1, pytest.approx(0.175)]
    assert api.cpu_peak.tolist() == [0.2, 0.8]
    assert (api.memory[1], api.page_cache[1], api.oom_kills[1], api.restarts[1], api.samples[1]) == (5, 7, 1, 1, 4)


def test_lines_without_the_limit_leave_that_column_empty() -> None:
    (api,) = unpack_history(pack(json.dumps(row(0)[:-1])))
    assert api.memory_limit.tolist() == []


@given(st.text(max_size=30))
def test_a_name_is_data_whatever_it_holds(name: str) -> None:
    (history,) = unpack_history(pack(json.dumps(row(0, name))))
    assert history.name == name


@pytest.mark.parametrize("packed", ["%%%", "aGVsbG8=", pack("[1]"), pack("[[1,2],"), pack('{"a":1}'), pack("not json")])
def test_anything_else_is_a_value_error(packed: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpack_history(packed)


def test_a_week_of_ten_containers_unpacks_quickly(tmp_path: Path) -> None:
    write_all = [row(NOW + minute * 60, f"c-{number}") for minute in range(7 * 1440) for number in range(10)]
    packed = pack("\n".join(json.dumps(one) for one in write_all))
    began = time.process_time()  # other work on the machine does not count
    assert len(unpack_history(packed)) == 10
    assert time.process_time() - began < 5


def test_the_status_tells_the_newest_bucket_and_whether_the_process_lives(tmp_path: Path) -> None:
    write(tmp_path, [row(NOW), row(NOW + 60)])
    (tmp_path / "status.json").write_text(json.dumps({"version": "1", "pid": 1, "interval": 15.0, "bucket": 60.0}))
    status = sampler_status(str(tmp_path))
    assert status["last_sample_at"] == NOW + 60
    assert (status["interval"], status["bucket"], status["version"]) == (15.0, 60.0, "1")
    assert status["running"] is False


def test_a_hosts_answer_becomes_an_observation_with_its_history() -> None:
    sampler = {"installed": True, "running": True, "interval": 1.0, "bucket": 5.0}
    seen = host_with_history("app1", {"observation": {"sampler": sampler}, "history_packed": pack(json.dumps(row(0)))})
    assert seen.name == "app1"
    assert seen.history[0].bucket_seconds == 5.0
