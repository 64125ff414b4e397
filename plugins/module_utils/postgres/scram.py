"""Passwords as Postgres stores and checks them (RFC 5802, RFC 7677): from the verifier nobody can log in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

__all__ = ["mac", "new_password", "scram_keys", "scram_verifier"]

_ITERATIONS = 4096  # Postgres' own default; the password is random, so more would protect nothing
_SALT_BYTES = 16
_PASSWORD_BYTES = 32


def new_password() -> str:
    """A random password of letters, digits, ``-`` and ``_``: nothing in it needs quoting anywhere."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """What ``CREATE ROLE … PASSWORD`` takes in place of the password itself; ``salt`` is random unless given."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    client_key, server_key = scram_keys(password, salt, _ITERATIONS)
    stored_key = hashlib.sha256(client_key).digest()
    parts = (base64.b64encode(part).decode("ascii") for part in (salt, stored_key, server_key))
    encoded_salt, encoded_stored, encoded_server = parts
    return f"SCRAM-SHA-256${_ITERATIONS}:{encoded_salt}${encoded_stored}:{encoded_server}"


def scram_keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """The keys with which client and server prove that they know the password."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    return mac(salted, b"Client Key"), mac(salted, b"Server Key")


def mac(key: bytes, message: bytes) -> bytes:
    """The code by which who has the key knows a message for genuine."""
    return hmac.new(key, message, hashlib.sha256).digest()
