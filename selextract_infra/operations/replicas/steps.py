"""The steps of replicas: the balancer first, then each replica by itself, then what goes.

Built from Decisions and parameters and from nothing else, so a saved Plan gives the same steps again. A replica that
fails takes nothing else with it: its step is undone on both hosts, and the other replicas stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from selextract_infra.model.decision import Decision
from selextract_infra.model.plan import Change, Step
from selextract_infra.model.postgres import Role
from selextract_infra.operations.replicas.decide import REPLICA, replica_name
from selextract_infra.operations.replicas.operation import ReplicaRequest
from selextract_infra.operations.replicas.replica_values import ReplicaHost, primary_settings, replica_wanted
from selextract_infra.operations.replicas.replication import PrimarySeen, Replication
from selextract_infra.templates.read_balancer import OwnPlace, read_balancer_values

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["ReplicaParameters", "replica_steps"]

_BALANCER = "selextract.infra.read_balancer"
_MAKE = "selextract.infra.replica"
_REMOVE = "selextract.infra.replica_remove"


class ReplicaParameters(ReplicaRequest):
    """The request, and what the steps rest on: where the primary is, what was seen, what the hosts have.

    ``orphans`` are the slots and roles of replicas that are gone, ``silent`` the hosts with a replica that could not be
    reached: the balancer goes on knowing them.
    """

    primary: str
    replication: Replication
    hosts: dict[str, ReplicaHost] = Field(default_factory=dict)
    orphans: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


def replica_steps(decisions: Sequence[Decision], parameters: ReplicaParameters, policy: Policy) -> tuple[Step, ...]:
    """The steps that bring about what was decided; none where it is so already."""
    about = {decision.host: decision for decision in decisions if decision.resource == REPLICA}
    kept = {host: Role(str(decision.numbers["role"])) for host, decision in about.items() if decision.granted}
    going = [host for host, decision in about.items() if not decision.granted]
    builder = _StepBuilder(parameters, policy)
    return (
        *builder.balancer(kept, going),
        *(step for host, role in kept.items() for step in builder.replica(host, role)),
        *(builder.removal(host) for host in going),
        *builder.sweep(kept, going),
    )


class _StepBuilder:
    """Builds steps for one primary."""

    def __init__(self, parameters: ReplicaParameters, policy: Policy) -> None:
        self.parameters, self.policy = parameters, policy
        self.host, self.silent = parameters.primary, parameters.silent
        replication = parameters.replication.hosts[self.host]
        self.primary: PrimarySeen = replication.primary or PrimarySeen()
        self.balancer_seen = replication.balancer
        ((self.service, self.mapping),) = policy.application.services_of("database").items()

    def balancer(self, kept: Mapping[str, Role], going: Sequence[str]) -> Iterator[Step]:
        """The balancer before anything else: it is the replicas' way to the primary, too."""
        if not kept and self.balancer_seen is None:
            return
        addresses, on_host = self.policy.application.private_addresses, self.parameters.replication.hosts[self.host]
        port = self._port(self.host, "primary")
        settings = {
            **read_balancer_values(
                self.policy, service=self.service, network=self.primary.network,
                place=OwnPlace(on_host.balancer_name, on_host.balancer_folder, addresses[self.host], port),
            ),
            "image": self.policy.balancing.proxy.image,
            "allowed": sorted(addresses[host] for host in [*kept, *going, *self.silent] if host in addresses),
        }  # fmt: skip
        present = self.balancer_seen
        before = {key: value for key, value in present.settings.items() if key != "replicas"} if present else None
        if present is not None and before == settings and present.running:
            return
        yield self._step(
            id="balancer",
            title=f"Bring the balancer for reads on {self.host} to what is wanted",
            playbook=_BALANCER,
            values={
                self.host: {
                    "project": self.policy.application.project,
                    "balancer": settings,
                    "folder": on_host.balancer_folder,
                    "policy_digest": self.policy.digest,
                }
            },
            changes=(self._change(self.host, "read balancer", "state", "there" if present else "none", "as wanted"),),
            verification="HAProxy has accepted its file, runs, and asks exactly the replicas that its file names.",
            rollback="The files from before are put back, or the balancer is taken away where there was none.",
        )

    def replica(self, host: str, role: Role) -> Iterator[Step]:
        """One replica, made or brought to what is wanted; nothing where it is that already."""
        parameters, replication = self.parameters, self.policy.replication
        present = parameters.replication.hosts[host].replica
        ports = {name: self._port(host, name) for name in ("replica", "check")}
        ports["primary"] = self._port(self.host, "primary")
        replica_host = parameters.hosts[host].model_copy(update={"ports": ports})
        wanted = replica_wanted(host, role, replica_host, self.host, self.primary, self.policy)
        again = host in parameters.again
        rotation = self.balancer_seen.settings.get("replicas", []) if self.balancer_seen else []
        join = {
            "name": host,
            "address": wanted["address"],
            "port": wanted["port"],
            "analytics": role is Role.ANALYTICS,
            **({"check": wanted["check"]} if "check" in wanted else {}),
        }
        if present is not None and present.wanted == wanted and not again and join in rotation:
            return
        fresh = present is None or present.wanted is None or again
        copying = self.primary.data_bytes / replication.rate if fresh else 0.0
        times = replication.clone
        before = (present.role or "unfinished") if present else "none"
        verb = "Clone" if fresh else "Change"
        yield Step(
            id=f"replica-{host}",
            title=f"{verb} the {role} replica on {host}",
            playbook=_MAKE,
            hosts=(self.host, host),
            values={
                self.host: {"part": "primary", "primary_host": self.host},
                host: {
                    "part": "replica",
                    "primary_host": self.host,
                    "primary": {
                        **self._server(),
                        "settings": primary_settings(parameters.hosts[self.host].disk, self.primary, self.policy),
                    },
                    "replica": wanted,
                    "again": again,
                    "rate": replication.rate,
                    "needed_bytes": round(self.primary.data_bytes * (1 + replication.disk_margin)),
                    "copy_image": self.primary.image.id not in parameters.replication.hosts[host].images,
                    "image_port": replication.ports.image,
                    "join": join,
                    "check": {
                        "port": ports["check"],
                        "reads": replication.reads_lag,
                        "analytics": replication.analytics_lag,
                        "bound": replication.check.timeout,
                    },
                    "drain_seconds": replication.balancer.drain,
                    "gate_seconds": times.gate,
                    "clone_seconds": times.timeout + copying * replication.clone_slowest,
                    "policy_digest": self.policy.digest,
                },
            },
            changes=(self._change(host, "replica", "role", before, role.value),),
            verification="The replica streams from the primary over its own slot, has replayed what the primary had"
            " written when it was asked, and the balancer finds it good.",
            rollback="The replica is taken off its host with its data; slot, role and pg_hba.conf line are taken off"
            " the primary."
            if fresh
            else "The replica gets its files from before.",
            estimate_seconds=times.estimate + copying,
            rollback_seconds=times.rollback,
            timeout_seconds=times.timeout + times.gate + copying * replication.clone_slowest,
        )

    def removal(self, host: str) -> Step:
        """Take one replica away: out of the balancer first, the slot last."""
        present = self.parameters.replication.hosts[host].replica
        return self._step(
            id=f"remove-{host}",
            title=f"Take the replica off {host}",
            playbook=_REMOVE,
            values={
                self.host: {
                    "part": "primary",
                    "primary_host": self.host,
                    "sweep": [],
                    "policy_digest": self.policy.digest,
                },
                host: {
                    "part": "replica",
                    "primary_host": self.host,
                    "primary": self._server(),
                    "name": replica_name(host),
                    "server": host,
                    "address": self.policy.application.private_addresses.get(host, ""),
                    "drain_seconds": self.policy.replication.balancer.drain,
                    "policy_digest": self.policy.digest,
                },
            },
            changes=(
                self._change(host, "replica", "role", (present.role if present else None) or "unfinished", "none"),
            ),
            verification="Nothing of the replica is left on its host, and neither slot nor role on the primary.",
            rollback="There is no way back: its data are gone; another clone makes it again.",
            point_of_no_return=True,
        )

    def sweep(self, kept: Mapping[str, Role], going: Sequence[str]) -> Iterator[Step]:
        """Take away what replicas have left that are gone."""
        settings = self.balancer_seen.settings if self.balancer_seen else {}
        known = (*kept, *going, *self.silent)
        left = [server["name"] for server in settings.get("replicas", []) if server["name"] not in known]
        if not self.parameters.orphans and not left:
            return
        yield self._step(
            id="sweep",
            title=f"Take away what replicas that are gone have left on {self.host}",
            playbook=_REMOVE,
            values={
                self.host: {
                    "part": "primary",
                    "primary_host": self.host,
                    "project": self.policy.application.project,
                    "sweep": [{**self._server(), "name": name} for name in self.parameters.orphans],
                    "leave": left,
                    "drain_seconds": self.policy.replication.balancer.drain,
                    "policy_digest": self.policy.digest,
                }
            },
            changes=tuple(
                self._change(self.host, name, "slot and role", "there", "none") for name in self.parameters.orphans
            ),
            verification="No slot and no role of ours is left that has no replica.",
            rollback="There is no way back, and nothing to miss: no replica used them.",
            point_of_no_return=True,
        )

    def _port(self, host: str, name: str) -> int:
        """The port that this Project has on a host; the policy's where it was not asked."""
        port: int = getattr(self.policy.replication.ports, name)
        return self.parameters.replication.hosts[host].ports.get(name, port)

    def _server(self) -> dict[str, Any]:
        return {
            "project": self.policy.application.project,
            "service": self.service,
            "superuser": self.mapping.postgres.superuser,
            "socket": self.mapping.postgres.socket,
        }

    def _step(self, *, values: dict[str, dict[str, Any]], **more: Any) -> Step:
        times = self.policy.replication.change
        return Step(
            hosts=tuple(values),
            values=values,
            estimate_seconds=times.estimate,
            rollback_seconds=times.rollback,
            timeout_seconds=times.timeout + self.policy.replication.balancer.drain,
            **more,
        )

    @staticmethod
    def _change(host: str, subject: str, resource: str, before: str, after: str) -> Change:
        return Change(host=host, subject=subject, resource=resource, before=before, after=after)
