"""Passwords as Postgres stores them (RFC 5802, RFC 7677): from the verifier nobody can log in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

__all__ = ["new_password", "scram_verifier"]

_ITERATIONS = 4096  # Postgres' own default; the password is random, so more would protect nothing
_SALT_BYTES = 16
_PASSWORD_BYTES = 32


def new_password() -> str:
    """A random password of letters, digits, ``-`` and ``_``: nothing in it needs quoting anywhere."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """What ``CREATE ROLE … PASSWORD`` takes in place of the password itself; ``salt`` is random unless given."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    client_key = hmac.new(salted, b"Client Key", hashlib.sha256).digest()
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.new(salted, b"Server Key", hashlib.sha256).digest()
    parts = (base64.b64encode(part).decode("ascii") for part in (salt, stored_key, server_key))
    encoded_salt, encoded_stored, encoded_server = parts
    return f"SCRAM-SHA-256${_ITERATIONS}:{encoded_salt}${encoded_stored}:{encoded_server}"
