"""``tune postgres`` as the file for Postgres' ``conf.d``, and for numbers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.assess.postgres.settings import LZ4_SINCE, lz4_unknown
from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.cli.frame.output import Format, emit, say, write_out
from selextract_infra.model.postgres_conf import conf_text
from selextract_infra.model.tuning import PostgresFacts, PostgresTuning
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
    own = numbers.model_dump(include={"connections", "workload", "storage", "disk", "role", "memory", "cpus"})
    facts = PostgresFacts(
        **own,
        lz4=bool(numbers.lz4),
        version=numbers.pg_version,
        primary={} if primary is None else {"max_connections": primary},
    )
    tuning = tune_postgres(facts, policy, shared_buffers=numbers.shared_buffers, overrides=numbers.overrides)
    if numbers.lz4 is None and facts.version >= LZ4_SINCE:
        tuning = tuning.model_copy(update={"findings": (*tuning.findings, lz4_unknown())})
    if form == "conf":
        _write(tuning, tuning)
        return
    data = {**tuning.model_dump(mode="json"), "total": tuning.total}
    emit(data, show_postgres_tuning(tuning), Format(form))


def print_files(plan: Plan, context: Context) -> None:
    """Print the file of each server, as the Plan would write it in the end."""
    for host, described in plan.parameters["servers"].items():
        retuning = retuning_of(host, ServerOnHost.model_validate(described), context.policy)
        _write(retuning.tuning.model_copy(update={"settings": retuning.settings}), retuning.tuning)


def _write(file: PostgresTuning, tuning: PostgresTuning) -> None:
    """The file, with what was not granted and what a person should know as comments, and the same on standard error."""
    remarks = [
        (decision.resource, f"{decision.rule}: {decision.why_less}")
        for decision in tuning.decisions
        if decision.why_less is not None
    ]
    remarks += [(finding.subject, f"{finding.rule}: {finding.sentence}") for finding in tuning.findings]
    write_out(conf_text(file, remarks))
    for name, text in remarks:
        say(f"{name}: {text}")
