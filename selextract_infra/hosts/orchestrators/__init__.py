"""Orchestrators: what keeps the instances of an application running. Pure.

``ORCHESTRATOR`` is the one that this version has; which one that is, is known in this folder alone, and on a host in
`plugins/module_utils/compose`.
"""

from __future__ import annotations

from selextract_infra.hosts.orchestrators.compose import ComposeOrchestrator
from selextract_infra.hosts.orchestrators.orchestrator import Orchestrator

__all__ = ["ORCHESTRATOR", "Orchestrator"]

ORCHESTRATOR: Orchestrator = ComposeOrchestrator()
