"""What a host can do and undo: each act by its name, and each part of a way back by the name that it is noted under."""

from __future__ import annotations

from ..compose.capacity_file import CAPACITY_FILE_ACT, undo_capacity_file
from ..compose.instances import INSTANCES, undo_instances
from ..compose.replace_instance import REPLACE_INSTANCE
from ..docker.container_limits import CONTAINER_LIMITS, undo_limits
from ..docker.health_gate import HEALTH_GATE
from ..docker.image_stream import IMAGE_COPY
from ..docker.memory_watch import MEMORY_WATCH
from ..docker.removed_instances import PART as DEFINITIONS
from ..docker.removed_instances import undo_definitions
from ..docker.start_stop import SERVICES_START, SERVICES_STOP, undo_stopped
from ..haproxy.balancer import BALANCER_ACT, undo_balancer
from ..haproxy.read_balancer import READ_BALANCER_ACT, undo_read_balancer, undo_read_rotation
from ..haproxy.rotation import BALANCER_SERVER
from ..nginx.include_files import EDGE_FILES, EDGE_SWITCH, undo_edge_files, undo_edge_switches
from ..pgbouncer.pgbouncer import PGBOUNCER, undo_pgbouncer
from ..postgres.restart import POSTGRES_RESTART
from ..postgres.restore_point import RESTORE_POINT
from ..postgres.settings import POSTGRES_SETTINGS, undo_settings
from ..redis.settings import REDIS_SETTINGS, redis_values, undo_redis_settings
from ..replica.clone import REPLICA_CLONE
from ..replica.files import REPLICA_FILES, undo_replica, undo_replica_files
from ..replica.primary import REPLICATION_PRIMARY, undo_replication, undo_replication_settings
from ..replica.server import REPLICA_GATE, REPLICA_START
from ..system.response_times import LOAD_CHECK
from ..system.volume import VOLUME_GROW
from .act import Act
from .emergency_begin import EMERGENCY_BEGIN
from .freeze import HOST_FREEZE, undo_freeze
from .undoing import Undo, ValuesNow
from .upgrade_ready import UPGRADE_READY

__all__ = ["ACTS", "UNDOS", "VALUES"]

ACTS: dict[str, Act] = {
    act.name: act
    for act in (
        CONTAINER_LIMITS,
        CAPACITY_FILE_ACT,
        HEALTH_GATE,
        MEMORY_WATCH,
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
        IMAGE_COPY,
        READ_BALANCER_ACT,
        REPLICA_FILES,
        REPLICA_CLONE,
        REPLICA_START,
        REPLICA_GATE,
        REPLICATION_PRIMARY,
        HOST_FREEZE,
        UPGRADE_READY,
        SERVICES_STOP,
        SERVICES_START,
        RESTORE_POINT,
        VOLUME_GROW,
        LOAD_CHECK,
    )
}

UNDOS: dict[str, Undo] = {
    "capacity_file": undo_capacity_file,
    "stopped": undo_stopped,
    "freeze": undo_freeze,
    "containers": undo_limits,
    DEFINITIONS: undo_definitions,
    "instances": undo_instances,
    "postgres_settings": undo_settings,
    "redis_settings": undo_redis_settings,
    "balancer": undo_balancer,
    "edge_files": undo_edge_files,
    "edge_switches": undo_edge_switches,
    "pgbouncer": undo_pgbouncer,
    "replica": undo_replica,
    "replica_files": undo_replica_files,
    "replication": undo_replication,
    "replication_settings": undo_replication_settings,
    "read_balancer": undo_read_balancer,
    "read_rotation": undo_read_rotation,
}

VALUES: dict[str, ValuesNow] = {"redis_settings": redis_values}
"""By part, who reads its values as they are now, where a step notes those by name: see ``run_keys``."""
