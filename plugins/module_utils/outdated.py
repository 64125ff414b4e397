"""Which containers the team's own next ``docker compose up`` would recreate, as Compose itself says.

Not by the configuration hash: what ``docker compose config --hash`` prints is another hash than that on the
container of a service with ``env_file``, ``network_mode: service:``, ``pid: service:`` or ``volumes_from`` (measured
with Compose 2.26 and 2.40). A dry run compares as ``up`` does, and looks at the image too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .compose import Compose
from .containers import Container
from .failure import HostSideError

__all__ = ["current_by_id", "outdated_among", "would_recreate"]

_PARALLEL = 4


def would_recreate(compose: Compose, services: Iterable[str], containers: Iterable[Container]) -> dict[str, bool]:
    """By ID of the services' containers, whether Compose would recreate them.

    Each service is to have as many instances as it has, since Compose would remove a surplus one in place of recreating
    another. Raises ``HostSideError`` of kind ``compose`` where Compose does not say it of each.
    """
    wanted = set(services)
    own = [one for one in containers if one.project == compose.project.name and one.service in wanted]
    counts = Counter(str(one.service) for one in own)
    if not counts:
        return {}
    acts = compose.would_do(counts, recreate=True)
    known = {act.name for act in acts if act.kind == "Container"}
    outdated = {act.name for act in acts if act.kind == "Container" and act.verb.startswith("Recreat")}
    silent = next((one.name for one in own if one.name not in known), None)
    if silent is not None:
        raise HostSideError(f"Compose does not say whether it would recreate {silent}.", kind="compose")
    return {one.id: one.name in outdated for one in own}


def current_by_id(
    compose: Compose, defined: Mapping[str, Any], containers: Iterable[Container]
) -> dict[str, bool | None]:
    """By ID of a project's containers, whether they are as the files in force say; None where Compose cannot tell.

    ``defined`` are the services of these files. Asked for all at once, and only where that fails one by one.
    """
    own = [one for one in containers if one.project == compose.project.name and one.service]
    complete = compose.for_project(compose.project.with_profiles_of(own, defined))
    services = sorted({str(one.service) for one in own}.intersection(defined))
    answer = _asked(complete, services, own)
    if answer is None:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            answers = pool.map(lambda service: _asked(complete, [service], own) or {}, services)
            answer = {name: outdated for part in answers for name, outdated in part.items()}
    return {one.id: None if one.id not in answer else not answer[one.id] for one in own}


def outdated_among(compose: Compose, services: Iterable[str], containers: Iterable[Container]) -> list[Container]:
    """The containers of these services that Compose would recreate.

    Raises ``HostSideError`` of kind ``compose`` where Compose cannot tell.
    """
    own = [one for one in containers if one.project == compose.project.name]
    defined = compose.describe().get("services") or {}
    outdated = would_recreate(compose.for_project(compose.project.with_profiles_of(own, defined)), services, own)
    return [one for one in own if outdated.get(one.id)]


def _asked(compose: Compose, services: Iterable[str], own: list[Container]) -> Mapping[str, bool] | None:
    try:
        return would_recreate(compose, services, own)
    except HostSideError:
        return None
