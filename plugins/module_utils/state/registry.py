"""What a host can do and undo: each act by its name, and each part of a way back by the name that it is noted under."""

from __future__ import annotations

from ..compose.capacity_file import CAPACITY_FILE_ACT, undo_capacity_file
from ..compose.instances import INSTANCES, undo_instances
from ..compose.replace_instance import REPLACE_INSTANCE
from ..docker.container_limits import CONTAINER_LIMITS, undo_limits
from ..docker.health_gate import HEALTH_GATE
from ..docker.removed_instances import PART as DEFINITIONS
from ..docker.removed_instances import undo_definitions
from ..haproxy.balancer import BALANCER_ACT, undo_balancer
from ..haproxy.rotation import BALANCER_SERVER
from ..nginx.include_files import EDGE_FILES, EDGE_SWITCH, undo_edge_files, undo_edge_switches
from ..pgbouncer.pgbouncer import PGBOUNCER, undo_pgbouncer
from ..postgres.restart import POSTGRES_RESTART
from ..postgres.settings import POSTGRES_SETTINGS, undo_settings
from ..redis.settings import REDIS_SETTINGS, redis_values, undo_redis_settings
from ..replica.undo import read_balancer, read_rotation, replica, replica_files, replication, replication_settings
from .act import Act
from .emergency_begin import EMERGENCY_BEGIN
from .undo_upgrade import freeze, stopped
from .undoing import Undo, ValuesNow

__all__ = ["ACTS", "UNDOS", "VALUES"]

ACTS: dict[str, Act] = {
    act.name: act
    for act in (
        CONTAINER_LIMITS,
        CAPACITY_FILE_ACT,
        HEALTH_GATE,
        REPLACE_INSTANCE,
        INSTANCES,
        POSTGRES_SETTINGS,
        POSTGRES_RESTART,
        REDIS_SETTINGS,
        BALANCER_ACT,
        BALANCER_SERVER,
        EDGE_FILES,
        EDGE_SWITCH,
        PGBOUNCER,
        EMERGENCY_BEGIN,
    )
}

UNDOS: dict[str, Undo] = {
    "capacity_file": undo_capacity_file,
    "stopped": stopped,
    "freeze": freeze,
    "containers": undo_limits,
    DEFINITIONS: undo_definitions,
    "instances": undo_instances,
    "postgres_settings": undo_settings,
    "redis_settings": undo_redis_settings,
    "balancer": undo_balancer,
    "edge_files": undo_edge_files,
    "edge_switches": undo_edge_switches,
    "pgbouncer": undo_pgbouncer,
    "replica": replica,
    "replica_files": replica_files,
    "replication": replication,
    "replication_settings": replication_settings,
    "read_balancer": read_balancer,
    "read_rotation": read_rotation,
}

VALUES: dict[str, ValuesNow] = {"redis_settings": redis_values}
"""By part, who reads its values as they are now, where a step notes those by name: see ``run_keys``."""
