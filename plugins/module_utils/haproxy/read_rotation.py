"""The balancer for reads of one Project: its files, which replicas it asks, who may reach the primary.

The files say what holds after a restart; the admin socket makes the same true at once. Nothing is reloaded, so no
connection is lost by a change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..state.layout import READ_BALANCER
from ..system.failure import HostSideError
from ..system.waiting import waited_for
from .haproxy import AdminSocket
from .proxy import OwnProxy

__all__ = ["BACKENDS", "ReadRotation", "config_text", "joined", "left", "servers_of"]

BACKENDS = ("reads", "analytics")
_LISTED = "replicas.acl"
_INSIDE = "/etc/selextract"
_CHECK_PORT = re.compile(r"check port \d+")
_PRIMARY = "primary"
_REMOVED_WITHIN = 15.0  # seconds


def servers_of(replicas: list[dict[str, Any]], backend: str, options: Mapping[str, str]) -> dict[str, str]:
    """By name, the address and options of the replicas in a backend (X-63).

    Reads go to those that are not for analytics, and analytics to the one that is. Each stands in for the other before
    the primary does. A replica whose host gave its check another port than the others' names that: ``check``.
    """
    wanted = [replica for replica in replicas if bool(replica["analytics"]) == (backend == "analytics")]
    found = {}
    for replica in replicas:
        spare = "" if replica in wanted or not wanted else " backup"
        checked = (
            _CHECK_PORT.sub(f"check port {replica['check']}", options[backend], 1)
            if "check" in replica
            else options[backend]
        )
        found[replica["name"]] = f"{replica['address']}:{replica['port']} {checked}{spare}"
    if backend == "reads" and wanted:
        return {replica["name"]: found[replica["name"]] for replica in wanted}
    return found


def config_text(settings: Mapping[str, Any]) -> str:
    """HAProxy's configuration with the replicas in rotation."""
    text = str(settings["head"])
    for backend in BACKENDS:
        text += settings["backends"][backend]
        servers = servers_of(settings["replicas"], backend, settings["options"])
        text += "".join(f"    server {name} {rest}\n" for name, rest in servers.items())
    return text


def joined(settings: Mapping[str, Any], replica: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with one replica more, or with another role of it."""
    others = [one for one in settings["replicas"] if one["name"] != replica["name"]]
    replicas = sorted([*others, dict(replica)], key=lambda one: str(one["name"]))
    return {**settings, "replicas": replicas, "allowed": sorted({*settings["allowed"], replica["address"]})}


def left(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The settings without one replica, which may not reach the primary any more."""
    gone = [one["address"] for one in settings["replicas"] if one["name"] == name]
    replicas = [one for one in settings["replicas"] if one["name"] != name]
    return {**settings, "replicas": replicas, "allowed": [one for one in settings["allowed"] if one not in gone]}


class ReadRotation(OwnProxy):
    """The balancer of one Project. Raises ``HostSideError`` of kind ``balancer``."""

    component = READ_BALANCER

    def _look(self) -> None:
        super()._look()
        self._backends = {backend: AdminSocket(self.admin.path, backend) for backend in BACKENDS}

    def text_of(self, settings: Mapping[str, Any]) -> str:
        """HAProxy's configuration with the replicas in rotation."""
        return config_text(settings)

    def lists_of(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Who may reach the primary, by address."""
        return {_LISTED: "".join(f"{address}\n" for address in settings["allowed"])}

    def matches(self, settings: Mapping[str, Any]) -> bool:
        """Whether the files say that, whatever replicas there are, and HAProxy runs."""
        own = {key: value for key, value in (self.settings or {}).items() if key != "replicas"}
        return own == dict(settings) and self.running

    def bring_into_force(self) -> None:
        """Make what the files say true in the running HAProxy: servers that leave are drained first."""
        settings = self.settings or {}
        self._allow(list(settings["allowed"]))
        for backend, admin in self._backends.items():
            wanted = servers_of(settings["replicas"], backend, settings["options"])
            present = _replicas(admin)
            for name in sorted(present):
                if name not in wanted or _moved(present[name], wanted[name]):
                    admin.drain([name], float(settings["drain"]), 0.0)
                    admin.remove_entirely(name, _REMOVED_WITHIN)
                    del present[name]
            for name in wanted:
                if name not in present:
                    admin.add(name, wanted[name])

    def drain(self, name: str, bound: float) -> None:
        """Give a replica nothing new and wait for its connections; those that stay longer are ended."""
        for admin in self._with(name):
            admin.drain([name], bound, 0.0)

    def admit(self, name: str) -> None:
        """Let a drained replica back in as soon as its check finds it good."""
        for admin in self._with(name):
            admin.ready(name)

    def ready(self, name: str, bound: float) -> None:
        """Let a drained replica back in, and wait until its check has found it good."""
        self.admit(name)
        asked = self._with(name)
        if not waited_for(lambda: all(_replicas(admin)[name]["status"].startswith("UP") for admin in asked), bound):
            raise HostSideError(f"The balancer does not take {name} back within {bound:.0f} s.", kind="balancer")

    def status(self) -> list[dict[str, Any]]:
        """Each server in each backend: its status as HAProxy sees it, its connections, and what its check said."""
        return [
            {"backend": backend, "name": name, "status": row["status"], "sessions": int(row["scur"] or 0),
             "total": int(row["stot"] or 0), "check": row.get("last_chk") or ""}
            for backend, admin in self._backends.items()
            for name, row in sorted(admin.rows().items())
        ]  # fmt: skip

    def _with(self, name: str) -> list[AdminSocket]:
        """The backends that ask a replica."""
        return [admin for admin in self._backends.values() if name in _replicas(admin)]

    def _allow(self, wanted: list[str]) -> None:
        """Who may reach the primary, by address."""
        name = f"{_INSIDE}/{_LISTED}"
        listed = [line.split()[-1] for line in self.admin.ask(f"show acl {name}").splitlines() if line.startswith("0x")]
        for address in wanted:
            if address not in listed:
                self.admin.ask(f"add acl {name} {address}")
        for address in listed:
            if address not in wanted:
                self.admin.ask(f"del acl {name} {address}")


def _replicas(admin: AdminSocket) -> dict[str, dict[str, str]]:
    return {name: row for name, row in admin.rows().items() if name != _PRIMARY}


def _moved(row: dict[str, str], wanted: str) -> bool:
    spare = wanted.endswith(" backup")
    return row.get("addr") != wanted.split(" ", 1)[0] or (row.get("bck") == "1") != spare
