"""BullMQ's queues in Redis: lists of what waits and of what runs, sorted sets of what has a priority or is delayed."""

from __future__ import annotations

import time
from collections import defaultdict

from .broker import Keyspace, QueueCount, RedisBroker

__all__ = ["NAME", "count", "keyspaces"]

NAME = "bullmq"
_META = ":meta"
_AT_ONCE = 500  # keys of one command line
_ARE_QUEUES = """
local all = {}
for _, key in ipairs(KEYS) do
  if redis.call('TYPE', key).ok == 'hash'
    and redis.call('HEXISTS', key, 'version') + redis.call('HEXISTS', key, 'opts.maxLenEvents') > 0
  then all[#all + 1] = key end
end
return cjson.encode(all)
"""
# The score of a delayed job is its time in milliseconds times 4096. Before version 5 a marker, which is no job and
# begins with "0:", stands at an end of the list of those that wait.
_COUNTS = """
local all, now = {}, ARGV[1] * 4096000 + 4095
for i, queue in ipairs(KEYS) do
  local wait, marks = redis.call('LLEN', queue .. ':wait'), 0
  for _, place in ipairs({0, -1}) do
    local job = redis.call('LINDEX', queue .. ':wait', place)
    if job and job:find('^0:') and (place == 0 or wait > 1) then marks = marks + 1 end
  end
  local due = redis.call('ZCOUNT', queue .. ':delayed', '-inf', string.format('%.0f', now))
  local waiting = wait - marks + redis.call('ZCARD', queue .. ':prioritized') + due
  local scheduled = redis.call('ZCARD', queue .. ':delayed') - due + redis.call('LLEN', queue .. ':paused')
    + redis.call('ZCARD', queue .. ':waiting-children')
  if redis.call('HEXISTS', queue .. ':meta', 'paused') == 1 then waiting, scheduled = 0, scheduled + waiting end
  all[i] = {queue, waiting, redis.call('LLEN', queue .. ':active'), scheduled}
end
return cjson.encode(all)
"""


def keyspaces(broker: RedisBroker, database: int, keys: list[str]) -> list[Keyspace]:
    """Where there are BullMQ's queues, for each prefix."""
    described = [key for key in keys if key.endswith(_META) and key.count(":") > 1]
    sure = [
        key
        for start in range(0, len(described), _AT_ONCE)
        for key in broker.evaluate(_ARE_QUEUES, described[start : start + _AT_ONCE], database=database)
    ]
    queues: dict[str, list[str]] = defaultdict(list)
    for key in sure:
        prefix, _, queue = key[: -len(_META)].rpartition(":")
        queues[prefix].append(queue)
    return [Keyspace(NAME, database, prefix, tuple(sorted(names))) for prefix, names in sorted(queues.items())]


def count(broker: RedisBroker, keyspace: Keyspace, queues: tuple[str, ...]) -> dict[str, QueueCount]:
    """The jobs of each queue; one that is due counts as one that waits."""
    if not queues:
        return {}
    keys = [f"{keyspace.prefix or 'bull'}:{queue}" for queue in queues]
    counted = broker.evaluate(_COUNTS, keys, f"{time.time():.3f}", database=keyspace.database)
    return {key.rpartition(":")[2]: QueueCount(*map(int, parts)) for key, *parts in counted}
