"""Which servers of a replication are restarted, and in which order: the most lagged replica first, the primary last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from selextract_infra.assess.postgres.parameters import STANDBY_PARAMETERS
from selextract_infra.errors import RefusedError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.observation import Observation
from selextract_infra.operations.replicas.decide import refuse_two_primaries, silent_replicas
from selextract_infra.operations.replicas.replication import PrimarySeen, ReplicaSeen, Replication

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["RESTART", "decide_restart"]

RESTART = "restart"
"""The resource of the Decisions; 1 for a server that is restarted."""


def decide_restart(
    observation: Observation, replication: Replication, policy: Policy, *, everything: bool = False
) -> tuple[Decision, ...]:
    """A Decision for each server, in the order of their restarts.

    A server is restarted where settings of it wait for that; with ``everything`` each one is. Raises ``RefusedError``
    where there is no one primary, and where the primary would come back with more of something than a replica has, or
    than one has that cannot be reached: that would stop replay there (DRV-10).
    """
    refuse_two_primaries(replication)
    name = replication.primary_host
    primary = replication.hosts[name].primary if name else None
    if name is None or primary is None or primary.problem:
        reason = primary.problem if primary else "no host runs the one primary"
        raise RefusedError(f"There is nothing to restart: {reason}", rule="DRV-09")
    replicas = {host: replica for host, replica in replication.replicas.items() if replica.wanted is not None}
    for parameter in STANDBY_PARAMETERS:
        if parameter in primary.pending_restart:
            _refuse_stopping_replay(parameter, primary, replicas, silent_replicas(primary, observation))
    ordered = sorted(replicas, key=lambda host: (-replicas[host].lag_bytes, -replicas[host].lag_seconds, host))
    servers = [(host, replicas[host].pending_restart) for host in ordered] + [(name, tuple(primary.pending_restart))]
    return tuple(_decision(host, tuple(sorted(waiting)), policy, everything=everything) for host, waiting in servers)


def _refuse_stopping_replay(
    parameter: str, primary: PrimarySeen, replicas: Mapping[str, ReplicaSeen], silent: Sequence[str]
) -> None:
    needed = primary.highest(parameter)
    after = f"After its restart the primary has {parameter} {needed}, and"
    for host, replica in replicas.items():
        has = str((replica.wanted or {}).get("settings", {}).get(parameter, ""))
        if has.isdigit() and int(has) < needed:
            raise RefusedError(
                f"{after} the replica on {host} has {has}: it would stop replaying.",
                rule="DRV-10",
                remedy="selextract-infra replicas --apply raises it there first",
            )
    if silent and needed > int(primary.settings[parameter]):
        raise RefusedError(
            f"{after} how many the replica on {', '.join(silent)} has is not known, because it cannot be reached.",
            rule="DRV-10",
            remedy="bring it back, or take it out of the inventory if it is gone for good",
        )


def _decision(host: str, waiting: tuple[str, ...], policy: Policy, *, everything: bool) -> Decision:
    wanted = bool(waiting) or everything
    return Decision(
        host=host,
        project=policy.application.project or "",
        service=next(iter(policy.application.services_of("database"))),
        resource=RESTART,
        verdict=Verdict.SET if wanted else Verdict.KEEP,
        rule="DRV-09",
        current=0,
        requested=int(wanted),
        granted=int(wanted),
        why=f"{', '.join(waiting)} wait for a restart." if waiting else "Asked for." if wanted else "Nothing waits.",
    )
