"""What an operation is, in words and types: its request, what it means for a host, how it is asked for. Light.

Help, options and reference follow from a manifest, so it imports nothing of the operation's work: that would make
``--help`` four times as slow (0.9 s of imports, against 0.2 s).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from pydantic import Field

from selextract_infra.flow.catalogue import OPERATIONS, home, loaded
from selextract_infra.model.base import Frozen
from selextract_infra.policy.units import DISK, MEMORY

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = [
    "AnyManifest",
    "AskedDisk",
    "AskedMemory",
    "Calculation",
    "ChosenHosts",
    "CommandOption",
    "Effects",
    "Manifest",
    "OverriddenRules",
    "Request",
    "manifest_named",
]


@dataclass(frozen=True)
class CommandOption:
    """How a field of a request is asked for on the command line, where its name, type and description do not say it.

    ``flag`` stands in place of ``--`` and the field's name. ``read`` makes the value of the text that is typed, as
    ``MEMORY.parse`` does of ``1.5GB``. ``positional``: an argument, which may be repeated when it is ``many``.
    ``words``: an argument that is one of these. ``subcommands`` by word are what each is for: the field is asked for by
    them. ``only_with``: those among them that take it. Not ``shown`` is left to the shared options.
    """

    flag: str = ""
    metavar: str | None = None
    read: Callable[[Any], Any] | None = None
    positional: bool = False
    many: bool = False
    words: tuple[str, ...] = ()
    subcommands: Mapping[str, str] = field(default_factory=dict)
    only_with: tuple[str, ...] = ()
    shown: bool = True


AskedMemory = Annotated[int | None, CommandOption(read=MEMORY.parse)]
"""In bytes; typed with its unit."""
AskedDisk = Annotated[int | None, CommandOption(read=DISK.parse)]
"""In bytes; typed with its unit."""
ChosenHosts = Annotated[
    tuple[str, ...] | None, Field(description="Only these hosts; by default all."), CommandOption(shown=False)
]
OverriddenRules = Annotated[
    tuple[str, ...],
    Field(description="Override this rule; recorded. Repeatable."),
    CommandOption("--override", metavar="RULE"),
]


class Request(Frozen):
    """What people ask of an operation. A Plan's parameters hold it, with what was seen that its steps rest on."""


Asked = TypeVar("Asked", bound=Request)


@dataclass(frozen=True)
class Effects:
    """What an operation means for a host and its users, in words where it is no number.

    ``reads`` names what it is decided from, ``changes`` what it changes, ``privileges`` what it needs on a host.
    ``inverse`` says how it is put back, ``downtime`` what users notice. ``seconds`` is how long its usual step takes by
    the policy. ``points_of_no_return`` names steps after which there is no way back, where these are always the same.
    """

    reads: tuple[str, ...]
    changes: tuple[str, ...]
    inverse: str
    downtime: str
    seconds: Callable[[Policy], float]
    privileges: tuple[str, ...] = ("root on the host",)
    points_of_no_return: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calculation(Generic[Asked]):
    """What an operation also works out from numbers alone, without a host.

    ``numbers`` is its request with those numbers; one of the fields ``asked_by`` asks for it. ``answer``, as
    ``folder.module:function``, is given the numbers, the policy and the format, and prints.
    """

    numbers: type[Asked]
    asked_by: tuple[str, ...]
    answer: str


@dataclass(frozen=True, kw_only=True)
class Manifest(Generic[Asked]):
    """What an operation is. ``name`` is what a Plan calls it, ``noun`` what a sentence calls it.

    ``request`` is what people ask. ``complete`` makes its values of what was typed, where that takes the policy.
    ``acts``, as ``folder.module:constant``, is what the operation does itself, where that is anything.

    On the command line: ``needs`` are, by field, those without which it says nothing. ``whole_fleet`` where a part of
    the hosts would make no sense, ``offline`` where a saved Observation is enough. ``status``, as
    ``folder.module:function``, prints how it stands, given the Context and the format: on demand, or with
    ``status_unless`` whenever none of these fields is asked for. ``formats`` are further ones beside table and JSON,
    each with the function that prints the Plan so.
    """

    name: str
    noun: str
    request: type[Asked]
    effects: Effects
    acts: str = ""
    complete: Callable[[Mapping[str, Any], Policy], dict[str, Any]] | None = None
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole_fleet: bool = False
    offline: bool = False
    status: str = ""
    status_unless: tuple[str, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)
    calculation: Calculation[Any] | None = None

    @property
    def summary(self) -> str:
        """What it is, in one sentence."""
        return OPERATIONS[self.name]


AnyManifest = Manifest[Any]


def manifest_named(name: str) -> AnyManifest:
    """What the operation of that name, a known one, says of itself; nothing else of it is loaded."""
    manifest: AnyManifest = loaded(f"{home(name)}:MANIFEST")
    return manifest
