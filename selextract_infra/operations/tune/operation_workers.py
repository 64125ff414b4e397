"""What tuning workers and the API is, and what can be asked of it; where they run, or for numbers alone."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from selextract_infra.flow.manifest import AskedMemory, Calculation, CommandOption, Effects, Manifest, Request
from selextract_infra.policy.units import DURATION

__all__ = ["MANIFEST", "TuneWorkersRequest", "WorkerNumbers"]


_Seconds = Annotated[float | None, CommandOption(read=DURATION.parse)]


class TuneWorkersRequest(Request):
    """What is asked of tuning workers and API, and what the operator knows of their work. Times in seconds."""

    service: str | None = Field(default=None, description="Only this service.")
    task_seconds: Annotated[float | None, CommandOption("--task", read=DURATION.parse)] = Field(
        default=None, description="How long a task takes, as in 25s."
    )
    longest_task: _Seconds = Field(default=None, description="How long the longest one takes.")
    visibility_timeout: _Seconds = Field(default=None, description="The broker's visibility timeout now, as in 1h.")
    requests_per_second: Annotated[float | None, CommandOption("--requests")] = Field(
        default=None, description="Requests a second, over all API instances."
    )


class WorkerNumbers(TuneWorkersRequest):
    """Workers and an API that nobody looks at, as somebody describes them. Memory in bytes, CPUs in cores."""

    memory: AskedMemory = Field(
        default=None, description="Only compute, for workers with this memory limit, as in 3GB."
    )
    cpus: float | None = Field(default=None, description="CPU limit of a worker, in cores.")
    instances: int | None = Field(default=None, description="How many workers run.")
    stop_grace: _Seconds = Field(default=None, description="stop_grace_period of the service now, as in 60s.")
    api_memory: AskedMemory = Field(default=None, description="Memory limit of an API instance.")
    api_cpus: float | None = Field(default=None, description="CPU limit of an API instance.")
    api_instances: int | None = Field(default=None, description="How many API instances run.")
    runtime: str | None = Field(default=None, description="The API's runtime: python or jvm.")


MANIFEST = Manifest(
    name="tune workers",
    noun="tuning",
    request=TuneWorkersRequest,
    effects=Effects(
        reads=("containers and their limits", "the variables that the mapping names"),
        changes=("variables in our capacity file", "containers: each is replaced by a new one"),
        inverse="The file from before is put back, and replaced instances are recreated from it.",
        downtime="None with two instances of a service; each ends what it has begun before it is replaced.",
        seconds=lambda policy: policy.rightsizing.settle.estimate,
    ),
    needs={
        "memory": ("cpus",),
        "cpus": ("memory",),
        "api_memory": ("api_cpus", "memory", "cpus"),
        "api_cpus": ("api_memory",),
    },
    offline=True,
    calculation=Calculation(
        numbers=WorkerNumbers, asked_by=("memory", "cpus", "api_memory"), answer="tune.command_workers:compute"
    ),
)
