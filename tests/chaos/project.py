"""A shape as its team's files and as its way to call Compose, and what its user writes into the policy. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.chaos.grammar import BY_OPTION, Shape
from tests.chaos.services import stack

__all__ = ["PORT", "compose", "directory", "files", "mapping", "project_name", "root"]

PORT = 18080
_APP = Path(__file__).with_name("app")
_CAPACITY = "compose.capacity.yml"
_NAMES = {
    "default": ("compose.yaml", ""),
    "docker": ("docker-compose.yml", ""),
    "override": ("compose.yaml", "compose.override.yaml"),
    "production": ("production.yaml", ""),
    "two": ("base.yaml", "server.yaml"),
    "below": ("deploy/compose.yaml", ""),
    "variable": ("base.yaml", "server.yaml"),
}


def root(shape: Shape) -> str:
    """The folder that the team deploys from."""
    return f"/srv/{shape.folder}"


def directory(shape: Shape) -> str:
    """What Compose takes as the project's directory."""
    return root(shape) + ("/deploy" if shape.files == "below" else "")


def project_name(shape: Shape) -> str:
    """The project's name as Compose has it."""
    return Path(directory(shape)).name if shape.named == "folder" else f"{shape.folder}-live"


def compose(shape: Shape) -> list[str]:
    """The team's call of Compose, to which a command is added."""
    words = ["docker", "compose", "--ansi", "never"]
    if shape.files in BY_OPTION:
        names = [name for name in _NAMES[shape.files] if name]
        names += [f"{_below(shape)}{_CAPACITY}"] if shape.attached else []
        words += [word for name in names for word in ("-f", name)]
    if shape.variables == "option":
        words += ["--env-file", "settings/live.env"]
    if shape.named == "option":
        words += ["-p", project_name(shape)]
    return [*words, *(["--profile", "background"] if shape.profile else [])]


def files(shape: Shape) -> dict[str, tuple[str, int]]:
    """By path below the root: content and mode."""
    base, server = stack(shape)
    first, second = _NAMES[shape.files]
    if not second:
        base = _merged(base, server)
    if shape.named == "key":
        base = {"name": project_name(shape), **base}
    below = _below(shape)
    written = {first: (f"# How {shape.folder} is deployed.\n{_yaml(base)}", 0o644)}
    if second:
        written[second] = (_yaml(server), 0o644)
    written |= {f"{below}{name}": entry for name, entry in _settings(shape).items() if not name.startswith("settings/")}
    written |= {name: entry for name, entry in _settings(shape).items() if name.startswith("settings/")}
    if shape.attached:
        written[f"{below}{_CAPACITY}"] = ("services: {}\n", 0o644)
    if shape.secrets:
        written[f"{below}password.txt"] = (shape.password, 0o644)
    if shape.role == "role":
        written[f"{below}role.sh"] = ((_APP / "role.sh").read_text(encoding="utf-8"), 0o644)
    if shape.code == "mount":
        written |= {f"{below}code/{path.name}": (path.read_text(encoding="utf-8"), 0o644) for path in _APP.glob("*.py")}
    if shape.front == "nginx":
        written[f"{below}front.conf"] = (_front(shape), 0o644)
        if shape.include:
            written[f"{below}front.d/README"] = ("Here operations put their files.\n", 0o644)
    return written


def _below(shape: Shape) -> str:
    return "deploy/" if shape.files == "below" else ""


def _settings(shape: Shape) -> dict[str, tuple[str, int]]:
    dotenv, password = [], f"DB_PASSWORD={shape.password}"
    if shape.files == "variable":
        dotenv.append("COMPOSE_FILE=base.yaml:server.yaml")
    if shape.named == "variable":
        dotenv.append(f"COMPOSE_PROJECT_NAME={project_name(shape)}")
    if shape.variables == "dotenv":
        dotenv.append(password)
    if shape.env_file == "dotenv":
        dotenv.append("LOG_LEVEL=info")
    written = {".env": ("\n".join(dotenv) + "\n", 0o600)} if dotenv else {}
    if shape.variables == "option":
        written["settings/live.env"] = (password + "\n", 0o600)
    if shape.env_file == "own":
        written["app.env"] = ("# of the application\nLOG_LEVEL=info\nGREETING=good day\n", 0o644)
    return written


def _front(shape: Shape) -> str:
    text = (_APP / "front.conf").read_text(encoding="utf-8").replace("@API@", shape.api)
    for mark, end in (("@HTTP@", "http"), ("@SERVER@", "server")):
        text = text.replace(mark, f"include /etc/nginx/operations.d/*.{end}.conf;" if shape.include else "")
    return text


def _merged(base: dict[str, Any], server: dict[str, Any]) -> dict[str, Any]:
    services = {name: {**service, **server["services"].get(name, {})} for name, service in base["services"].items()}
    return {**base, "services": services}


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, width=160)


def mapping(shape: Shape) -> dict[str, Any]:
    """The policy's mapping as a careful user writes it."""
    address = f"http://127.0.0.1:{PORT}"
    environment = {} if shape.address == "parts" else {"dsn": "DATABASE_URL"}
    api: dict[str, Any] = {"role": "api", "health": f"{address}/health", "port": 8000, "runtime": "python"}
    worker: dict[str, Any] = {"role": "worker", "runtime": "python", "longest_task": "5s"}
    if environment:
        api["environment"] = dict(environment)
    worker["environment"] = {**environment, "concurrency": "WORKER_CONCURRENCY"}
    if shape.queue == "celery":
        worker["celery_app"] = "tasks"
    services = {
        shape.api: api,
        shape.worker: worker,
        shape.database: {"role": "database"},
        shape.cache: {"role": "redis"},
    }
    if shape.role == "superuser":
        services[shape.database]["postgres"] = {"superuser": "owner"}
    else:
        services[shape.database]["postgres"] = {"superuser": "postgres"}
    application: dict[str, Any] = {"project": project_name(shape), "directory": directory(shape), "services": services}
    if shape.front == "nginx":
        services["front"] = {"role": "nginx", "health": f"{address}/front"}
        if shape.include:
            application["edge"] = {
                "nginx_include": f"{directory(shape)}/front.d",
                "upstream_variable": "shop_upstream",
                "non_critical": ["/count"],
            }
    return application
