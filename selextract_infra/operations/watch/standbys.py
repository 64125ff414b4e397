"""The replicas of each primary as they were last seen: what is left to do at once when the primary is gone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from selextract_infra.model.figures import disk, duration

if TYPE_CHECKING:
    from selextract_infra.model.observation import Observation
    from selextract_infra.model.postgres_observation import PostgresReplica
    from selextract_infra.policy import Policy

__all__ = ["Standbys"]

_DOWN = " is down"


class Standbys:
    """Remembers the replicas of every primary that answered; a database that does not tells nothing of them."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._seen: dict[str, tuple[datetime, tuple[PostgresReplica, ...]]] = {}

    def take(self, observation: Observation) -> None:
        """Keep what the primaries of this look say."""
        for host in observation.hosts:
            server = host.postgres
            if server is not None and server.problem is None and not server.in_recovery:
                self._seen[f"{host.name}/{server.service}"] = (observation.at, server.replicas)

    def what_to_do(self, because: Iterable[str]) -> str:
        """What can be done now where a database is among what is down; nothing where none is."""
        down = [reason.removesuffix(_DOWN) for reason in because if reason.endswith(_DOWN)]
        names = self._policy.application.services_of("database")
        return "".join(f" {self._of(place)}" for place in down if place.partition("/")[2] in names)

    def _of(self, place: str) -> str:
        at, replicas = self._seen.get(place, (None, ()))
        if at is None or not replicas:
            return (
                f"{place} has no replica, so it has to come back where it is:"
                " docker logs, docker start, or a restore from the newest backup."
            )
        nearest = min(replicas, key=lambda replica: (replica.lag_bytes is None, replica.lag_bytes or 0))
        behind = "an unknown amount" if nearest.lag_bytes is None else disk(nearest.lag_bytes)
        late = f", {duration(nearest.lag_seconds)}" if nearest.lag_seconds else ""
        where = f" at {nearest.address}" if nearest.address else ""
        return (
            f"{place} has the replica {nearest.name}{where}, which was {behind}{late} behind at {at:%H:%M:%S}Z. Where"
            " the primary stays down, promote it there: psql -U postgres -c 'SELECT pg_promote()', then lead the app to"
            " it; selextract-infra replicas shows how it stands."
        )
