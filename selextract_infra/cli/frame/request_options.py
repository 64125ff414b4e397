"""The options of a request: each field becomes one, and what was typed becomes the field's value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from selextract_infra.errors import UsageError
from selextract_infra.flow.manifest import CommandOption

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from selextract_infra.flow.manifest import AnyManifest

__all__ = [
    "STATUS",
    "asks_status",
    "choice",
    "option_parameter",
    "options_of",
    "refuse_half",
    "subcommands_of",
    "values_of",
]

STATUS = "status"
"""The word that asks how an operation stands, where its others ask to change that."""


def option_parameter(name: str, annotation: Any, default: Any = Parameter.empty) -> Parameter:
    """A parameter of a command as Typer reads it."""
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def choice(words: Iterable[str]) -> Any:
    """The type of a parameter that is one of these words."""
    make: Any = StrEnum  # whose members a type checker wants to read in the source
    return make("Choice", {word.upper(): str(word) for word in words})


def subcommands_of(manifest: AnyManifest) -> Mapping[str, str]:
    """By word, what each subcommand is for; none where the operation is one command."""
    return next((option.subcommands for _, option in _fields(manifest).values() if option.subcommands), {})


def options_of(manifest: AnyManifest, subcommand: str) -> Iterator[Parameter]:
    """What can be asked with that subcommand, arguments and options, as parameters of a command."""
    for name, (field, option) in _fields(manifest).items():
        if option.shown and not option.subcommands and (not option.only_with or subcommand in option.only_with):
            yield option_parameter(name, *_argument(manifest, field, option) or _option(name, field, option))


def values_of(manifest: AnyManifest, typed: Mapping[str, Any], subcommand: str) -> dict[str, Any]:
    """By field, what was typed, read; without those that were not typed. Raises as the fields' readers do."""
    values: dict[str, Any] = {}
    for name, (_, option) in _fields(manifest).items():
        value = subcommand if option.subcommands else typed.get(name)
        if value is not None and value != []:
            values[name] = option.read(value) if option.read else value
    return values


def asks_status(manifest: AnyManifest, values: Mapping[str, Any]) -> bool:
    """Whether an argument asks how the operation stands."""
    return any(option.words and values.get(name) == STATUS for name, (_, option) in _fields(manifest).items())


def refuse_half(manifest: AnyManifest, values: Mapping[str, Any]) -> None:
    """Raise ``UsageError`` for a value that says nothing without another one."""
    flags = {name: _flag(name, option) for name, (_, option) in _fields(manifest).items()}
    for name, needed in manifest.needs.items():
        for missing in (other for other in needed if name in values and other not in values):
            raise UsageError(f"{flags[name]} says nothing without {flags[missing]}.", remedy=f"say {flags[missing]}")


def _fields(manifest: AnyManifest) -> dict[str, tuple[FieldInfo, CommandOption]]:
    """The fields of the widest request, each with how it is asked for; what overrides a rule comes last."""
    request = manifest.calculation.numbers if manifest.calculation else manifest.request
    fields = sorted(request.model_fields.items(), key=lambda item: item[0] == "overrides")
    return {
        name: (field, next((mark for mark in field.metadata if isinstance(mark, CommandOption)), CommandOption()))
        for name, field in fields
    }


def _argument(manifest: AnyManifest, field: FieldInfo, option: CommandOption) -> tuple[Any, ...]:
    """The annotation of a field that is an argument; nothing for one that is an option."""
    if option.words:
        words = (*option.words, *([STATUS] if manifest.status else []))
        return (Annotated[choice(words), typer.Argument(metavar="|".join(words), help=_listed(words))],)
    if not option.positional:
        return ()
    kind = list[str] if option.many else str
    return (Annotated[kind, typer.Argument(metavar=option.metavar, help=field.description)],)


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])}, or {words[-1]}."


def _option(name: str, field: FieldInfo, option: CommandOption) -> tuple[Any, Any]:
    """The annotation of a field that is an option, and its default."""
    kind: Any = str | None if option.read else field.annotation
    default = field.get_default(call_default_factory=True)
    if default == ():
        kind, default = list[str] | None, None
    flag = _flag(name, option)
    both = default is True or field.annotation == (bool | None)  # what is not known unasked can be said either way
    switch = f"{flag}/--no-{flag.removeprefix('--')}" if both else flag
    return Annotated[kind, typer.Option(switch, metavar=option.metavar, help=field.description)], default


def _flag(name: str, option: CommandOption) -> str:
    return option.flag or f"--{name.replace('_', '-')}"
