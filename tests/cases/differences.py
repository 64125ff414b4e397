"""What of a Plan is not as a case expects it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from selextract_infra.model.decision import Decision
from selextract_infra.model.plan import Plan
from selextract_infra.policy.units import MemoryBytes
from tests.cases.parts import Expected

__all__ = ["differences"]

_BYTES = TypeAdapter(MemoryBytes)
_HOST = "app1"  # where nothing else is said


def differences(plan: Plan, expected: Expected) -> list[str]:
    """What of a Plan is not as expected, a sentence each; every change has to be expected."""
    decisions = {_name(decision): decision for decision in plan.decisions}
    missing = [name for name in expected.decisions if name not in decisions]
    found = [f"{name} is not decided; there are {', '.join(decisions)}" for name in missing]
    for name, decision in decisions.items():
        if name in expected.decisions:
            found += _differing(name, decision, expected.decisions[name])
        elif decision.changes:
            before, after = _values(decision)
            found.append(f"{name} changes from {before} to {after}, which is not expected")
    titles = [step.title for step in plan.steps]
    if expected.steps is not None and titles != expected.steps:
        found.append(f"the steps are {titles}")
    if expected.disrupts is not None and plan.disrupts is not expected.disrupts:
        found.append(f"the plan is {'noticed' if plan.disrupts else 'not noticed'} by users")
    sentences = "; ".join(finding.sentence for finding in plan.findings)
    return found + [f"no finding says {words!r}: {sentences}" for words in expected.findings if words not in sentences]


def _name(decision: Decision) -> str:
    name = f"{decision.service} {decision.resource}".strip()
    return name if decision.host == _HOST else f"{name} on {decision.host}"


def _differing(name: str, decision: Decision, expected: Mapping[str, Any]) -> Iterator[str]:
    words = f"{decision.why} {decision.why_less or ''}"
    before, after = _values(decision)
    actual = {"from": before, "to": after, "verdict": str(decision.verdict), "rule": decision.rule}
    for key, value in expected.items():
        if key == "because":
            if value not in words:
                yield f"{name}: {value!r} is not among the reasons: {words}"
        elif key not in actual:
            yield f"{name}: {key} is no key; there are {', '.join([*actual, 'because'])}"
        elif actual[key] != _read(decision, key, value):
            yield f"{name}: {key} is {actual[key]}, not {value}"


def _values(decision: Decision) -> tuple[Any, Any]:
    """Before and after: memory in bytes, else as the Plan writes them for people, without blanks, else as numbers."""
    if decision.resource == "memory" or not _has_texts(decision):
        return decision.current, decision.granted
    before, after = decision.current_text, decision.granted_text
    return None if before is None else _plain(before), None if after is None else _plain(after)


def _has_texts(decision: Decision) -> bool:
    return (decision.current_text, decision.granted_text) != (None, None)


def _read(decision: Decision, key: str, value: Any) -> Any:
    """A value as ``_values`` gives it; ``none`` is no limit."""
    if key not in ("from", "to"):
        return value
    if value == "none":
        return None
    if decision.resource == "memory":
        return _BYTES.validate_python(value)
    return _plain(value) if _has_texts(decision) else value


def _plain(value: Any) -> str:
    """YAML reads ``on`` as true."""
    text = ("on" if value else "off") if isinstance(value, bool) else str(value)
    return text.replace(" ", "").replace(",", "")
