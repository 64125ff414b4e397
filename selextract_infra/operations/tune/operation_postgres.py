"""Tuning Postgres where it runs as the flow knows it."""

from __future__ import annotations

from selextract_infra.flow.operation import Effects, Operation
from selextract_infra.operations.tune.plan_postgres import (
    TunePostgresParameters,
    TunePostgresRequest,
    draft_tune_postgres,
    rebuilt_tune_postgres,
    refuse_impossible_settings,
)

__all__ = ["TUNE_POSTGRES"]

TUNE_POSTGRES = Operation(
    name="tune postgres",
    noun="tuning",
    summary="Settings of Postgres from what its servers really have, put into force.",
    request=TunePostgresRequest,
    parameters=TunePostgresParameters,
    effects=Effects(
        reads=("Postgres' settings in force", "the limits of its container"),
        inverse="The file from before is put back, and the server reloaded or started with it.",
        downtime="None by a reload; a restart of the server where a setting takes one.",
        seconds=lambda policy: policy.postgres.reload.estimate,
        privileges=("root on the host", "the superuser of Postgres"),
    ),
    draft=draft_tune_postgres,
    steps=rebuilt_tune_postgres,
    refuse_impossible=refuse_impossible_settings,
)
