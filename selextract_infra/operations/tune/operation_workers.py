"""Tuning workers and API where they run as the flow knows it."""

from __future__ import annotations

from selextract_infra.flow.operation import Effects, Operation
from selextract_infra.operations.tune.plan_workers import (
    TuneWorkersParameters,
    TuneWorkersRequest,
    draft_tune_workers,
    rebuilt_tune_workers,
    refuse_impossible_workers,
)

__all__ = ["TUNE_WORKERS"]

TUNE_WORKERS = Operation(
    name="tune workers",
    noun="tuning",
    summary="Concurrency and settings of the workers and of the API, put into force one instance at a time.",
    request=TuneWorkersRequest,
    parameters=TuneWorkersParameters,
    effects=Effects(
        reads=("containers and their limits", "the variables that the mapping names"),
        inverse="The file from before is put back, and replaced instances are recreated from it.",
        downtime="None with two instances of a service; each ends what it has begun before it is replaced.",
        seconds=lambda policy: policy.rightsizing.settle.estimate,
    ),
    draft=draft_tune_workers,
    steps=rebuilt_tune_workers,
    refuse_impossible=refuse_impossible_workers,
)
