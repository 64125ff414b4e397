"""What Nginx includes at the edge: the way to the balancer, compression, and the emergency switches as flag files.

A switch is a file that Nginx looks for at each request, so switching loses no request and no connection. Only routes
that the mapping names are ever cached or throttled, and nothing that belongs to one person: a request with credentials
is neither answered from the cache nor kept in it, and neither is an answer that sets a cookie.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from selextract_infra.errors import PolicyError

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["CACHING", "ROUTING", "SWITCHES", "THROTTLING", "edge_files", "flag"]

CACHING, THROTTLING, ROUTING = "caching", "throttling", "balancer"
SWITCHES = (CACHING, THROTTLING, ROUTING)
_ROUTE = re.compile(r"/[A-Za-z0-9._~/%:@+-]*\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
_FOLDER = re.compile(r"/[A-Za-z0-9._/-]*\Z")
_MINUTE = 60


def flag(switch: str) -> str:
    """The name of the file that turns a switch on."""
    return f"selextract.{switch}.on"


def edge_files(policy: Policy, inside: str, balancer: str) -> dict[str, str]:
    """By name, the files for Nginx's include folder, which Nginx itself sees at ``inside``.

    ``balancer`` is its name on the app's network with its port. Raises ``PolicyError`` for a route or name that Nginx
    would not read as it is meant.
    """
    if not _FOLDER.match(inside):
        raise PolicyError(f"The include folder {inside!r} has a name that Nginx would not read as it is meant.")
    return {
        "selextract.http.conf": _http(policy),
        "selextract.server.conf": _server(policy, inside.rstrip("/"), balancer),
    }


def _http(policy: Policy) -> str:
    edge, rules = policy.application.edge, policy.balancing.edge
    return f"""\
# Written by selextract-infra from its policy; changes by hand are lost.
# For Nginx's http block: which routes the emergency switches are about, and what they use.
map $uri $selextract_cacheable {{
    default "";
{_routes("public_cacheable", edge.public_cacheable)}}}
map $uri $selextract_throttled {{
    default "";
{_routes("non_critical", edge.non_critical)}}}

# Who is known to the app gets an answer of his own.
map "$http_authorization$http_cookie" $selextract_personal {{
    default 1;
    "" 0;
}}
map $upstream_http_set_cookie $selextract_sets_cookie {{
    default 1;
    "" 0;
}}
map "$selextract_caching:$selextract_cacheable" $selextract_cache {{
    default off;
    "on:1" selextract_answers;
}}
map "$selextract_throttling:$selextract_throttled" $selextract_throttle_key {{
    default "";
    "on:1" $uri;
}}

proxy_cache_path /tmp/selextract-cache levels=1:2 keys_zone=selextract_answers:{rules.cache_keys}
    max_size={rules.cache_size} inactive={round(rules.stale)}s use_temp_path=off;
limit_req_zone $selextract_throttle_key zone=selextract_routes:1m rate={round(rules.throttle * _MINUTE)}r/m;
"""


def _server(policy: Policy, inside: str, balancer: str) -> str:
    rules, variable = policy.balancing.edge, policy.application.edge.upstream_variable
    if variable is not None and not _VARIABLE.match(variable):
        raise PolicyError(f"application.edge.upstream_variable: {variable!r} is no name of a variable of Nginx.")
    route = "" if variable is None else _switched(inside, ROUTING, f'set ${variable} "{balancer}";')
    return f"""\
# Written by selextract-infra from its policy; changes by hand are lost.
# For Nginx's server block, after the variable that says where the API is.
set $selextract_caching "";
{_switched(inside, CACHING, "set $selextract_caching on;")}\
set $selextract_throttling "";
{_switched(inside, THROTTLING, "set $selextract_throttling on;")}\
{route}
gzip on;
gzip_vary on;
gzip_proxied any;
gzip_min_length {rules.compress_from};
gzip_types text/plain text/css text/javascript application/javascript application/json application/xml image/svg+xml;

proxy_cache $selextract_cache;
proxy_cache_key "$scheme$request_method$host$request_uri";
proxy_cache_valid 200 {round(rules.cache)}s;
proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
proxy_cache_background_update on;
proxy_cache_bypass $selextract_personal;
proxy_no_cache $selextract_personal $selextract_sets_cookie;

limit_req zone=selextract_routes burst={rules.throttle_burst} nodelay;
limit_req_status 429;
"""


def _switched(inside: str, switch: str, then: str) -> str:
    return f"if (-f {inside}/{flag(switch)}) {{ {then} }}\n"


def _routes(name: str, routes: Sequence[str]) -> str:
    """Lines of a map: a route that ends in a slash stands for everything below it."""
    lines = []
    for route in routes:
        if not _ROUTE.match(route):
            raise PolicyError(f"application.edge.{name}: {route!r} is no route that Nginx could be told.")
        lines.append(f'    "~^{re.escape(route)}" 1;\n' if route.endswith("/") else f'    "{route}" 1;\n')
    return "".join(lines)
