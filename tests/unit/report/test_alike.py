"""Twelve services without a limit are one line with a count; what differs in more than a name stays apart."""

from __future__ import annotations

from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.report.alike import findings_alike
from selextract_infra.report.layout import plain_text
from selextract_infra.report.plan import findings_table


def finding(service: str, sentence: str, severity: Severity = Severity.MINOR, rule: str = "CTR-00") -> Finding:
    return Finding(
        rule=rule, severity=severity, rule_class=RuleClass.WARN, subject=f"app1/{service}",
        sentence=sentence.format(service), resolution=f"give {service} one",
    )  # fmt: skip


UNLIMITED = "shop-{0}-1, shop-{0}-2 on app1 without a memory limit."


def test_findings_of_one_kind_are_one_line_with_a_count() -> None:
    names = [f"s{number}" for number in range(12)]
    text = plain_text([findings_table([finding(name, UNLIMITED) for name in names])], 400)
    assert text.count("without a memory limit") == 1
    assert "And 11 more like it: s1, s2, s3, s4, s5, s6, s7, s8 and 3 others." in text


def test_a_count_of_instances_and_a_number_make_no_other_kind() -> None:
    pair = findings_alike(
        [finding("web", "shop-web-1 has 10 MB."), finding("db", "shop-db-1, shop-db-2 has 3,000 MB.")]
    )
    assert [others for _, others in pair] == [("db",)]


def test_another_sentence_severity_or_rule_stays_apart() -> None:
    findings = [
        finding("web", UNLIMITED),
        finding("db", "{0} on app1 is not mapped."),
        finding("worker", UNLIMITED, Severity.MAJOR),
        finding("cache", UNLIMITED, rule="X-11"),
    ]
    assert [others for _, others in findings_alike(findings)] == [()] * 4


def test_a_name_within_another_word_is_no_name() -> None:
    pair = findings_alike([finding("a", "a has a cat."), finding("b", "b has a dog.")])
    assert len(pair) == 2
