"""Which containers of a project were not made from the files in force, as Compose itself says.

Not by the configuration hash alone: what ``docker compose config --hash`` prints is another hash than that on the
container of a service with ``env_file``, ``network_mode: service:``, ``pid: service:`` or ``volumes_from`` (measured
with Compose 2.26 and 2.40). A dry run compares as ``up`` does, and looks at the image too. But Compose 2.26 recreates
with a service also all that depends on it (2.40 does not), so where that may be the reason the container's own hash
decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..docker.containers import Container
from ..system.failure import HostSideError
from .compose import Compose, with_dependencies

__all__ = ["current_by_id", "outdated_among", "outdated_by_id"]

_PARALLEL = 4


def outdated_by_id(
    compose: Compose, configuration: Mapping[str, Any], services: Iterable[str], containers: Iterable[Container]
) -> dict[str, bool]:
    """By ID of the services' containers, whether each is outdated, whatever becomes of what it depends on.

    Each service is to have as many instances as it has, since Compose would remove a surplus one in place of recreating
    another. Raises ``HostSideError`` of kind ``compose`` where Compose does not say it of each that runs.
    """
    wanted, defined = set(services), configuration.get("services") or {}
    all_own = [container for container in containers if container.project == compose.project.name and container.service]
    own = [container for container in all_own if container.service in wanted]
    if not own:
        return {}
    named = {str(container.service) for container in own}
    concerned = with_dependencies(named, defined)
    counts = Counter(str(container.service) for container in all_own if container.service in concerned)
    acts = [act for act in compose.would_do(named, counts, recreate=True) if act.kind == "Container"]
    # Of a container that does not run and stays as it is, Compose 2.40 says nothing (2.26 says `Created`).
    named_by_it = {act.name for act in acts}
    silent = next(
        (container.name for container in own if container.running and container.name not in named_by_it), None
    )
    if silent is not None:
        raise HostSideError(f"Compose does not say whether it would recreate {silent}.", kind="compose")
    recreated = {act.name for act in acts if act.verb.startswith("Recreat")}
    moving = {str(container.service) for container in all_own if container.name in recreated}
    along = {name for name in moving if _goes_along(defined.get(name) or {}, moving)}
    hashes = compose.hashes(configuration) if along.intersection(wanted) else {}
    return {
        container.id: container.name in recreated
        and not (container.service in along and container.config_hash == hashes.get(str(container.service)))
        for container in own
    }


def _goes_along(service: Mapping[str, Any], moving: set[str]) -> bool:
    """Whether Compose may recreate a service only because it recreates one that it depends on.

    A service that shares something of another one's container really is another one with another container there.
    """
    shared = [str(service.get(key) or "") for key in ("network_mode", "pid", "ipc")]
    shared += [f"service:{str(name).partition(':')[0]}" for name in service.get("volumes_from") or []]
    parts = {name.partition(":")[2] for name in shared if name.startswith("service:")}
    return bool(moving.intersection(service.get("depends_on") or {})) and not parts.intersection(moving)


def current_by_id(
    compose: Compose, configuration: Mapping[str, Any], containers: Iterable[Container]
) -> dict[str, bool | None]:
    """By ID of a project's containers, whether they are as the files in force say; None where Compose cannot tell.

    ``configuration`` is that of these files. Asked for all at once, and only where that fails one by one.
    """
    own = [container for container in containers if container.project == compose.project.name and container.service]
    defined = configuration.get("services") or {}
    complete = compose.for_project(compose.project.with_profiles_of(own, defined))
    services = sorted({str(container.service) for container in own}.intersection(defined))

    def asked(names: Sequence[str]) -> dict[str, bool] | None:
        try:
            return outdated_by_id(complete, configuration, names, own)
        except HostSideError:
            return None

    answer = asked(services)
    if answer is None:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            answers = pool.map(lambda service: asked([service]) or {}, services)
            answer = {name: outdated for part in answers for name, outdated in part.items()}
    return {container.id: None if container.id not in answer else not answer[container.id] for container in own}


def outdated_among(compose: Compose, services: Iterable[str], containers: Iterable[Container]) -> list[Container]:
    """The containers of these services that are outdated.

    Raises ``HostSideError`` of kind ``compose`` where Compose cannot tell.
    """
    own = [container for container in containers if container.project == compose.project.name]
    configuration = compose.describe()
    complete = compose.for_project(compose.project.with_profiles_of(own, configuration.get("services") or {}))
    outdated = outdated_by_id(complete, configuration, services, own)
    return [container for container in own if outdated.get(container.id)]
