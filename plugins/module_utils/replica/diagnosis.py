"""Why a clone or a replica does not work, as one sentence, from what pg_basebackup and Postgres said.

Every message is one of Postgres' own in its untranslated form: whatever we start, we start with ``LC_MESSAGES=C``.
"""

from __future__ import annotations

import re

__all__ = ["EMPTY_VOLUME", "NO_STANDBY", "diagnosed"]

EMPTY_VOLUME = "selextract: the replica's volume holds no database"
NO_STANDBY = "selextract: the replica's volume holds no standby"

_KNOWN = (
    (
        EMPTY_VOLUME,
        "The replica's volume is empty, so nothing was started on it: it would have become a database of its own.",
    ),
    (
        NO_STANDBY,
        "The replica's volume holds a database that is no standby, so it was not started as a second primary.",
    ),
    (r"No space left on device", "The disk of the replica's host is full."),
    (
        r"password authentication failed for user \"(?P<what>[^\"]+)\"",
        "The primary does not accept the replica's password for {what}.",
    ),
    (
        r"no pg_hba\.conf entry for (?:replication connection from )?host \"(?P<what>[^\"]+)\"",
        "The primary's pg_hba.conf has no line that lets this replica in (it comes from {what}).",
    ),
    (
        r"pg_hba\.conf rejects (?:replication )?connection for host \"(?P<what>[^\"]+)\"",
        "The primary's pg_hba.conf turns this replica away (it comes from {what}).",
    ),
    (r"server does not support SSL|SSL is not enabled on the server", "The primary does not offer TLS."),
    (
        r"role \"(?P<what>[^\"]+)\" does not exist|must be superuser or replication role",
        "The primary has no role with the right to replicate for this replica.",
    ),
    (
        r"replication slot \"(?P<what>[^\"]+)\" does not exist",
        "The primary has no slot {what}; the replica has to be cloned anew.",
    ),
    (
        r"requested WAL segment \S+ has already been removed|can no longer (?:get|access) (?:changes|replication slot)"
        r"|replication slot \"[^\"]+\" has been invalidated|This slot has been invalidated",
        "The primary has removed WAL that the replica still needs; the replica has to be cloned anew.",
    ),
    (
        r"incompatible server version (?P<what>[\d.]+)|server version: (?P<old>[\d.]+)",
        "The replica's programs are of another major version than the primary's.",
    ),
    (
        r"initialized by PostgreSQL version (?P<what>\d+),? which is not compatible with this version",
        "The replica's data are of PostgreSQL {what}, and its programs are of another major version.",
    ),
    (
        r"database system identifier differs between the primary and standby",
        "The replica's data come from another primary.",
    ),
    (
        r"has a collation version mismatch|has no actual collation version",
        "The replica's C library sorts text by other rules than the primary's, so its indexes cannot be trusted.",
    ),
    (
        r"number of requested standby connections exceeds|all replication slots are in use"
        r"|max_wal_senders \(currently \d+\)",
        "The primary has no room for one more replica: all of its max_wal_senders are in use.",
    ),
    (
        r"recovery aborted because of insufficient parameter settings|(?:recovery|hot standby) is not possible because"
        r" of insufficient parameter settings|hot standby is not possible because (?P<what>\w+)",
        "A setting of the replica is lower than the primary's, so it has stopped replaying.",
    ),
    (r"channel binding required", "The primary's certificate cannot be tied to the login, so it was not trusted."),
    (
        r"Connection refused|could not connect to server|timeout expired|No route to host|Connection timed out"
        r"|server closed the connection unexpectedly|could not translate host name",
        "The primary does not answer at its private address.",
    ),
    (r"could not map anonymous shared memory|Cannot allocate memory", "The replica has too little memory to start."),
    (
        r"invalid value for parameter \"(?P<what>[^\"]+)\"|unrecognized configuration parameter \"(?P<name>[^\"]+)\"",
        "The replica's settings are not accepted by its server.",
    ),
)
_COMPILED = tuple((re.compile(pattern), sentence) for pattern, sentence in _KNOWN)


def diagnosed(output: str) -> str | None:
    """What is the matter, in one sentence: the newest line that is known; None where nothing is."""
    for line in reversed(output.splitlines()):
        for pattern, sentence in _COMPILED:
            match = pattern.search(line)
            if match is not None:
                return sentence.format(**{name: value or "" for name, value in match.groupdict().items()})
    return None
