"""Tuning Postgres where it runs as the flow knows it."""

from __future__ import annotations

from selextract_infra.flow.operation import Operation
from selextract_infra.operations.tune.manifest_postgres import MANIFEST
from selextract_infra.operations.tune.plan_postgres import (
    TunePostgresParameters,
    draft_tune_postgres,
    rebuilt_tune_postgres,
    refuse_impossible_settings,
)

__all__ = ["TUNE_POSTGRES"]

TUNE_POSTGRES = Operation(
    manifest=MANIFEST,
    parameters=TunePostgresParameters,
    draft=draft_tune_postgres,
    steps=rebuilt_tune_postgres,
    refuse_impossible=refuse_impossible_settings,
)
