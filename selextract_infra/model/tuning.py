"""Tuning: what Postgres, its clients and the workers are given, and what that rests on."""

from __future__ import annotations

from pydantic import Field

from selextract_infra.model.assessment import ConnectionBudget, WorkerCapacity
from selextract_infra.model.base import Frozen
from selextract_infra.model.decision import Decision
from selextract_infra.model.finding import Finding
from selextract_infra.model.postgres import Pooling, Role, SettingContext, Storage, Unit, Workload
from selextract_infra.model.postgres_observation import ConnectionLimit

__all__ = [
    "ApiFacts",
    "BudgetPart",
    "ConnectionPlan",
    "PoolSizes",
    "PostgresFacts",
    "PostgresTuning",
    "ServiceSetting",
    "ServiceTuning",
    "Setting",
    "WorkerFacts",
]


class PostgresFacts(Frozen):
    """What a server has and is for.

    ``memory`` is what it really has, in bytes: its container's limit, else the host's RAM. ``cpus`` likewise, in cores.
    ``connections`` is how many there must be, None for the guide's wish; ``workload`` None is the role's usual one.
    ``disk`` is the size of the volume in bytes, None where it is not known. ``lz4`` tells whether the server was built
    with it. ``primary`` has, for a standby, the primary's values of the parameters that a standby must not undercut.
    """

    memory: int
    cpus: float
    version: int
    connections: int | None = None
    workload: Workload | None = None
    storage: Storage = Storage.SSD
    disk: int | None = None
    role: Role = Role.PRIMARY
    lz4: bool = True
    primary: dict[str, int] = Field(default_factory=dict)

    @property
    def effective_workload(self) -> Workload:
        """The stated workload, else the usual one: ``dw`` for analytics, ``web`` for everything else."""
        return self.workload or (Workload.DW if self.role is Role.ANALYTICS else Workload.WEB)


class Setting(Frozen):
    """One parameter of Postgres with its value; ``unit`` says what a number counts. ``rule`` and ``why`` say why."""

    name: str
    value: bool | int | float | str
    unit: Unit = Unit.NONE
    context: SettingContext
    rule: str
    why: str


class BudgetPart(Frozen):
    """One part of a memory budget in bytes: ``each`` times ``count``."""

    name: str
    each: int
    count: int = 1

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.each * self.count


class PostgresTuning(Frozen):
    """The settings of one server, sorted by name, and what led to them.

    ``budget`` adds up to at most ``allowed`` bytes, which is less than the memory there is. ``shm_size`` is the shared
    memory that the container should have, in bytes. ``decisions`` has each wish of the guide with what became of it.
    """

    facts: PostgresFacts
    settings: tuple[Setting, ...]
    budget: tuple[BudgetPart, ...]
    allowed: int
    shm_size: int
    decisions: tuple[Decision, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def total(self) -> int:
        """What the budget adds up to, in bytes."""
        return sum(part.bytes for part in self.budget)

    def setting(self, name: str) -> Setting | None:
        """The setting of that name, None where it is left to Postgres' default."""
        return next((setting for setting in self.settings if setting.name == name), None)


class PoolSizes(Frozen):
    """A pooler's sizes under its own names, all in connections.

    ``server_connections`` is the most it opens to Postgres, over all poolers and databases.
    """

    default_pool_size: int
    reserve_pool_size: int
    max_db_connections: int
    max_client_conn: int
    server_connections: int


class ConnectionPlan(Frozen):
    """Whether all connections fit into Postgres (X-13).

    ``at_rest`` is all instances at full pools, ``rolling`` with the extra instances while one service is replaced;
    ``per_process`` is the same if each process of an API instance has a pool of its own. ``available`` is what Postgres
    has for the app beside what is reserved, ``opened`` what would be open at most. ``pools`` is None without a pooler.
    ``limit`` is that of the app's role or database where it is the one that does not do.
    """

    pooling: Pooling
    api: int
    workers: int
    surge: int
    at_rest: ConnectionBudget
    rolling: ConnectionBudget
    per_process: ConnectionBudget
    pools: PoolSizes | None = None
    available: int
    opened: int
    limit: ConnectionLimit | None = None
    fits: bool
    sentence: str
    findings: tuple[Finding, ...] = ()


class WorkerFacts(Frozen):
    """What a worker has and does. Memory in bytes, CPUs in cores, times in seconds, per instance.

    None where it is not known: then the guide's numbers stand for it, or what is usual. ``stop_grace`` is how long a
    worker may take to stop, ``visibility_timeout`` after what time the broker hands a task out again. ``pool`` is the
    pool of Celery that it runs its tasks in; processes where it is None.
    """

    memory: int
    cpus: float
    instances: int | None = None
    task_seconds: float | None = None
    longest_task: float | None = None
    stop_grace: float | None = None
    visibility_timeout: float | None = None
    pool: str | None = None


class ApiFacts(Frozen):
    """What an instance of the API has and answers; None where it is not known.

    ``requests_per_second`` is over all instances. ``runtime`` is ``python`` or ``jvm`` (X-07).
    """

    memory: int
    cpus: float
    instances: int | None = None
    requests_per_second: float | None = None
    runtime: str | None = None


class ServiceSetting(Frozen):
    """One setting of a service by what it means, whatever the app calls it; ``unit`` says what a number counts."""

    name: str
    value: int | float | str
    unit: Unit = Unit.NONE
    rule: str
    why: str


class ServiceTuning(Frozen):
    """The settings of one service, in a sensible order, and what led to them.

    ``budget`` adds up to at most ``allowed`` bytes. ``capacity`` is what the workers can do with it, None for the API.
    """

    role: str
    settings: tuple[ServiceSetting, ...]
    budget: tuple[BudgetPart, ...]
    allowed: int
    capacity: WorkerCapacity | None = None
    decisions: tuple[Decision, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def total(self) -> int:
        """What the budget adds up to, in bytes."""
        return sum(part.bytes for part in self.budget)

    def setting(self, name: str) -> ServiceSetting | None:
        """The setting of that name, or None."""
        return next((setting for setting in self.settings if setting.name == name), None)
