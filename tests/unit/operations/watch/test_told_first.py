"""People are told before what may fail: by real servers, with the loop's own look as the way in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from selextract_infra.errors import LockedError
from selextract_infra.flow.context import Context
from selextract_infra.flow.notification import notifier
from selextract_infra.model.emergency import Incident
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run, RunStatus
from selextract_infra.operations.emergency.begin import Grant
from selextract_infra.operations.watch import incident as incidents
from selextract_infra.operations.watch import run_beside, watch
from selextract_infra.operations.watch.watch import Watcher
from tests.receivers import Places, open_places
from tests.unit.operations.emergency.test_incident_report import incident
from tests.unit.operations.watch.test_memory import STEP, server, traffic
from tests.unit.seen import ROLES
from tests.unit.waiting import until

START = datetime(2025, 3, 5, 12, tzinfo=UTC)
APPLICATION = {
    "project": "selextract",
    "directory": "/opt/selextract",
    "services": {name: {"role": role} for name, role in ROLES.items()},
}
FAILING, CALM = server(traffic=traffic(failed=66)), server()
pytestmark = pytest.mark.usefixtures("notifying")


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    with open_places() as places:
        monkeypatch.setenv("SELEXTRACT_MAIL", f"mailto://127.0.0.1:{places.mail}?from=ops@example.com")
        monkeypatch.setenv("SELEXTRACT_PAGE", f"json://127.0.0.1:{places.web}/page")
        yield places


class Loop:
    """The loop on one host that nobody asks anything: each look is given to it, 15 seconds apart."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        channels = {"page": "${SELEXTRACT_PAGE}", "mail_server": "${SELEXTRACT_MAIL}"}
        rules = {
            "application": APPLICATION,
            "emergency": {"notifications": {"channels": channels}},
            "schedule": {"patience": "2s"},
        }
        hosts = {"all": {"hosts": {"app1": {}}, "vars": {"selextract_policy": rules}}}
        (folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
        self.now = START
        self.context = Context(folder / "hosts.yml", state=folder / "state", clock=lambda: self.now)
        self.said: list[tuple[str, str]] = []
        people = notifier(self.context.policy, self.context.journal, self.context.clock)
        self.loop = Watcher(
            self.context,
            say=lambda event: self.said.append((event.kind, event.sentence)),
            notifier=people,
            steady=lambda: self.now.timestamp(),
        )
        self._seen: Observation | None = None
        monkeypatch.setattr(watch, "observe_hosts", lambda *_, **__: self._seen)
        monkeypatch.setattr(incidents, "make_ready", lambda _: None)
        monkeypatch.setattr(self.context, "observe", lambda: Observation(at=self.now, hosts=()))

    def look(self, host: HostObservation | None, times: int = 1) -> None:
        """So many looks at the same; None where the host is not reached."""
        for _ in range(times):
            self._seen = Observation(
                at=self.now,
                hosts=() if host is None else (host,),
                unreachable={"app1": "ssh: connect: timed out"} if host is None else {},
            )
            self.loop.tick()
            self.now += timedelta(seconds=STEP)

    def until_p1(self) -> None:
        """Look until the first look that shows a P1."""
        while not any(kind == "incident" and "P1" in sentence for kind, sentence in self.said):
            self.look(FAILING)


@pytest.fixture
def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: Places) -> Iterator[Loop]:
    made = Loop(tmp_path, monkeypatch)
    yield made
    made.context.close()


def began(sentence: str, code: int = 0) -> Callable[..., Run]:
    def begin(context: Context, granted: Grant) -> Run:
        return Run(
            id="r1", operation="emergency", plan_digest="", policy_digest="", owner="", purpose="", hosts=("app1",),
            started_at=START, status=RunStatus.DONE, message=sentence, exit_code=code,
        )  # fmt: skip

    return begin


def test_a_p1_is_told_when_the_emergency_is_begun_and_not_when_it_has_begun(
    loop: Loop, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_: Context, granted: Grant) -> Run:
        until(lambda: len(places.letters) >= 2 and len(places.visits) >= 2, bound=10)
        assert granted.subject.startswith("watch-")
        raise LockedError("Run x on app1 came to no safe point in 45 s.", remedy="wait until its step ends")

    monkeypatch.setattr(incidents, "begin_emergency", locked)
    loop.until_p1()
    loop.look(FAILING)
    assert len(places.subjects()) == len(places.pages()) == 3
    first, granted, outcome = places.pages()
    assert "error_rate" in first
    assert granted == "P1 Emergency begins"
    assert outcome == "P1 No emergency began"
    loop.look(FAILING, 20)
    assert len(places.pages()) == 3, "look after look tells nothing new"


