"""How much a Redis server holds and what it does when it is full: looked at, set, put back.

A setting is put into force at once and without a restart. That it survives one is another thing, and has two ways: its
configuration file, which Redis itself rewrites, or the arguments that its container is started with. Arguments win over
the file, so a server that is given one of ours as an argument keeps it there.
"""

from __future__ import annotations

import os
import posixpath
import secrets
import stat
from collections.abc import Iterator, Mapping
from typing import Any

from ..docker.containers import Container, mount_of
from ..docker.engine import Engine
from ..docker.instances import found_instances
from ..state.act import Act, Work
from ..state.lock import begun_step
from ..state.options import DOCKER, STATE, STEP
from ..state.undoing import Undoing
from ..system.amounts import memory
from ..system.failure import HostSideError
from ..system.waiting import waited_for
from ..tasks.broker import RedisBroker
from ..tasks.look import queues_seen
from .client import Redis

__all__ = ["REDIS_SETTINGS", "look_at_redis", "redis_values", "undo_redis_settings"]

_PART = "redis_settings"
_SECRETS = ("auth", "pass", "user")  # what an argument may hold that is nobody's business
_PROGRAMS = ("redis-server", "valkey-server")
_PROBE_SECONDS = "60"  # a probe that is killed before it has removed its key leaves it for so long
_UNDO_BOUND = 60.0  # seconds


def look_at_redis(engine: Engine, container: Container) -> dict[str, Any]:
    """The server as the type RedisServer of selextract_infra."""
    redis, details = RedisBroker(engine, container.id), engine.inspect(container.id) or {}
    about, settings = redis.about(), redis.settings("save", "dir")
    mount = mount_of(details, settings.get("dir") or "/")
    return {
        "version": about.get("redis_version", ""),
        "replica": about.get("role") == "slave",
        "maxmemory": int(about.get("maxmemory", 0)),
        "eviction": about.get("maxmemory_policy", ""),
        "used": int(about.get("used_memory", 0)),
        "keys": sum(redis.databases().values()),
        "queues": queues_seen(redis),
        "saves": bool(settings.get("save")) or about.get("aof_enabled") == "1",
        "on_volume": bool(mount and mount.get("RW")),
        "arguments": _arguments(details),
        "rewrites": _rewrites(details, about.get("config_file", "")),
    }


def _arguments(details: Mapping[str, Any]) -> list[str] | None:
    """The words of its command where they are those of Redis itself; None where a shell or a secret is among them."""
    words = [str(word) for word in (details.get("Config") or {}).get("Cmd") or []]
    if not words or posixpath.basename(words[0]) not in _PROGRAMS:
        return None
    return None if any(secret in word.lower() for word in words for secret in _SECRETS) else words


def _rewrites(details: Mapping[str, Any], file: str) -> bool:
    """Whether Redis can rewrite its configuration file, and the file outlives the container.

    Redis writes a new file beside it and renames that: a file that is mounted alone cannot be replaced.
    """
    mount = mount_of(dict(details), file) if file else None
    if not mount or not mount.get("RW") or mount.get("Destination") == file:
        return False
    inside = posixpath.relpath(posixpath.dirname(file), str(mount["Destination"]))
    try:
        folder = os.stat(os.path.join(str(mount["Source"]), inside), follow_symlinks=False)
        owner = os.stat(f"/proc/{int((details.get('State') or {}).get('Pid') or 0)}")
    except OSError:
        return False
    may = stat.S_IWUSR if folder.st_uid == owner.st_uid else stat.S_IWOTH
    return owner.st_uid == 0 or bool(folder.st_mode & may)


def _settle(work: Work) -> dict[str, Any]:
    given = work.params
    with Engine(given["docker_socket"]) as engine:
        container = _container(engine, given["docker_socket"], given)
        if container.memory is not None and container.memory < given["memory"]:
            raise HostSideError(
                f"{container.name} has {memory(container.memory)}, and the settings were made for"
                f" {memory(given['memory'])}; nothing was touched.",
                kind="refused",
                rule="rightsizing.redis_fork_reserve",
            )
        redis = _answering(engine, container, given["bound_seconds"])
        before = redis.settings(*given["settings"])
        changed = before != given["settings"]
        if not work.check_mode:
            _carry_out(redis, given, before)
        return {"changed": changed, "diff": _difference(given, before)}


def _carry_out(redis: Redis, given: dict[str, Any], before: Mapping[str, str]) -> None:
    """Note the way back, set what differs, keep it, and prove that the server has it and serves."""
    record = begun_step(given)
    named = {f"{given['service']}.{name}": value for name, value in before.items()}
    about = {key: given[key] for key in ("project", "service", "rewrite")}
    record.note_inverse(given["step_id"], _PART, {**about, "values": named})
    left = {f"{given['service']}.{name}": value for name, value in given["settings"].items()}
    record.note_left(given["step_id"], _PART, {"values": left})
    _refuse_too_little(redis, given["settings"])
    _set(redis, {name: value for name, value in given["settings"].items() if before.get(name) != value})
    if given["rewrite"]:
        redis.ask("CONFIG", "REWRITE")
    _prove(redis, given["settings"])


def _refuse_too_little(redis: Redis, settings: Mapping[str, str]) -> None:
    """Below what it holds now, Redis would drop keys at once, or take no task any more."""
    most, used = int(settings.get("maxmemory", "0")), int(redis.about("memory").get("used_memory", "0"))
    if 0 < most < used:
        raise HostSideError(
            f"Redis holds {memory(used)} now, so its maxmemory cannot be {memory(most)}.",
            kind="refused",
            rule="rightsizing.redis_fork_reserve",
        )


