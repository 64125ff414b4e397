"""Which PgBouncer an image holds."""

from __future__ import annotations

import re

from ..docker.program import docker
from ..system.failure import HostSideError

__all__ = ["at_least", "version_in"]

_MISSING = ("Unable to find image", "No such image")
_VERSION = re.compile(r"PgBouncer (\d+\.\d+(?:\.\d+)?)")


def version_in(image: str, bound: float) -> str:
    """The version of PgBouncer in an image that is on this host, asked in a container without a network.

    Raises ``HostSideError`` of kind ``refused`` where the image is not here or holds none.
    """
    asked = ["run", "--rm", "--network", "none", "--pull", "never", "--entrypoint", "pgbouncer"]
    said = docker([*asked, image, "--version"], bound=bound)
    if any(words in said.complaint for words in _MISSING):
        raise HostSideError(
            f"The image {image} is not on this host; bring it with `docker pull {image}`, or without a registry with"
            f" `docker save {image} | ssh HOST docker load` from a machine that has it.",
            kind="refused",
            rule="X-66",
        )
    match = _VERSION.search(said.text)
    if match is None:
        raise HostSideError(f"The image {image} gives no PgBouncer: {said.complaint}.", kind="refused", rule="X-66")
    return match[1]


def at_least(version: str, minimum: str) -> bool:
    """Whether a version is ``minimum`` or newer."""
    return [int(part) for part in version.split(".")] >= [int(part) for part in minimum.split(".")]
