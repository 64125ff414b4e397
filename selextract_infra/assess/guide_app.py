"""Whether the guide's own figures are about a service: Python in processes, and workers with browsers. Pure.

"A task with its browser needs 768 MB" is true of one app. Said of Sidekiq, Node or a JVM it is a figure from nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.policy.schema.system import SystemProfile

if TYPE_CHECKING:
    from selextract_infra.policy import Policy
    from selextract_infra.policy.schema.rules import ApplicationService

__all__ = ["why_no_figures", "workers_of_the_guide"]

_RUNTIMES = {"api": (None, "python", "jvm"), "worker": (None, "python")}


def why_no_figures(mapped: ApplicationService, role: str, policy: Policy) -> str | None:
    """Why the guide's figures say nothing about a service, as the end of a sentence; None where they do.

    With the guide's profile a worker is taken to be its own app's, unless the mapping says otherwise; with a profile of
    one's own only where the mapping names the variable for its browsers.
    """
    if mapped.runtime not in _RUNTIMES.get(role, (None,)):
        return f"it runs on {mapped.runtime}"
    if role != "worker":
        return None
    if mapped.task_system not in (None, "celery"):
        return f"its tasks are {mapped.task_system}'s"
    if policy.profile is not SystemProfile.GUIDE and mapped.environment.browsers is None:
        return "nothing says that each of its tasks drives a browser"
    return None


def workers_of_the_guide(policy: Policy) -> bool:
    """Whether all mapped workers are such that the guide's tasks an hour say something about them; also without any."""
    workers = policy.application.services_of("worker").values()
    return all(why_no_figures(mapped, "worker", policy) is None for mapped in workers)
