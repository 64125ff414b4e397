"""Only one holder acts: what is refused, to whom, and which epoch each holder has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.state.fence import HOLDER_VARIABLE, Fence
from plugins.module_utils.state.lock import Claim, claimed, close_to_others, free, held_run, hold, lock_seen
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError

NOW = 1_700_000_000.0
HOUR = 3600.0


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    state = StateFolder(str(tmp_path / "state"))
    state.prepare()
    return state


def claim(holder: str = "a", **changed: Any) -> Claim:
    return replace(Claim("run-a", f"ops@{holder}", "right-size app1", "rightsize", 600, holder=holder), **changed)


def begun(folder: StateFolder, holder: str = "a", now: float = NOW) -> None:
    """The Run as a holder has begun it and is carrying it out."""
    assert hold(folder, claim(holder), now).acquired
    record = RunRecord(folder, "run-a")
    record.begin({"owner": f"ops@{holder}"}, now)
    record.note_holder({"epoch": epoch(folder), "holder": holder, "owner": f"ops@{holder}", "at": "then"})


def epoch(folder: StateFolder) -> int:
    return int((folder.read("lock.json") or {})["epoch"])


@contextmanager
def refused(kind: str, sentence: str | None = None) -> Iterator[None]:
    with pytest.raises(HostSideError, match=sentence) as problem:
        yield
    assert problem.value.kind == kind


def test_the_same_holder_goes_on_in_its_epoch(folder: StateFolder) -> None:
    begun(folder)
    assert hold(folder, claim(), NOW + 10).acquired
    assert epoch(folder) == 1


def test_another_holder_of_the_same_run_is_refused_while_the_lease_holds_and_told_who_has_it(
    folder: StateFolder,
) -> None:
    begun(folder)
    for answer in (hold(folder, claim("b"), NOW + 599), close_to_others(folder, claim("b"), NOW + 599)):
        assert not answer.acquired
        assert "carried out by ops@a for right-size app1 since 2023-11-14T22:13:20" in answer.sentence
        assert "at most until 2023-11-14T22:23:20" in answer.sentence
    assert epoch(folder) == 1


@pytest.mark.parametrize(
    ("taking", "later"),
    [({}, 600), ({"dead_epoch": 1}, 1), ({"take_over": "ops@a is on holiday"}, 1)],
    ids=["its lease is over", "its process is gone", "taken over with a reason"],
)
def test_each_taking_up_raises_the_epoch_and_is_recorded(
    folder: StateFolder, taking: dict[str, Any], later: float
) -> None:
    begun(folder)
    assert close_to_others(folder, claim("b", **taking), NOW + later).acquired
    assert hold(folder, claim("b"), NOW + later).acquired
    assert epoch(folder) == 2
    holders = RunRecord(folder, "run-a").content["holders"]
    assert [(entry["epoch"], entry["owner"], entry.get("from")) for entry in holders] == [
        (1, "ops@a", None),
        (2, "ops@b", "ops@a"),
    ]
    assert holders[-1].get("reason") == taking.get("take_over")


def test_the_epoch_of_another_holder_who_died_earlier_opens_nothing(folder: StateFolder) -> None:
    begun(folder)
    assert not close_to_others(folder, claim("b", dead_epoch=7), NOW + 1).acquired


def test_who_was_superseded_can_neither_act_nor_claim_nor_end_the_run(folder: StateFolder) -> None:
    begun(folder)
    former = held_run(folder, "run-a", holder="a")
    former.start_step("one", NOW)
    hold(folder, claim("b", dead_epoch=1), NOW + 1)
    before = state_of(folder)
    with refused("fenced", "taken up by ops@b"):
        held_run(folder, "run-a", holder="a")
    with refused("fenced"):
        former.note_inverse("one", "containers", {"id": {}})
    with refused("fenced"):
        former.end_step("one", "verified", NOW + 2)
    with refused("fenced"):
        former.end(NOW + 2)
    with refused("fenced"), former.failure_noted("one"):
        raise HostSideError("The gate failed.", kind="gate")
    assert not hold(folder, claim("a"), NOW + 2).acquired
    assert not free(folder, "run-a", holder="a").acquired
    assert state_of(folder) == before


def test_who_was_superseded_stays_refused_when_the_run_has_ended_and_nobody_has_the_lock(folder: StateFolder) -> None:
    """A laptop that slept through the whole rest of the Run must not put back what others have finished."""
    begun(folder)
    held_run(folder, "run-a", holder="a").start_step("one", NOW)
    hold(folder, claim("b", dead_epoch=1), NOW + 1)
    finishing = held_run(folder, "run-a", holder="b")
    finishing.end_step("one", "verified", NOW + 2)
    assert finishing.end(NOW + 2) == "done"
    assert free(folder, "run-a", holder="b").acquired
    late = hold(folder, claim("a", operation="restore"), NOW + HOUR)
    assert not late.acquired
    assert "taken up by ops@b" in late.sentence
    with refused("fenced", "taken up by ops@b"):
        held_run(folder, "run-a", holder="a")


def test_who_was_superseded_gets_it_back_neither_when_the_next_lease_is_over_too(folder: StateFolder) -> None:
    """What it knows of the Run is old: only whoever looks at the host anew, as another holder, may go on."""
    begun(folder)
    hold(folder, claim("b", dead_epoch=1), NOW + 1)
    assert "taken up by ops@b" in hold(folder, claim("a"), NOW + HOUR).sentence
    assert hold(folder, claim("a again"), NOW + HOUR).acquired


def test_who_was_overtaken_does_not_call_done_what_others_have_ended(folder: StateFolder) -> None:
    begun(folder)
    close_to_others(folder, claim("b", take_over="it hangs"), NOW + 1)
    assert "being taken up by ops@b" in free(folder, "run-a", holder="a").sentence
    hold(folder, claim("b"), NOW + 1)
    assert "taken up by ops@b" in free(folder, "run-a", holder="a").sentence
    free(folder, "run-a", holder="b")
    late = free(folder, "run-a", holder="a")
    assert not late.acquired
    assert "taken up by ops@b" in late.sentence


def test_while_a_run_is_being_taken_up_its_holder_begins_nothing_and_keeps_its_epoch(folder: StateFolder) -> None:
    begun(folder)
    former = held_run(folder, "run-a", holder="a")
    assert close_to_others(folder, claim("b", take_over="it hangs"), NOW + 1).acquired
    assert epoch(folder) == 1
    with refused("fenced", "being taken up by ops@b"):
        held_run(folder, "run-a", holder="a")
    with refused("fenced"):
        former.start_step("one", NOW + 1)
    assert "being taken up by ops@b" in hold(folder, claim("a"), NOW + 2).sentence
    assert "being taken up by ops@b" in hold(folder, claim("c"), NOW + HOUR).sentence
    assert not free(folder, "run-a", holder="a").acquired


def test_who_died_while_taking_it_up_keeps_nobody_else_from_it(folder: StateFolder) -> None:
    begun(folder)
    close_to_others(folder, claim("b", take_over="it hangs"), NOW + 1)
    assert not close_to_others(folder, claim("c"), NOW + 2).acquired
    assert close_to_others(folder, claim("c", take_over="ops@b hangs too"), NOW + 2).acquired
    assert not hold(folder, claim("b"), NOW + 3).acquired
    assert hold(folder, claim("c"), NOW + 3).acquired
    assert epoch(folder) == 2


def test_judging_whether_it_may_be_closed_closes_nothing(folder: StateFolder) -> None:
    begun(folder)
    assert close_to_others(folder, claim("b", take_over="it hangs"), NOW + 1, check=True).acquired
    assert held_run(folder, "run-a", holder="a").exists


def test_an_act_with_an_older_epoch_of_the_same_holder_is_refused(folder: StateFolder) -> None:
    begun(folder)
    free(folder, "run-a", holder="a")
    hold(folder, claim(), NOW + 1)
    assert held_run(folder, "run-a", holder="a", epoch=2).exists
    with refused("fenced"):
        held_run(folder, "run-a", holder="a", epoch=1)


def test_the_epoch_survives_the_lock_and_is_on_the_disk_before_it(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write = folder.write

    def noting(name: str, content: dict[str, Any]) -> None:
        written.append(name)
        write(name, content)

    monkeypatch.setattr(folder, "write", noting)
    for expected in (1, 2, 3):
        hold(folder, claim(), NOW)
        assert epoch(folder) == expected
        free(folder, "run-a", holder="a")
        assert folder.read("epoch.json") == {"format": 1, "epoch": expected}
    assert written == ["epoch.json", "lock.json"] * 3


def test_an_epoch_lower_than_that_of_the_lock_is_never_given_out(folder: StateFolder) -> None:
    begun(folder)
    folder.write("lock.json", {**(folder.read("lock.json") or {}), "epoch": 41})
    folder.remove("epoch.json")
    hold(folder, claim("b", dead_epoch=41), NOW)
    assert epoch(folder) == 42


def test_a_run_that_has_ended_never_runs_again(folder: StateFolder) -> None:
    begun(folder)
    record = held_run(folder, "run-a", holder="a")
    record.start_step("one", NOW)
    record.end_step("one", "verified", NOW)
    record.end(NOW)
    free(folder, "run-a", holder="a")
    late = hold(folder, claim("b"), NOW + 1)
    assert not late.acquired
    assert late.sentence == "Run run-a has ended (done) here, so it does not run again."
    with refused("locked", "does not run again"):
        RunRecord(folder, "run-a").begin({}, NOW + 1)
    assert RunRecord(folder, "run-a").content["status"] == "done"


def test_a_run_that_has_ended_is_put_back_and_does_not_run_on_in_the_middle_of_that(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_a_run_that_has_ended_never_runs_again(folder)
    given = {"run_id": "run-a", "owner": "ops@b", "purpose": "p", "lease_seconds": 60.0, "identity": {}, "run": {}}
    monkeypatch.setenv(HOLDER_VARIABLE, "b")
    assert claimed(folder, {**given, "operation": "restore"}, NOW + 2).acquired
    undone = held_run(folder, "run-a", holder="b")
    undone.start_step("one", NOW + 2)
    free(folder, "run-a", holder="b")
    resumed = hold(folder, claim("c"), NOW + 3)
    assert resumed.sentence == "Run run-a is being rolled back here, so it does not run again."
    assert hold(folder, claim("c", operation="restore"), NOW + 3).acquired
    again = held_run(folder, "run-a", holder="c")
    again.end_step("one", "rolled back", NOW + 4)
    assert again.end(NOW + 4) == "rolled back"
    assert "undoing" not in RunRecord(folder, "run-a").content


@pytest.mark.parametrize(
    ("renewed", "length", "holds_at"),
    [
        (NOW, 600, {0: True, 599: True, 600: False}),
        (0.0, 600, {0: False}),
        (NOW + 365 * 86_400, 600, {0: False}),
        (NOW + 5, 600, {0: True, 604: True, 605: False}),
        (NOW, -5, {0: False}),
        (NOW, float("inf"), {0: False}),
    ],
    ids=["as asked", "a clock of 1970", "a clock a year ahead", "a clock set back by seconds", "none", "no end"],
)
def test_a_lease_is_never_longer_than_was_asked_whatever_the_clock_does(
    folder: StateFolder, renewed: float, length: float, holds_at: dict[int, bool]
) -> None:
    hold(folder, claim(lease_seconds=length), renewed)
    for later, holds in holds_at.items():
        assert close_to_others(folder, claim("b"), NOW + later, check=True).acquired is not holds


def test_what_a_record_says_beyond_what_was_asked_is_not_believed(folder: StateFolder) -> None:
    begun(folder)
    folder.write("lock.json", {**(folder.read("lock.json") or {}), "lease_until": "2033-01-01T00:00:00+00:00"})
    assert not hold(folder, claim("b"), NOW + 599).acquired
    assert hold(folder, claim("b"), NOW + 600).acquired


def test_who_works_renews_the_lease_once_a_third_of_it_is_gone(folder: StateFolder) -> None:
    begun(folder)
    for later, left in ((199, 401.0), (201, 600.0)):
        with Fence(folder, "run-a", "a", clock=partial(float, NOW + later)).passed():
            assert lease_left_at(folder, NOW + later) == left


def test_a_clock_that_was_set_right_renews_the_lease_of_who_works(folder: StateFolder) -> None:
    begun(folder, now=0.0)
    assert lease_left_at(folder, NOW) == 0
    with Fence(folder, "run-a", "a", clock=partial(float, NOW)).passed():
        assert lease_left_at(folder, NOW) == 600


def lease_left_at(folder: StateFolder, now: float) -> float:
    return float((lock_seen(folder, now) or {})["lease_left"])


def test_a_lock_of_0_1_has_epoch_0_and_an_unknown_holder_and_is_taken_up_when_its_lease_is_over(
    folder: StateFolder,
) -> None:
    RunRecord(folder, "run-a").begin({"owner": "root@there (process 1)"}, NOW)
    about = {"owner": "root@there (process 1)", "purpose": "right-size app1", "operation": "rightsize"}
    times = {"taken_at": "2023-11-14T22:13:20+00:00", "lease_until": "2023-11-14T22:23:20+00:00"}
    folder.write("lock.json", {"format": 1, "run_id": "run-a", **about, **times})
    assert (lock_seen(folder, NOW) or {})["epoch"] == 0
    assert not hold(folder, claim("b"), NOW + 599).acquired
    assert hold(folder, claim("b"), NOW + 600).acquired
    assert epoch(folder) == 1
    assert held_run(folder, "run-a", holder="b").exists


def test_others_are_told_of_a_lock_without_what_its_holder_shows(folder: StateFolder) -> None:
    begun(folder)
    close_to_others(folder, claim("b", take_over="it hangs"), NOW + 1)
    told = lock_seen(folder, NOW + 1) or {}
    assert told["owner"] == "ops@a"
    assert told["closing"]["owner"] == "ops@b"
    assert "holder" not in {**told, **told["closing"]}


def state_of(folder: StateFolder) -> dict[str, str]:
    return {str(path): path.read_text() for path in Path(folder.path).rglob("*.json")}
