"""What a Redis server should hold at most and do when it is full, from what it is for and what its container may have.

Redis forks to save and to rewrite its log, and the child may need a copy of each page that changes meanwhile, so a part
of the limit stays free beside ``maxmemory``. A server with a task queue must drop nothing (X-75): full, it refuses a
task, and whoever sends it is told. Only what is a cache and nothing else may drop keys, and that it is one is said by
people: that no queue was seen in it proves nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from selextract_infra.assess.postgres.proposal import Subject
from selextract_infra.errors import RefusedError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.figures import MB, count, memory, percent
from selextract_infra.model.observation import ProgramLook

if TYPE_CHECKING:
    from selextract_infra.policy import Policy
    from selextract_infra.policy.schema.rules import ApplicationService

__all__ = ["RESERVE", "RedisFacts", "RedisServer", "RedisTuning", "stated_settings", "tune_redis", "with_settings"]

_Word = Annotated[str, Field(max_length=4096)]


class RedisServer(ProgramLook):
    """One server. ``maxmemory`` (0: no limit of its own) and ``used`` are bytes, ``keys`` a count over all databases.

    ``eviction`` is what it does when it is full. ``queues`` are the systems of tasks whose queues were seen; where none
    was seen there may still be one. ``saves``: it writes its data down, to a folder that is ``on_volume`` or goes with
    the container. ``rewrites``: it can rewrite its configuration file. ``arguments`` are the words that it was started
    with, None where these are not its own alone or a secret is among them.
    """

    version: Annotated[str, Field(max_length=64)] = ""
    replica: bool = False
    maxmemory: int = Field(default=0, ge=0)
    eviction: Annotated[str, Field(max_length=64)] = ""
    used: int = Field(default=0, ge=0)
    keys: int = Field(default=0, ge=0)
    queues: tuple[Annotated[str, Field(max_length=256)], ...] = Field(default=(), max_length=100)
    saves: bool = False
    on_volume: bool = False
    arguments: tuple[_Word, ...] | None = Field(default=None, max_length=1000)
    rewrites: bool = False


RESERVE = "rightsizing.redis_fork_reserve"
_QUEUE = "X-75"
_CACHE = "allkeys-lru"
_EVICTING = ("allkeys-", "volatile-")
_SIZE, _POLICY = "maxmemory", "maxmemory-policy"


@dataclass(frozen=True)
class RedisFacts:
    """A server, and what is known of it besides: ``limit`` is its container's, in bytes, None for none.

    ``cache``: somebody said that it is one and nothing else. ``broker``: workers are mapped, and it is the only Redis.
    """

    server: RedisServer
    limit: int | None
    cache: bool = False
    broker: bool = False


@dataclass(frozen=True)
class RedisTuning:
    """The decisions, and all settings that hold afterwards, as Redis writes them."""

    decisions: tuple[Decision, ...]
    settings: dict[str, str]


def tune_redis(facts: RedisFacts, policy: Policy, subject: Subject, asked: int | None = None) -> RedisTuning:
    """What becomes of one server; ``asked`` is the maxmemory that was asked for, in bytes.

    Raises ``RefusedError`` where nobody can say whether it may drop keys, or where that would drop tasks (X-75).
    """
    mapped = policy.application.services[subject.service]
    eviction = _eviction(facts, mapped, policy, subject)
    why = "It is asked for." if asked else "The mapping says so." if mapped.maxmemory else ""
    size = _size(facts, asked or mapped.maxmemory, why, policy, subject)
    settings = {_POLICY: str(eviction.granted_text)}
    if size.granted is not None:
        settings[_SIZE] = str(int(size.granted))
    return RedisTuning((size, eviction), settings)


def stated_settings(arguments: Sequence[str]) -> dict[str, str]:
    """The settings of ours that a command gives as arguments, as they stand there."""
    known = {f"--{name}": name for name in (_SIZE, _POLICY)}
    return {known[word]: value for word, value in itertools.pairwise(arguments) if word in known}


def with_settings(arguments: Sequence[str], settings: dict[str, str]) -> tuple[str, ...]:
    """The command with these settings as arguments, each once and at its end; every other word stays."""
    kept: list[str] = []
    skipping = False
    for word in arguments:
        if word.startswith("--"):
            skipping = word[2:] in settings
        if not skipping:
            kept.append(word)
    return (*kept, *(word for name in sorted(settings) for word in (f"--{name}", settings[name])))


def _size(facts: RedisFacts, asked: int | None, why: str, policy: Policy, subject: Subject) -> Decision:
    server, reserve = facts.server, policy.rightsizing.redis_fork_reserve
    decision = Decision(
        host=subject.host,
        project=subject.project,
        service=subject.service,
        resource=_SIZE,
        verdict=Verdict.KEEP,
        rule=RESERVE,
        current=server.maxmemory,
        granted=server.maxmemory,
        current_text=_amount(server.maxmemory),
        granted_text=_amount(server.maxmemory),
        why=why or f"A fork needs up to {percent(reserve)} of it beside it.",
        numbers={"used_bytes": server.used, "reserve_ratio": reserve},
    )
    if facts.limit is None:
        why = "Its container has no memory limit, so how much Redis may hold is unknown"
        return decision.model_copy(update={"verdict": Verdict.UNKNOWN, "requested": asked, "why_less": why})
    room = int(facts.limit / (1 + reserve)) // MB * MB
    wish = asked or room
    granted = min(wish, room)
    least = int(server.used * (1 + policy.rightsizing.shrink_margin))
    numbers = {**decision.numbers, "limit_bytes": facts.limit, "room_bytes": room, "least_bytes": least}
    decision = decision.model_copy(update={"requested": wish, "numbers": numbers})
    if granted < least:
        why = (
            f"it holds {memory(server.used)}, and {memory(facts.limit)} leave {memory(room)} beside a fork;"
            f" {memory(granted)} would be full"
        )
        return decision.model_copy(update={"verdict": Verdict.REFUSED, "why_less": why})
    less = f"its container's {memory(facts.limit)} leave that beside a fork" if granted < wish else None
    given = {"granted": granted, "granted_text": _amount(granted), "why_less": less}
    return decision.model_copy(update={"verdict": _verdict(server.maxmemory, granted), **given})


def _amount(size: int) -> str:
    return memory(size) if size else "no limit"


def _verdict(current: int, granted: int) -> Verdict:
    """No limit is infinity: whatever is set then is lower."""
    if current == granted:
        return Verdict.KEEP
    return Verdict.LOWER if not current or granted < current else Verdict.RAISE


def _eviction(facts: RedisFacts, mapped: ApplicationService, policy: Policy, subject: Subject) -> Decision:
    wanted, why = _wanted_eviction(facts, mapped, policy, subject)
    return Decision(
        host=subject.host,
        project=subject.project,
        service=subject.service,
        resource=_POLICY,
        verdict=Verdict.KEEP if wanted == facts.server.eviction else Verdict.SET,
        rule=_QUEUE,
        current_text=facts.server.eviction,
        granted_text=wanted,
        why=why,
    )


def _wanted_eviction(
    facts: RedisFacts, mapped: ApplicationService, policy: Policy, subject: Subject
) -> tuple[str, str]:
    """What it should do when it is full, and why."""
    keeps, server = policy.emergency.actions.cache_eviction.value, facts.server
    evicting = mapped.eviction if mapped.eviction and mapped.eviction.startswith(_EVICTING) else None
    cache = facts.cache or evicting is not None
    if cache and server.queues:
        raise RefusedError(
            f"{subject.service} on {subject.host} holds a task queue ({', '.join(server.queues)}), so it must not drop"
            " keys when it is full.",
            rule=_QUEUE,
            remedy="give the cache a Redis of its own, or map eviction: " + keeps,
        )
    if cache:
        return evicting or _CACHE, "It is a cache and nothing else."
    if server.queues:
        return keeps, f"It holds a task queue ({', '.join(server.queues)})."
    if mapped.eviction or facts.broker:
        return keeps, "The mapping says so." if mapped.eviction else "Workers are mapped, and it is the only Redis."
    if server.eviction == keeps:
        return keeps, "Nobody says that it is a cache and nothing else."
    raise RefusedError(
        f"{subject.service} on {subject.host} drops keys when it is full ({server.eviction}), and whether it is a cache"
        f" and nothing else is not known; no queue was seen among its {count(server.keys, 'key')}.",
        rule=_QUEUE,
        remedy=f"say --cache {subject.service}, or map its eviction: {keeps} where it holds what must stay",
    )
