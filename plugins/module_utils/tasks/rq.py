"""RQ's queues in Redis: a list for each, and sorted sets of what runs (until when), is planned (for when), or waits."""

from __future__ import annotations

import time

from .broker import Keyspace, QueueCount, RedisBroker

__all__ = ["NAME", "count", "keyspaces"]

NAME = "rq"
_QUEUE = "rq:queue:"
_QUEUES = "return cjson.encode(redis.call('SMEMBERS', 'rq:queues'))"
# What runs is noted with the time at which it is given up; a job without an end has the highest time of all.
_COUNTS = """
local all, now = {}, ARGV[1]
for i, queue in ipairs(KEYS) do
  local due = redis.call('ZCOUNT', 'rq:scheduled:' .. queue, '-inf', now)
  all[i] = {
    queue,
    redis.call('LLEN', 'rq:queue:' .. queue) + due,
    redis.call('ZCOUNT', 'rq:wip:' .. queue, '(' .. now, '+inf'),
    redis.call('ZCARD', 'rq:scheduled:' .. queue) - due + redis.call('ZCARD', 'rq:deferred:' .. queue),
  }
end
return cjson.encode(all)
"""


def keyspaces(broker: RedisBroker, database: int, keys: list[str]) -> list[Keyspace]:
    """Whether RQ has queues or workers there."""
    if not {"rq:queues", "rq:workers"} & set(keys):
        return []
    names = broker.evaluate(_QUEUES, [], database=database) or []
    queues = sorted(str(name)[len(_QUEUE) :] for name in names if str(name).startswith(_QUEUE))
    return [Keyspace(NAME, database, queues=tuple(queues))]


def count(broker: RedisBroker, keyspace: Keyspace, queues: tuple[str, ...]) -> dict[str, QueueCount]:
    """The jobs of each queue; one that is due counts as one that waits."""
    if not queues:
        return {}
    counted = broker.evaluate(_COUNTS, list(queues), f"{time.time():.3f}", database=keyspace.database)
    return {queue: QueueCount(*map(int, parts)) for queue, *parts in counted}
