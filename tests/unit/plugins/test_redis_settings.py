"""Redis' settings on a host: put into force, kept where Redis keeps them, put back only where they are still so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from plugins.module_utils.docker.containers import Container
from plugins.module_utils.docker.engine import Engine
from plugins.module_utils.redis import settings as redis_settings
from plugins.module_utils.redis.settings import REDIS_SETTINGS, look_at_redis, redis_values, undo_redis_settings
from plugins.module_utils.state.lock import Claim, hold
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.state.undoing import Undoing
from plugins.module_utils.system.failure import HostSideError

RUN, STEP = "20260301T020000-9f3ac1", "tune-app1-store"
MB = 1 << 20
SMALL, LARGE = str(64 * MB), str(80 * MB)
QUEUE = "celery\x06\x16\x06\x16celery"  # how Celery binds its queue of that name
COMMAND = ["redis-server", "--dir", "/data", "--maxmemory", SMALL]


@dataclass
class SmallRedis:
    """A server in one container; ``asked`` is every command that changes something, ``deaf`` what it does not take."""

    config: dict[str, str] = field(
        default_factory=lambda: {"maxmemory": SMALL, "maxmemory-policy": "noeviction", "save": "", "dir": "/data"}
    )
    data: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    used: int = 10 * MB
    role: str = "master"
    file: str = ""
    deaf: str = ""
    forgets: bool = False
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "store"}
        self.details = {
            "Id": "id1",
            "Name": "/shop-store-1",
            "State": {"Status": "running", "Running": True, "Pid": 1},
            "HostConfig": {"Memory": 128 * MB},
            "Config": {"Labels": labels, "Cmd": COMMAND},
            "Mounts": [{"Type": "volume", "Source": "/nowhere", "Destination": "/data", "RW": True}],
            **self.details,
        }

    def inspect(self, _container: str) -> dict[str, Any]:
        return self.details

    def run_inside(self, _container: str, arguments: list[str]) -> tuple[int, str, str]:
        _, _, _, command, *words = arguments
        if command in ("SET", "CONFIG") and self.deaf in words and words[0] != "GET":
            return 0, "ERR not today\n", ""
        return 0, getattr(self, f"_{command.lower()}")(*words) + "\n", ""

    def _info(self, *_sections: str) -> str:
        memory = f"used_memory:{self.used}\r\nmaxmemory:{self.config['maxmemory']}\r\n"
        policy = f"maxmemory_policy:{self.config['maxmemory-policy']}\r\nloading:0\r\naof_enabled:1\r\n"
        keys = f"role:{self.role}\r\nconfig_file:{self.file}\r\nredis_version:8.0.2\r\ndb3:keys=5,expires=0"
        return memory + policy + keys

    def _config(self, verb: str, *words: str) -> str:
        if verb == "GET":
            return f"{words[0]}\n{self.config[words[0]]}" if words[0] in self.config else ""
        self.asked.append(" ".join([verb, *words]))
        if verb == "SET":
            self.config[words[0]] = words[1]
        return "OK"

    def _set(self, key: str, value: str, *_how: str) -> str:
        self.data[key] = "" if self.forgets else value
        return "OK"

    def _get(self, key: str) -> str:
        return self.data.get(key, "")

    def _del(self, key: str) -> str:
        return str(int(self.data.pop(key, None) is not None))

    def _eval(self, script: str, *_words: str) -> str:
        """What tells of queues among all keys, and then how Celery is set up there."""
        names = [key for key in self.data if key.startswith("_kombu.binding.")]
        return json.dumps(["0", names] if "SCAN" in script else [[name, [QUEUE]] for name in names])


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> SmallRedis:
    server = SmallRedis()

    @contextmanager
    def engine(_socket: str) -> Iterator[SmallRedis]:
        yield server

    monkeypatch.setattr(redis_settings, "Engine", engine)
    monkeypatch.setattr(redis_settings, "found_instances", lambda *_: [Container.parse(server.details)])
    return server


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(str(tmp_path / "state"))
    made.prepare()
    hold(made, Claim(RUN, "me", "test", "tune redis", 600), 0.0)
    RunRecord(made, RUN).begin({"owner": "me"}, 1.0)
    return made


def put(folder: StateFolder, *, check: bool = False, **more: Any) -> dict[str, Any]:
    values = {
        "project": "shop",
        "service": "store",
        "settings": {"maxmemory": LARGE, "maxmemory-policy": "noeviction"},
        "memory": 128 * MB,
        "bound_seconds": 0,
        **more,
    }
    about = {"run_id": RUN, "step_id": STEP, "state_folder": folder.path}
    return REDIS_SETTINGS.do(REDIS_SETTINGS.work({**values, **about}, check=check))


def noted(folder: StateFolder) -> dict[str, Any]:
    return RunRecord(folder, RUN).step(STEP)


def undone(folder: StateFolder) -> Undoing:
    step = noted(folder)
    undoing = Undoing(folder, "/nowhere", left=step["left"])
    undo_redis_settings(undoing, step["inverse"]["redis_settings"])
    return undoing


def test_only_what_differs_is_set_and_the_way_back_is_noted(redis: SmallRedis, folder: StateFolder) -> None:
    assert put(folder)["changed"] is True
    assert redis.asked == [f"SET maxmemory {LARGE}"]
    before = {"store.maxmemory": SMALL, "store.maxmemory-policy": "noeviction"}
    assert noted(folder)["inverse"]["redis_settings"]["values"] == before
    assert redis.data == {}  # the probe is gone
    assert put(folder)["changed"] is False
    assert noted(folder)["inverse"]["redis_settings"]["values"] == before


def test_looking_first_changes_nothing(redis: SmallRedis, folder: StateFolder) -> None:
    answer = put(folder, check=True)
    assert answer["changed"] is True
    assert (answer["diff"]["before"], answer["diff"]["after"]) == (
        f"maxmemory {SMALL}\nmaxmemory-policy noeviction\n",
        f"maxmemory {LARGE}\nmaxmemory-policy noeviction\n",
    )
    assert (redis.asked, noted(folder)) == ([], {})


def test_it_is_kept_in_its_file_where_it_is_to_be(redis: SmallRedis, folder: StateFolder) -> None:
    put(folder, rewrite=True)
    assert redis.asked[-1] == "REWRITE"
    undone(folder)
    assert redis.asked[-2:] == [f"SET maxmemory {SMALL}", "REWRITE"]


def test_between_two_settings_no_key_may_be_dropped(redis: SmallRedis, folder: StateFolder) -> None:
    redis.config.update({"maxmemory": "0", "maxmemory-policy": "allkeys-lru"})
    put(folder)
    assert redis.asked == ["SET maxmemory-policy noeviction", f"SET maxmemory {LARGE}"]


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"deaf": "maxmemory"}, "Redis does not answer to CONFIG: ERR not today"),
        ({"deaf": "NX"}, "Redis does not answer to SET: ERR not today"),
        ({"forgets": True}, "Redis does not give back a key that it took"),
        ({"used": 90 * MB}, "Redis holds 90 MB now, so its maxmemory cannot be 80 MB"),
    ],
    ids=["setting", "writing", "reading", "too little"],
)
def test_what_does_not_prove_itself_fails_and_can_be_put_back(
    redis: SmallRedis, folder: StateFolder, broken: dict[str, Any], sentence: str
) -> None:
    for name, value in broken.items():
        setattr(redis, name, value)
    with pytest.raises(HostSideError, match=sentence):
        put(folder)
    for name in broken:
        setattr(redis, name, getattr(SmallRedis(), name))
    assert undone(folder).failures == []
    assert redis.config["maxmemory"] == SMALL


def test_a_container_with_less_than_it_was_made_for_is_refused_untouched(
    redis: SmallRedis, folder: StateFolder
) -> None:
    with pytest.raises(HostSideError, match="the settings were made for 256 MB; nothing was touched"):
        put(folder, memory=256 * MB)
    assert (redis.asked, noted(folder)) == ([], {})


def test_what_somebody_else_has_set_since_stays_and_is_told(redis: SmallRedis, folder: StateFolder) -> None:
    put(folder)
    redis.config["maxmemory"] = "7"
    assert redis_values("/nowhere", noted(folder)["inverse"]["redis_settings"])["store.maxmemory"] == "7"
    undoing = undone(folder)
    assert redis.config["maxmemory"] == "7"
    assert undoing.notes == ["maxmemory of store was changed since to 7 and stays."]
    assert undoing.done == []


def test_it_is_told_where_a_restart_would_bring_the_undone_value_back(redis: SmallRedis, folder: StateFolder) -> None:
    put(folder)
    redis.details["Config"]["Cmd"] = ["redis-server", "--maxmemory", LARGE]
    undoing = undone(folder)
    assert redis.config["maxmemory"] == SMALL
    assert [note for note in undoing.notes if f"shop-store-1 still has --maxmemory {LARGE} in its command" in note]


def looked(redis: SmallRedis) -> dict[str, Any]:
    return look_at_redis(cast("Engine", redis), Container.parse(redis.details))


def test_a_look_says_what_the_server_is_and_holds(redis: SmallRedis) -> None:
    redis.data["_kombu.binding.celery"] = "x"
    assert looked(redis) == {
        "version": "8.0.2",
        "replica": False,
        "maxmemory": 64 * MB,
        "eviction": "noeviction",
        "used": 10 * MB,
        "keys": 5,
        "queues": ["celery in database 3"],
        "saves": True,
        "on_volume": True,
        "arguments": COMMAND,
        "rewrites": False,
    }


@pytest.mark.parametrize(
    "command",
    [
        ["redis-server", "--requirepass", "s3cret"],
        ["redis-server", "--MASTERAUTH", "s3cret"],
        ["redis-server", "--user", "app on >s3cret"],
        ["sh", "-c", "exec redis-server --port 1"],
        [],
    ],
)
def test_a_command_that_is_not_redis_own_or_has_a_secret_is_not_told(redis: SmallRedis, command: list[str]) -> None:
    redis.details["Config"]["Cmd"] = command
    assert looked(redis)["arguments"] is None


@pytest.mark.parametrize(
    ("destination", "writable", "rewrites"),
    [("/etc/redis", True, True), ("/etc/redis", False, False), ("/etc/redis/redis.conf", True, False)],
    ids=["a folder", "read only", "the file alone"],
)
def test_a_file_is_kept_where_its_folder_outlives_the_container(
    redis: SmallRedis, tmp_path: Path, destination: str, writable: bool, rewrites: bool
) -> None:
    redis.file = "/etc/redis/redis.conf"
    mount = {"Type": "bind", "Source": str(tmp_path), "Destination": destination, "RW": writable}
    redis.details["Mounts"] = [mount]
    redis.details["State"]["Pid"] = 1
    assert looked(redis)["rewrites"] is rewrites
