"""The application of the lab, put on a host as its own team would: Compose files in a folder, then ``up``."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable

from selextract_infra.errors import HostUnpreparedError
from selextract_infra.lab.engine import LONG
from selextract_infra.lab.host import Host, wait_until
from selextract_infra.lab.images import STACK_IMAGE, Images
from selextract_infra.lab.state import ServiceStatus

__all__ = ["DIRECTORY", "PORT", "PROJECT", "deploy", "digest", "load_image", "services"]

PROJECT = "selextract"
DIRECTORY = "/opt/selextract"
PORT = 8080
HEALTH = f"http://127.0.0.1:{PORT}/api/v1/health"
HEALTHY_BOUND = 180.0

_ENVIRONMENT = """\
# Secrets and settings of this server; not in version control.
POSTGRES_PASSWORD={password}
WEB_CONCURRENCY=2
CELERY_CONCURRENCY=2
"""


def digest() -> str:
    """Digest of everything the application consists of."""
    content = hashlib.sha256(_ENVIRONMENT.encode())
    for path, data in _files():
        content.update(path.encode() + b"\n" + data)
    return content.hexdigest()[:12]


def load_image(host: Host, images: Images) -> None:
    """Load the stack image into the host's own engine, unless it is there."""
    mark = f"/var/lib/docker/.stack-{images.stack_digest}"
    if host.execute("sh", "-c", f"test -e {mark} && docker image inspect -f yes {STACK_IMAGE}", check=False):
        return
    with images.stack.open("rb") as handle:
        host.engine.execute(host.container, "docker", "load", "--quiet", timeout=LONG, feed=handle)
    host.execute("touch", mark)


def deploy(host: Host) -> None:
    """Write the application's files where there are none yet, start what is missing, and wait until all is healthy.

    What runs is never recreated: its limits may have been changed since. Raises HostUnpreparedError when the
    application does not become healthy.
    """
    if host.execute("sh", "-c", f"test -e {DIRECTORY}/compose.yml || echo missing"):
        host.execute("mkdir", "-p", DIRECTORY)
        host.execute("tar", "-x", "-C", DIRECTORY, feed=_archive(secrets.token_urlsafe(18)))
    host.execute(
        "docker", "compose", "--project-directory", DIRECTORY, "up", "--detach", "--no-recreate", "--wait",
        "--wait-timeout", f"{HEALTHY_BOUND:g}", "--quiet-pull",
        timeout=HEALTHY_BOUND + 30,
    )  # fmt: skip
    if not wait_until(lambda: "ok" in host.execute("curl", "-fsS", "-m", "5", HEALTH, check=False), HEALTHY_BOUND):
        raise HostUnpreparedError(
            f"The application on the lab host {host.name} does not answer at {HEALTH}.",
            remedy=f"look at it with: docker exec {host.container} docker ps --all",
        )


def services(host: Host) -> tuple[ServiceStatus, ...]:
    """The application's containers, as the host's engine sees them; none when it has no application."""
    listing = host.execute(
        "docker", "ps", "--all", "--filter", f"label=com.docker.compose.project={PROJECT}", "--format", "{{json .}}",
        timeout=20, check=False,
    )  # fmt: skip
    services = []
    for line in listing.splitlines():
        row = json.loads(line)
        labels = dict(pair.partition("=")[::2] for pair in row["Labels"].split(","))
        status = row["Status"]
        health = status.partition("(")[2].rstrip(")").removeprefix("health: ") if "(" in status else ""
        services.append(
            ServiceStatus(
                service=labels.get("com.docker.compose.service", "?"),
                container=row["Names"],
                state=row["State"],
                health=health if row["State"] == "running" else "",
            )
        )
    return tuple(sorted(services, key=lambda service: service.container))


def _archive(password: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in _files():
            _add(archive, path, data, 0o755 if path.endswith(".sh") else 0o644)
        _add(archive, ".env", _ENVIRONMENT.format(password=password).encode(), 0o600)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, path: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size = len(data)
    entry.mode = mode
    archive.addfile(entry, io.BytesIO(data))


def _files() -> Iterator[tuple[str, bytes]]:
    """The files the application's team owns, with their paths under its folder, in a fixed order."""
    folder = resources.files("selextract_infra.lab").joinpath("stack")
    yield from sorted(_walk(folder, ""))


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()
