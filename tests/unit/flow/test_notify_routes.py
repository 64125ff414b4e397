"""Who is told what, and when others are told as well (SEV, EMN, X-70)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from selextract_infra.flow.notify_routes import ACKNOWLEDGED, ESCALATED, NOTIFIED, routes, unanswered
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.policy import Policy, default_policy, load_policy

P1, P2, P3, P4 = IncidentSeverity
TOLD = datetime(2026, 1, 4, 2, tzinfo=UTC)


def team(**channels: object) -> Policy:
    return load_policy({"emergency": {"notifications": {"channels": channels}}})


EVERYTHING = team(
    page="pagerduty://${SELEXTRACT_PAGE}", slack="${SELEXTRACT_SLACK}", ticket="tickets@example.com",
    mail_server="mailtos://${SELEXTRACT_MAIL}",
)  # fmt: skip


@pytest.mark.parametrize(
    ("severity", "channels"), [(P1, ["page", "email"]), (P2, ["slack", "email"]), (P3, ["email"]), (P4, ["ticket"])]
)
def test_each_severity_has_the_channels_of_the_guide_and_who_is_paged_gets_the_e_mail_too(
    severity: IncidentSeverity, channels: list[str]
) -> None:
    assert [route.channel for route in routes(EVERYTHING, severity)] == channels
    assert not any(route.complaint for route in routes(EVERYTHING, severity))


def test_a_ticket_can_be_an_e_mail() -> None:
    (ticket,) = routes(EVERYTHING, P4)
    assert (ticket.target, ticket.addresses) == ("mailtos://${SELEXTRACT_MAIL}", ("tickets@example.com",))


def test_a_channel_without_a_target_is_told_and_falls_back_to_e_mail_once() -> None:
    (mail,) = routes(team(mail_server="mailto://localhost"), P2)
    assert mail.channel == "email"
    assert mail.addresses == ("oncall-team@selextract.com",)
    (mail,) = routes(team(mail_server="mailto://localhost"), P1)
    assert mail.addresses == ("oncall-team@selextract.com",)
    assert mail.complaint == "The channel page of P1 has no target, so it goes by e-mail."


def test_without_a_mail_server_nobody_can_be_told_and_that_is_said() -> None:
    (nowhere,) = routes(default_policy(), P1)
    assert nowhere.target is None
    assert nowhere.complaint.endswith("The policy names no mail_server.")


def test_a_webhook_hears_of_everything() -> None:
    policy = team(webhook="json://localhost", mail_server="mailto://localhost")
    assert all("webhook" in [route.channel for route in routes(policy, severity)] for severity in IncidentSeverity)


def test_escalated_it_goes_to_the_leads_and_to_who_is_paged() -> None:
    page, mail = routes(EVERYTHING, P2, escalated=True)
    assert (page.channel, mail.addresses) == ("page", ("engineering-leads@selextract.com",))


def event(kind: str, subject: str, minutes: float, severity: str = "P1") -> dict[str, str]:
    at = (TOLD + timedelta(minutes=minutes)).isoformat()
    return {"at": at, "kind": kind, "run": subject, "host": "", "sentence": f"{severity}: it broke"}


@pytest.mark.parametrize(
    ("events", "minutes", "escalated"),
    [
        ([event(NOTIFIED, "r1", 0)], 14.9, []),
        ([event(NOTIFIED, "r1", 0)], 15, ["r1"]),
        ([event(NOTIFIED, "r1", 0, "P2")], 15, ["r1"]),
        ([event(NOTIFIED, "r1", 0, "P3")], 600, []),
        ([event(NOTIFIED, "r1", 0), event(ACKNOWLEDGED, "r1", 5)], 60, []),
        ([event(NOTIFIED, "r1", 0), event(ESCALATED, "r1", 15)], 600, []),
        ([event(NOTIFIED, "r1", 0), event(NOTIFIED, "r1", 14)], 15, ["r1"]),
        ([event(NOTIFIED, "r1", 0), event(ACKNOWLEDGED, "r2", 5)], 15, ["r1"]),
        ([event(NOTIFIED, "r1", 0), event(NOTIFIED, "r2", 1)], 15.5, ["r1"]),
    ],
)
def test_what_nobody_answers_in_time_is_escalated_once(
    events: list[dict[str, str]], minutes: float, escalated: list[str]
) -> None:
    found = unanswered(default_policy(), events, TOLD + timedelta(minutes=minutes))
    assert [one["run"] for one in found] == escalated
