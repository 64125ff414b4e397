"""Observations in files, and each file that is none."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from selextract_infra.errors import UsageError
from selextract_infra.hosts.observe.recorded import load_observation, save_observation
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import HostFacts, HostObservation, Observation

SEEN = Observation(
    at=datetime(2026, 3, 1, 2, tzinfo=UTC),
    hosts=(
        HostObservation(
            name="app1",
            facts=HostFacts(hostname="{{ 7*7 }}\x1b[31m", machine_id="abc"),
            history=(
                ContainerHistory(
                    name="selextract-api-1",
                    at=np.array([0, 60]),
                    cpu=np.array([0.1, 0.2]),
                    cpu_peak=np.array([0.3, 0.4]),
                    memory=np.array([1, 2]),
                    page_cache=np.array([3, 4]),
                    oom_kills=np.array([0, 1]),
                    restarts=np.array([0, 0]),
                    samples=np.array([4, 4]),
                ),
            ),
        ),
    ),
    unreachable={"db2": "It does not answer."},
)


def test_what_is_saved_is_what_is_loaded_history_and_all(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    save_observation(SEEN, path)
    assert load_observation(path) == SEEN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["seen.json"]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    path.write_text("x" * 100_000)
    save_observation(SEEN, path)
    assert load_observation(path) == SEEN


def test_where_nothing_can_be_written_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be saved to .*: No such file or directory"):
        save_observation(SEEN, tmp_path / "nowhere" / "seen.json")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "seen.json"
    save_observation(SEEN, path)
    return path


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_file_that_is_cut_short_is_told(saved: Path, part: float) -> None:
    text = saved.read_text()
    saved.write_text(text[: int(len(text) * part)])
    with pytest.raises(UsageError, match="is cut short") as caught:
        load_observation(saved)
    assert caught.value.remedy


@pytest.mark.parametrize("content", ["", "not json", "[1, 2]", '{"operation": "rightsize", "steps": []}', "\udcff"])
def test_another_file_is_told(saved: Path, content: str) -> None:
    saved.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(UsageError, match=r"no observation|not an observation"):
        load_observation(saved)


def test_another_format_is_told_with_both_numbers(saved: Path) -> None:
    saved.write_text(json.dumps({**json.loads(saved.read_text()), "format": 9}))
    with pytest.raises(UsageError, match="written in format 9, and this version reads format 1"):
        load_observation(saved)


def test_a_wrong_value_is_told_with_its_place_in_one_line(saved: Path) -> None:
    content = json.loads(saved.read_text())
    content["observation"]["hosts"][0]["facts"]["memory"] = "\x1b[31mmuch"
    saved.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"hosts\.0\.facts\.memory in it is wrong") as caught:
        load_observation(saved)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read: No such file"):
        load_observation(tmp_path / "nowhere.json")
