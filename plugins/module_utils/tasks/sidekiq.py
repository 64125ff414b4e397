"""Sidekiq's queues in Redis: a list for each, sorted sets of what is planned or tried again, hashes of what runs.

The keys may have a namespace. A process notes what it works on every ten seconds, and that is gone after a minute.
"""

from __future__ import annotations

import time

from .broker import MOST_LOOKED_AT, Keyspace, QueueCount, RedisBroker, share_of

__all__ = ["NAME", "count", "keyspaces"]

NAME = "sidekiq"
_QUEUES = """
local queues, own = {}, ARGV[1]
if redis.call('TYPE', own .. 'queues').ok == 'set' then queues = redis.call('SMEMBERS', own .. 'queues') end
local sure = redis.call('EXISTS', own .. 'processes', own .. 'stat:processed', own .. 'schedule', own .. 'retry')
for _, queue in ipairs(queues) do sure = sure + redis.call('EXISTS', own .. 'queue:' .. queue) end
return cjson.encode({sure, queues})
"""
# Of each queue what waits; of the sorted sets and of the processes the queues of their jobs, with how many of each.
_COUNTS = """
local own, now, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local waiting, due, later, held = {}, {}, {}, {}
for i, queue in ipairs(KEYS) do waiting[i] = {queue, redis.call('LLEN', own .. 'queue:' .. queue)} end
local function add(counts, text)
  local fine, job = pcall(cjson.decode, text)
  if not fine or type(job) ~= 'table' then return end
  if type(job.queue) ~= 'string' and type(job.payload) == 'table' then job = job.payload end
  local queue = type(job.queue) == 'string' and job.queue:gsub('^.*queue:', '') or ''
  counts[queue] = (counts[queue] or 0) + 1
end
local length, looked = 0, 0
for _, name in ipairs({'schedule', 'retry'}) do
  local key = own .. name
  length = length + redis.call('ZCOUNT', key, '(' .. now, '+inf')
  for _, job in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, most)) do add(due, job) end
  for _, job in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. now, '+inf', 'LIMIT', 0, most)) do
    looked = looked + 1
    add(later, job)
  end
end
for _, process in ipairs(redis.call('SMEMBERS', own .. 'processes')) do
  for _, name in ipairs({':work', ':workers'}) do
    for _, work in ipairs(redis.call('HVALS', own .. process .. name)) do add(held, work) end
  end
end
return cjson.encode({waiting, due, later, held, length, looked})
"""


def keyspaces(broker: RedisBroker, database: int, keys: list[str]) -> list[Keyspace]:
    """Where there are Sidekiq's queues, for each namespace."""
    own = {key[: -len(name)] for key in keys for name in ("queues", "processes") if key.endswith(name)}
    namespaces = sorted(prefix for prefix in own if prefix != "rq:" and (not prefix or prefix.endswith(":")))
    keyspaces = []
    for namespace in namespaces:
        sure, queues = broker.evaluate(_QUEUES, [], namespace, database=database)
        if sure:
            keyspaces.append(Keyspace(NAME, database, namespace, tuple(sorted(queues or []))))
    return keyspaces


def count(broker: RedisBroker, keyspace: Keyspace, queues: tuple[str, ...]) -> dict[str, QueueCount]:
    """The jobs of each queue; one that is due counts as one that waits."""
    now, most = f"{time.time():.3f}", str(MOST_LOOKED_AT)
    waiting, due, later, held, length, looked_at = broker.evaluate(
        _COUNTS, list(queues), keyspace.prefix, now, most, database=keyspace.database
    )
    counts = {queue: QueueCount(waiting=int(number)) for queue, number in waiting or []}
    parts = (
        *((queue, QueueCount(waiting=number)) for queue, number in dict(due or {}).items()),
        *((queue, QueueCount(held=number)) for queue, number in dict(held or {}).items()),
        *(
            (queue, QueueCount(scheduled=share_of(length, looked_at, number)))
            for queue, number in dict(later or {}).items()
        ),
    )
    for queue, part in parts:
        counts[queue] = counts.get(queue, QueueCount()) + part
    return counts
