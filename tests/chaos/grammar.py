"""What is drawn from a seed: a team's Compose project, an operation on it, a load, a fault and its moment. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

__all__ = ["BY_OPTION", "Draw", "Fault", "Load", "Operation", "Shape", "draw"]

# The ways in which a team names its files with -f.
BY_OPTION = ("production", "two", "below")
# Seconds that the part of an operation takes in which it acts, on an idle machine with two cores.
_ACTS_FOR = {
    "rightsize": 12, "settle": 25, "scale up": 15, "scale down": 15, "tune workers": 25, "tune postgres": 15,
    "restart": 15, "balancer on": 20, "balancer off": 20, "pgbouncer on": 35, "pgbouncer off": 25, "emergency run": 10,
    "emergency revert": 8, "rollback": 12, "rollback older": 12, "uninstall": 8,
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """How the team wrote and calls its project; every field is a choice of the grammar."""

    folder: str
    api: str
    worker: str
    database: str
    cache: str
    password: str
    files: str  # default, docker, override, production, two, below, variable
    named: str  # folder, option, key, variable
    variables: str  # dotenv, option, inline
    env_file: str  # none, own, dotenv
    secrets: bool
    code: str  # image, mount
    front: str  # port, nginx
    include: bool  # Nginx has a folder for files of operations
    fixed: str  # none, name, address
    limits: str  # none, short, memory, reserved, deploy, deploy reserved, quota, cpuset
    apis: int
    workers: int
    one_shot: bool
    sidecar: str  # the service whose network another one shares (network_mode: service:), or nothing
    profile: bool
    api_health: bool
    database_health: bool
    slow_start: int  # seconds
    restart: str
    address: str  # url, options, parts
    role: str  # superuser, role
    queue: str  # list, celery
    private_network: bool
    neighbour: bool
    attached: (
        bool  # where the team names its files with -f, it names an empty capacity file too, as the program asks for
    )


@dataclass(frozen=True)
class Operation:
    """One of the program's operations with what is asked of it."""

    name: str
    service: str = ""
    memory: int = 0  # MB
    cpus: str = ""
    count: int = 0


@dataclass(frozen=True)
class Load:
    """Requests and tasks a second, while the operation goes on."""

    requests: float
    tasks: float


@dataclass(frozen=True)
class Fault:
    """What goes wrong, when, and how a person ends what it left."""

    kind: str
    detail: str = ""
    begins: str = "act"  # the moment is counted from the command's start, or from the first change on the host
    after: float = 0.0  # seconds
    ending: str = "resume"


@dataclass(frozen=True)
class Draw:
    """All that one seed says."""

    seed: int
    shape: Shape
    operation: Operation
    load: Load
    fault: Fault = field(default_factory=lambda: Fault("none"))


def draw(seed: int) -> Draw:
    """The draw of a seed, always the same one."""
    chance = random.Random(seed)
    shape = _shape(chance)
    operation = _operation(chance, shape)
    load = Load(*chance.choice([(0, 0), (4, 0.5), (4, 0.5), (8, 1)]))
    return Draw(seed, shape, operation, load, _fault(chance, shape, operation))


def _weighted(chance: random.Random, **weights: float) -> str:
    name = chance.choices(list(weights), list(weights.values()))[0]
    return name.replace("_", " ")


