"""Whom the loop tells: people hear of a thing before what it is about goes on, and nothing waits for their mail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from selextract_infra.flow.notify import deliveries_text
from selextract_infra.model.assessment import IncidentSeverity

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.flow.notify import Notifier, Telling

__all__ = ["People"]


class People:
    """Messages of the loop. ``say`` hears of each on a line; a ``dry_run`` only says what would be told."""

    def __init__(
        self, context: Context, notifier: Notifier, say: Callable[[str, str], None], *, dry_run: bool = False
    ) -> None:
        self._context, self._notifier, self._say, self._dry = context, notifier, say, dry_run
        self._under_way: list[Telling] = []
        self._told_at: dict[str, datetime] = {}

    def tell(self, severity: IncidentSeverity, subject: str, title: str, body: str) -> None:
        """Send it now, and go on at once; ``gather`` says what became of it."""
        if self._dry:
            self._say("would tell", f"{severity}: {title}: {body}")
            return
        self._under_way.append(self._notifier.begin(severity, subject, title, body))

    def tell_once(self, key: str, severity: IncidentSeverity, title: str, body: str) -> None:
        """Send it unless it was sent a while ago and is not over; how long a while is, the policy says."""
        now, last = self._context.clock(), self._told_at.get(key)
        if last is not None and now - last < timedelta(seconds=self._context.policy.monitoring.watch.repeat):
            return
        self._told_at[key] = now
        self.tell(severity, f"watch-{now:%Y%m%dT%H%M%S}", title, body)

    def over(self, key: str, title: str, body: str = "") -> None:
        """What was told is over: those who heard of it hear that too, by mail."""
        if self._told_at.pop(key, None) is not None:
            now = self._context.clock()
            self.tell(IncidentSeverity.P3, f"watch-{now:%Y%m%dT%H%M%S}-over", title, body or title)

    def forget(self, key: str) -> None:
        """What was told is over, which nobody needs to hear."""
        self._told_at.pop(key, None)

    def gather(self) -> None:
        """Wait until each message has arrived or cannot, and write that down."""
        under_way, self._under_way = self._under_way, []
        for telling in under_way:
            self._say("told", f"{deliveries_text(telling.end())}.")
