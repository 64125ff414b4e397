"""``tune``: settings of Postgres and of the workers, from what they really have."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from selextract_infra.cli.options import FormatOption, OverrideOption, PolicyOption
from selextract_infra.cli.output import Format, emit
from selextract_infra.model.postgres import Role, Storage, Workload

if TYPE_CHECKING:
    from selextract_infra.model.tuning import ApiFacts, PostgresFacts, WorkerFacts

__all__ = ["register"]

Given = TypeVar("Given")


class TuneFormat(StrEnum):
    """How ``tune postgres`` answers: ``conf`` is the file for Postgres' ``conf.d``."""

    TABLE = "table"
    JSON = "json"
    CONF = "conf"


def register(app: typer.Typer) -> None:
    """Add the command ``tune``."""
    tune = typer.Typer(
        help="Settings of Postgres and of the workers, from what they really have.", no_args_is_help=True
    )
    tune.command()(postgres)
    tune.command()(workers)
    app.add_typer(tune, name="tune")


def postgres(
    memory: Annotated[
        str | None, typer.Option("--memory", help="What Postgres really has: its container's limit, as in 2GiB.")
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
    policy: PolicyOption = None,
    form: Annotated[TuneFormat, typer.Option("--format", help="A table, JSON, or the file itself.")] = TuneFormat.TABLE,
) -> None:
    """Postgres' settings from memory, CPUs, connections, workload, storage, version and role."""
    from selextract_infra.decide.tune_postgres import tune_postgres
    from selextract_infra.model.postgres_conf import conf_text
    from selextract_infra.model.tuning import PostgresFacts
    from selextract_infra.policy import load_policy
    from selextract_infra.policy.units import DISK, MEMORY
    from selextract_infra.report.tuning import print_postgres_tuning

    facts: PostgresFacts = PostgresFacts(
        memory=int(MEMORY.parse(_needed(memory, "--memory"))),
        cpus=_needed(cpus, "--cpus"),
        version=_needed(pg_version, "--pg-version"),
        connections=connections,
        workload=workload,
        storage=storage,
        disk=None if disk is None else int(DISK.parse(disk)),
        role=role,
        lz4=lz4,
        primary={} if primary_connections is None else {"max_connections": primary_connections},
    )
    tuning = tune_postgres(
        facts,
        load_policy(files=policy or ()),
        shared_buffers=None if shared_buffers is None else int(MEMORY.parse(shared_buffers)),
        overrides=override or (),
    )
    if form is TuneFormat.CONF:
        sys.stdout.write(conf_text(tuning))
        return
    data = {**tuning.model_dump(mode="json"), "total": tuning.total}
    emit(data, lambda screen: print_postgres_tuning(screen, tuning), Format(form.value))


def workers(
    memory: Annotated[str | None, typer.Option("--memory", help="Memory limit of a worker, as in 3GB.")] = None,
    cpus: Annotated[float | None, typer.Option("--cpus", help="CPU limit of a worker, in cores.")] = None,
    instances: Annotated[int | None, typer.Option("--instances", help="How many workers run.")] = None,
    task_seconds: Annotated[str | None, typer.Option("--task", help="How long a task takes, as in 25s.")] = None,
    longest_task: Annotated[str | None, typer.Option("--longest-task", help="How long the longest one takes.")] = None,
    stop_grace: Annotated[
        str | None, typer.Option("--stop-grace", help="stop_grace_period of the service now, as in 60s.")
    ] = None,
    visibility_timeout: Annotated[
        str | None, typer.Option("--visibility-timeout", help="The broker's visibility timeout now, as in 1h.")
    ] = None,
    api_memory: Annotated[str | None, typer.Option("--api-memory", help="Memory limit of an API instance.")] = None,
    api_cpus: Annotated[float | None, typer.Option("--api-cpus", help="CPU limit of an API instance.")] = None,
    api_instances: Annotated[int | None, typer.Option("--api-instances", help="How many API instances run.")] = None,
    requests: Annotated[
        float | None, typer.Option("--requests", help="Requests a second, over all API instances.")
    ] = None,
    runtime: Annotated[str | None, typer.Option("--runtime", help="The API's runtime: python or jvm.")] = None,
    policy: PolicyOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Settings of the workers, and of the API where its limits are given too."""
    from selextract_infra.decide.tune_api import tune_api
    from selextract_infra.decide.tune_workers import tune_workers
    from selextract_infra.errors import UsageError
    from selextract_infra.model.tuning import ApiFacts, WorkerFacts
    from selextract_infra.policy import load_policy
    from selextract_infra.policy.units import DURATION, MEMORY
    from selextract_infra.report.tuning import print_service_tuning

    def seconds(text: str | None) -> float | None:
        return None if text is None else float(DURATION.parse(text))

    facts: WorkerFacts = WorkerFacts(
        memory=int(MEMORY.parse(_needed(memory, "--memory"))),
        cpus=_needed(cpus, "--cpus"),
        instances=instances,
        task_seconds=seconds(task_seconds),
        longest_task=seconds(longest_task),
        stop_grace=seconds(stop_grace),
        visibility_timeout=seconds(visibility_timeout),
    )
    guide = load_policy(files=policy or ())
    tunings = [tune_workers(facts, guide)]
    if (api_memory is None) != (api_cpus is None):
        raise UsageError("The API's memory and CPUs are only known together.", remedy="say --api-memory and --api-cpus")
    if api_memory is not None and api_cpus is not None:
        api: ApiFacts = ApiFacts(
            memory=int(MEMORY.parse(api_memory)),
            cpus=api_cpus,
            instances=api_instances,
            requests_per_second=requests,
            runtime=runtime,
        )
        tunings.append(tune_api(api, guide))
    data = {each.role: {**each.model_dump(mode="json"), "total": each.total} for each in tunings}
    emit(data, lambda screen: print_service_tuning(screen, tunings), form)


def _needed(value: Given | None, option: str) -> Given:
    """A value that nothing can stand for."""
    from selextract_infra.errors import UsageError

    if value is None:
        raise UsageError(f"{option} is missing; settings follow from what there really is.", remedy=f"say {option}")
    return value
