"""Findings of one kind as one: the first of them, and of which others the same is true."""

from __future__ import annotations

import re
from collections.abc import Iterable

from selextract_infra.model.finding import Finding

__all__ = ["findings_alike"]

_NUMBER = re.compile(r"\d[\d,.]*")
_NAMES = re.compile(r"·(?:(?:, | and )·)+")


def findings_alike(findings: Iterable[Finding]) -> list[tuple[Finding, tuple[str, ...]]]:
    """Each kind of finding in its order: the first one, and the subjects of all others of that kind.

    Two are of one kind where rule, severity and sentence are the same but for the names of their subjects and numbers.
    """
    kinds: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in findings:
        shape = (finding.rule, str(finding.severity), _shape(finding, finding.sentence))
        kinds.setdefault((*shape, _shape(finding, finding.resolution or "")), []).append(finding)
    return [(first, tuple(_name(other) for other in others)) for first, *others in kinds.values()]


def _shape(finding: Finding, text: str) -> str:
    """A text without the names of the finding's subject, and of what is named after it, and without numbers."""
    for name in sorted({part for part in finding.subject.split("/") if part}, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.-])(?:[\w.-]*[_.-])?{re.escape(name)}(?:[_.-][\w.-]*)?(?![\w-])", "·", text)
    return _NUMBER.sub("#", _NAMES.sub("·", text))


def _name(finding: Finding) -> str:
    return finding.subject.rsplit("/", 1)[-1]
