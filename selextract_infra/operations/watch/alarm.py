"""When people are told of a P1: as it begins, where what follows from it changes, and after a while. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from selextract_infra.model.assessment import IncidentSeverity

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["Alarm"]


class Alarm:
    """One P1, however often it comes and goes within the time in which it has to be answered (SEV-01).

    ``subject`` names it in every message about it, so that escalation counts from the first.
    """

    def __init__(self, policy: Policy) -> None:
        self._repeat = timedelta(seconds=policy.monitoring.watch.repeat)
        self._answered_within = timedelta(seconds=policy.emergency.severities[IncidentSeverity.P1].respond)
        self.subject = ""
        self._told: dict[str, datetime] = {}
        self._outcomes: dict[str, datetime] = {}
        self._quiet_since: datetime | None = None

    def quiet(self, now: datetime) -> None:
        """This look shows no P1; one that has been over for long enough is forgotten."""
        if not self.subject:
            return
        self._quiet_since = self._quiet_since or now
        if now - self._quiet_since >= self._answered_within:
            self.subject = ""
            self._told.clear()
            self._outcomes.clear()

    def due(self, now: datetime, what_follows: str) -> bool:
        """Whether people have to be told now, where this follows from it; they count as told then."""
        self._quiet_since = None
        if not self.subject:
            self.subject = f"watch-{now:%Y%m%dT%H%M%S}"
        return self._first(self._told, what_follows, now)

    def outcome_due(self, now: datetime, title: str) -> bool:
        """Whether people have to be told how it went; they count as told then."""
        return self._first(self._outcomes, title, now)

    def _first(self, told: dict[str, datetime], what: str, now: datetime) -> bool:
        last = told.get(what)
        if last is not None and now - last < self._repeat:
            return False
        told[what] = now
        return True
