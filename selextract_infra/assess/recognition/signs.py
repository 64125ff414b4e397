"""What tells what a service is: one form for a service in a Compose file and for a container that runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from selextract_infra.assess.recognition.addresses import LeadingVariables

__all__ = ["ServiceSigns"]


@dataclass(frozen=True)
class ServiceSigns:
    """Everything that tells what a service is; no value of a variable is part of it.

    ``processes`` are the programs that run, ``store`` is the database, queue or cache among them; both are empty where
    nothing runs. ``ends``: another service waits until it has ended. ``mounts`` are paths inside, ``writable`` those of
    volumes that hold data. ``published`` are ports of the host. ``single`` are reasons why there can only be one of it.
    ``health`` is an address that answers on the host, where one is known.
    """

    name: str
    image: str = ""
    command: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    store: str | None = None
    ports: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    counts: Mapping[str, str] = field(default_factory=dict)
    health_check: tuple[str, ...] = ()
    leads: LeadingVariables = field(default_factory=LeadingVariables)
    unread: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    ends: bool = False
    health: str | None = None
