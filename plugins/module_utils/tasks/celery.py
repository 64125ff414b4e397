"""Celery's queues in Redis, as kombu keeps them.

A queue is a list, and one list more for each priority but 0, named ``QUEUE SEPARATOR PRIORITY``. What a worker took is
in the hash ``unacked``: what it works on, what it fetched ahead, and everything that is planned for a later time,
which a worker takes at once and keeps until then. Such a task says when in its header ``eta``.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict

from .broker import MOST_LOOKED_AT, Keyspace, QueueCount, RedisBroker, share_of

__all__ = ["NAME", "count", "keyspaces"]

NAME = "celery"
DEFAULT_QUEUE = "celery"
_BINDING = "_kombu.binding."
_SEPARATOR = "\x06\x16"
_PRIORITIES = range(1, 10)
_OTHER = re.compile(r"(\A|\.)pidbox\Z|\Aceleryev\Z")  # exchanges of the workers' remote control and events
# Routing key, pattern and queue; between them the separator, which a team may have set. A pattern is seldom there.
_MEMBER = re.compile(
    r"\A(?P<key>.*?)(?P<separator>\x06\x16|[^A-Za-z0-9_.*-]{1,4}?|[-.]{1,4}?)(?P<pattern>.*?)(?P=separator)"
    r"(?P<queue>[A-Za-z0-9_{].*)\Z",
    re.DOTALL,
)
_MEMBERS = """
local all = {}
for i, key in ipairs(KEYS) do all[i] = {key, redis.call('SMEMBERS', key)} end
return cjson.encode(all)
"""
# A quote inside of a text has a backslash before it, so nothing that a task was called with looks like the header.
_LATER = r"""
local function seconds(text)
  local y, mo, d, h, mi, s, rest = text:match('^(%d+)-(%d+)-(%d+)[T ](%d+):(%d+):(%d+)(.*)$')
  if not y then return nil end
  local early = math.floor((14 - mo) / 12)
  local year, month = y + 4800 - early, mo + 12 * early - 3
  local days = d + math.floor((153 * month + 2) / 5) + 365 * year + math.floor(year / 4) - math.floor(year / 100)
    + math.floor(year / 400) - 2472633
  local sign, oh, om = rest:match('([+-])(%d%d):?(%d%d)$')
  local offset = sign and (oh * 3600 + om * 60) * (sign == '-' and -1 or 1) or 0
  return days * 86400 + h * 3600 + mi * 60 + s - offset
end
local now, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local function later(message)
  local eta = message:match('[^\\]"eta": ?"([^"]+)"')
  local at = eta and seconds(eta)
  return at ~= nil and at > now
end
"""
# Of each list its length, how many were looked at, and how many of these are for later.
_LISTS = (
    _LATER
    + r"""
local all = {}
for i, key in ipairs(KEYS) do
  local length, looked, planned = redis.call('LLEN', key), 0, 0
  local step = math.max(100, math.floor(length * 100 / most))
  for start = 0, length - 1, step do
    for _, message in ipairs(redis.call('LRANGE', key, start, start + 99)) do
      looked = looked + 1
      if later(message) then planned = planned + 1 end
    end
  end
  all[i] = {key, length, looked, planned}
end
return cjson.encode(all)
"""
)
# Of the hash likewise, and for each exchange and routing key how many are for now and for later.
_HELD = (
    _LATER
    + r"""
local length, looked, cursor, counts = redis.call('HLEN', KEYS[1]), 0, '0', {}
repeat
  local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 500)
  cursor = page[1]
  for i = 2, #page[2], 2 do
    local value = page[2][i]
    local route = value:match('("[^"]*", ?"[^"]*")%]$') or value:match('("[^"]*")%]$') or '""'
    counts[route] = counts[route] or {0, 0}
    local which = later(value) and 2 or 1
    counts[route][which] = counts[route][which] + 1
    looked = looked + 1
  end
until cursor == '0' or looked >= most
return cjson.encode({length, looked, counts})
"""
)


def keyspaces(broker: RedisBroker, database: int, keys: list[str]) -> list[Keyspace]:
    """Where Celery has bound queues, by the sets that it keeps of them."""
    bindings = [key for key in keys if _BINDING in key]
    members = broker.evaluate(_MEMBERS, bindings, database=database) if bindings else []
    routes: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    separators: dict[str, str] = {}
    for key, texts in members:
        prefix, _, exchange = key.partition(_BINDING)
        for matched in filter(None, map(_MEMBER.match, texts or [])):
            separators.setdefault(prefix, matched["separator"])
            if not _OTHER.search(exchange):
                routes[prefix][exchange, matched["key"]] = matched["queue"]
    return [
        Keyspace(NAME, database, prefix, tuple(sorted(set(queues.values()))), separators[prefix], queues)
        for prefix, queues in sorted(routes.items())
    ]


def count(broker: RedisBroker, keyspace: Keyspace, queues: tuple[str, ...]) -> dict[str, QueueCount]:
    """The tasks of each queue; a task that is due counts as one that waits, or as held."""
    separator, now, most = keyspace.separator or _SEPARATOR, f"{time.time():.0f}", str(MOST_LOOKED_AT)
    named = {
        keyspace.prefix + queue + suffix: queue
        for queue in queues
        for suffix in ("", *(f"{separator}{priority}" for priority in _PRIORITIES))
    }
    counts: dict[str, QueueCount] = {queue: QueueCount() for queue in queues}
    for key, length, looked_at, planned in broker.evaluate(_LISTS, [*named], now, most, database=keyspace.database):
        later = share_of(length, looked_at, planned)
        counts[named[key]] += QueueCount(waiting=length - later, scheduled=later)
    length, looked_at, held = broker.evaluate(
        _HELD, [f"{keyspace.prefix}unacked"], now, most, database=keyspace.database
    )
    for route, (for_now, for_later) in dict(held or {}).items():
        queue = _queue_of(route, keyspace)
        parts = [share_of(length, looked_at, part) for part in (for_now, for_later)]
        counts[queue] = counts.get(queue, QueueCount()) + QueueCount(held=parts[0], scheduled=parts[1])
    return counts


def _queue_of(route: str, keyspace: Keyspace) -> str:
    """The queue of a message that was sent to this exchange with this routing key, both in quotes."""
    names = [name.strip().strip('"') for name in route.split(",")]
    exchange, key = names if len(names) == 2 else ("", names[-1])
    return keyspace.routes.get((exchange, key), key)
