"""The lab: real Linux hosts with systemd, sshd and their own Docker engine, on one machine."""

from __future__ import annotations

from selextract_infra.lab.lab import Lab
from selextract_infra.lab.load import Load, LoadResult, LoadStep, TaskShape
from selextract_infra.lab.state import LabHost, LabState, LabStatus
from selextract_infra.lab.topology import Topology

__all__ = ["Lab", "LabHost", "LabState", "LabStatus", "Load", "LoadResult", "LoadStep", "TaskShape", "Topology"]
