"""The roles that a service of the app can have, and what a word that is none of them was meant to be."""

from difflib import get_close_matches

__all__ = ["OTHER", "ROLES", "role_complaint"]

OTHER = "other"
ROLES = ("api", "frontend", "worker", "nginx", "database", "redis", OTHER)
"""Those of the guide, and ``other`` for what it does not know: observed, right-sized when asked by name, not scaled."""

_MEANT = {
    "database": ("postgres", "postgresql", "pg", "db", "mysql", "mariadb", "store"),
    "redis": ("cache", "queue", "broker", "valkey", "keydb", "memcached"),
    "nginx": ("proxy", "edge", "traefik", "caddy", "haproxy", "ingress", "balancer"),
    "worker": ("celery", "sidekiq", "jobs", "consumer", "background"),
    "api": ("app", "web", "backend", "server", "application"),
    "frontend": ("ui", "client", "site", "static"),
    OTHER: ("search", "mail", "beat", "scheduler", "cron", "objects", "storage", "unknown", "none"),
}


def role_complaint(role: str) -> str | None:
    """Why a word is no role, with the one that was probably meant; None for a role."""
    if role in ROLES:
        return None
    meant = next((known for known, words in _MEANT.items() if role.lower() in words), None)
    near = [meant] if meant else get_close_matches(role.lower(), ROLES, 1)
    hint = f"; did you mean {near[0]}?" if near else ";"
    return f"there is no role {role[:40]!r}{hint} The roles are {', '.join(ROLES)}"
