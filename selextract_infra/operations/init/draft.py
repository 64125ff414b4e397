"""What ``init`` says of a project before anybody has confirmed it. Pure."""

from __future__ import annotations

from pydantic import Field

from selextract_infra.model.base import Frozen

__all__ = ["AddressDraft", "ProjectDraft", "ServiceDraft"]


class AddressDraft(Frozen):
    """A variable by which a service reaches another one.

    ``form`` is ``dsn`` for a whole address, ``host`` for a name alone; ``parts`` are the variables beside it that hold
    port, name, user and password.
    """

    variable: str
    leads_to: str
    form: str
    parts: dict[str, str] = Field(default_factory=dict)


class ServiceDraft(Frozen):
    """A service with its proposed role.

    ``kind`` is what program it is, ``engine`` which product. ``basis`` is ``seen``, or ``choose`` where it could not be
    told; then ``options`` are the roles that it may have. ``evidence`` says what the role was inferred from, ``single``
    why there can only be one of it. ``scaled``: it may be offered for scaling. ``asked`` are variables of which nobody
    can tell where they lead. ``counts`` are variables that hold how much works at once.
    """

    name: str
    kind: str
    engine: str = ""
    role: str
    basis: str
    options: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    scaled: bool = False
    addresses: tuple[AddressDraft, ...] = ()
    asked: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    health: str | None = None


class ProjectDraft(Frozen):
    """One Compose project; ``problem`` is why it cannot be read, in one sentence, and then it has no services.

    ``place`` is what was asked for, ``read_by`` who read it.
    """

    place: str
    name: str = ""
    directory: str = ""
    read_by: str = ""
    services: tuple[ServiceDraft, ...] = ()
    problem: str | None = None

    @property
    def choices(self) -> int:
        """How much a person still has to say."""
        return sum((service.basis == "choose") + len(service.asked) for service in self.services)
