"""What one host access over to another in the same step: by name, and only in the form that it has to have. Pure.

A host's answer is never more than such a value: it names no act, no host and no option of another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from selextract_infra.errors import SelextractError

__all__ = ["with_received"]

_BASE64 = r"[A-Za-z0-9+/]{1,200}={0,2}"
_FORMS: Mapping[str, re.Pattern[str]] = {
    "verifier": re.compile(rf"SCRAM-SHA-256\$\d{{1,9}}:{_BASE64}\${_BASE64}:{_BASE64}"),
    "token": re.compile(r"[0-9a-f]{64}"),
    "certificate": re.compile(
        r"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=]{1,76}\n){1,100}-----END CERTIFICATE-----\n?"
    ),
}
_TRUE_OR_FALSE = ("fresh",)


def with_received(steps: Sequence[Mapping[str, Any]], answers: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The steps with what their ``receives`` name, from the ``answers`` of hosts to their parts of them.

    What nobody handed over stays out: a host whose part is done already has done without it. Raises
    ``SelextractError`` where a value has another form.
    """
    pool = dict(_handed_over(answers))
    return [_received(step, pool) for step in steps]


def _handed_over(answers: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, Any]]:
    for answer in answers:
        for result in (answer.get("steps") or {}).values():
            for act in result.get("acts") or ():
                yield from (act.get("handed_over") or {}).items()


def _received(step: Mapping[str, Any], pool: Mapping[str, Any]) -> dict[str, Any]:
    receives = step.get("receives") or {}
    acts = [
        {**act, "values": {**act["values"], **_values(receives.get(act["name"], ()), pool)}} for act in step["acts"]
    ]
    return {**{key: value for key, value in step.items() if key != "receives"}, "acts": acts}


def _values(names: Iterable[str], pool: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _checked(name, pool[name]) for name in names if pool.get(name) not in (None, "")}


def _checked(name: str, value: Any) -> Any:
    if name in _TRUE_OR_FALSE and isinstance(value, bool):
        return value
    if name in _FORMS and isinstance(value, str) and _FORMS[name].fullmatch(value):
        return str(value)
    raise SelextractError(f"A host handed over something else than a {name}, so nothing more was done.")
