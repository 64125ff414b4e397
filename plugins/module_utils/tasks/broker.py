"""Redis as a broker of tasks, asked through the ``redis-cli`` of its own container; nothing in it is changed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from ..redis.client import Redis

__all__ = ["MOST_LOOKED_AT", "Keyspace", "QueueCount", "RedisBroker", "share_of"]

MOST_LOOKED_AT = 5_000
"""Entries of one queue that are looked into, so that Redis is not held up; of longer ones so many, evenly spread."""
_MOST_KEYS = 200_000  # a database with more keys is a cache that nobody wants to be read through at each look
_KEYS_AT_ONCE = 20_000
_DATABASE = re.compile(r"^db(\d+):keys=(\d+)", re.MULTILINE)
# The names among all keys that tell of a system of tasks.
_MARKS = """
local cursor, looked, names = ARGV[1], 0, {}
repeat
  local page = redis.call('SCAN', cursor, 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    looked = looked + 1
    if key:find('_kombu.binding.', 1, true) or key:find(':meta', -5, true) or key:find('queues', -6, true)
      or key == 'rq:workers' or key:find('processes', -9, true) then names[#names + 1] = key end
  end
until cursor == '0' or looked >= tonumber(ARGV[2])
return cjson.encode({cursor, names})
"""
_THERE = """
local names = {}
for _, key in ipairs(KEYS) do if redis.call('EXISTS', key) == 1 then names[#names + 1] = key end end
return cjson.encode(names)
"""


@dataclass(frozen=True)
class QueueCount:
    """The tasks of a queue: those that wait for a worker, those that one holds, and those that are not to be worked on.

    ``scheduled`` are planned for a later time, wait for others, or are in a queue that is paused.
    """

    waiting: int = 0
    held: int = 0
    scheduled: int = 0

    def __add__(self, other: QueueCount) -> QueueCount:
        return QueueCount(self.waiting + other.waiting, self.held + other.held, self.scheduled + other.scheduled)


@dataclass(frozen=True)
class Keyspace:
    """Where a system keeps its queues: a database of Redis, and what all its keys there begin with.

    ``queues`` are the names of those that it knows. ``separator`` and ``routes`` (exchange and routing key to queue)
    are Celery's.
    """

    system: str
    database: int
    prefix: str = ""
    queues: tuple[str, ...] = ()
    separator: str = ""
    routes: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{self.system} in database {self.database}" + (f" with the prefix {self.prefix}" if self.prefix else "")


class RedisBroker(Redis):
    """The Redis of one container, as a broker."""

    def evaluate(self, script: str, keys: list[str], *arguments: str, database: int = 0) -> Any:
        """What a script answers in JSON. Raises HostSideError where it does not, ValueError where that is no JSON."""
        return json.loads(self.ask("EVAL", script, str(len(keys)), *keys, *arguments, database=database))

    def databases(self) -> dict[int, int]:
        """The databases that hold something, with the number of their keys."""
        return {int(number): int(keys) for number, keys in _DATABASE.findall(self.ask("INFO", "keyspace"))}

    def telling_keys(self, database: int, likely: list[str]) -> list[str]:
        """The keys that may tell of a system of tasks; among very many only those of the names that are ``likely``."""
        if self.databases().get(database, 0) > _MOST_KEYS:
            return sorted(self.evaluate(_THERE, likely, database=database) or [])
        cursor, names = "0", set[str]()
        while True:
            cursor, page = self.evaluate(_MARKS, [], cursor, str(_KEYS_AT_ONCE), database=database)
            names |= {*page}
            if cursor == "0":
                return sorted(names)


def share_of(length: int, looked_at: int, counted: int) -> int:
    """How many of ``length`` there are where so many were counted among those looked at."""
    return counted if looked_at >= length or not looked_at else round(length * counted / looked_at)
