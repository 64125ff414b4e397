"""One host's bad answer is that host's problem, said in a sentence; the others are seen."""

from __future__ import annotations

import base64
import json
import resource
import subprocess
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from selextract_infra.hosts.events import HostOutcome, Listener, slimmed
from selextract_infra.hosts.observe.hosts import observation_of
from selextract_infra.hosts.observe.sampler_history import HistoryWindow, unpack_history
from tests.unit.seen import AT

NOW = int(AT.timestamp())
GOOD = {"facts": {"hostname": "app2", "machine_id": "two", "cpus": 8}}
ROW = [NOW, "api-1", "shop", "api", 0.5, 0.9, 1000, 10, 0, 0, 4, 0]


def answered(observation: Any, **more: Any) -> HostOutcome:
    return HostOutcome("ok", results={"Observe the host": {"observation": observation, **more}})


def pack(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode())).decode()


def deep(levels: int = 10_000) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def _bad() -> Iterator[Any]:
    yield "a text"
    yield [1]
    yield None
    for key, value in {
        "facts": [{"memory": float("inf")}, {"memory": 10**300}, {"cpus": "many"}, {"load_average": [1e999, 0, 0]}, 7],
        "containers": [
            {"a": 1},
            [{"name": 1}],
            deep(),
            [{"name": "a", "id": "a", "started_at": "9999-12-31T23:59:59Z"}],
        ],
        "state": [[1], {"lock": "mine"}, {"unfinished": {}}, {"unfinished": [[]]}, {"ended": 3}, deep()],
        "sampler": [{"interval": 0}, {"bucket": -1}, {"bucket": float("nan")}, {"last_sample_at": 1e300}],
        "projects": [[{"name": "a", "directory": "/", "capacity_file": deep()}]],
        "nobody knows this": [1],
    }.items():
        yield from ({key: one} for one in value)


@pytest.mark.parametrize("number", range(len(list(_bad()))))
def test_an_observation_that_is_none_is_the_problem_of_its_host_alone(number: int) -> None:
    observation = list(_bad())[number]
    seen = observation_of({"app1": answered(observation), "app2": answered(GOOD)}, AT)
    first, second = seen.hosts
    assert first.problem is not None
    assert first.problem.startswith("What the host answered is not understood: ")
    assert len(first.problem) < 300
    assert second.problem is None
    assert second.facts.cpus == 8
    assert seen.digest
    assert "NaN" not in seen.model_dump_json()


@pytest.mark.parametrize(
    "row",
    [
        [NOW, ["a"], None, None, *ROW[4:]],
        [NOW, None, None, None, *ROW[4:]],
        [NOW, "a", {"b": 1}, None, *ROW[4:]],
        [NOW, "a", None, None, None, *ROW[5:]],
        [NOW, "a", None, None, [1], *ROW[5:]],
        [NOW, "a", None, None, "0.5", *ROW[5:]],
        [NOW, "a", None, None, float("nan"), *ROW[5:]],
        [NOW, "a", None, None, float("inf"), *ROW[5:]],
        [NOW, "a", None, None, -1.0, *ROW[5:]],
        [NOW, "a", None, None, True, *ROW[5:]],
        [10**300, *ROW[1:]],
        [NOW, "a" * 5000, *ROW[2:]],
        {"at": NOW},
        [NOW],
    ],
    ids=str,
)
def test_a_history_row_with_anything_else_in_it_is_refused(row: Any) -> None:
    text = "\n".join(json.dumps(line) for line in (ROW, row))
    with pytest.raises(ValueError, match="the history"):
        unpack_history(pack(text))


def test_history_of_other_times_than_asked_for_is_not_taken() -> None:
    future = [int(AT.replace(year=2036).timestamp()), *ROW[1:]]
    past = [NOW - 30 * 86_400, *ROW[1:]]
    text = "\n".join(json.dumps(line) for line in (past, ROW, future))
    seen = observation_of({"app1": answered(GOOD, history_packed=pack(text))}, AT, window=7 * 86_400)
    (measured,) = seen.hosts[0].history
    assert measured.at.tolist() == [NOW]


def test_a_history_that_is_packed_well_takes_no_more_memory_than_is_allowed() -> None:
    """1.7 MB that unpack to hundreds of megabytes took 9 GiB."""
    program = f"""
import base64, resource, zlib
from selextract_infra.hosts.observe.sampler_history import unpack_history
line = b'[{NOW}, "a", null, null, 0, 0, 0, 0, 0, 0, 0]\\n'
packing = zlib.compressobj()
packed = b"".join(packing.compress(line * 10_000) for _ in range(400)) + packing.flush()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    unpack_history(base64.b64encode(packed).decode())
except ValueError as problem:
    print(problem)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    said, grown = done.stdout.splitlines()
    assert "more than 2000000 buckets" in said
    assert int(grown) < 400, "MiB"


def test_a_history_of_one_endless_line_is_refused_before_it_is_held() -> None:
    packing = zlib.compressobj()
    packed = b"".join(packing.compress(b"[" * 1_000_000) for _ in range(200)) + packing.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="line without an end"):
        unpack_history(base64.b64encode(packed).decode())
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10 < 100


def test_a_host_has_so_many_containers_and_no_more() -> None:
    lines = "\n".join(json.dumps([NOW, f"c-{number}", *ROW[2:]]) for number in range(2001))
    with pytest.raises(ValueError, match="more than 2000 containers"):
        unpack_history(pack(lines), window=HistoryWindow())


@pytest.mark.parametrize(
    "result", [{"observation": deep()}, {"a": 10**300}, {"b": float("nan")}], ids=["deep", "far", "nan"]
)
def test_an_answer_to_any_task_is_held_to_the_same_bounds(result: dict[str, Any]) -> None:
    listener = Listener(("app1", "app2"))
    for host, answer in (("app1", result), ("app2", {"acquired": True})):
        event = {"event": "runner_on_ok", "event_data": {"host": host, "task": "Take the lock", "res": answer}}
        slim = slimmed(event, ())
        assert slim is not None
        listener.hear(slim)
    outcomes = listener.outcomes(stopped=None)
    assert outcomes["app1"].results == {}
    assert "is not understood" in outcomes["app1"].message
    assert outcomes["app2"].results == {"Take the lock": {"acquired": True}}
