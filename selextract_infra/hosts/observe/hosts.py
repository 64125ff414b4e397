"""Look at the hosts of an inventory: one playbook, one task on each, one Observation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.observe.look import look_at
from selextract_infra.hosts.observe.questions import wanted_of_hosts
from selextract_infra.hosts.observe.sampler_history import HistoryWindow, host_with_history
from selextract_infra.hosts.runner import HostOutcome, TaskEvent
from selextract_infra.model.observation import HostObservation, Limits, Observation
from selextract_infra.model.text import displayable
from selextract_infra.policy import Policy

__all__ = ["asked_of_hosts", "observation_of", "observe_hosts"]

_PLAYBOOK = "selextract.infra.observe"
_TASK = "Observe the host"
_LONGEST_WINDOW = 366 * 86_400.0
_SLACK_SECONDS = 300.0  # clocks of hosts are not all the same


def observe_hosts(
    inventory: Inventory,
    policy: Policy,
    *,
    cursors: Mapping[str, Mapping[str, int]],
    at: datetime,
    cancel: threading.Event | None = None,
    on_event: Callable[[TaskEvent], None] | None = None,
    fresh: bool = False,
    history: bool = True,
) -> Observation:
    """What is on the hosts at ``at``, with the history the Sampler has written since ``cursors``.

    ``cursors`` is the start of the newest bucket already known (Unix seconds), by host and machine-id; each host is
    told of its own alone. ``fresh`` logs in anew, as after a reboot; without ``history`` the Sampler's is left out. A
    host that is not reached is in ``unreachable`` with the reason; one that is reached but cannot be looked at has a
    ``problem``. Raises ``CancelledError`` when ``cancel`` is set, ``SelextractError`` when Ansible itself cannot do its
    work.
    """
    names = tuple(host.name for host in inventory.hosts)
    values = asked_of_hosts(policy, {}, history=history)
    own = {name: {"cursors": dict(known)} for name, known in cursors.items()}
    looked = look_at(
        inventory, names, playbook=_PLAYBOOK, task=_TASK, values=values, own=own,
        cancel=cancel, on_event=on_event, fresh=fresh,
    )  # fmt: skip
    return observation_of(looked, at, window=policy.rightsizing.window)


def observation_of(looked: Mapping[str, HostOutcome], at: datetime, *, window: float = _LONGEST_WINDOW) -> Observation:
    """What a look brought back; a host that could not be looked at, or says what cannot be, says why.

    Of its history only what is from the ``window`` (seconds) before ``at`` is taken.
    """
    now = at.timestamp()
    asked = HistoryWindow(now - window - _SLACK_SECONDS, now + _SLACK_SECONDS)
    return Observation(
        at=at,
        hosts=tuple(
            _seen(name, outcome, asked) for name, outcome in looked.items() if outcome.status in ("ok", "failed")
        ),
        unreachable={
            name: _sentence(outcome) for name, outcome in looked.items() if outcome.status in ("unreachable", "missing")
        },
    )


def asked_of_hosts(policy: Policy, cursors: Mapping[str, int], *, history: bool = True) -> dict[str, Any]:
    """What the policy has a host look for; of the Sampler's history only what is newer than ``cursors``."""
    window = policy.rightsizing.window if history else 0
    return {
        **wanted_of_hosts(policy),
        "cursors": dict(cursors),
        "history_window": round(window),
        "data_folder": policy.application.data,
    }


def _seen(name: str, outcome: HostOutcome, asked: HistoryWindow) -> HostObservation:
    result = outcome.results.get(_TASK, {})
    if outcome.status == "failed" or "observation" not in result:
        return HostObservation(name=name, problem=_sentence(outcome) or "The host did not say what is on it.")
    try:
        return _without_totals(host_with_history(name, result, asked))
    except ValidationError as problem:
        first = problem.errors()[0]
        reason = displayable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", limit=200)
    except (ValueError, TypeError, RecursionError) as problem:
        reason = displayable(str(problem), limit=200)
    return HostObservation(name=name, problem=f"What the host answered is not understood: {reason}.")


def _without_totals(host: HostObservation) -> HostObservation:
    """The host, with limits that are all of it taken for none: that is what they are to a container.

    A rollback leaves them where there was no limit before, because Docker takes none away in place.
    """
    facts = host.facts
    containers = tuple(
        container.model_copy(
            update={
                "limits": Limits(
                    memory=None if all_memory else limits.memory,
                    swap=None if all_memory else limits.swap,
                    cpus=None if facts.cpus and (limits.cpus or 0) >= facts.cpus else limits.cpus,
                )
            }
        )
        for container in host.containers
        for limits in (container.limits,)
        for all_memory in (bool(facts.memory) and (limits.memory or 0) >= facts.memory,)
    )
    return host.model_copy(update={"containers": containers})


def _sentence(outcome: HostOutcome) -> str:
    """The message as a sentence of its own, with what to do about it."""
    message = outcome.message.rstrip(".")
    sentence = f"{message[:1].upper()}{message[1:]}." if message else ""
    return f"{sentence} Try: {outcome.remedy}." if sentence and outcome.remedy else sentence
