"""Whether a replica may answer reads, from what it says of itself. Also part of the check that runs beside it."""

from __future__ import annotations

from typing import Any, Mapping, Optional

__all__ = ["QUERY", "complaint_of_replica", "lag_seconds"]

# A replica that is up and answers may still be stale: what counts is whether it receives, and how far it has replayed.
QUERY = """\
SELECT pg_is_in_recovery() AS standby,
  (SELECT status FROM pg_stat_wal_receiver) AS receiver,
  CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END AS paused,
  pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), (SELECT latest_end_lsn FROM pg_stat_wal_receiver)),
    pg_last_wal_replay_lsn()) AS lag_bytes,
  extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) AS replayed_seconds"""


def lag_seconds(row: Mapping[str, Any]) -> float:
    """How old the newest thing is that a reader may miss, in seconds; 0 where everything received is replayed."""
    if float(row.get("lag_bytes") or 0) <= 0:
        return 0.0
    return max(0.0, float(row.get("replayed_seconds") or 0))


def complaint_of_replica(row: Mapping[str, Any], maximum: float) -> Optional[str]:
    """Why it must not answer, in words; None where it may. ``maximum`` is how far behind it may be, in seconds."""
    if not row.get("standby"):
        return "it is no standby"
    if row.get("paused"):
        return "its replay is paused"
    if row.get("receiver") != "streaming":
        return "it receives nothing from the primary"
    behind = lag_seconds(row)
    return "it is {:.0f} s behind".format(behind) if behind > maximum else None
