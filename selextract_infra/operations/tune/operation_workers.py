"""Tuning workers and API where they run as the flow knows it."""

from __future__ import annotations

from selextract_infra.flow.operation import Operation
from selextract_infra.operations.tune.manifest_workers import MANIFEST
from selextract_infra.operations.tune.plan_workers import (
    TuneWorkersParameters,
    draft_tune_workers,
    rebuilt_tune_workers,
    refuse_impossible_workers,
)

__all__ = ["TUNE_WORKERS"]

TUNE_WORKERS = Operation(
    manifest=MANIFEST,
    parameters=TuneWorkersParameters,
    draft=draft_tune_workers,
    steps=rebuilt_tune_workers,
    refuse_impossible=refuse_impossible_workers,
)
