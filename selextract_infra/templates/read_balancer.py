"""The files of the balancer for reads: HAProxy's configuration and its own Compose project, from policy and names only.

It joins the app's network, where the app asks it for reads and for analytics, and it lets the replicas, and nobody
else, through to the primary: on the private address, with TLS from end to end. Its servers are not part of the text:
the host puts in those that are in rotation, so that a restart keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selextract_infra.templates.haproxy import INSIDE, RESOLVED, compose_text, head, milliseconds

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["ALIAS", "OwnPlace", "read_balancer_values", "server_options"]

ALIAS = "postgres-reads"
"""The name by which the app finds it on its own network."""

_REPLICATION = 5431  # in the container; outside it is the policy's
_PRIMARY_PORT = 5432  # where Postgres listens in the app's container


@dataclass(frozen=True)
class OwnPlace:
    """Where the balancer is: the name of our Compose project, the ``folder`` of its files, where replicas reach it."""

    name: str
    folder: str
    address: str
    port: int


def read_balancer_values(policy: Policy, *, service: str, network: str, place: OwnPlace) -> dict[str, Any]:
    """What the host makes the balancer from: ``compose``, the ``head`` of the configuration, a text for each backend.

    ``service`` is the primary's name on the app's ``network``.
    """
    balancer = policy.replication.balancer
    compose = compose_text(
        place.name, ALIAS, image=policy.balancing.proxy.image, network=network, folder=place.folder,
        drain=balancer.drain, memory=balancer.memory, cpus=balancer.cpus,
        ports=[f"{place.address}:{place.port}:{_REPLICATION}"],
    )  # fmt: skip
    return {
        "compose": compose,
        "head": _head(policy, service),
        "backends": {name: _backend(policy, name, service) for name in ("reads", "analytics")},
        "options": server_options(policy),
        "drain": balancer.drain,
    }


def server_options(policy: Policy) -> dict[str, str]:
    """By backend, what holds for every replica in it.

    Readers leave a replica that is marked down: it would go on giving them old data. An analytics replica is behind by
    design, and its queries are long, so they may end.
    """
    replication, health = policy.replication, policy.balancing.health_check
    common = (
        f"check port {replication.ports.check} inter {milliseconds(replication.check.interval)}"
        f" fall {health.fall.value} rise {health.rise.value}"
    )
    return {"reads": f"{common} on-marked-down shutdown-sessions", "analytics": common}


def _head(policy: Policy, service: str) -> str:
    replication, balancer = policy.replication, policy.replication.balancer
    return f"""\
{head(balancer.connections, "    log stdout format raw local0 notice")}
defaults
    mode tcp
    log global
    option clitcpka
    option srvtcpka
    option redispatch 1
    retries 3
    timeout connect {milliseconds(balancer.connect)}
    timeout client {milliseconds(balancer.idle)}
    timeout server {milliseconds(balancer.idle)}
    timeout check {milliseconds(replication.check.timeout)}

# The replicas' way to the primary; TLS and the login are between the two.
listen replication
    bind :{_REPLICATION}
    tcp-request connection reject unless {{ src -f {INSIDE}/replicas.acl }}
    server primary {service}:{_PRIMARY_PORT} {RESOLVED}

frontend reads
    bind :{replication.ports.reads}
    default_backend reads

frontend analytics
    bind :{replication.ports.analytics}
    default_backend analytics
"""


def _backend(policy: Policy, name: str, service: str) -> str:
    """A backend up to its replicas. The primary answers where no replica may."""
    algorithm = {"round_robin": "roundrobin"}[policy.balancing.reads]
    return f"""
backend {name}
    balance {algorithm}
    option httpchk
    http-check send meth GET uri /{name}
    http-check expect status 200
    server primary {service}:{_PRIMARY_PORT} backup {RESOLVED}
"""