def _set(redis: Redis, settings: Mapping[str, str]) -> None:
    """What keeps keys comes first: between the two settings nothing may be evicted that shall stay."""
    for name, value in sorted(settings.items(), key=lambda setting: setting[1] != "noeviction"):
        redis.ask("CONFIG", "SET", name, value)


def _prove(redis: Redis, wanted: Mapping[str, str]) -> None:
    """Raise where the server does not show the values, does not hold to them, or does not take and give a key."""
    values, about = redis.settings(*wanted), redis.about("memory", "persistence")
    different = [f"{name} is {values.get(name)} and not {value}" for name, value in wanted.items()
                 if values.get(name) != value]  # fmt: skip
    if "maxmemory" in wanted and about.get("maxmemory") != wanted["maxmemory"]:
        different.append(f"INFO says maxmemory {about.get('maxmemory')}")
    if different:
        raise HostSideError(f"Redis does not have its settings: {'; '.join(different)}.", kind="gate")
    key, value = f"selextract-infra:probe:{secrets.token_hex(8)}", secrets.token_hex(8)
    redis.ask("SET", key, value, "EX", _PROBE_SECONDS, "NX")
    read = redis.ask("GET", key)
    redis.ask("DEL", key)
    if read != value:
        raise HostSideError("Redis does not give back a key that it took.", kind="gate")


def undo_redis_settings(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Put back what ``redis_settings`` noted; a value that somebody else has set since stays, and is told."""
    left = (undoing.left.get(_PART) or {}).get("values") or {}
    with Engine(undoing.socket_path) as engine:
        container = _container(engine, undoing.socket_path, inverse)
        redis = _answering(engine, container, _UNDO_BOUND)
        present = redis.settings(*(_name(key) for key in inverse["values"]))
        back: dict[str, str] = {}
        for key, before in inverse["values"].items():
            now = present.get(_name(key))
            if now == left.get(key) and now != before:
                back[_name(key)] = before
            elif now not in (before, left.get(key)):
                undoing.notes.append(f"{_name(key)} of {inverse['service']} was changed since to {now} and stays.")
        if back and not undoing.check:
            _set(redis, back)
            _prove(redis, back)
            if inverse["rewrite"]:
                redis.ask("CONFIG", "REWRITE")
        if back:
            undoing.done.append(f"The settings of {inverse['service']} are as before.")
        undoing.notes.extend(_returning(engine, container, left, inverse["values"]))


def _returning(
    engine: Engine, container: Container, left: Mapping[str, str], before: Mapping[str, str]
) -> Iterator[str]:
    """What a restart would bring back: a container that is not made anew keeps the arguments that it was made with."""
    words = _arguments(engine.inspect(container.id) or {}) or []
    given = {word: words[place + 1] for place, word in enumerate(words[:-1])}
    for key, value in left.items():
        if value != before.get(key) and given.get(f"--{_name(key)}") == value:
            yield (
                f"{container.name} still has --{_name(key)} {value} in its command, which a restart brings back until"
                " it is made anew; the app's next up does that."
            )


def redis_values(socket_path: str, inverse: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a Run has set, as they are now, by service and name."""
    with Engine(socket_path) as engine:
        redis = Redis(engine, _container(engine, socket_path, inverse).id)
        return {key: redis.settings(_name(key)).get(_name(key)) for key in inverse["values"]}


def _name(key: str) -> str:
    """The setting in a key such as ``store.maxmemory``; the name of a service may have dots."""
    return key.rpartition(".")[2]


def _container(engine: Engine, socket_path: str, about: Mapping[str, Any]) -> Container:
    own = found_instances(engine, socket_path, about["project"], about["service"])
    running = [container for container in own if container.running]
    if len(running) != 1:
        number = "does not run" if not running else f"has {len(running)} instances"
        raise HostSideError(
            f"Service {about['service']} of project {about['project']} {number} here, where one was expected.",
            kind="refused",
            rule="mapping",
        )
    return running[0]


def _answering(engine: Engine, container: Container, bound: float) -> Redis:
    """The server, once it has read its data and answers; raises where it does not within ``bound`` seconds."""
    redis, complaints = Redis(engine, container.id), [""]

    def answers() -> bool:
        try:
            loading = redis.about("persistence").get("loading")
        except HostSideError as failure:
            complaints[0] = failure.sentence
            return False
        complaints[0] = "It is still loading its data."
        return loading == "0"

    if not waited_for(answers, bound):
        raise HostSideError(f"{container.name} does not answer within {bound:g} s. {complaints[0]}", kind="gate")
    return redis


def _difference(given: Mapping[str, Any], before: Mapping[str, str]) -> dict[str, str]:
    def lines(values: Mapping[str, str]) -> Iterator[str]:
        return (f"{name} {values.get(name, '')}\n" for name in sorted(given["settings"]))

    title = f"settings of {given['service']}"
    return {
        "before_header": title,
        "after_header": title,
        "before": "".join(lines(before)),
        "after": "".join(lines(given["settings"])),
    }


REDIS_SETTINGS = Act(
    _PART,
    {
        "project": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "settings": {"type": "dict", "required": True},
        "rewrite": {"type": "bool", "default": False},
        "memory": {"type": "int", "required": True},
        "bound_seconds": {"type": "float", "default": 60},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _settle,
)
