"""Findings and explanations as a person reads them: plain lines, no wider than asked."""

from __future__ import annotations

from textwrap import fill

from selextract_infra.defects.explain import Explanation
from selextract_infra.defects.rule import Number
from selextract_infra.defects.run import Checked
from selextract_infra.defects.sentence import spaced, with_unit
from selextract_infra.model.finding import Finding, Severity
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.units import BANDWIDTH, CORES, DISK, MEMORY

__all__ = ["explanation_text", "findings_text", "host_text"]

_WIDTH = 100
_INDENT = " " * 6
_UNBROKEN = "\N{NO-BREAK SPACE}%"


def host_text(host: Host) -> str:
    """``8 cores, 32GB, 1TB, 1Gbps``."""
    sizes = (CORES.format(host.cpus), MEMORY.format(host.memory), DISK.format(host.storage))
    return ", ".join((*sizes, BANDWIDTH.format(host.network)))


def findings_text(checked: Checked, width: int = _WIDTH) -> str:
    """Every finding with its class and its resolution, the summary last, where it is seen."""
    blocks = [_finding_text(finding, width) for finding in checked.findings]
    where = f"{checked.name}: " if checked.name else ""
    count = len(checked.findings)
    counts = {
        severity: sum(1 for finding in checked.findings if finding.severity is severity)
        for severity in sorted(Severity, key=lambda each: -each.rank)
    }
    parts = ", ".join(f"{number} {severity.value}" for severity, number in counts.items() if number)
    summary = f"{where}{count or 'no'} finding{'s' * (count != 1)} on {host_text(checked.host)}"
    more = "`policy explain` and a rule's ID say what it means and what is done." if blocks else ""
    counted = _wrapped(f"{summary}: {parts}." if parts else f"{summary}.", width)
    return "\n\n".join([*blocks, f"{counted}\n{more}".rstrip()])


def _finding_text(finding: Finding, width: int) -> str:
    head = f"{finding.rule}  {finding.severity.value}  {finding.rule_class.value}  {finding.title}"
    lines = [_wrapped(head, width, "", _INDENT)]
    lines += [_indented(sentence, width) for sentence in (finding.sentence, f"-> {finding.resolution}")]
    if finding.override:
        lines.append(f"{_INDENT}Override: {finding.override}")
    return "\n".join(lines)


def explanation_text(explanation: Explanation, width: int = _WIDTH) -> str:
    """What an ID means, its values, and the numbers that follow from them."""
    lines = [_wrapped(f"{explanation.id}  {explanation.title}", width), "", _wrapped(explanation.words, width)]
    if explanation.values:
        lines += ["", *_value_lines(explanation, width)]
    if explanation.severity:
        lines += ["", *_rule_lines(explanation, width)]
    if explanation.related:
        lines += ["", "About:" if explanation.severity else "Found by the checks:"]
        lines += [_wrapped(f"{name}  {words}", width, "  ", _INDENT) for name, words in explanation.related]
    return "\n".join(lines)


def _value_lines(explanation: Explanation, width: int) -> list[str]:
    """Each value by its name below the item's path, which the title says."""
    title = explanation.title
    names = [value.path.removeprefix(f"{title}.").removeprefix(title) for value in explanation.values]
    names = [name or title.rpartition(".")[2] for name in names]
    longest = max(len(name) for name in names)
    return [
        _wrapped(f"{name:<{longest}}  {value.text}  ({value.where})", width, "  ", " " * (longest + 4))
        for name, value in zip(names, explanation.values, strict=True)
    ]


def _rule_lines(explanation: Explanation, width: int) -> list[str]:
    lines = [_wrapped(f"Severity: {explanation.severity}. What is done: {explanation.consequence}.", width), ""]
    finding = explanation.finding
    if finding is None:
        return [*lines, "This policy does not have the defect."]
    lines += [_wrapped(f"Now: {finding.sentence}", width), ""]
    lines += [_wrapped(f"Resolution: {explanation.resolution}", width), ""]
    figures = [_figure(name, number, finding.subject) for name, number in finding.numbers.items()]
    longest = max((len(name) for name, _ in figures), default=0)
    return lines + [f"  {name:<{longest}}  {text}" for name, text in figures]


def _figure(name: str, number: Number, subject: str) -> tuple[str, str]:
    """A figure's name in words, and its value in the unit that the name ends with, which a change keeps in its name."""
    written = None if isinstance(number, str) else with_unit(name, number, subject)
    if written is None:
        return spaced(name), _number(number)
    return spaced(name if name.endswith("_change") else name.rpartition("_")[0]), written


def _number(number: Number) -> str:
    if isinstance(number, str):
        return number
    return f"{number:,.0f}" if isinstance(number, int) or abs(number) >= 100_000 else f"{number:g}"


def _indented(text: str, width: int) -> str:
    return _wrapped(text, width, _INDENT, _INDENT)


def _wrapped(text: str, width: int, first: str = "", later: str = "") -> str:
    """Lines of at most ``width``; a percent sign stays with its number, and an option in one piece."""
    kept = text.replace(" %", _UNBROKEN)
    lines = fill(kept, width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)
    return lines.replace(_UNBROKEN, " %")
