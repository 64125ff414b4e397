from __future__ import annotations

import numpy as np
import pytest

from selextract_infra.assess.peaks import Peaks, Window, peaks_of
from selextract_infra.model.history import ContainerHistory
from tests.unit.seen import AT, MB, history

NOW = AT.timestamp()
WINDOW = Window(since=NOW - 7 * 86400, until=NOW, cpu_percentile=0.95, minimum_samples=100)


def peaks(*histories: ContainerHistory, started: float | None = 0.0) -> Peaks:
    return peaks_of(histories, WINDOW, started=started)


def test_the_percentile_is_a_value_that_was_seen() -> None:
    cpu = np.random.default_rng(1).permutation(np.arange(1, 10081) / 1000)
    seen = peaks(history("api", cpu=cpu))
    assert seen.cpu == pytest.approx(9.576)
    assert (seen.cpu_median, seen.cpu_highest) == (5.04, 10.08)


def test_what_is_older_than_the_window_does_not_count() -> None:
    old = history("api", seconds=10 * 86400, memory=np.where(np.arange(14400) < 4000, 900 * MB, 100 * MB))
    assert peaks(old).memory == 100 * MB


def test_buckets_in_any_order_give_the_same() -> None:
    memory = np.arange(10080) * MB
    straight = history("api", memory=memory, cpu=memory / 1e9)
    order = np.random.default_rng(2).permutation(10080)
    mixed = straight.model_copy(update={name: getattr(straight, name)[order] for name in ("at", "cpu", "memory")})
    assert peaks(mixed) == peaks(straight)


def test_a_host_whose_clock_is_ahead_loses_nothing() -> None:
    ahead = history("api", memory=np.where(np.arange(10080) == 10079, 900 * MB, 100 * MB))
    moved = ahead.model_copy(update={"at": ahead.at + 600})
    assert peaks(moved).memory == 900 * MB


def test_several_containers_cover_the_window_together() -> None:
    early = history("api", number=1, seconds=4 * 86400)
    early = early.model_copy(update={"at": early.at - 3 * 86400})
    late = history("api", number=2, seconds=3 * 86400)
    assert peaks(early).coverage == pytest.approx(4 / 7, abs=0.001)
    assert peaks(early, late).coverage == pytest.approx(1.0, abs=0.001)
    assert peaks(late, late).coverage == pytest.approx(3 / 7, abs=0.001)


def test_half_the_samples_are_half_the_coverage() -> None:
    thin = history("api")
    assert peaks(thin.model_copy(update={"samples": thin.samples // 2})).coverage == pytest.approx(0.5, abs=0.001)


def test_the_start_up_of_a_short_lived_container_is_no_percentile() -> None:
    steady = history("api", number=1, cpu=0.2)
    burst = history("api", number=2, seconds=120, cpu=2.0, memory=300 * MB)
    seen = peaks(steady, burst)
    assert (seen.cpu, seen.cpu_highest, seen.memory) == (0.2, 2.0, 300 * MB)
    assert peaks(burst).cpu == 2.0


def test_oom_kills_are_read_with_what_was_used_and_allowed_then() -> None:
    limit = np.where(np.arange(10080) < 5000, 256 * MB, 512 * MB)
    memory = np.where(np.arange(10080) < 5000, 200 * MB, 300 * MB)
    seen = peaks(history("api", memory=memory, limit=limit, oom={4000: 1, 4500: 2}))
    assert (seen.oom_kills, seen.oom_memory, seen.oom_limit) == (3, 200 * MB, 256 * MB)
    assert peaks(history("api", oom={1: 1})).oom_limit is None


def test_no_history_is_no_coverage() -> None:
    assert (peaks().samples, peaks().coverage, peaks().life_seconds) == (0, 0.0, 7 * 86400)
    assert peaks(history("api", seconds=0)).samples == 0
    old = history("api", seconds=86400)
    assert peaks(old.model_copy(update={"at": old.at - 30 * 86400})).samples == 0


def test_impossible_values_are_no_measurements() -> None:
    cpu = np.full(10080, 0.5)
    cpu[0] = 1e300
    assert peaks(history("api", cpu=cpu)).cpu_highest == 0.5
    for no_number in (np.inf, np.nan):
        with pytest.raises(ValueError, match="not finite"):
            history("api", cpu=no_number)
    assert peaks(history("api", cpu=-1.0, memory=-5)).memory == 0
