"""Where an app finds its database: the address in its Compose files, taken apart and led elsewhere as text.

The text is Compose's own, with ``${NAME}`` still in it; what stands for a secret is never looked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from ..system.failure import HostSideError
from .dsn_parameters import refuse_parameters, startup_parameters, wants_tls
from .wire import Login

__all__ = ["Address", "is_one_reference", "leads_to", "login_of", "read_address", "redirected", "written_out"]

_REFERENCE = re.compile(r"\$(?:\{(?:[^{}]|\{[^{}]*\})*\}|[A-Za-z_][A-Za-z0-9_]*)")
_MARK = re.compile("\ue000(\\d+)\ue001")
_URL = re.compile(
    r"(?P<scheme>(?:jdbc:)?postgres[a-z0-9+.-]*)://"
    r"(?:(?P<user>[^:@/?]*)(?::(?P<password>[^@/?]*))?@)?"
    r"(?P<host>[^:/?@,]+)(?::(?P<port>[^/?,]+))?"
    r"/(?P<database>[^/?]+)(?P<query>\?.*)?\Z"
)
_SECRET_WORDS = ("password=", "sslpassword=", "passfile=")
_STRICT_TLS = ("sslmode=verify-ca", "sslmode=verify-full")
_USUAL_PORT = 5432


@dataclass(frozen=True)
class Address:
    """Whom an app logs in as, and to which database where. Nothing secret is in it."""

    user: str
    host: str
    port: int
    database: str


def read_address(resolved: str) -> Address:
    """The parts of an address whose references are all filled in; its password is dropped.

    Raises ``HostSideError`` of kind ``refused`` where it is not a URL of one Postgres server, and where it asks for
    what does not go through PgBouncer; the sentence shows no value of it.
    """
    match = _URL.match(resolved)
    if match is None:
        raise _refused(_no_address(resolved))
    if unquote(match["host"]).startswith("/"):
        raise _refused("finds its server by a local socket, and PgBouncer is in a container of its own")
    refuse_parameters(resolved)
    try:
        port = int(match["port"] or _USUAL_PORT)
    except ValueError:
        raise _refused("has no number for a port") from None
    return Address(unquote(match["user"] or ""), match["host"], port, unquote(match["database"]))


def login_of(resolved: str, password: str | None = None) -> Login | None:
    """How the app logs in, its own parameters with it; None where it says no user or no password.

    ``password`` is used where the address has none.
    """
    match = _URL.match(resolved)
    if match is None or not match["user"] or not (match["password"] or password):
        return None
    return Login(
        unquote(match["user"]),
        unquote(match["database"]),
        unquote(match["password"]) if match["password"] else password,
        parameters=tuple(sorted(startup_parameters(resolved).items())),
        tls=wants_tls(resolved),
    )


def leads_to(value: str, host: str, port: int) -> bool:
    """Whether a text is, or has in it, an address at that host and port, whatever else it asks for."""
    return re.search(rf"(?:@|//|,){re.escape(host)}:{port}(?![0-9])", value) is not None


def _no_address(resolved: str) -> str:
    """Why a text is no address of one server, in words that show none of it."""
    before = resolved.partition("?")[0].partition("://")[2]
    if before and "," in before.rpartition("@")[2]:
        return "names several servers, and PgBouncer is one"
    if before and before.rpartition("@")[2].startswith("/"):
        return "names no host, so it finds its server by a local socket or by other variables"
    return "is no address of one Postgres server, such as postgresql://user@host:5432/name"


def written_out(address: Address) -> str:
    """The address as a team can write it into its Compose files, its password left to a variable of ``.env``."""
    return f"postgresql://{address.user}:${{DB_PASSWORD}}@{address.host}:{address.port}/{address.database}"


def is_one_reference(raw: str) -> bool:
    """Whether the Compose files have nothing of the address but the name of a variable."""
    return _REFERENCE.fullmatch(raw.strip()) is not None


def redirected(raw: str, host: str, port: int) -> str:
    """The same address at another host and port, its references as they were.

    Raises ``HostSideError`` of kind ``refused`` where a secret stands in it in plain, since we write none down, where
    it is one single reference, and where it asks for a certificate that we do not have.
    """
    references: list[str] = []

    def set_aside(match: re.Match[str]) -> str:
        references.append(match[0])
        return f"\ue000{len(references) - 1}\ue001"

    if "$$" in raw:
        raise _refused("has a $ in plain")
    marked = _REFERENCE.sub(set_aside, raw)
    match = _URL.match(marked)
    if match is None:
        where = "is not written out in the Compose files, so only the app's team can change it"
        raise _refused(where if _MARK.fullmatch(marked) else "is no address of one Postgres server")
    query = match["query"] or ""
    if match["password"] and _MARK.sub("", match["password"]):
        raise _refused("has its password in plain; put it into .env and write ${NAME} in its place")
    if any(word in query.lower() for word in _SECRET_WORDS):
        raise _refused("has a password in its options; put it before the host, as ${NAME}")
    if any(word in query.lower() for word in _STRICT_TLS):
        raise _refused("asks for a certificate of a known authority, which a self-made one is not")
    before = marked[: match.start("host")]
    return _MARK.sub(lambda mark: references[int(mark[1])], f"{before}{host}:{port}/{match['database']}{query}")


def _refused(why: str) -> HostSideError:
    return HostSideError(f"it {why}", kind="refused", rule="mapping")
