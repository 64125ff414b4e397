"""Messages arrive at real servers, and one that cannot be delivered stops nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.errors import UsageError
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.notification import acknowledge, escalate
from selextract_infra.flow.notify import Notifier, _readable_on_the_way, visit
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.policy import Policy, load_policy
from tests.receivers import Places, open_places
from tests.unit.waiting import until

P1, P2, P3, P4 = IncidentSeverity
pytestmark = pytest.mark.usefixtures("notifying")

NOW = datetime(2026, 1, 4, 2, tzinfo=UTC)


@pytest.fixture
def places() -> Iterator[Places]:
    with open_places() as places:
        yield places


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path) as journal:
        yield journal


def policy(**channels: Any) -> Policy:
    return load_policy({"emergency": {"notifications": {"channels": channels}}, "schedule": {"patience": "2s"}})


def sender(
    rules: Policy, journal: Journal, environment: dict[str, str], said: list[str] | None = None, now: datetime = NOW
) -> Notifier:
    return Notifier(rules, environment, journal, lambda: now, dry_run=said.append if said is not None else None)


NO_MAIL = "The policy names no mail_server."
MAIL = {"mail_server": "${SELEXTRACT_MAIL}"}


def mail_at(places: Places) -> dict[str, str]:
    return {"SELEXTRACT_MAIL": f"mailto://127.0.0.1:{places.mail}?from=ops@example.com"}


def test_a_message_is_mailed_to_everybody_whom_it_concerns(places: Places, journal: Journal) -> None:
    rules = policy(**MAIL, email=["a@example.com", "b@example.com"])
    (told,) = sender(rules, journal, mail_at(places)).tell(P3, "r1", "rightsize on app1: failed", "It was put back.")
    assert (told.channel, told.problem) == ("email", "")
    assert sorted(to for who, _ in places.letters for to in who) == ["a@example.com", "b@example.com"]
    letter = message_from_bytes(places.letters[0][1])
    assert str(make_header(decode_header(letter["Subject"]))) == "P3 rightsize on app1: failed"
    assert "ops@example.com" in letter["From"]
    assert journal.events(1)[0] | {"at": ""} == {
        "at": "", "kind": "notified", "host": "", "run": "r1",
        "sentence": "P3: rightsize on app1: failed (told: email)",
    }  # fmt: skip


def test_a_ticket_is_opened_by_e_mail(places: Places, journal: Journal) -> None:
    sender(policy(**MAIL, ticket="tickets@example.com"), journal, mail_at(places)).tell(P4, "r1", "t", "b")
    assert [to for to, _ in places.letters] == [["tickets@example.com"]]


def test_a_webhook_and_a_pager_are_called_with_what_the_references_stand_for(places: Places, journal: Journal) -> None:
    rules = policy(page="json://127.0.0.1:${PORT}/page/${KEY}", webhook="json://127.0.0.1:${PORT}/hook", **MAIL)
    environment = {"PORT": str(places.web), "KEY": "s3cret", **mail_at(places)}
    told = sender(rules, journal, environment).tell(P1, "r1", "it broke", "badly")
    assert [(one.channel, one.problem) for one in told] == [("page", ""), ("email", ""), ("webhook", "")]
    assert [to for to, _ in places.letters] == [["oncall-team@selextract.com"]]  # EMN-01
    assert sorted(path for path, _ in places.visits) == ["/hook", "/page/s3cret"]
    assert {(said["title"], said["message"]) for _, said in places.visits} == {("P1 it broke", "badly")}


def test_who_cannot_be_told_never_raises_and_is_recorded_without_the_secret(places: Places, journal: Journal) -> None:
    places.answer = 500
    rules = policy(page="json://127.0.0.1:1/${KEY}", webhook="json://127.0.0.1:${PORT}/hook")
    told = sender(rules, journal, {"PORT": str(places.web), "KEY": "s3cret"}).tell(P1, "r1", "it broke", "badly")
    assert [one.problem.split(":")[0] for one in told] == ["It was not delivered", NO_MAIL, "It was not delivered"]
    kinds = [(event["kind"], event["sentence"].split(":")[0]) for event in journal.events(9)]
    assert sorted(kinds) == [
        ("not notified", "email"),
        ("not notified", "page"),
        ("not notified", "webhook"),
        ("notified", "P1"),
    ]
    assert "s3cret" not in str(told) + str(journal.events(9))
    assert "told: nobody" in journal.events(9)[-1]["sentence"]


@pytest.mark.parametrize(
    ("target", "environment", "problem"),
    [
        ("${SELEXTRACT_SLACK_URL}", {}, "The environment variable SELEXTRACT_SLACK_URL is not set."),
        ("nonsense://", {}, "Its address cannot be read by apprise."),
        ("${URL}", {"URL": "no address"}, "Its address cannot be read by apprise."),
    ],
)
def test_an_address_that_is_none_is_named_for_what_it_is(
    journal: Journal, target: str, environment: dict[str, str], problem: str
) -> None:
    page, mail = sender(policy(page=target), journal, environment).tell(P1, "r1", "it broke", "badly")
    assert (page.problem, mail.problem) == (problem, NO_MAIL)


def test_a_message_that_is_begun_arrives_though_nobody_waits_for_it(places: Places, journal: Journal) -> None:
    telling = sender(policy(**MAIL), journal, mail_at(places)).begin(P3, "r1", "it broke", "badly")
    until(lambda: len(places.letters) == 1)
    assert journal.events(9) == []
    assert [one.problem for one in telling.end()] == [""]
    assert [event["kind"] for event in journal.events(9)] == ["notified"]


def test_a_dry_run_prints_and_sends_nothing(places: Places, journal: Journal) -> None:
    said: list[str] = []
    sender(policy(**MAIL, slack="slack://${KEY}"), journal, mail_at(places), said).tell(P2, "r1", "it broke", "badly")
    assert said == [
        "P2 by slack: it broke at slack://${KEY}.",
        "P2 by email: it broke to oncall-team@selextract.com.",
    ]
    assert (places.letters, journal.events(9)) == ([], [])


def test_others_are_told_once_when_nobody_answers(places: Places, journal: Journal) -> None:
    rules = policy(**MAIL)
    sender(rules, journal, mail_at(places)).tell(P1, "r1", "it broke", "badly")
    sender(rules, journal, mail_at(places)).tell(P1, "r2", "that broke too", "badly")
    acknowledge(journal, "r2", "me", NOW)
    with pytest.raises(UsageError, match="Nobody was told of r3; known: r1, r2"):
        acknowledge(journal, "r3", "me", NOW)
    late = NOW.replace(minute=15)
    told = sender(rules, journal, mail_at(places), now=late)
    assert escalate(told, rules, journal, NOW.replace(minute=14)) == ()
    assert escalate(told, rules, journal, late)
    assert escalate(told, rules, journal, NOW.replace(minute=59)) == ()
    assert places.letters[-1][0] == ["engineering-leads@selextract.com"]
    assert b"notify ack r1" in places.letters[-1][1].replace(b"=\r\n", b"")


def test_silence_is_noticed_elsewhere(places: Places) -> None:
    address = f"http://127.0.0.1:{places.web}/ping?from=app"
    assert visit(address, 2) == ""
    assert places.visits == [("/ping?from=app", None)]
    places.answer = 404
    assert visit(address, 2) == "It answered with 404."
    assert visit("http://127.0.0.1:1/", 2) == "It could not be visited: ConnectionRefusedError."
    assert visit("file:///etc/passwd", 2) == "It is no address of the web."


@pytest.mark.parametrize("scheme", ["json", "xml", "form", "JSON"])
def test_a_webhook_without_tls_is_reached_on_this_machine_only(scheme: str) -> None:
    assert _readable_on_the_way(f"{scheme}://hooks.example/s3cret")
    assert not _readable_on_the_way(f"{scheme}s://hooks.example/s3cret")
    assert not _readable_on_the_way(f"{scheme}://127.0.0.1:9000/s3cret")


def test_a_dead_man_is_not_visited_without_tls() -> None:
    assert visit("http://192.0.2.1/ping", 2) == "Its address is not encrypted; begin it with https://."
