"""Why a service must run only once at a time: the policy says so, or its program or its name does. Pure.

Two schedulers give out everything twice, two migrations break a schema. The program is what tells best; a name is
believed too, because to run one instance too few is a smaller harm than to run one too many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from selextract_infra.model.observation import ContainerObservation, HostObservation

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["singletons_on", "why_single"]

_NAME = re.compile(
    r"(^|[-_.])(beat|celerybeat|scheduler|schedule|cron|crond|clock|leader|migrate|migration|migrations|migrator)"
    r"($|[-_.\d])"
)


def why_single(name: str, policy: Policy, containers: Iterable[ContainerObservation] = ()) -> str | None:
    """Why only one instance of a mapped service may run, as the end of a sentence; None where several may.

    What the policy says settles it either way.
    """
    mapped = policy.application.services.get(name)
    if mapped is None or mapped.single is False:
        return None
    if mapped.single:
        return "the policy says that it must run only once"
    program = next((container.singleton for container in containers if container.singleton), None)
    if program is not None:
        return f"it runs {program}, which must run only once"
    if _NAME.search(name):
        return "its name says that it must run only once; `single: false` in the policy if it need not"
    return None


def singletons_on(host: HostObservation, policy: Policy) -> dict[str, str]:
    """By mapped service of the app on that host, why it must run only once."""
    project = policy.application.project or ""
    reasons = {
        name: why_single(name, policy, containers)
        for name in policy.application.services
        if (containers := host.containers_of(project, name))
    }
    return {name: reason for name, reason in reasons.items() if reason is not None}
