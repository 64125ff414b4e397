"""``tune postgres`` as the file for Postgres' ``conf.d``, and for numbers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.cli.frame.output import Format, emit, write_out
from selextract_infra.model.postgres_conf import conf_text
from selextract_infra.model.tuning import PostgresFacts
from selextract_infra.operations.tune.plan_postgres import ServerOnHost, retuning_of
from selextract_infra.operations.tune.show import show_postgres_tuning

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.model.plan import Plan
    from selextract_infra.operations.tune.operation_postgres import ServerNumbers
    from selextract_infra.policy import Policy

__all__ = ["compute", "print_files"]


def compute(numbers: ServerNumbers, policy: Policy, form: str) -> None:
    """Print the settings of a server that nobody looks at."""
    primary = numbers.primary_connections
    own = numbers.model_dump(include={"connections", "workload", "storage", "disk", "role", "lz4", "memory", "cpus"})
    facts = PostgresFacts(
        **own, version=numbers.pg_version, primary={} if primary is None else {"max_connections": primary}
    )
    tuning = tune_postgres(facts, policy, shared_buffers=numbers.shared_buffers, overrides=numbers.overrides)
    if form == "conf":
        write_out(conf_text(tuning))
        return
    data = {**tuning.model_dump(mode="json"), "total": tuning.total}
    emit(data, show_postgres_tuning(tuning), Format(form))


def print_files(plan: Plan, context: Context) -> None:
    """Print the file of each server, as the Plan would write it in the end."""
    for host, described in plan.parameters["servers"].items():
        retuning = retuning_of(host, ServerOnHost.model_validate(described), context.policy)
        write_out(conf_text(retuning.tuning.model_copy(update={"settings": retuning.settings})))
