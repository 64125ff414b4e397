"""The files of the balancer: HAProxy's configuration and its own Compose project, from the policy and nothing else.

It joins the app's network and publishes no port, so nobody but the app's own Nginx reaches it. Its servers are not
part of the text: the host appends those that are in rotation, by name, so that a restart and a new address keep them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.templates.haproxy import RESOLVED, head, milliseconds
from selextract_infra.templates.haproxy import compose_text as haproxy_project

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["answer_seconds", "compose_text", "haproxy_text", "server_options"]

_HOST = "selextract-balancer"
"""The name that a health check asks an instance for, the same for every app: some answer only to hosts they know."""

_LINE = 128  # bytes that a line of the request log may have; it usually has forty
# When it ended, its status, how long it took in milliseconds, who ended it, and its method.
_LOG_FORMAT = "%[date(0,ms)] %ST %Ta %ts %HM"


def answer_seconds(policy: Policy, nginx: float | None) -> float:
    """How long the balancer waits for an answer: never shorter than ``nginx`` before it does, in seconds."""
    return max(policy.balancing.proxy.answer, nginx or 0.0)


def haproxy_text(policy: Policy, port: int, nginx: float | None = None) -> str:
    """The configuration, up to the servers of its last section; ``port`` is where it listens.

    ``nginx`` is how long Nginx waits for an answer, in seconds. A request is sent to a second instance only where the
    first one never got it, so only where no connection could be made. One that got no answer may have been carried
    out: a report that took 80 s was counted four times when answers in time were asked for again.
    """
    proxy, check = policy.balancing.proxy, policy.balancing.health_check
    answer = answer_seconds(policy, nginx)
    own = f"""\
    hard-stop-after {milliseconds(max(proxy.drain, answer))}
    log ring@requests format raw local0 info

ring requests
    description "one line for each request"
    format raw
    maxlen {_LINE}
    size {proxy.log}"""
    return f"""\
{head(proxy.connections, own)}
defaults
    mode http
    log global
    log-format "{_LOG_FORMAT}"
    option redispatch 1
    option http-server-close
    option idle-close-on-response
    retries {proxy.retries}
    retry-on conn-failure
    timeout connect {milliseconds(proxy.connect)}
    timeout queue {milliseconds(proxy.queue)}
    timeout http-request {milliseconds(proxy.queue)}
    timeout client {milliseconds(proxy.idle)}
    timeout server {milliseconds(answer)}
    timeout tunnel {milliseconds(max(answer, proxy.idle))}
    timeout check {milliseconds(check.timeout.value)}

frontend edge
    bind :{port}
    default_backend api

backend api
    balance {policy.balancing.algorithm}
    option httpchk
    http-check send meth GET uri {check.path} ver HTTP/1.1 hdr Host {_HOST}
    http-check expect status 200-299
    default-server {server_options(policy)} {RESOLVED}
"""


def server_options(policy: Policy) -> str:
    """What holds for every server, those that are added at run time too."""
    proxy, check = policy.balancing.proxy, policy.balancing.health_check
    return (
        f"check inter {milliseconds(check.interval)} fastinter {milliseconds(proxy.fast_interval)}"
        f" downinter {milliseconds(proxy.down_interval)} fall {check.fall.value} rise {check.rise.value}"
        " observe layer4 on-error fastinter"
    )


def compose_text(policy: Policy, name: str, network: str, folder: str, nginx: float | None = None) -> str:
    """Its Compose file; ``folder`` is its own on the host, ``network`` the app's, which is not ours.

    ``name`` is that of our Compose project, and the name by which Nginx finds it on that network.
    """
    proxy = policy.balancing.proxy
    drain = max(proxy.drain, answer_seconds(policy, nginx))
    return haproxy_project(
        name, name, image=proxy.image, network=network, folder=folder, drain=drain, memory=proxy.memory,
        cpus=proxy.cpus,
    )  # fmt: skip
