"""What a load says about itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.lab.load import LoadResult, RequestCount, TaskCount
from selextract_infra.lab.load.counter import RequestCounter
from selextract_infra.lab.load.result import percentile

times = st.lists(st.floats(min_value=0, max_value=100), min_size=1, max_size=200)


@given(times, st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_the_smallest_time_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert found is not None
    assert sum(time <= found for time in ordered) >= share * len(ordered)
    assert sum(time < found for time in ordered) < share * len(ordered)


def test_without_requests_there_is_no_percentile() -> None:
    assert percentile([], 0.95) is None


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.floats(0, 9), st.none() | st.sampled_from(["x", "y"]))))
def test_every_request_is_counted_once(ended: list[tuple[str, float, str | None]]) -> None:
    counter = RequestCounter()
    for kind, seconds, failure in ended:
        counter.add(kind, seconds, failure)
    total, kinds = counter.total(), counter.kinds()
    assert total.total == len(ended) == counter.ended == sum(kind.total for kind in kinds.values())
    assert total.failed == sum(kind.failed for kind in kinds.values()) == sum(counter.reasons().values())
    assert total.longest == max((seconds for _, seconds, _ in ended), default=None)


def _result(requests: RequestCount, tasks: TaskCount) -> LoadResult:
    return LoadResult(seconds=2, requests=requests, kinds={}, failures={}, tasks=tasks)


def test_a_load_is_clean_only_when_nothing_failed_was_lost_doubled_or_left_unknown() -> None:
    fine = RequestCount(total=4)
    assert _result(fine, TaskCount(enqueued=2, started=2, completed=2)).clean
    assert not _result(RequestCount(total=4, failed=1), TaskCount()).clean
    assert not _result(fine, TaskCount(enqueued=2, lost=1)).clean
    assert not _result(fine, TaskCount(enqueued=2, doubled=1)).clean
    assert not _result(fine, TaskCount(enqueued=2, unknown=True)).clean


def test_what_could_not_be_asked_is_not_claimed_to_be_nought() -> None:
    result = _result(RequestCount(), TaskCount(enqueued=2, unknown=True))
    assert (result.tasks_lost, result.tasks_doubled) == (None, None)
