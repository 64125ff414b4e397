"""A container image from one host straight to another, where there is no registry: once, encrypted, for one receiver.

The giver makes a certificate and a token for this one time; both reach the receiver by way of the control machine. The
archive that arrives is looked at before Docker takes it in: it may hold the image of the wanted ID and no name, as the
ID is the digest of the content. It is given by a process of its own, which
goes on when the act is done: the receiver's act comes after it.
"""

from __future__ import annotations

import hmac
import os
import secrets
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping
from typing import Any, BinaryIO

from ..state.act import Act, Work, by_state
from ..state.host_program import KeptProgram
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP
from ..state.state import StateFolder
from ..system.certificate import self_made_certificate
from ..system.failure import HostSideError
from ..system.leftover_processes import VARIABLE
from ..system.systemctl import systemctl
from ..system.transient_unit import start_alone
from ..system.waiting import waited_for
from .image_archive import refuse_other_images
from .program import docker, docker_environment

__all__ = ["IMAGE_COPY", "OFFER", "fetch_image", "give_image", "has_image"]

OFFER = "give-image"  # what the host's program is asked for
_OFFER = "image-offer.json"
_UNIT = "selextract-infra-image"
_TRANSIENT = "/run/systemd/transient"

_PIECE = 1 << 20
_PATIENCE = 15.0  # seconds for one step of a connection


def has_image(image: str) -> bool:
    """Whether the image of that ID is here."""
    return docker(["image", "inspect", "-f", "yes", image]).code == 0


def _offer(work: Work) -> dict[str, Any]:
    """Offer it to one receiver for a while; the certificate and the token that the receiver needs."""
    given, folder = work.params, StateFolder(work.params["state_folder"])
    if work.check_mode:
        return {"changed": False}
    held_run(folder, given["run_id"])
    if not has_image(given["image"]):
        raise HostSideError("The primary's image is not on the primary's own host any more.", kind="docker")
    certificate, key = self_made_certificate("image")
    token = secrets.token_hex(32)
    about = {name: given[name] for name in ("image", "address", "port", "receiver", "bound_seconds")}
    unit = f"{_UNIT}-{given['run_id']}"
    if os.path.exists(f"{_TRANSIENT}/{unit}.service"):
        systemctl("stop", unit)  # it was offered before, in an attempt that was ended
    _listening(about["address"], int(about["port"])).close()
    folder.write(_OFFER, {**about, "certificate": certificate, "key": key, "token": token})
    command = KeptProgram(folder, given["program"]).command(OFFER, folder.path)
    start_alone(unit, "An image for another host (selextract-infra)", command, {VARIABLE: str(given["run_id"])})
    if not waited_for(lambda: _listens(about["address"], int(about["port"])), _PATIENCE):
        raise HostSideError(f"Nobody gives the image at {about['address']}:{about['port']}.", kind="docker")
    return {"changed": False, "handed_over": {"certificate": certificate, "token": token}}


def _fetch(work: Work) -> dict[str, Any]:
    given = work.params
    if work.check_mode or has_image(given["image"]):
        return {"changed": not has_image(given["image"])}
    held_run(StateFolder(given["state_folder"]), given["run_id"])
    fetch_image(given["image"], given, given["state_folder"])
    return {"changed": True}


def give_image(folder: StateFolder) -> None:
    """Give the image that was offered; ends when it was given or the time is over. A second time there is no offer."""
    offer = folder.read(_OFFER)
    if offer is None:
        return
    folder.remove(_OFFER)
    context = _server_context(offer["certificate"], offer["key"])
    listener = _listening(offer["address"], int(offer["port"]))
    listener.listen(2)
    _give(listener, context, offer["token"], offer["image"], offer["receiver"], float(offer["bound_seconds"]))


