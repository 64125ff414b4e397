"""A Redis server in memory: its settings, the file that it rewrites, and the keys that it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulation.engine import SimulatedEngine

__all__ = ["SERVICE", "SimulatedRedis"]

SERVICE = "cache"
_DEFAULTS = {"maxmemory": "0", "maxmemory-policy": "noeviction"}
_ASKS = ("INFO", "GET")
_USED = 50 * 2**20


@dataclass
class SimulatedRedis:
    """The server of the service ``cache``; what it knows stands in ``engine.programs``."""

    engine: SimulatedEngine

    @property
    def kept(self) -> dict[str, Any]:
        """Its settings, and its keys with the time at which each goes; those that have gone are left out."""
        known = self.engine.programs.setdefault(SERVICE, {"settings": dict(_DEFAULTS), "keys": {}})
        keys = {key: about for key, about in known["keys"].items() if about[1] > self.engine.clock.now}
        return {**known, "keys": keys}

    def changes(self, words: list[str]) -> bool:
        """Whether that command is more than a question."""
        return words[3] not in _ASKS and words[3:5] != ["CONFIG", "GET"]

    def begin(self, container: dict[str, Any]) -> None:
        """Read the file, as a server does that starts."""
        file = self._file(container)
        file.touch()  # it is started with this file, so its team has made one
        said = dict(line.split(" ", 1) for line in file.read_text(encoding="utf-8").splitlines())
        self.engine.programs[SERVICE] = {"settings": {**_DEFAULTS, **said}, "keys": {}}

    def answer(self, container: dict[str, Any], words: list[str]) -> tuple[int, str]:
        """Exit code and output of ``redis-cli -n 0`` with a command."""
        if not self.engine.up(container):
            return 1, "Could not connect to Redis at 127.0.0.1:6379: Connection refused\n"
        command, given, kept = words[3], words[4:], self.kept
        keys, settings = dict(kept["keys"]), dict(kept["settings"])
        answers: dict[str, Callable[[], str]] = {
            "INFO": lambda: f"loading:0\nused_memory:{_USED}\nmaxmemory:{settings['maxmemory']}\n",
            "CONFIG": lambda: self._config(container, settings, given),
            "SET": lambda: str(keys.update({given[0]: (given[1], self.engine.clock.now + float(given[3]))}) or "OK"),
            "GET": lambda: str(keys.get(given[0], ("", 0.0))[0]),
            "DEL": lambda: str(int(keys.pop(given[0], None) is not None)),
        }
        output = answers[command]()
        self.engine.programs[SERVICE] = {"settings": settings, "keys": keys}
        return 0, f"{output}\n"

    def _config(self, container: dict[str, Any], settings: dict[str, str], given: list[str]) -> str:
        if given[0] == "GET":
            return f"{given[1]}\n{settings[given[1]]}" if given[1] in settings else ""
        if given[0] == "SET":
            settings[given[1]] = given[2]
        else:
            text = "".join(f"{name} {value}\n" for name, value in sorted(settings.items()) if value != _DEFAULTS[name])
            self._file(container).write_text(text, encoding="utf-8")
        return "OK"

    def _file(self, container: dict[str, Any]) -> Path:
        folder = Path(next(str(mount["Source"]) for mount in container["Mounts"] if mount["Destination"] == "/data"))
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "redis.conf"
