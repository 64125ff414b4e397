"""What a Redis server says of itself, and how it can keep a setting."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from selextract_infra.model.observation import ProgramLook

__all__ = ["RedisServer"]

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
