"""Outcomes come from events, never from an exit code."""

from __future__ import annotations

from typing import Any

from selextract_infra.hosts.events import Listener, slimmed
from selextract_infra.model.task_event import TaskEvent


def raw(kind: str, host: str = "app1", task: str = "Work", result: dict[str, Any] | None = None, **more: Any) -> Any:
    return {"event": kind, "pid": 1, "stdout": "", "event_data": {"host": host, "task": task, "res": result, **more}}


def stats(processed: list[str], **counts: dict[str, int]) -> Any:
    return {"event": "playbook_on_stats", "event_data": {"processed": dict.fromkeys(processed, 1), **counts}}


def listening(
    planned: tuple[str, ...], *events: Any, collect: tuple[str, ...] = ()
) -> tuple[Listener, list[TaskEvent]]:
    listener = Listener(planned)
    slim = [one for one in (slimmed(event, collect) for event in events) if one]
    return listener, [event for event in map(listener.hear, slim) if event]


def test_a_host_is_ok_only_when_the_statistics_name_it() -> None:
    listener, told = listening(
        ("app1", "db2"),
        raw("runner_on_start"),
        raw("runner_on_ok", result={"changed": True}),
        stats(["app1"], changed={"app1": 1}),
    )
    outcomes = listener.outcomes(stopped=None)
    assert outcomes["app1"].status == "ok"
    assert outcomes["app1"].changed == 1
    assert outcomes["db2"].status == "missing"
    assert [event.kind for event in told] == ["task_started", "task_done"]


def test_a_failure_that_was_ignored_or_rescued_does_not_fail_the_host() -> None:
    listener, told = listening(
        ("app1", "db2"),
        raw("runner_on_failed", result={"msg": "no matter"}, ignore_errors=True),
        raw("runner_on_failed", host="db2", result={"msg": "put back"}),
        stats(["app1", "db2"], rescued={"db2": 1}),
    )
    assert {name: host.status for name, host in listener.outcomes(stopped=None).items()} == {"app1": "ok", "db2": "ok"}
    assert [event.kind for event in told] == ["task_done", "failed"]


def test_unreachable_counts_even_without_statistics() -> None:
    listener, _ = listening(("app1",), raw("runner_on_unreachable", result={"unreachable": True, "msg": "x"}))
    assert listener.outcomes(stopped=None)["app1"].status == "unreachable"
    assert listener.contacted == ()


def test_without_statistics_a_host_that_was_begun_is_failed() -> None:
    listener, _ = listening(("app1", "db2"), raw("runner_on_start"))
    outcomes = listener.outcomes(stopped=None)
    assert (outcomes["app1"].status, outcomes["db2"].status) == ("failed", "missing")


def test_a_stopped_host_says_whether_that_was_proved() -> None:
    listener, _ = listening(("app1", "db2"), raw("runner_on_start"), raw("runner_on_start", host="db2"))
    outcomes = listener.outcomes(stopped={"app1": {"left": []}, "db2": {"left": ["sleep"]}})
    assert outcomes["app1"].stopped is True
    assert outcomes["app1"].message == "stopped, and nothing of it is left running on the host"
    assert outcomes["db2"].stopped is False
    assert "could not be proved" in outcomes["db2"].message


def test_only_collected_results_are_kept_and_without_arguments() -> None:
    secret = {"changed": False, "invocation": {"module_args": {"password": "x"}}, "_ansible_no_log": False, "value": 1}
    listener, _ = listening(
        ("app1",),
        raw("runner_on_ok", task="Wanted", result=secret),
        raw("runner_on_ok", task="Other", result={"changed": False, "big": "x" * 100}),
        stats(["app1"]),
        collect=("Wanted",),
    )
    assert listener.outcomes(stopped=None)["app1"].results == {"Wanted": {"changed": False, "value": 1}}


def test_a_task_that_ran_twice_is_the_newest_result() -> None:
    listener, _ = listening(
        ("app1",),
        raw("runner_on_ok", task="Lock", result={"acquired": True}),
        raw("runner_on_ok", task="Work", result={"done": True}),
        raw("runner_on_ok", task="Lock", result={"acquired": False}),
        stats(["app1"]),
    )
    assert list(listener.outcomes(stopped=None)["app1"].results.items())[-1] == ("Lock", {"acquired": False})


def test_a_result_that_ansible_dropped_for_its_size_fails_the_host() -> None:
    listener, told = listening(("app1",), raw("runner_on_ok", result={}), stats(["app1"]))
    assert listener.outcomes(stopped=None)["app1"].status == "failed"
    assert told[0].message == "the result of 'Work' is too large to be taken in"


def test_what_ansible_complains_about_is_told_for_hosts_it_never_came_to() -> None:
    listener, _ = listening(
        ("app1",), {"event": "error", "stdout": "[ERROR]: the playbook: nowhere.yml could not be found"}
    )
    assert listener.outcomes(stopped=None)["app1"].message == "the playbook: nowhere.yml could not be found"


def test_a_host_nobody_planned_is_told_only_when_it_went_wrong() -> None:
    listener, _ = listening(
        ("app1",),
        raw("runner_on_ok", result={"changed": False}),
        raw("runner_on_ok", host="localhost", result={"changed": False}),
        raw("runner_on_failed", host="other", result={"msg": "broken"}),
        stats(["app1", "localhost", "other"], failures={"other": 1}),
    )
    assert set(listener.outcomes(stopped=None)) == {"app1", "other"}


def test_a_task_that_is_tried_again_tells_how_far_it_is_and_is_no_result() -> None:
    listener, told = listening(
        ("app1",),
        raw("runner_retry", result={"progress": "8 MB of 456 MB", "secret": "x"}),
        raw("runner_on_ok", result={"finished": True}),
        stats(["app1"]),
    )
    assert [(event.kind, event.message) for event in told] == [("progress", "8 MB of 456 MB"), ("task_done", "")]
    assert listener.outcomes(stopped=None)["app1"].results == {"Work": {"finished": True}}
