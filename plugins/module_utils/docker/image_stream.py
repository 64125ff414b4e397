"""A container image from one host straight to another, where there is no registry: once, encrypted, for one receiver.

The giver makes a certificate and a token for this one time; both reach the receiver by way of Ansible. The image's ID
is the digest of its content, so what arrives is what was sent.
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

from ..system.certificate import self_made_certificate
from ..system.failure import HostSideError
from .program import docker, docker_environment

__all__ = ["fetch_image", "has_image", "offer_image"]

_PIECE = 1 << 20
_PATIENCE = 15.0  # seconds for one step of a connection


def has_image(image: str) -> bool:
    """Whether the image of that ID is here."""
    return docker(["image", "inspect", "-f", "yes", image]).code == 0


def offer_image(image: str, address: str, port: int, receiver: str, bound: float) -> tuple[str, str]:
    """Offer an image on an address to one receiver for ``bound`` seconds; the certificate and the token it needs.

    A process of its own gives it, and ends when it was given or the time is over. Raises ``HostSideError`` of kind
    ``docker`` where the image is not here or the port is taken.
    """
    if not has_image(image):
        raise HostSideError("The primary's image is not on the primary's own host any more.", kind="docker")
    token = secrets.token_hex(32)
    certificate, key = self_made_certificate("image")
    context = _server_context(certificate, key)
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except OSError as problem:
        raise HostSideError(f"{address}:{port} cannot be used ({problem.strerror}).", kind="docker") from problem
    listener.listen(2)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _silence()
            _give(listener, context, token, image, receiver, bound)
        os._exit(0)
    listener.close()
    return certificate, token


def fetch_image(image: str, address: str, port: int, certificate: str, token: str, bound: float) -> None:
    """Take the offered image in. Raises ``HostSideError`` of kind ``docker`` where it does not arrive whole."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=certificate)
    deadline = time.monotonic() + bound
    try:
        plain = socket.create_connection((address, port), timeout=_PATIENCE)
        with plain, context.wrap_socket(plain) as connection:
            connection.sendall(token.encode("ascii") + b"\n")
            connection.settimeout(bound)  # Docker may prepare a large image for minutes before it gives the first byte
            _load(connection, deadline)
    except OSError as problem:
        raise HostSideError(
            f"The image did not arrive from {address}:{port} ({problem.strerror or problem}).", kind="docker"
        ) from problem
    if not has_image(image):
        raise HostSideError("The image that arrived is not the primary's.", kind="docker")


def _load(connection: ssl.SSLSocket, deadline: float) -> None:
    loading = subprocess.Popen(
        ["docker", "load", "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=docker_environment(),
    )  # fmt: skip
    try:
        while piece := connection.recv(_PIECE):
            if time.monotonic() > deadline:
                raise HostSideError("The image did not arrive in time.", kind="docker")
            if loading.stdin is not None:
                loading.stdin.write(piece)
        _, complaint = loading.communicate(timeout=max(_PATIENCE, deadline - time.monotonic()))
    except BrokenPipeError:
        _, complaint = loading.communicate()
    finally:
        if loading.poll() is None:
            loading.kill()
            loading.wait()
    if loading.returncode:
        told = complaint.decode("utf-8", "replace").strip().splitlines()
        raise HostSideError(
            f"Docker did not take the image in: {told[-1][:300] if told else 'no reason'}.", kind="docker"
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


def _silence() -> None:
    """Let go of what the starter listens to."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(nothing, handle)