def _shape(chance: random.Random) -> Shape:
    front = _weighted(chance, port=4, nginx=6)
    fixed = _weighted(chance, none=7, name=1.5, address=1.5)
    single = fixed != "none" or front == "port"
    variables = _weighted(chance, dotenv=6, option=3, inline=2)
    files = _weighted(chance, default=4, docker=3, override=3, production=2, two=2, below=2, variable=1.5)
    named = _weighted(chance, folder=5, option=2, key=2, variable=1)
    if variables == "option":  # Compose does not read .env then
        files = "two" if files == "variable" else files
        named = "option" if named == "variable" else named
    env_file = _weighted(chance, none=5, own=3, dotenv=1.5)
    database, cache = chance.choice(["db", "postgres"]), chance.choice(["cache", "redis"])
    return Shape(
        folder=chance.choice(["shop", "bakery", "tickets"]),
        api=chance.choice(["api", "web", "server"]),
        worker=chance.choice(["worker", "jobs"]),
        database=database,
        cache=cache,
        password=f"p{chance.randrange(10**9):09d}",
        files=files,
        named=named,
        variables=variables,
        env_file="own" if env_file == "dotenv" and variables == "option" else env_file,
        secrets=chance.random() < 0.2,
        code=chance.choice(["image", "mount"]),
        front=front,
        include=chance.random() < 0.8,
        fixed=fixed,
        limits=_weighted(
            chance, none=3, short=5, memory=1.5, reserved=1.5, deploy=2, deploy_reserved=1.5, quota=1, cpuset=1
        ),
        apis=1 if single else chance.choice([1, 2, 2]),
        workers=chance.choice([1, 1, 2]),
        one_shot=chance.random() < 0.35,
        sidecar=chance.choice(["", "", "", "", cache, database]),
        profile=chance.random() < 0.25,
        api_health=chance.random() < 0.65,
        database_health=chance.random() < 0.75,
        slow_start=chance.choice([0, 0, 0, 8]),
        restart=_weighted(chance, unless_stopped=6, always=3, no=1.5, on_failure=1).replace(" ", "-"),
        address=_weighted(chance, url=6, options=2, parts=2),
        role=_weighted(chance, superuser=3, role=6),
        queue=_weighted(chance, list=4, celery=6),
        private_network=chance.random() < 0.3,
        neighbour=chance.random() < 0.5,
        attached=files in BY_OPTION and chance.random() < 0.8,
    )


def _operation(chance: random.Random, shape: Shape) -> Operation:
    """Weighted by what the shape allows; a refusal proves little, so it is drawn seldom but still drawn."""
    balanced = shape.front == "nginx" and shape.include
    pooled = shape.address == "url" and shape.role == "role"
    in_place = shape.limits != "none"
    weights = {
        "rightsize": 3 if in_place else 0.5,
        "settle": 4,
        "scale up": 3 if in_place else 0.7,
        "scale down": 2 if in_place else 0.5,
        "tune workers": 1.5,
        "tune postgres": 2,
        "restart": 1,
        "balancer on": 2.5 if balanced else 0.2,
        "balancer off": 1.5 if balanced else 0,
        "pgbouncer on": 3 if pooled else 0.4,
        "pgbouncer off": 2 if pooled else 0,
        "emergency run": 1.5,
        "emergency revert": 1,
        "rollback": 2,
        "rollback older": 1.5,
        "uninstall": 1.5,
    }
    if shape.files in BY_OPTION and not shape.attached:  # only what needs no file of ours is not refused
        weights |= {"tune postgres": 4, "balancer on": 3 if balanced else 0.2, "emergency run": 4}
    name = chance.choices(list(weights), list(weights.values()))[0]
    target = chance.choice([shape.api, shape.api, shape.worker, shape.worker, shape.cache, shape.database])
    if "rollback" in name or name == "uninstall":
        target = chance.choice([shape.api, shape.worker])
    scaled = (
        shape.worker if shape.front == "port" or shape.fixed != "none" else chance.choice([shape.api, shape.worker])
    )
    memory = chance.choice([224, 256, 288]) if target != shape.database else chance.choice([416, 448])
    cpus = chance.choice(["", "", "0.4"]) if shape.limits in ("short", "reserved", "deploy", "deploy reserved") else ""
    if name.startswith("scale"):
        return Operation(name, scaled, count=(shape.apis if scaled == shape.api else shape.workers) + 1)
    return Operation(name, target, memory, cpus)


def _fault(chance: random.Random, shape: Shape, operation: Operation) -> Fault:
    kind = chance.choices(
        [
            "none",
            "program",
            "child",
            "carrier",
            "act",
            "engine",
            "disk",
            "network",
            "container",
            "oom",
            "team",
            "second",
        ],
        [14, 7, 5, 6, 6, 6, 5, 6, 5, 3, 9, 6],
    )[0]
    details = {
        "program": ["TERM", "INT", "KILL"],
        "child": ["TERM", "KILL"],
        "carrier": ["TERM", "KILL"],
        "act": ["TERM", "KILL"],
        "network": ["30", "75"],
        "container": [shape.api, shape.worker, shape.database, shape.cache],
        "oom": [shape.api, shape.worker],
        "team": ["up -d", "up -d", "restart", "down", "stop"],
        "second": ["same", "rollback", "resume"],
    }
    if kind == "engine" and shape.restart in ("no", "on-failure"):
        kind = "carrier"
    return Fault(
        kind,
        chance.choice(details.get(kind, [""])),
        chance.choice(["start", "act", "act", "act"]),
        round(chance.uniform(0, _ACTS_FOR[operation.name]), 1),
        chance.choice(["resume", "rollback"]),
    )
