"""Which hosts could be looked at: one that could not is never a success."""

from __future__ import annotations

from selextract_infra.errors import DriftError, HostUnpreparedError, HostUnreachableError
from selextract_infra.model.observation import Observation

__all__ = ["missing_hosts", "refuse_blindness", "refuse_missing", "refuse_other_key"]

_OTHER_KEY = "host key is not the one"  # as the look at a host explains it


def missing_hosts(observation: Observation) -> dict[str, str]:
    """By host, why it was not reached, or could not be looked at."""
    return {**observation.unreachable, **{host.name: host.problem for host in observation.hosts if host.problem}}


def refuse_blindness(observation: Observation) -> None:
    """Raise when not one host could be looked at: ``HostUnpreparedError`` where one was reached at least."""
    missing = missing_hosts(observation)
    if not missing or any(host.name not in missing for host in observation.hosts):
        return
    refuse_missing(missing, reached=bool(observation.hosts))


def refuse_missing(missing: dict[str, str], *, reached: bool = False) -> None:
    """Raise for hosts that could not be worked on, in one sentence; nothing for none."""
    if missing:
        sentence = "; ".join(f"{host}: {reason.rstrip('.')}" for host, reason in sorted(missing.items()))
        kind = HostUnpreparedError if reached else HostUnreachableError
        raise kind(f"{sentence}.", remedy="selextract-infra doctor")


def refuse_other_key(host: str, why: str) -> None:
    """Raise ``DriftError`` where a host could not be reached because it shows another host key than it had."""
    if _OTHER_KEY in why:
        raise DriftError(
            f"Another machine answers in place of {host}: {why.rstrip('.')}. Nothing was done to it.",
            remedy="bring the right machine back, then resume the run, or roll it back",
        )
