"""``tune postgres``: settings from what a server really has, printed or put into force."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from selextract_infra.cli.frame.options import FleetOptions, ObservationOption, OverrideOption, PlanOptions
from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.model.postgres import Role, Storage, Workload

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from selextract_infra.flow.context import Context
    from selextract_infra.model.plan import Plan
    from selextract_infra.model.tuning import PostgresFacts

__all__ = ["TuneFormat", "needed", "postgres"]

Given = TypeVar("Given")


class TuneFormat(StrEnum):
    """How ``tune postgres`` answers: ``conf`` is the file for Postgres' ``conf.d``."""

    TABLE = "table"
    JSON = "json"
    CONF = "conf"


def postgres(
    *,
    hosts: FleetOptions,
    memory: Annotated[
        str | None,
        typer.Option("--memory", help="Only compute, for a server with this container limit, as in 2GB."),
    ] = None,
    cpus: Annotated[float | None, typer.Option("--cpus", help="Its CPU limit, in cores.")] = None,
    pg_version: Annotated[int | None, typer.Option("--pg-version", help="Its major version, 14 to 18.")] = None,
    connections: Annotated[
        int | None, typer.Option("--connections", help="How many may be open at once; default: the guide's.")
    ] = None,
    workload: Annotated[Workload | None, typer.Option(help="What it is asked (default: web; analytics: dw).")] = None,
    storage: Annotated[Storage, typer.Option(help="What its data lies on.")] = Storage.SSD,
    disk: Annotated[str | None, typer.Option("--disk", help="Size of its volume, as in 100GB.")] = None,
    role: Annotated[Role, typer.Option(help="What the server is for.")] = Role.PRIMARY,
    primary_connections: Annotated[
        int | None, typer.Option("--primary-connections", help="For a replica: its primary's max_connections.")
    ] = None,
    shared_buffers: Annotated[
        str | None, typer.Option("--shared-buffers", help="Ask for this much instead of the guide's.")
    ] = None,
    lz4: Annotated[bool, typer.Option(help="Whether the server was built with lz4.")] = True,
    override: OverrideOption = None,
    observation: ObservationOption = None,
    options: PlanOptions,
    form: Annotated[TuneFormat, typer.Option("--format", help="A table, JSON, or the file itself.")] = TuneFormat.TABLE,
) -> None:
    """Show the settings that the running Postgres should have; --apply puts them into force.

    With --memory nothing is looked at: the settings follow from the options alone.
    """
    from selextract_infra.cli.frame.applying import offer
    from selextract_infra.errors import UsageError
    from selextract_infra.flow.planning import plan_operation
    from selextract_infra.operations.tune.operation_postgres import TUNE_POSTGRES
    from selextract_infra.operations.tune.plan_postgres import TunePostgresRequest
    from selextract_infra.policy.units import MEMORY

    asked = None if shared_buffers is None else int(MEMORY.parse(shared_buffers))
    if options.apply and memory is not None:
        raise UsageError("Settings for numbers are only looked at.", remedy="leave --apply or --memory")
    seen = options.recorded(observation)
    if memory is not None or cpus is not None or pg_version is not None:
        facts = _facts(
            memory, cpus, pg_version, connections=connections, workload=workload, storage=storage, disk=disk,
            role=role, lz4=lz4, primary_connections=primary_connections,
        )  # fmt: skip
        _compute(facts, hosts.policy or (), asked, override or (), form)
        return
    with hosts.context() as context:
        request = TunePostgresRequest(shared_buffers=asked, overrides=tuple(override or ()))
        plan = plan_operation(context, TUNE_POSTGRES, request, observation=seen, to_apply=options.apply)
        if form is TuneFormat.CONF:
            _print_files(plan, context)
            return
        offer(context, plan, options, Format(form.value))


def _facts(
    memory: str | None,
    cpus: float | None,
    version: int | None,
    *,
    connections: int | None,
    workload: Workload | None,
    storage: Storage,
    disk: str | None,
    role: Role,
    lz4: bool,
    primary_connections: int | None,
) -> PostgresFacts:
    from selextract_infra.model.tuning import PostgresFacts
    from selextract_infra.policy.units import DISK, MEMORY

    facts: PostgresFacts = PostgresFacts(
        memory=int(MEMORY.parse(needed(memory, "--memory"))),
        cpus=needed(cpus, "--cpus"),
        version=needed(version, "--pg-version"),
        connections=connections,
        workload=workload,
        storage=storage,
        disk=None if disk is None else int(DISK.parse(disk)),
        role=role,
        lz4=lz4,
        primary={} if primary_connections is None else {"max_connections": primary_connections},
    )
    return facts


def _compute(
    facts: PostgresFacts,
    policy_files: Collection[Path],
    shared_buffers: int | None,
    overrides: Collection[str],
    form: TuneFormat,
) -> None:
    """Print the settings of a server that nobody looks at."""
    from selextract_infra.assess.postgres.settings_for import tune_postgres
    from selextract_infra.model.postgres_conf import conf_text
    from selextract_infra.operations.tune.show import show_postgres_tuning
    from selextract_infra.policy import load_policy

    guide = load_policy(files=tuple(policy_files))
    tuning = tune_postgres(facts, guide, shared_buffers=shared_buffers, overrides=overrides)
    if form is TuneFormat.CONF:
        sys.stdout.write(conf_text(tuning))
        return
    data = {**tuning.model_dump(mode="json"), "total": tuning.total}
    emit(data, show_postgres_tuning(tuning), Format(form.value))


def _print_files(plan: Plan, context: Context) -> None:
    """The file of each server, as the Plan would write it in the end."""
    from selextract_infra.model.postgres_conf import conf_text
    from selextract_infra.operations.tune.plan_postgres import ServerOnHost, retuning_of

    for host, described in plan.parameters["servers"].items():
        retuning = retuning_of(host, ServerOnHost.model_validate(described), context.policy)
        sys.stdout.write(conf_text(retuning.tuning.model_copy(update={"settings": retuning.settings})))


def needed(value: Given | None, option: str) -> Given:
    """A value that nothing can stand for."""
    from selextract_infra.errors import UsageError

    if value is None:
        raise UsageError(f"{option} is missing; settings follow from what there really is.", remedy=f"say {option}")
    return value
