"""Tell people, by apprise: Slack, e-mail, PagerDuty, a webhook, a ticket by e-mail.

A target that cannot be told never raises: what it was and why is the answer, and an event of the journal. Secrets come
from the environment in place of the policy's references, and never appear in either.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlsplit

from selextract_infra.errors import UsageError
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.notify_routes import ESCALATED, NOTIFIED, Route, routes
from selextract_infra.hosts.credentials import filled_in, references
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.text import message_text
from selextract_infra.policy import Policy

if TYPE_CHECKING:
    import apprise

__all__ = ["Delivery", "Notifier", "Telling", "deliveries_text", "visit"]

NOT_NOTIFIED = "not notified"
_HIDDEN = "***"
_PLAIN_WEBHOOK = "Its address is not encrypted; begin it with jsons://, xmls:// or forms://."
_MOST_AT_ONCE = 8
_REFUSED = 400
_OWN_MACHINE = ("localhost", "127.0.0.1", "::1")
_PLAIN_WEBHOOKS = ("form", "json", "xml")  # apprise's names for them without TLS


@dataclass(frozen=True)
class Delivery:
    """What became of one message on one channel; ``problem`` is empty where it was delivered."""

    channel: str
    problem: str = ""


def deliveries_text(deliveries: Iterable[Delivery]) -> str:
    """Who was told, and who could not be and why, on one line."""
    return (
        "; ".join(
            f"{delivery.channel}: {delivery.problem}" if delivery.problem else delivery.channel
            for delivery in deliveries
        )
        or "nobody"
    )


@dataclass(frozen=True)
class Telling:
    """A message on its way. ``end`` waits until each channel has it or cannot be told, and records that."""

    end: Callable[[], tuple[Delivery, ...]]


class Notifier:
    """Sends messages by the routes of a Policy, with the secrets of an environment; records each of them.

    ``dry_run`` is called with one line for each message in place of sending it.
    """

    def __init__(
        self,
        policy: Policy,
        environment: Mapping[str, str],
        journal: Journal,
        clock: Callable[[], datetime],
        *,
        dry_run: Callable[[str], None] | None = None,
    ) -> None:
        self._policy = policy
        self._environment = environment
        self._journal = journal
        self._clock = clock
        self._dry_run = dry_run
        self._earlier: tuple[Future[str], ...] = ()

    def tell(
        self, severity: IncidentSeverity, subject: str, title: str, body: str, *, escalated: bool = False
    ) -> tuple[Delivery, ...]:
        """Tell everybody whom the severity concerns about a subject (the ID of a Run or incident), all at once.

        Returns what became of it on each channel; never raises for a target that cannot be told.
        """
        return self.begin(severity, subject, title, body, escalated=escalated).end()

    def begin(
        self, severity: IncidentSeverity, subject: str, title: str, body: str, *, escalated: bool = False
    ) -> Telling:
        """Begin to tell everybody as ``tell`` does, and wait for nobody: what it is about need not wait either.

        It goes out, after what was begun before, whatever happens to this thread meanwhile; ``Telling.end`` records
        what became of it.
        """
        now, chosen = self._clock(), routes(self._policy, severity, escalated=escalated)
        if self._dry_run is not None:
            for route in chosen:
                self._dry_run(f"{severity} by {route.channel}: {title}{_aside(route)}")
            said = tuple(Delivery(route.channel, route.complaint) for route in chosen)
            return Telling(lambda: said)
        pool = ThreadPoolExecutor(_MOST_AT_ONCE)
        earlier = self._earlier
        sent = [(route, pool.submit(self._deliver, route, f"{severity} {title}", body, earlier)) for route in chosen]
        self._earlier = tuple(sending for _, sending in sent)
        pool.shutdown(wait=False)

        def end() -> tuple[Delivery, ...]:
            deliveries = tuple(
                Delivery(route.channel, self._harmless(sending.exception() or sending.result()))
                for route, sending in sent
            )
            self._record(severity, subject, title, deliveries, at=now, escalated=escalated)
            return deliveries

        return Telling(end)

    def _deliver(self, route: Route, title: str, body: str, earlier: Collection[Future[str]]) -> str:
        """Deliver one message after the earlier ones; returns why it was not, or not where it should have been."""
        wait(earlier)
        target = self._target(route)
        if isinstance(target, str):
            return target
        with _Said() as log:
            delivered = target.notify(body=message_text(body), title=message_text(title), body_format="text")
        return route.complaint if delivered else f"It was not delivered: {log.last or 'no reason was given'}"

    def _record(
        self,
        severity: IncidentSeverity,
        subject: str,
        title: str,
        deliveries: tuple[Delivery, ...],
        *,
        at: datetime,
        escalated: bool,
    ) -> None:
        by = ", ".join(delivery.channel for delivery in deliveries if not delivery.problem) or "nobody"
        kind = ESCALATED if escalated else NOTIFIED
        self._journal.record_event(at, kind, f"{severity}: {title} (told: {by})", run=subject)
        for delivery in deliveries:
            if delivery.problem:
                self._journal.record_event(at, NOT_NOTIFIED, f"{delivery.channel}: {delivery.problem}", run=subject)

    def _target(self, route: Route) -> apprise.NotifyBase | str:
        """What apprise makes of the target of a route, or why there is none."""
        if route.target is None:
            return route.complaint
        import apprise

        try:
            address = _address(filled_in(route.target, self._environment), route.addresses)
        except UsageError as missing:
            return str(missing)
        if _readable_on_the_way(address):
            return _PLAIN_WEBHOOK
        target = apprise.Apprise.instantiate(address, suppress_exceptions=True)
        if target is None:
            return "Its address cannot be read by apprise."
        target.socket_connect_timeout = target.socket_read_timeout = self._policy.schedule.patience
        return target

    def _harmless(self, problem: object) -> str:
        """What went wrong, without any secret that a reference stands for."""
        text = str(problem).strip()
        channels = self._policy.emergency.notifications.channels
        for target in (channels.page, channels.slack, channels.ticket, channels.webhook, channels.mail_server):
            for name in references(target or ""):
                secret = self._environment.get(name)
                for form in (secret, quote(secret, safe="") if secret else None):
                    text = text.replace(form, _HIDDEN) if form else text
        return text[:300]


def visit(address: str, patience: float) -> str:
    """Visit the address that notices our silence; returns why it could not be, empty where it was."""
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    url = urlsplit(address)
    if url.scheme not in ("http", "https") or not url.hostname:
        return "It is no address of the web."
    if url.scheme == "http" and url.hostname not in _OWN_MACHINE:
        return "Its address is not encrypted; begin it with https://."
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(url.hostname, url.port, timeout=patience)
    try:
        connection.request("GET", f"{url.path or '/'}{'?' if url.query else ''}{url.query}")
        status = connection.getresponse().status
    except (OSError, HTTPException) as problem:
        return f"It could not be visited: {type(problem).__name__}."
    finally:
        connection.close()
    return "" if status < _REFUSED else f"It answered with {status}."


def _readable_on_the_way(address: str) -> bool:
    """Whether a webhook's address, often a secret itself, would leave this machine without TLS."""
    url = urlsplit(address)
    return url.scheme.lower() in _PLAIN_WEBHOOKS and url.hostname not in _OWN_MACHINE


class _Said(logging.Handler):
    """What apprise says in this thread, while inside; only the last of it is kept."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is said."""
        if record.thread == self._thread:
            self.last = record.getMessage()

    def __enter__(self) -> Self:
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_unused: object) -> None:
        logging.getLogger("apprise").removeHandler(self)


def _aside(route: Route) -> str:
    to = f" to {', '.join(route.addresses)}" if route.addresses else f" at {route.target}" if route.target else ""
    return f"{to}. {route.complaint}" if route.complaint else f"{to}."


def _address(base: str, addresses: tuple[str, ...]) -> str:
    """The address for apprise: of e-mail, the server's with everybody who is to get it."""
    if not addresses:
        return base
    server, mark, options = base.partition("?")
    return f"{server.rstrip('/')}/{'/'.join(quote(address, safe='@') for address in addresses)}{mark}{options}"
