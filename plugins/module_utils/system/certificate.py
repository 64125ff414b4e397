"""Certificates that nobody else vouches for; who connects is given this very one, or binds its login to it."""

from __future__ import annotations

import subprocess

from .failure import HostSideError

__all__ = ["self_made_certificate"]

_DAYS = 3650
_BOUND = 30.0  # seconds
_BEGIN = "-----BEGIN CERTIFICATE-----"


def self_made_certificate(name: str) -> tuple[str, str]:
    """A new certificate for that name and its key, as PEM. Raises ``HostSideError`` where openssl makes none."""
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-sha256", "-nodes",
        "-days", str(_DAYS), "-subj", f"/CN={name[:60]}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", "-",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, encoding="ascii", timeout=_BOUND, check=False)
    except FileNotFoundError:
        raise HostSideError("openssl is not installed on this host.", kind="state") from None
    except subprocess.TimeoutExpired:
        raise HostSideError(f"openssl did not make a certificate within {_BOUND:.0f} s.", kind="state") from None
    key, begin, rest = done.stdout.partition(_BEGIN)
    if done.returncode or not begin:
        raise HostSideError("openssl could not make a certificate.", kind="state")
    return begin + rest, key
