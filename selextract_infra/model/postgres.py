"""The words for Postgres servers and their settings. Light, so that commands can offer them as choices."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Pooling", "Role", "SettingContext", "Storage", "Unit", "Workload"]


class Workload(StrEnum):
    """What a database is mostly asked, in PGTune's words; ``dw`` is a data warehouse."""

    WEB = "web"
    OLTP = "oltp"
    DW = "dw"
    MIXED = "mixed"
    DESKTOP = "desktop"


class Storage(StrEnum):
    """What the data lies on."""

    HDD = "hdd"
    SSD = "ssd"
    SAN = "san"
    NVME = "nvme"


class Role(StrEnum):
    """What a server is for. ``reader`` answers the app's reads, ``analytics`` the long queries (X-63)."""

    PRIMARY = "primary"
    READER = "reader"
    ANALYTICS = "analytics"

    @property
    def standby(self) -> bool:
        """Whether it replays another server's WAL."""
        return self is not Role.PRIMARY


class SettingContext(StrEnum):
    """When a parameter takes effect, in Postgres' own words (DRV-09)."""

    POSTMASTER = "postmaster"
    SIGHUP = "sighup"
    SUPERUSER = "superuser"
    USER = "user"

    @property
    def restart(self) -> bool:
        """Whether a reload is not enough."""
        return self is SettingContext.POSTMASTER


class Unit(StrEnum):
    """What a setting's number counts."""

    NONE = ""
    BYTES = "bytes"
    SECONDS = "seconds"


class Pooling(StrEnum):
    """How the app reaches Postgres: each client by itself, or all through a pooler."""

    DIRECT = "direct"
    POOLED = "pooled"
