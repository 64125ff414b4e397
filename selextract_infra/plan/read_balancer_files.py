"""The files of the balancer for reads: HAProxy's configuration and its own Compose project, from policy and names only.

It joins the app's network, where the app asks it for reads and for analytics, and it lets the replicas, and nobody
else, through to the primary: on the private address, with TLS from end to end. Its servers are not part of the text:
the host puts in those that are in rotation, so that a restart keeps them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["ALIAS", "PROJECT", "read_balancer_values", "server_options"]

PROJECT = "selextract-balancer-ro"
ALIAS = "postgres-reads"
"""The name by which the app finds it on its own network."""

_INSIDE = "/etc/selextract"
_RUNNING = "/run/selextract"
_NOBODY = "65534:65534"
_REPLICATION = 5431  # in the container; outside it is the policy's
_PRIMARY_PORT = 5432  # where Postgres listens in the app's container
_MILLISECOND = 1000


def read_balancer_values(policy: Policy, *, service: str, network: str, address: str, folder: str) -> dict[str, Any]:
    """What the host makes the balancer from: ``compose``, the ``head`` of the configuration, a text for each backend.

    ``service`` is the primary's name on the app's ``network``, ``address`` the private one of its host, ``folder``
    where the files are there.
    """
    balancer = policy.replication.balancer
    compose: dict[str, Any] = {
        "name": PROJECT,
        "services": {
            "balancer": {
                "image": policy.balancing.proxy.image,
                "entrypoint": ["haproxy"],
                "command": ["-W", "-db", "-f", f"{_INSIDE}/haproxy.cfg"],
                "user": _NOBODY,
                "restart": "unless-stopped",
                "stop_signal": "SIGUSR1",
                "stop_grace_period": f"{round(balancer.drain)}s",
                "read_only": True,
                "cap_drop": ["ALL"],
                "security_opt": ["no-new-privileges:true"],
                "mem_limit": balancer.memory,
                "memswap_limit": balancer.memory,
                "cpus": balancer.cpus,
                "ports": [f"{address}:{policy.replication.ports.primary}:{_REPLICATION}"],
                "volumes": [f"{folder}/config:{_INSIDE}:ro", f"{folder}/run:{_RUNNING}"],
                "networks": {"app": {"aliases": [ALIAS]}},
            }
        },
        "networks": {"app": {"external": True, "name": network}},
    }
    return {
        "compose": json.dumps(compose, indent=2) + "\n",
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
        f"check port {replication.ports.check} inter {_milliseconds(replication.check.interval)}"
        f" fall {health.fall.value} rise {health.rise.value}"
    )
    return {"reads": f"{common} on-marked-down shutdown-sessions", "analytics": common}


def _head(policy: Policy, service: str) -> str:
    replication, balancer = policy.replication, policy.replication.balancer
    return f"""\
# Written by selextract-infra from its policy; changes by hand are lost.
global
    maxconn {balancer.connections}
    stats socket {_RUNNING}/admin.sock mode 600 level admin
    stats timeout 5m
    log stdout format raw local0 notice

resolvers docker
    nameserver engine 127.0.0.11:53
    accepted_payload_size 8192
    resolve_retries 3
    timeout resolve 1s
    timeout retry 1s
    hold valid 1s

defaults
    mode tcp
    log global
    option clitcpka
    option srvtcpka
    option redispatch 1
    retries 3
    timeout connect {_milliseconds(balancer.connect)}
    timeout client {_milliseconds(balancer.idle)}
    timeout server {_milliseconds(balancer.idle)}
    timeout check {_milliseconds(replication.check.timeout)}

# The replicas' way to the primary; TLS and the login are between the two.
listen replication
    bind :{_REPLICATION}
    tcp-request connection reject unless {{ src -f {_INSIDE}/replicas.acl }}
    server primary {service}:{_PRIMARY_PORT} resolvers docker resolve-prefer ipv4 init-addr last,libc,none

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
    server primary {service}:{_PRIMARY_PORT} backup resolvers docker resolve-prefer ipv4 init-addr last,libc,none
"""


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * _MILLISECOND)}ms"
