"""One count of tasks for everything that decides, and a word where there is none."""

from __future__ import annotations

import pytest

from selextract_infra.assess.tasks import tasks_on, uncounted_tasks
from selextract_infra.assess.traffic import traffic_measurements
from selextract_infra.model.traffic import RedisObservation, ServiceTasks, TrafficObservation
from selextract_infra.operations.watch.readings import readings_of
from tests.unit.seen import container, host, observation, policy

POLICY = policy({"worker": {"broker": {"tasks": "rq"}}})
COUNTED = ServiceTasks(service="worker", system="rq", queued=7, reserved=2, scheduled=1500)


def redis(*tasks: ServiceTasks, **sums: int) -> RedisObservation:
    return RedisObservation(project="selextract", service="redis", tasks=tasks, **sums)


def test_what_is_planned_for_later_is_not_pending() -> None:
    there = host([container("worker")], traffic=TrafficObservation(redis=redis(COUNTED, queued=7, reserved=2)))
    assert [tasks.pending for tasks in tasks_on(there, POLICY)] == [9]
    assert ("worker", "pending_tasks", 9.0) in list(readings_of(there, POLICY))
    assert not list(uncounted_tasks(observation(there), POLICY))


@pytest.mark.parametrize(
    "seen",
    [
        None,
        RedisObservation(project="selextract", service="redis", problem="It wants a password."),
        redis(ServiceTasks(service="worker", problem="Another system."), ServiceTasks(service="more", queued=3)),
    ],
)
def test_what_is_not_known_is_no_number_and_is_said(seen: RedisObservation | None) -> None:
    there = host([container("worker")], traffic=TrafficObservation(redis=seen))
    (finding,) = uncounted_tasks(observation(there), POLICY)
    assert finding.subject == "app1/worker"
    assert "application.services.worker.broker" in finding.resolution
    assert "pending_tasks" not in [metric for _, metric, _ in readings_of(there, POLICY)]


def test_one_service_that_is_not_known_does_not_hide_the_others() -> None:
    seen = redis(ServiceTasks(service="more", problem="Another system."), COUNTED)
    there = host([container("worker")], traffic=TrafficObservation(redis=seen))
    pending = [one for one in traffic_measurements(observation(there), POLICY) if one.metric == "pending_tasks"]
    assert [(one.subject, one.samples.values) for one in pending] == [("app1/worker", (9.0,))]
