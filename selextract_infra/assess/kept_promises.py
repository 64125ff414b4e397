"""What became of limits that were applied: whether later looks bear out what their plans promised, or they swing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from selextract_infra.assess.service import app_services
from selextract_infra.model.decision import Decision
from selextract_infra.model.figures import count, memory, percent
from selextract_infra.model.finding import Finding, RuleClass, Severity

if TYPE_CHECKING:
    from selextract_infra.assess.service import Service
    from selextract_infra.model.observation import Observation
    from selextract_infra.policy import Policy

__all__ = ["Applied", "promise_findings"]

LOOKS = {"1 h": timedelta(hours=1), "24 h": timedelta(days=1), "7 d": timedelta(days=7)}
_SWINGS = 2  # changes of direction within the window, after which it is no adaptation any more


@dataclass(frozen=True)
class Applied:
    """One Decision that a Run carried out, and when that ended."""

    run: str
    at: datetime
    decision: Decision


def promise_findings(applied: Sequence[Applied], seen: Observation, policy: Policy) -> Iterator[Finding]:
    """Memory limits that were lowered and are too small since, and those that go up and down again.

    Only Runs of right-sizing's own window count; what was changed again since is judged by the newest.
    """
    since = seen.at - timedelta(seconds=policy.rightsizing.window)
    by_service: Mapping[tuple[str, str], list[Applied]] = _by_service(applied, since)
    for host in seen.hosts:
        for service in app_services(host, policy) if host.problem is None else ():
            mine = by_service.get((host.name, service.name), [])
            if mine:
                yield from _too_small(service, mine[-1], seen.at, policy)
                yield from _swinging(service, mine)


def _by_service(applied: Sequence[Applied], since: datetime) -> dict[tuple[str, str], list[Applied]]:
    found: dict[tuple[str, str], list[Applied]] = defaultdict(list)
    for one in sorted(applied, key=lambda one: one.at):
        decision = one.decision
        if decision.resource == "memory" and decision.changes and one.at >= since:
            found[decision.host, decision.service].append(one)
    return found


def _too_small(service: Service, last: Applied, now: datetime, policy: Policy) -> Iterator[Finding]:
    """The promise of a plan is that its limit leaves the headroom: no kill, and no use at the memory trigger."""
    looks = [name for name, after in LOOKS.items() if now - last.at >= after]
    limit = last.decision.granted
    if not looks or limit is None or service.memory != limit:
        return
    buckets = [
        (int(use), int(kills))
        for history in service.histories
        for at, use, kills in zip(history.at.tolist(), history.memory.tolist(), history.oom_kills.tolist(), strict=True)
        if at >= last.at.timestamp()
    ]
    peak, kills = max((use for use, _ in buckets), default=0), sum(kills for _, kills in buckets)
    if not kills and peak < policy.sizing.memory_trigger * limit:
        return
    seen = f"{count(kills, 'OOM kill')} and a peak of {memory(peak)}, {percent(peak / limit)} of it"
    yield Finding(
        rule="RSZ-05",
        severity=Severity.MAJOR,
        rule_class=RuleClass.WARN,
        subject=f"{service.host}/{service.name}",
        sentence=f"Run {last.run} set {memory(limit)} at {last.at:%Y-%m-%d %H:%M}Z; in the {looks[-1]} since: {seen}.",
        numbers={"limit_bytes": limit, "peak_bytes": peak, "oom_kills": kills},
        resolution="selextract-infra rightsize, which takes it in",
    )


def _swinging(service: Service, mine: Sequence[Applied]) -> Iterator[Finding]:
    values = [mine[0].decision.current, *(one.decision.granted for one in mine)]
    known = [value for value in values if value is not None]
    ways = [later > earlier for earlier, later in pairwise(known) if later != earlier]
    swings = sum(one != other for one, other in pairwise(ways))
    if swings < _SWINGS:
        return
    yield Finding(
        rule="RSZ-05",
        severity=Severity.MINOR,
        rule_class=RuleClass.WARN,
        subject=f"{service.host}/{service.name}",
        sentence=f"Its memory limit goes up and down: {' → '.join(map(memory, known))} in {count(len(mine), 'run')}.",
        numbers={"changes": len(mine), "swings": swings},
        resolution="state what it needs with rightsize --service NAME --memory SIZE, or look at what makes it swing",
    )
