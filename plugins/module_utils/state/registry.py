"""What a host can do and undo: each act by its name, and each part of a way back by the name that it is noted under."""

from __future__ import annotations

from ..compose.capacity_file import CAPACITY_FILE_ACT, undo_capacity_file
from ..docker.container_limits import CONTAINER_LIMITS, undo_limits
from ..docker.health_gate import HEALTH_GATE
from ..docker.kept_definitions import PART as DEFINITIONS
from ..docker.undo_definitions import definitions
from ..docker.undo_instances import instances
from ..nginx.undo import balancer, edge_files, edge_switches
from ..pgbouncer.undo import pgbouncer
from ..postgres.undo import restore_settings
from ..replica.undo import read_balancer, read_rotation, replica, replica_files, replication, replication_settings
from .act import Act
from .undo_upgrade import freeze, stopped
from .undoing import Undo

__all__ = ["ACTS", "UNDOS"]

ACTS: dict[str, Act] = {act.name: act for act in (CONTAINER_LIMITS, CAPACITY_FILE_ACT, HEALTH_GATE)}

UNDOS: dict[str, Undo] = {
    "capacity_file": undo_capacity_file,
    "stopped": stopped,
    "freeze": freeze,
    "containers": undo_limits,
    DEFINITIONS: definitions,
    "instances": instances,
    "postgres_settings": restore_settings,
    "balancer": balancer,
    "edge_files": edge_files,
    "edge_switches": edge_switches,
    "pgbouncer": pgbouncer,
    "replica": replica,
    "replica_files": replica_files,
    "replication": replication,
    "replication_settings": replication_settings,
    "read_balancer": read_balancer,
    "read_rotation": read_rotation,
}
