"""A circuit breaker for calls to a service: after some failures in a row the service is left alone for a while (CB)."""

from __future__ import annotations

import functools
import inspect
import logging
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, TypeVar, cast

from selextract_infra.errors import CircuitOpenError
from selextract_infra.policy import Policy, default_policy

__all__ = ["BreakerState", "CircuitBreaker"]

Call = TypeVar("Call", bound=Callable[..., Any])
_entered: ContextVar[tuple[int, ...]] = ContextVar("entered")


class BreakerState(StrEnum):
    """The states of CB-02."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """A decorator of functions, async ones too, and a context manager; threads and tasks may share one.

    The policy's number of failures in a row opens it. While it is open every call raises CircuitOpenError at once;
    after the policy's recovery time (CB-01) one call is let through, and decides: it closes, or stays open as long
    again. ``on_open`` is called once for each opening, in the thread whose failure opened it, and again only when the
    same outage outlasts an emergency (X-17, X-21); whatever it raises is logged and hides nothing. ``clock`` counts
    seconds and never goes back; ``counts`` are the exceptions that are failures. No lock is held during a call.
    """

    def __init__(
        self,
        name: str,
        *,
        policy: Policy | None = None,
        on_open: Callable[[], object] | None = None,
        counts: tuple[type[BaseException], ...] = (Exception,),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        emergency = (policy or default_policy()).emergency
        self._limits, self._lifetime = emergency.breaker.thresholds, emergency.actions.lifetime.value
        self.name, self.failures, self.state = name, 0, BreakerState(emergency.breaker.states.initial)
        self._on_open, self._counts, self._clock = on_open, counts, clock
        self._lock = threading.Lock()
        self._generation, self._probing = 0, False  # a call that began in another state says nothing about this one
        self._opened_at = self._triggered_at = clock()

    def __call__(self, function: Call) -> Call:
        """The same function behind this breaker."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def guarded_async(*words: Any, **named: Any) -> Any:
                with self:
                    return await function(*words, **named)

            return cast(Call, guarded_async)

        @functools.wraps(function)
        def guarded(*words: Any, **named: Any) -> Any:
            with self:
                return function(*words, **named)

        return cast(Call, guarded)

    def __enter__(self) -> CircuitBreaker:
        with self._lock:
            waited = self._clock() - self._opened_at
            if self.state is BreakerState.OPEN and waited > self._limits.recovery:
                self._become(BreakerState.HALF_OPEN)
            if self.state is BreakerState.OPEN or (self.state is BreakerState.HALF_OPEN and self._probing):
                left = max(0.0, self._limits.recovery - waited)
                raise CircuitOpenError(f"{self.name} failed too often and is left alone for now.", retry_after=left)
            self._probing = self.state is BreakerState.HALF_OPEN
            _entered.set((*_entered.get(()), self._generation))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        *outer, generation = _entered.get()
        _entered.set(tuple(outer))
        with self._lock:
            opens = generation == self._generation and self._settled(kind)
        if opens and self._on_open is not None:
            try:
                self._on_open()
            except Exception:  # the caller's callback; what its call raised must reach it, and not this
                logging.getLogger(__name__).exception("what %s does when it opens has failed", self.name)

    def _settled(self, kind: type[BaseException] | None) -> bool:
        """Take in how a call ended; whether that calls for help."""
        probed, self._probing = self._probing, False
        if kind is None:
            self.failures = 0
            if probed:
                self._become(BreakerState.CLOSED)
        if kind is None or not issubclass(kind, self._counts):
            return False
        self.failures += 1
        if not probed and self.failures < self._limits.failures:
            return False
        self._become(BreakerState.OPEN)
        self._opened_at = self._clock()
        if probed and self._opened_at - self._triggered_at < self._lifetime:
            return False
        self._triggered_at = self._opened_at
        return True

    def _become(self, state: BreakerState) -> None:
        self.state, self._generation = state, self._generation + 1
