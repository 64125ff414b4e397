"""What Postgres says becomes one sentence that names the cause."""

from __future__ import annotations

import pytest

from plugins.module_utils.replica.clone import progress_in
from plugins.module_utils.replica.diagnosis import EMPTY_VOLUME, NO_STANDBY, diagnosed
from plugins.module_utils.replica.lag import complaint_of_replica, lag_seconds

SAID = {
    'pg_basebackup: error: connection to server at "10.0.0.11", port 15432 failed: FATAL:  no pg_hba.conf entry for'
    ' replication connection from host "172.18.0.9", user "selextract_db2", SSL encryption': "no line",
    'FATAL:  could not connect to the primary server: connection to server at "10.0.0.11", port 15432 failed: FATAL: '
    ' password authentication failed for user "selextract_db2"': "does not accept the replica's password",
    'pg_basebackup: error: could not write to file "x/base/16384/2619": No space left on device': "disk",
    "FATAL:  database files are incompatible with server\n"
    "DETAIL:  The data directory was initialized by PostgreSQL version 16, which is not compatible with this version"
    " 17.4.": "of PostgreSQL 16",
    "pg_basebackup: error: incompatible server version 14.2": "another major version",
    'WARNING:  database "selextract" has a collation version mismatch': "sorts text by other rules",
    f"{EMPTY_VOLUME}.": "volume is empty",
    f"{NO_STANDBY}.": "no standby",
    'ERROR:  replication slot "selextract_db2" does not exist': "no slot selextract_db2",
    "FATAL:  could not receive data from WAL stream: ERROR:  requested WAL segment 000000010000000000000003 has"
    " already been removed": "cloned anew",
    "connection to server at 10.0.0.11 failed: Connection refused": "does not answer",
}


@pytest.mark.parametrize(("said", "named"), SAID.items())
def test_a_cause_is_named_in_one_sentence(said: str, named: str) -> None:
    sentence = diagnosed(said)
    assert sentence is not None
    assert named in sentence
    assert sentence.endswith(".")


def test_the_newest_cause_counts() -> None:
    sentence = diagnosed("Connection refused\nNo space left on device\nLOG:  nothing of interest\n")
    assert sentence == "The disk of the replica's host is full."


def test_what_is_not_known_is_not_guessed() -> None:
    assert diagnosed("LOG:  database system is ready to accept read-only connections") is None


def test_progress_is_the_newest_line_in_bytes() -> None:
    said = "waiting for checkpoint\n      0/456123 kB (0%), 0/1 tablespace\n  40960/456123 kB (8%), 0/1 tablespace\n"
    assert progress_in(said) == (40960 * 1024, 456123 * 1024)
    assert progress_in("waiting for checkpoint") == (0, 0)


STREAMS = {"standby": True, "receiver": "streaming", "paused": False, "lag_bytes": 0, "replayed_seconds": 900}


def test_a_replica_that_has_replayed_everything_is_not_behind_however_long_nothing_was_written() -> None:
    assert lag_seconds(STREAMS) == 0.0
    assert complaint_of_replica(STREAMS, 10) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lag_bytes": 1}, "900 s behind"),
        ({"paused": True}, "paused"),
        ({"receiver": None}, "receives nothing"),
        ({"receiver": "waiting"}, "receives nothing"),
        ({"standby": False}, "no standby"),
    ],
)
def test_a_replica_that_is_up_but_stale_is_not_used(change: dict[str, object], said: str) -> None:
    assert said in str(complaint_of_replica({**STREAMS, **change}, 10))


def test_a_replica_may_be_behind_as_far_as_is_allowed() -> None:
    row = {**STREAMS, "lag_bytes": 4096, "replayed_seconds": 9.5}
    assert complaint_of_replica(row, 10) is None
    assert complaint_of_replica(row, 9) is not None