def test_a_p1_that_cannot_even_be_planned_is_told_with_the_reason(
    loop: Loop, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_plan(*_: Any, **__: Any) -> Grant:
        raise LockedError("app1 is locked by ops@here for a move.")

    monkeypatch.setattr(incidents, "plan_emergency", no_plan)
    loop.until_p1()
    loop.look(FAILING)
    assert len(places.pages()) == len(places.letters) == 2
    assert any("No emergency began" in title for title in places.pages())
    assert any("locked by ops@here" in said["message"] for _, said in places.visits)


def test_what_was_granted_and_how_it_went_follow_and_escalation_counts_from_the_first(
    loop: Loop, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incidents, "begin_emergency", began("Every granted instance is healthy."))
    loop.until_p1()
    told_at = loop.now
    loop.look(FAILING)
    assert places.pages()[1:] == [
        "P1 Emergency begins", "P1 Emergency r1 is on"
    ]  # fmt: skip
    loop.now = told_at + timedelta(minutes=14, seconds=50)
    before = len(places.letters)
    loop.look(CALM)
    assert len(places.letters) == before
    loop.look(CALM)
    assert [who for who, _ in places.letters[before:]] == [["engineering-leads@selextract.com"]]


def closed(by: str) -> Incident:
    return incident().model_copy(update={"closed_at": START - timedelta(minutes=10), "closed_by": by})


def test_a_p1_within_the_hour_after_a_person_ended_an_emergency_is_told(loop: Loop, places: Places) -> None:
    loop.context.journal.record_incident(closed("ops@here"))
    loop.until_p1()
    loop.look(FAILING, 3)
    assert len(places.pages()) == len(places.letters) == 1
    (said,) = [said["message"] for _, said in places.visits]
    assert "No emergency begins by itself before 12:50:00Z, because ops@here ended one at 11:50:00Z" in said
    assert "selextract-infra emergency run begins it" in said


def test_a_host_that_is_off_is_told_with_the_second_look_and_again_when_it_is_back(loop: Loop, places: Places) -> None:
    loop.look(CALM)
    loop.look(None)
    assert places.letters == []
    loop.look(None)
    assert places.pages() == places.subjects() == ["P1 app1 is not reached"]
    loop.look(None, 10)
    assert len(places.letters) == 1
    loop.look(CALM)
    assert places.subjects()[-1] == "P3 app1 can be looked at again"


def test_what_is_blind_and_what_is_held_at_its_maximum_is_told(loop: Loop, places: Places) -> None:
    blind = server().model_copy(
        update={
            "traffic": type(CALM.traffic)(),
            "containers": tuple(one.model_copy(update={"usage": type(one.usage)()}) for one in CALM.containers),
        }
    )
    loop.look(blind, 8)
    assert "P2 app1/api has no metric" in places.subjects()
    loop.look(server(api=10, cpu=1.9), 30)
    assert places.subjects().count("P3 app1/worker is held at 2") == 1


def test_a_p1_that_comes_while_a_run_is_under_way_is_told_before_that_ends(
    loop: Loop, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run of this test ends once the P1 was told, or never."""
    begun: list[Grant] = []
    run = began("Done.")

    def apply(context: Context, _: Plan) -> Run:
        assert context is not loop.context
        until(lambda: len(places.pages()) >= 2, bound=60)
        return run(context, begun[0])

    def begin(_: Context, granted: Grant) -> Run:
        begun.append(granted)
        return run(loop.context, granted)

    def look() -> Observation:
        loop.now += timedelta(seconds=STEP)
        return Observation(at=loop.now, hosts=(FAILING,))

    monkeypatch.setattr(run_beside, "apply", apply)
    monkeypatch.setattr(incidents, "begin_emergency", begin)
    monkeypatch.setattr(loop.loop, "_look", look)
    monkeypatch.setattr(type(loop.loop.watched), "interval", 0.05)
    plan = Plan(
        operation="scale", made_at=START, made_by="", policy_digest="", observation_digest="", hosts=("app1",), steps=()
    )
    assert loop.loop._carried_out(plan).message == "Done."
    assert "error_rate" in places.pages()[0]
    assert len(begun) == 1
