"""Ask a URL on this host whether its service answers."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

__all__ = ["complaint_of"]


def complaint_of(url: str, bound: float = 5.0) -> str | None:
    """None when ``url`` answers with a status from 200 to 299 within ``bound`` seconds, else the reason in words.

    Redirects are not followed and no proxy is used: the answer has to come from this host.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{url} is not an HTTP address"
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname, parts.port, timeout=bound)
        try:
            connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return f"{url} does not answer ({getattr(problem, 'strerror', None) or problem})"
    return None if 200 <= status <= 299 else f"{url} answers {status}"
