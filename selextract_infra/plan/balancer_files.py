"""The files of the balancer: HAProxy's configuration and its own Compose project, from the policy and nothing else.

It joins the app's network and publishes no port, so nobody but the app's own Nginx reaches it. Its servers are not
part of the text: the host appends those that are in rotation, by name, so that a restart and a new address keep them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["ALIAS", "PROJECT", "compose_text", "haproxy_text", "server_options"]

PROJECT = "selextract-balancer"
ALIAS = "selextract-balancer"
"""The name by which Nginx finds it on the app's network."""

INSIDE = "/etc/selextract"
RUNNING = "/run/selextract"
_NOBODY = "65534:65534"
_MILLISECOND = 1000
_LINE = 128  # bytes that a line of the request log may have; it usually has forty
# When it ended, its status, how long it took in milliseconds, who ended it, and its method.
_LOG_FORMAT = "%[date(0,ms)] %ST %Ta %ts %HM"
_SAFE_METHODS = "GET HEAD OPTIONS"


def haproxy_text(policy: Policy, port: int) -> str:
    """The configuration, up to the servers of its last section; ``port`` is where it listens."""
    proxy, check = policy.balancing.proxy, policy.balancing.health_check
    return f"""\
# Written by selextract-infra from its policy; changes by hand are lost.
global
    maxconn {proxy.connections}
    stats socket {RUNNING}/admin.sock mode 600 level admin
    stats timeout 5m
    hard-stop-after {_milliseconds(proxy.drain)}
    log ring@requests format raw local0 info

ring requests
    description "one line for each request"
    format raw
    maxlen {_LINE}
    size {proxy.log}

resolvers docker
    nameserver engine 127.0.0.11:53
    accepted_payload_size 8192
    resolve_retries 3
    timeout resolve 1s
    timeout retry 1s
    hold valid 1s

defaults
    mode http
    log global
    log-format "{_LOG_FORMAT}"
    option redispatch 1
    option http-server-close
    option idle-close-on-response
    retries {proxy.retries}
    retry-on conn-failure empty-response response-timeout
    timeout connect {_milliseconds(proxy.connect)}
    timeout queue {_milliseconds(proxy.queue)}
    timeout http-request {_milliseconds(proxy.queue)}
    timeout client {_milliseconds(proxy.idle)}
    timeout server {_milliseconds(proxy.answer)}
    timeout check {_milliseconds(check.timeout.value)}

frontend edge
    bind :{port}
    default_backend api

backend api
    balance {policy.balancing.algorithm}
    # What may change something is repeated only where the instance never got it.
    http-request disable-l7-retry unless {{ method {_SAFE_METHODS} }}
    option httpchk
    http-check send meth GET uri {check.path} ver HTTP/1.1 hdr Host {ALIAS}
    http-check expect status 200-299
    default-server {server_options(policy)} resolvers docker resolve-prefer ipv4 init-addr last,libc,none
"""


def server_options(policy: Policy) -> str:
    """What holds for every server, those that are added at run time too."""
    proxy, check = policy.balancing.proxy, policy.balancing.health_check
    return (
        f"check inter {_milliseconds(check.interval)} fastinter {_milliseconds(proxy.fast_interval)}"
        f" downinter {_milliseconds(proxy.down_interval)} fall {check.fall.value} rise {check.rise.value}"
        " observe layer4 on-error fastinter"
    )


def compose_text(policy: Policy, network: str, folder: str) -> str:
    """Its Compose file; ``folder`` is its own on the host, ``network`` the app's, which is not ours."""
    proxy = policy.balancing.proxy
    service: dict[str, Any] = {
        "image": proxy.image,
        "entrypoint": ["haproxy"],
        "command": ["-W", "-db", "-f", f"{INSIDE}/haproxy.cfg"],
        "user": _NOBODY,
        "restart": "unless-stopped",
        "stop_signal": "SIGUSR1",
        "stop_grace_period": f"{round(proxy.drain)}s",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": proxy.memory,
        "memswap_limit": proxy.memory,
        "cpus": proxy.cpus,
        "volumes": [f"{folder}/config:{INSIDE}:ro", f"{folder}/run:{RUNNING}"],
        "networks": {"app": {"aliases": [ALIAS]}},
    }
    project = {
        "name": PROJECT,
        "services": {"balancer": service},
        "networks": {"app": {"external": True, "name": network}},
    }
    return json.dumps(project, indent=2) + "\n"


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * _MILLISECOND)}ms"
