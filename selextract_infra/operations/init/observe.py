"""Look at hosts that are not ours yet: with as little as it takes, and root only where nothing else will do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from selextract_infra.errors import CancelledError, HostUnpreparedError, HostUnreachableError
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.preflight import OutsideLook, look_from_outside
from selextract_infra.hosts.runner import HostOutcome, PlaybookRun, run_playbook
from selextract_infra.model.text import displayable
from selextract_infra.operations.init.described import DescribedHost
from selextract_infra.operations.init.target import Target

__all__ = ["Look", "look_at_targets"]

_PLAYBOOK = "selextract.infra.describe"
_TASK = "Describe the host"
_BOUND_SECONDS = 120.0

Look = tuple[DescribedHost, bool]
"""What a host is, and whether root was needed to see it."""


def look_at_targets(
    inventory: Inventory,
    targets: Mapping[str, Target],
    *,
    ask_password: Callable[[str], str | None],
    cancel: threading.Event | None = None,
) -> dict[str, Look]:
    """By name in the inventory, what each host is. ``ask_password`` asks a person once, or says that nobody is there.

    Raises ``HostUnreachableError`` and ``HostUnpreparedError``, each in one sentence with what to do about it.
    """
    for host in inventory.hosts:
        _refuse_unknown_key(targets[host.name], look_from_outside(host, inventory))
    names = tuple(host.name for host in inventory.hosts)
    answers = _described(inventory, targets, names, become=False, password=None, cancel=cancel)
    shut = tuple(name for name, host in answers.items() if _may_not(host))
    looks = {name: (host, False) for name, host in answers.items() if name not in shut}
    if shut:
        looks.update(_as_root(inventory, targets, shut, ask_password, cancel))
    for name, (described, _) in looks.items():
        if described.problem:
            remedy = _docker_remedy(described.problem)
            raise HostUnpreparedError(f"{name}: {displayable(described.problem)}", remedy=remedy)
    return {name: looks[name] for name in names}


def _as_root(
    inventory: Inventory,
    targets: Mapping[str, Target],
    names: tuple[str, ...],
    ask_password: Callable[[str], str | None],
    cancel: threading.Event | None,
) -> dict[str, Look]:
    try:
        answers = _described(inventory, targets, names, become=True, password=None, cancel=cancel)
    except _PasswordWantedError as wanted:
        password = ask_password(wanted.host)
        if password is None:
            raise HostUnpreparedError(
                f"{wanted.host}: this user may not open Docker's socket, and becoming root asks for a password.",
                remedy=_without_root(targets[wanted.host]),
            ) from None
        answers = _described(inventory, targets, names, become=True, password=password, cancel=cancel)
    return {name: (host, True) for name, host in answers.items()}


class _PasswordWantedError(Exception):
    """Becoming root asks for a password."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


def _described(
    inventory: Inventory,
    targets: Mapping[str, Target],
    names: tuple[str, ...],
    *,
    become: bool,
    password: str | None,
    cancel: threading.Event | None,
) -> dict[str, DescribedHost]:
    outcome = run_playbook(
        PlaybookRun(
            playbook=_PLAYBOOK,
            inventory=inventory,
            hosts=names,
            values={"hosts": {name: {"become": become} for name in names}},
            timeout=_BOUND_SECONDS,
            collect=(_TASK,),
            become_password=password,
        ),
        cancel=cancel,
    )
    if outcome.status == "cancelled":
        raise CancelledError("Cancelled while the hosts were being looked at; nothing was changed or written.")
    outcome.refuse_unrun()
    return {name: _answer(name, host, targets[name], asked=password is None) for name, host in outcome.hosts.items()}


def _answer(name: str, host: HostOutcome, target: Target, *, asked: bool) -> DescribedHost:
    if host.status == "ok":
        result: Mapping[str, Any] = host.results.get(_TASK, {})
        try:
            return DescribedHost.of(result)
        except ValidationError as problem:
            first = problem.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise HostUnpreparedError(f"{name} says what cannot be: {displayable(place)}: {first['msg']}.") from problem
    if host.stage == "become":
        if asked and "asks for a password" in host.message:
            raise _PasswordWantedError(name)
        raise HostUnpreparedError(
            f"{name}: this user may not open Docker's socket, and {host.message}.", remedy=_without_root(target)
        )
    kind = HostUnreachableError if host.status in ("unreachable", "missing") else HostUnpreparedError
    raise kind(f"{name}: {host.message.rstrip('.')}.", remedy=host.remedy or None)


def _refuse_unknown_key(target: Target, outside: OutsideLook) -> None:
    """Raises where ssh would refuse the key that the host shows, with the key and what accepts it."""
    shown = f"it shows {outside.fingerprint}"
    if outside.key == "unknown":
        accept = target.ssh.replace("ssh ", "ssh -o StrictHostKeyChecking=accept-new ", 1)
        raise HostUnreachableError(
            f"The host key of {target.host} is not known here: {shown}.",
            remedy="compare that with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host; where it is the"
            f" same, accept it: {accept} true",
        )
    if outside.key in ("changed", "revoked"):
        raise HostUnreachableError(
            f"The host key of {target.host} is {outside.key}: {shown}.",
            remedy=f"find out why; if the host was rebuilt: ssh-keygen -R {target.host}",
        )


def _may_not(host: DescribedHost) -> bool:
    return host.problem is not None and "may not be opened by this user" in host.problem


def _docker_remedy(problem: str) -> str:
    return "start Docker on the host: systemctl start docker" if "not running" in problem else "look at Docker there"


def _without_root(target: Target) -> str:
    """What lets a user look: both are as good as root on that host, which is Docker's doing."""
    user = target.user or "USER"
    sudoers = f"{user} ALL=(root) NOPASSWD: /bin/sh -c echo BECOME-SUCCESS-* ; /usr/bin/python3"
    return f"on the host, `usermod -aG docker {user}` and log in anew; or this line by visudo: {sudoers}"
