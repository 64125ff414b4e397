"""HAProxy and Nginx themselves read what is written for them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from selextract_infra.policy import Policy, load_policy
from selextract_infra.templates.balancer import haproxy_text
from selextract_infra.templates.haproxy import INSIDE, RUNNING
from selextract_infra.templates.nginx import edge_files
from selextract_infra.templates.read_balancer import OwnPlace, read_balancer_values

CACHED = Path(__file__).parents[2] / ".cache" / "haproxy-nginx"
PROGRAMS = f"/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:{CACHED}/usr/sbin"
NGINX_CONF = """\
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    include {folder}/*.http.conf;
    resolver 127.0.0.11;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    access_log off;
    server {{
        listen 127.0.0.1:18080;
        set $api_upstream api:8000;
        include {folder}/*.server.conf;
        location /api/ {{ proxy_pass http://$api_upstream$request_uri; }}
    }}
}}
"""


@pytest.fixture(scope="module")
def policy() -> Policy:
    routes = {"public_cacheable": ["/api/v1/items", "/public/"], "non_critical": ["/api/v1/slow", "/reports/"]}
    return load_policy({"application": {"edge": {**routes, "upstream_variable": "api_upstream"}}})


def checked(name: str, *options: object) -> str:
    """What a program says about a configuration, empty where it accepts it."""
    program = shutil.which(name, path=PROGRAMS)
    if program is None:
        pytest.fail(f"{name} is not here; get it with: scripts/haproxy-nginx")
    libraries = ":".join(map(str, CACHED.glob("usr/lib/*-linux-gnu")))
    done = subprocess.run(
        [program, *map(str, options)], env={"LD_LIBRARY_PATH": libraries},
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    return (done.stdout + done.stderr or "it says nothing") if done.returncode else ""


PLACE = OwnPlace("app-balancer-ro", "/srv/reads", "10.0.0.11", 15432)


def test_haproxy_accepts_its_configuration(policy: Policy, tmp_path: Path) -> None:
    path = tmp_path / "haproxy.cfg"
    text = haproxy_text(policy, 18000).replace(RUNNING, str(tmp_path))
    path.write_text(text + "    server one one:8000\n    server two two:8000\n")
    assert checked("haproxy", "-c", "-f", path) == ""


def test_haproxy_accepts_the_configuration_of_the_balancer_for_reads(policy: Policy, tmp_path: Path) -> None:
    wanted = read_balancer_values(policy, service="postgres", network="app", place=PLACE)
    text = wanted["head"]
    for name, backend in wanted["backends"].items():
        text += f"{backend}    server db2 10.0.0.12:5432 {wanted['options'][name]}\n"
    (tmp_path / "replicas.acl").write_text("10.0.0.12\n")
    path = tmp_path / "haproxy.cfg"
    path.write_text(text.replace(RUNNING, str(tmp_path)).replace(INSIDE, str(tmp_path)))
    assert checked("haproxy", "-c", "-f", path) == ""


def test_nginx_accepts_the_files_it_includes(policy: Policy, tmp_path: Path) -> None:
    for name, text in edge_files(policy, str(tmp_path), "app-balancer:18000").items():
        (tmp_path / name).write_text(text.replace("/tmp/selextract-cache", str(tmp_path / "cache")))
    main = tmp_path / "nginx.conf"
    main.write_text(NGINX_CONF.format(folder=tmp_path))
    assert checked("nginx", "-t", "-c", main) == ""
