from __future__ import annotations

from datetime import timedelta

from selextract_infra.assess.assessment import assess
from selextract_infra.assess.emergency_effect import kept_readings
from selextract_infra.assess.incident import situation_of
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.emergency import Incident, Validation
from selextract_infra.operations.emergency.decide import grant
from selextract_infra.operations.emergency.incident_report import incident_report
from tests.unit.assess.test_incident import server
from tests.unit.seen import AT, observation, policy


def incident(reason: str = "error rate 12 %") -> Incident:
    seen = observation(server())
    found = assess(seen, policy())
    decision = grant(situation_of(seen, found, policy(), severity=IncidentSeverity.P1), policy())
    begun = Incident(
        id="20260301T020000-9f3ac1",
        opened_at=AT,
        reason=reason,
        owner="ops@here",
        hosts=("app1",),
        decision=decision,
        before=kept_readings(found.judgements),
    )
    return begun.with_moment(AT, "Looked at the hosts.").with_moment(
        AT + timedelta(seconds=20), "All granted instances are healthy."
    )


def test_it_has_the_four_sections_the_timeline_and_the_evidence_in_order() -> None:
    text = incident_report(incident(), policy())
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads == [
        "# Emergency 20260301T020000-9f3ac1",
        "## 1. Assessment",
        "## 2. Actions",
        "## 3. Validation",
        "## 4. Analysis",
        "## Timeline",
        "## Evidence",
    ]


def test_each_action_says_requested_granted_and_why_less() -> None:
    lines = incident_report(incident(), policy()).splitlines()
    api = next(line for line in lines if line.startswith("| app1/api instances"))
    assert api.split("|")[2:5] == [" 2 ", " 4 ", " 4 "]
    worker = next(line for line in lines if line.startswith("| app1/worker instances"))
    assert "X-11" in worker
    caching = next(line for line in lines if line.startswith("| app1 caching"))
    assert "no route is mapped for it" in caching


def test_a_p1_has_the_guide_s_clock_from_its_beginning() -> None:
    text = incident_report(incident(), policy())
    assert "- assess: from 02:00:00 to 02:05:00" in text
    assert "- act: from 02:05:00 to 02:15:00" in text
    assert "- analyse: from 02:30:00 on" in text


def test_a_validation_says_its_verdict() -> None:
    verdict = Validation(at=AT, effect=(), unrecovered=("app1/api is starting",), cascades=())
    text = incident_report(incident().model_copy(update={"validations": (verdict,)}), policy())
    assert "no reading can be compared; not recovered: app1/api is starting" in text
    assert "Not validated." in incident_report(incident(), policy())


def test_what_people_and_hosts_wrote_is_shown_and_never_markup() -> None:
    text = incident_report(incident("<script>\x1b[31m|[a](b)\n# no heading"), policy())
    assert "<script>" not in text
    assert "\x1b" not in text
    assert "\n# no heading" not in text
