"""Where things are on a host, unless a module is told otherwise."""

from __future__ import annotations

__all__ = ["DOCKER_SOCKET", "STATE_FOLDER"]

DOCKER_SOCKET = "/var/run/docker.sock"
STATE_FOLDER = "/var/lib/selextract-infra"
