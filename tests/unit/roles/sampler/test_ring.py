from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selextract_sampler.ring import Ring

DAY = 86_400
MIB = 2**20
ROW = [0, "api-1", "shop", "api", 0.1, 0.2, 1, 1, 0, 0, 4, 0]


def rows(folder: Path) -> list[list[object]]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def test_days_beyond_the_bound_go_oldest_first(tmp_path: Path) -> None:
    ring = Ring(str(tmp_path), 7, MIB)
    for day in range(12):
        ring.append(day * DAY, [ROW])
    assert [path.name for path in sorted(tmp_path.glob("*.jsonl"))] == [
        f"1970-01-{day:02}.jsonl" for day in range(5, 13)
    ]


def test_a_clock_that_jumps_ahead_and_back_costs_no_more_than_the_oldest_days(tmp_path: Path) -> None:
    ring = Ring(str(tmp_path), 7, MIB)
    for day in range(8):
        ring.append(day * DAY, [ROW])
    ring.append(20_000 * DAY, [ROW])
    ring.append(8 * DAY, [ROW])
    assert len(rows(tmp_path)) == 8


def test_size_is_bounded_too(tmp_path: Path) -> None:
    ring = Ring(str(tmp_path), 7, 1000)
    for day in range(6):
        ring.append(day * DAY, [ROW] * 5)
    assert sum(path.stat().st_size for path in tmp_path.glob("*.jsonl")) <= 1000


def test_half_a_line_left_by_a_kill_is_cut_and_the_rest_kept(tmp_path: Path) -> None:
    Ring(str(tmp_path), 7, MIB).append(0, [ROW, ROW])
    path = tmp_path / "1970-01-01.jsonl"
    path.write_bytes(path.read_bytes() + b'[60,"api-1","sh')
    Ring(str(tmp_path), 7, MIB).append(60, [ROW])
    assert rows(tmp_path) == [ROW, ROW, ROW]


@contextmanager
def almost_full_disk() -> Iterator[None]:
    """The kernel refuses every file beyond this size, in the middle of a write if need be, our own output too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_the_disk_refuses_is_dropped_counted_and_leaves_whole_lines(tmp_path: Path) -> None:
    ring = Ring(str(tmp_path), 7, MIB)
    with almost_full_disk():
        for minute in range(6):
            ring.append(minute * 60, [ROW])
    assert ring.problem == "File too large"
    kept = rows(tmp_path)
    assert kept
    assert all(row == ROW for row in kept)
    assert len(kept) + ring.dropped == 6


def test_after_the_disk_has_room_again_the_problem_is_over(tmp_path: Path) -> None:
    ring = Ring(str(tmp_path), 7, MIB)
    blocked = tmp_path / "1970-01-01.jsonl"
    blocked.mkdir()
    ring.append(0, [ROW])
    assert (ring.dropped, ring.problem) == (1, "Is a directory")
    blocked.rmdir()
    ring.append(60, [ROW])
    assert ring.problem is None
    assert rows(tmp_path) == [ROW]


def test_its_files_are_for_their_owner_only(tmp_path: Path) -> None:
    ring = Ring(str(tmp_path / "samples"), 7, MIB)
    ring.append(0, [ROW])
    assert (tmp_path / "samples").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "samples" / "1970-01-01.jsonl").stat().st_mode & 0o777 == 0o600
