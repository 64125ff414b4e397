"""What a saved Plan says and no operation of ours would have said: it was edited. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.errors import RefusedError
from selextract_infra.model.capacity import foreign_keys
from selextract_infra.model.decision import Decision

__all__ = ["impossible", "refuse_foreign_keys"]

_RULE = "saved plan"
_MOST_NAMED = 3


def impossible(decision: Decision, why: str) -> RefusedError:
    """The refusal of one decision; ``why`` continues the sentence."""
    return RefusedError(
        f"The plan asks for {decision.resource} {decision.granted} of {decision.service} on {decision.host}, {why}.",
        rule=_RULE,
        remedy="plan again; nothing was touched",
    )


def refuse_foreign_keys(capacities: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise ``RefusedError`` where a host's capacity file, by service, would hold keys that are not ours."""
    for host, capacity in capacities.items():
        foreign = foreign_keys({"services": capacity})
        if foreign:
            raise RefusedError(
                f"The plan would write what is not ours on {host}: {', '.join(foreign[:_MOST_NAMED])}.", rule=_RULE
            )
