"""``tune workers``: settings of the workers and of the API, printed or put into force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FleetOptions, FormatOption, ObservationOption, PlanOptions
from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.operations.tune.command_postgres import needed

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from selextract_infra.model.tuning import ApiFacts, WorkerFacts

__all__ = ["workers"]


def workers(
    *,
    hosts: FleetOptions,
    service: Annotated[str | None, typer.Option("--service", help="Only this service.")] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", help="Only compute, for workers with this memory limit, as in 3GB.")
    ] = None,
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
    observation: ObservationOption = None,
    options: PlanOptions,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the settings that the running workers and API should have; --apply puts them into force.

    Instances are replaced one at a time, and each ends what it has begun. With --memory nothing is looked at: the
    settings follow from the options alone.
    """
    from selextract_infra.cli.frame.applying import offer
    from selextract_infra.errors import UsageError
    from selextract_infra.flow.planning import plan_operation
    from selextract_infra.model.tuning import ApiFacts, WorkerFacts
    from selextract_infra.operations.tune.operation_workers import TUNE_WORKERS
    from selextract_infra.operations.tune.plan_workers import TuneWorkersRequest
    from selextract_infra.policy.units import MEMORY

    if options.apply and memory is not None:
        raise UsageError("Settings for numbers are only looked at.", remedy="leave --apply or --memory")
    seen = options.recorded(observation)
    if (api_memory is None) != (api_cpus is None):
        raise UsageError("The API's memory and CPUs are only known together.", remedy="say --api-memory and --api-cpus")
    if memory is not None or cpus is not None or api_memory is not None:
        facts: WorkerFacts = WorkerFacts(
            memory=int(MEMORY.parse(needed(memory, "--memory"))),
            cpus=needed(cpus, "--cpus"),
            instances=instances,
            task_seconds=_seconds(task_seconds),
            longest_task=_seconds(longest_task),
            stop_grace=_seconds(stop_grace),
            visibility_timeout=_seconds(visibility_timeout),
        )
        api: ApiFacts | None = None
        if api_memory is not None and api_cpus is not None:
            api = ApiFacts(
                memory=int(MEMORY.parse(api_memory)),
                cpus=api_cpus,
                instances=api_instances,
                requests_per_second=requests,
                runtime=runtime,
            )
        _compute(facts, api, hosts.policy or (), form)
        return
    request = TuneWorkersRequest(
        service=service,
        task_seconds=_seconds(task_seconds),
        longest_task=_seconds(longest_task),
        visibility_timeout=_seconds(visibility_timeout),
        requests_per_second=requests,
    )
    with hosts.context() as context:
        plan = plan_operation(context, TUNE_WORKERS, request, observation=seen, to_apply=options.apply)
        offer(context, plan, options, form)


def _compute(facts: WorkerFacts, api: ApiFacts | None, policy_files: Collection[Path], form: Format) -> None:
    """Print the settings of workers, and of an API, that nobody looks at."""
    from selextract_infra.operations.tune.api import tune_api
    from selextract_infra.operations.tune.show import show_service_tuning
    from selextract_infra.operations.tune.workers import tune_workers
    from selextract_infra.policy import load_policy

    guide = load_policy(files=tuple(policy_files))
    tunings = [tune_workers(facts, guide)]
    if api is not None:
        tunings.append(tune_api(api, guide))
    data = {each.role: {**each.model_dump(mode="json"), "total": each.total} for each in tunings}
    emit(data, show_service_tuning(tunings), form)


def _seconds(text: str | None) -> float | None:
    from selextract_infra.policy.units import DURATION

    return None if text is None else float(DURATION.parse(text))
