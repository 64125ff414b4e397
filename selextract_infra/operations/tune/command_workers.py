"""``tune workers`` for numbers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.model.tuning import ApiFacts, WorkerFacts
from selextract_infra.operations.tune.api import tune_api
from selextract_infra.operations.tune.show import show_service_tuning
from selextract_infra.operations.tune.workers import tune_workers

if TYPE_CHECKING:
    from selextract_infra.operations.tune.operation_workers import WorkerNumbers
    from selextract_infra.policy import Policy

__all__ = ["compute"]


def compute(numbers: WorkerNumbers, policy: Policy, form: str) -> None:
    """Print the settings of workers, and of an API, that nobody looks at."""
    known = set(WorkerFacts.model_fields) & set(type(numbers).model_fields)
    tunings = [tune_workers(WorkerFacts(**numbers.model_dump(include=known)), policy)]
    if numbers.api_memory is not None:
        api = ApiFacts(
            memory=numbers.api_memory,
            cpus=numbers.api_cpus,
            instances=numbers.api_instances,
            requests_per_second=numbers.requests_per_second,
            runtime=numbers.runtime,
        )
        tunings.append(tune_api(api, policy))
    data = {tuning.role: {**tuning.model_dump(mode="json"), "total": tuning.total} for tuning in tunings}
    emit(data, show_service_tuning(tunings), Format(form))
