"""``tune workers``: settings of the workers and of the API, from what they really have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.options import FormatOption, PolicyOption
from selextract_infra.cli.output import Format, emit
from selextract_infra.cli.tune_postgres import needed

if TYPE_CHECKING:
    from selextract_infra.model.tuning import ApiFacts, WorkerFacts

__all__ = ["workers"]


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
        memory=int(MEMORY.parse(needed(memory, "--memory"))),
        cpus=needed(cpus, "--cpus"),
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