def _listening(address: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except OSError as problem:
        listener.close()
        raise HostSideError(f"{address}:{port} cannot be used ({problem.strerror}).", kind="docker") from problem
    return listener


def _listens(address: str, port: int) -> bool:
    """Whether somebody does; the giver hangs up on whoever is not its receiver."""
    try:
        socket.create_connection((address, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def fetch_image(image: str, offer: Mapping[str, Any], folder: str) -> None:
    """Take the image in that ``offer`` says how to get, by way of a file in ``folder`` that has no name.

    Raises ``HostSideError`` of kind ``docker`` where it does not arrive whole, or something else does.
    """
    address, port, bound = offer["address"], int(offer["port"]), float(offer["bound_seconds"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=offer["certificate"])
    deadline = time.monotonic() + bound
    with tempfile.TemporaryFile(dir=folder) as archive:
        try:
            plain = socket.create_connection((address, port), timeout=_PATIENCE)
            with plain, context.wrap_socket(plain) as connection:
                connection.sendall(str(offer["token"]).encode("ascii") + b"\n")
                connection.settimeout(bound)  # Docker may prepare a large image for minutes before the first byte
                _receive(connection, archive, deadline)
        except OSError as problem:
            raise HostSideError(
                f"The image did not arrive from {address}:{port} ({problem.strerror or problem}).", kind="docker"
            ) from problem
        refuse_other_images(archive, image)
        archive.seek(0)
        _load(archive, deadline)
    if not has_image(image):
        raise HostSideError("The image that arrived is not the primary's.", kind="docker")


def _receive(connection: ssl.SSLSocket, target: BinaryIO, deadline: float) -> None:
    """Write what is sent into a file; it may fill half of what the disk has free, so that Docker has the rest."""
    free = os.fstatvfs(target.fileno())
    left = free.f_bavail * free.f_frsize // 2
    while piece := connection.recv(_PIECE):
        left -= len(piece)
        if left < 0:
            raise HostSideError("The disk is too full for the image of the primary.", kind="docker")
        if time.monotonic() > deadline:
            raise HostSideError("The image did not arrive in time.", kind="docker")
        target.write(piece)
    target.seek(0)


def _load(archive: BinaryIO, deadline: float) -> None:
    try:
        loading = subprocess.run(
            ["docker", "load", "--quiet"], stdin=archive, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=docker_environment(), timeout=max(_PATIENCE, deadline - time.monotonic()), check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise HostSideError("Docker did not take the image in in time.", kind="docker") from None
    if loading.returncode:
        lines = loading.stderr.decode("utf-8", "replace").strip().splitlines()
        raise HostSideError(
            f"Docker did not take the image in: {lines[-1][:300] if lines else 'no reason'}.", kind="docker"
        )


def _give(
    listener: socket.socket, context: ssl.SSLContext, token: str, image: str, receiver: str, bound: float
) -> None:
    """Wait for the receiver and give it the image; then, or when the time is over, it is done."""
    end = time.monotonic() + bound
    while (left := end - time.monotonic()) > 0:
        listener.settimeout(left)
        try:
            plain, peer = listener.accept()
        except OSError:
            return
        if peer[0] != receiver:
            plain.close()
            continue
        plain.settimeout(_PATIENCE)
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                if _knows(connection, token):
                    connection.settimeout(bound)
                    _save(connection, image)
                    return
        except OSError:
            continue


def _knows(connection: ssl.SSLSocket, token: str) -> bool:
    said = b""
    while not said.endswith(b"\n") and len(said) <= len(token):
        piece = connection.recv(128)
        if not piece:
            return False
        said += piece
    return hmac.compare_digest(said.strip(), token.encode("ascii"))


def _save(connection: ssl.SSLSocket, image: str) -> None:
    saving = subprocess.Popen(
        ["docker", "save", image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=docker_environment()
    )
    try:
        while saving.stdout is not None and (piece := saving.stdout.read(_PIECE)):
            connection.sendall(piece)
        connection.unwrap()
    finally:
        saving.kill()
        saving.wait()


def _server_context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", prefix="selextract-") as file:
        file.write(certificate + key)
        file.flush()
        context.load_cert_chain(file.name)
    return context


IMAGE_COPY = Act(
    "image_copy",
    {
        "image": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["offered", "fetched"], "required": True},
        "address": {"type": "str", "required": True},
        "port": {"type": "int", "required": True},
        "receiver": {"type": "str"},
        "certificate": {"type": "str"},
        "token": {"type": "str", "no_log": True},
        "bound_seconds": {"type": "float", "default": 900},
        "program": {"type": "str"},
        **STEP,
        **DOCKER,
        **STATE,
    },
    by_state(offered=_offer, fetched=_fetch),
)
