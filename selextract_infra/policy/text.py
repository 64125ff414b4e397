"""Findings and explanations as a person reads them: plain lines, no wider than asked."""

from __future__ import annotations

from textwrap import fill

from selextract_infra.model.finding import Severity
from selextract_infra.policy.chapters.system import Host
from selextract_infra.policy.check.checked import Checked
from selextract_infra.policy.check.rule import Number
from selextract_infra.policy.explain import Explanation
from selextract_infra.policy.units import BANDWIDTH, CORES, DISK, MEMORY

__all__ = ["explanation_text", "findings_text", "host_text"]

_WIDTH = 100


def host_text(host: Host) -> str:
    """``8 cores, 32GB, 1TB, 1Gbps``."""
    sizes = (CORES.format(host.cpus), MEMORY.format(host.memory), DISK.format(host.storage))
    return ", ".join((*sizes, BANDWIDTH.format(host.network)))


def findings_text(checked: Checked, width: int = _WIDTH) -> str:
    """Every finding with its class and its resolution, the summary last, where it is seen."""
    blocks = []
    for finding in checked.findings:
        head = f"{finding.rule}  {finding.severity.value}  {finding.rule_class.value}  {finding.subject}"
        override = f" Override: {finding.override}" if finding.override else ""
        blocks.append(
            "\n".join((head, _said(finding.sentence, width), _said(f"-> {finding.resolution}{override}", width)))
        )
    where = f"{checked.name}: " if checked.name else ""
    count = len(checked.findings)
    counts = {
        severity: sum(1 for finding in checked.findings if finding.severity is severity)
        for severity in sorted(Severity, key=lambda each: -each.rank)
    }
    parts = ", ".join(f"{number} {severity.value}" for severity, number in counts.items() if number)
    summary = f"{where}{count or 'no'} finding{'s' * (count != 1)} on {host_text(checked.host)}"
    return "\n\n".join([*blocks, f"{summary}: {parts}." if parts else f"{summary}."])


def explanation_text(found: Explanation, width: int = _WIDTH) -> str:
    """What an ID means, its values, and the numbers that follow from them."""
    lines = [f"{found.id}  {found.title}", "", fill(found.words, width)]
    if found.values:
        longest = max(len(value.path) for value in found.values)
        lines += ["", *(f"  {value.path:<{longest}}  {value.text}  ({value.where})" for value in found.values)]
    if found.severity:
        lines += ["", *_rule_lines(found, width)]
    if found.related:
        lines += ["", "About:" if found.severity else "Found by the checks:"]
        lines += [
            fill(f"{name}  {words}", width, initial_indent="  ", subsequent_indent="      ")
            for name, words in found.related
        ]
    return "\n".join(lines)


def _rule_lines(found: Explanation, width: int) -> list[str]:
    lines = [f"Severity: {found.severity}. What is done: {found.consequence}.", ""]
    if found.finding is None:
        return [*lines, "This policy does not have the defect."]
    lines += [fill(f"Now: {found.finding.sentence}", width), "", fill(f"Resolution: {found.resolution}", width), ""]
    longest = max((len(name) for name in found.finding.numbers), default=0)
    return lines + [f"  {name:<{longest}}  {_number(number)}" for name, number in found.finding.numbers.items()]


def _number(number: Number) -> str:
    if isinstance(number, str):
        return number
    return f"{number:,.0f}" if isinstance(number, int) or abs(number) >= 100_000 else f"{number:g}"


def _said(text: str, width: int) -> str:
    return fill(text, width, initial_indent="      ", subsequent_indent="      ")
