"""The services of a shape: what they are, and what this server adds to them (ports, limits, counts). Pure."""

from __future__ import annotations

from typing import Any

from tests.chaos.grammar import Shape

__all__ = ["SIZES", "stack", "superuser"]

PUBLISHED = "127.0.0.1:18080"
# Memory in MB and cores.
SIZES = {
    "api": (192, "0.5"),
    "worker": (208, "0.5"),
    "database": (320, "0.6"),
    "cache": (96, "0.25"),
    "front": (64, "0.25"),
}
_QUICK = {"interval": "4s", "timeout": "4s", "retries": 3, "start_interval": "1s"}


def superuser(shape: Shape) -> str:
    """Postgres' superuser, which the application is too where it has no role of its own."""
    return "owner" if shape.role == "superuser" else "postgres"


def stack(shape: Shape) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both documents."""
    names = {
        "api": shape.api,
        "worker": shape.worker,
        "database": shape.database,
        "cache": shape.cache,
        "front": "front",
    }
    services = {
        shape.api: _api(shape),
        shape.worker: _worker(shape),
        shape.database: _database(shape),
        shape.cache: _cache(shape),
    }
    if shape.front == "nginx":
        services["front"] = _front(shape)
    if shape.one_shot:
        services["migrate"] = {
            **_common(shape),
            "restart": "no",
            "command": ["python3", "migrate.py"],
            "depends_on": _after(shape, migrated=False),
        }
    if shape.sidecar:
        services["exporter"] = {
            "image": "selextract/stack:lab",
            "restart": shape.restart,
            "command": ["python3", "-m", "http.server", "9100"],
            "network_mode": f"service:{shape.sidecar}",
            "init": True,
            "depends_on": [shape.sidecar],
        }
    base: dict[str, Any] = {"services": services, "volumes": {"data": None}}
    _network(shape, base)
    if shape.secrets:
        base["secrets"] = {"db_password": {"file": "./password.txt"}}
    server: dict[str, Any] = {"services": {}}
    for role, service in names.items():
        if service in services:
            server["services"][service] = _server(shape, role)
    return base, server


def _common(shape: Shape) -> dict[str, Any]:
    user = "owner" if shape.role == "superuser" else "seller"
    password = shape.password if shape.variables == "inline" else "${DB_PASSWORD:?}"
    environment = {"REDIS_URL": f"redis://{shape.cache}:6379/0", "QUEUE_KIND": shape.queue}
    service: dict[str, Any] = {"image": "shop/shop:1", "restart": shape.restart}
    if shape.address == "parts":
        environment |= {"DB_HOST": shape.database, "DB_USER": user, "DB_NAME": "shop"}
        environment |= {"DB_PASSWORD_FILE": "/run/secrets/db_password"} if shape.secrets else {"DB_PASSWORD": password}
        service |= {"secrets": ["db_password"]} if shape.secrets else {}
    else:
        options = "?options=-c%20statement_timeout%3D20000" if shape.address == "options" else ""
        environment["DATABASE_URL"] = f"postgresql://{user}:{password}@{shape.database}:5432/shop{options}"
    if shape.code == "mount":
        service["volumes"] = ["./code:/shop:ro"]
    if shape.env_file != "none":
        service["env_file"] = "app.env" if shape.env_file == "own" else [".env"]
    return {**service, "environment": environment}


def _after(shape: Shape, *, migrated: bool = True) -> Any:
    healthy = "service_healthy" if shape.database_health else "service_started"
    after = {shape.database: {"condition": healthy}, shape.cache: {"condition": "service_started"}}
    if shape.one_shot and migrated:
        after["migrate"] = {"condition": "service_completed_successfully"}
    return after


def _api(shape: Shape) -> dict[str, Any]:
    service = _common(shape)
    service["environment"]["SLOW_START"] = str(shape.slow_start)
    service["command"] = ["gunicorn", "--workers", "1", "--threads", "4", "--bind", "0.0.0.0:8000", "serve:app"]
    service["depends_on"] = _after(shape)
    if shape.api_health:
        check = ["CMD", "curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8000/health"]
        service["healthcheck"] = {"test": check, **_QUICK, "start_period": f"{15 + shape.slow_start}s"}
    if shape.fixed == "name":
        service["container_name"] = f"{shape.folder}_the_api"
    return service


def _worker(shape: Shape) -> dict[str, Any]:
    service = _common(shape)
    service["environment"]["WORKER_CONCURRENCY"] = "${WORKER_CONCURRENCY:-2}"
    service["command"] = ["python3", "consume.py"]
    if shape.queue == "celery":
        service["command"] = [
            "sh",
            "-c",
            "exec celery -A tasks worker --loglevel warning --concurrency $$WORKER_CONCURRENCY",
        ]
    service["depends_on"] = _after(shape)
    service["stop_grace_period"] = "20s"
    if shape.profile:
        service["profiles"] = ["background"]
    return service


def _database(shape: Shape) -> dict[str, Any]:
    password = shape.password if shape.variables == "inline" else "${DB_PASSWORD:?}"
    environment = {"POSTGRES_USER": superuser(shape), "POSTGRES_DB": "shop"}
    service: dict[str, Any] = {
        "image": "shop/postgres:1",
        "restart": shape.restart,
        "shm_size": "128m",
        "stop_grace_period": "30s",
    }
    volumes = ["data:/var/lib/postgresql/data"]
    if shape.secrets:
        environment["POSTGRES_PASSWORD_FILE"] = "/run/secrets/db_password"
        service["secrets"] = ["db_password"]
    else:
        environment["POSTGRES_PASSWORD"] = password
    if shape.role == "role":
        environment["APP_PASSWORD"] = password
        volumes.append("./role.sh:/docker-entrypoint-initdb.d/role.sh:ro")
    if shape.database_health:
        check = ["CMD-SHELL", f"pg_isready -q -h 127.0.0.1 -U {superuser(shape)}"]
        service["healthcheck"] = {"test": check, **_QUICK, "start_period": "20s"}
    return {**service, "environment": environment, "volumes": volumes}


def _cache(shape: Shape) -> dict[str, Any]:
    return {"image": "shop/redis:1", "restart": shape.restart}


def _front(shape: Shape) -> dict[str, Any]:
    volumes = ["./front.conf:/etc/nginx/front.conf:ro"]
    if shape.include:
        volumes.append("./front.d:/etc/nginx/operations.d:ro")
    return {
        "image": "selextract/stack:lab",
        "restart": shape.restart,
        "command": ["nginx", "-c", "/etc/nginx/front.conf", "-g", "daemon off;"],
        "volumes": volumes,
        "stop_signal": "SIGQUIT",
        "depends_on": [shape.api],
    }


def _network(shape: Shape, base: dict[str, Any]) -> None:
    if shape.fixed == "address":
        base["networks"] = {"inside": {"ipam": {"config": [{"subnet": "172.31.77.0/24"}]}}}
    elif shape.private_network:
        base["networks"] = {"inside": {"driver": "bridge"}}
    else:
        return
    for name, service in base["services"].items():
        if "network_mode" not in service:
            service["networks"] = (
                {"inside": {"ipv4_address": "172.31.77.10"}}
                if (name, shape.fixed) == (shape.api, "address")
                else ["inside"]
            )


def _server(shape: Shape, role: str) -> dict[str, Any]:
    """Ports, limits and counts of a service on this server."""
    added = _limits(shape.limits, role)
    if role == ("front" if shape.front == "nginx" else "api"):
        added["ports"] = [f"{PUBLISHED}:{80 if role == 'front' else 8000}"]
    count = {"api": shape.apis, "worker": shape.workers}.get(role, 1)
    if count > 1 and shape.limits.startswith("deploy"):
        added["deploy"]["replicas"] = count
    elif count > 1:
        added["scale"] = count
    return added


def _limits(form: str, role: str) -> dict[str, Any]:
    memory, cpus = SIZES[role]
    reserved = int(memory * 0.75)
    forms: dict[str, dict[str, Any]] = {
        "none": {},
        "short": {"mem_limit": f"{memory}m", "memswap_limit": f"{memory}m", "cpus": float(cpus)},
        "memory": {"mem_limit": f"{memory}m"},
        "reserved": {
            "mem_limit": f"{memory}m",
            "mem_reservation": f"{reserved}m",
            "cpus": float(cpus),
            "pids_limit": 200,
        },
        "deploy": {"deploy": {"resources": {"limits": {"memory": f"{memory}M", "cpus": cpus}}}},
        "deploy reserved": {
            "deploy": {
                "resources": {
                    "limits": {"memory": f"{memory}M", "cpus": cpus},
                    "reservations": {"memory": f"{reserved}M"},
                }
            }
        },
        "quota": {"mem_limit": f"{memory}m", "cpu_period": 50000, "cpu_quota": int(float(cpus) * 50000)},
        "cpuset": {"mem_limit": f"{memory}m", "cpuset": "0", "cpus": float(cpus)},
    }
    return forms[form]
