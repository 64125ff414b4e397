"""Load on the lab's application that counts every request and every task."""

from __future__ import annotations

from selextract_infra.lab.load.generator import BROWSER, Load, LoadStep, TaskShape
from selextract_infra.lab.load.result import LoadResult, RequestCount, TaskCount

__all__ = ["BROWSER", "Load", "LoadResult", "LoadStep", "RequestCount", "TaskCount", "TaskShape"]
