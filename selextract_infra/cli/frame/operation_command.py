"""An operation's command, made of its manifest: options of its request, help of its effects, and one body for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from inspect import Parameter, Signature, getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from selextract_infra.cli.frame.apply_plan import offer
from selextract_infra.cli.frame.cancellation import LOOK_SECONDS, WORK_SECONDS
from selextract_infra.cli.frame.options import (
    FleetOptions,
    FormatOption,
    ObservationOption,
    PlanOptions,
    WholeFleetOptions,
    fleet_of,
    with_options,
)
from selextract_infra.cli.frame.output import Format
from selextract_infra.cli.frame.request_options import (
    STATUS,
    asks_status,
    choice,
    option_parameter,
    options_of,
    refuse_half,
    subcommands_of,
    values_of,
)
from selextract_infra.errors import UsageError
from selextract_infra.flow.catalogue import GROUPS, OPERATIONS, loaded
from selextract_infra.flow.manifest import manifest_named

if TYPE_CHECKING:
    from selextract_infra.flow.manifest import AnyManifest, Calculation, Effects
    from selextract_infra.model.observation import Observation

__all__ = ["add_operation", "effects_in_words", "epilogue"]


def add_operation(app: typer.Typer, word: str) -> None:
    """Add the command that begins with that word, or the group of them."""
    group = _group(app, word, GROUPS[word]) if word in GROUPS else app
    for name in (name for name in OPERATIONS if name.split()[0] == word):
        manifest = manifest_named(name)
        subcommands = subcommands_of(manifest)
        if subcommands:
            _add_subcommands(_group(app, word, manifest.summary), manifest, subcommands)
        else:
            _add(group, name.split()[-1], manifest, manifest.summary)


def epilogue(effects: Effects) -> str:
    """What an operation means for a host and its users, a paragraph each."""
    return "\n\n".join(f"{title}: {text}" for title, text in effects_in_words(effects).items())


def effects_in_words(effects: Effects) -> dict[str, str]:
    """By title, what an operation means for a host and its users."""
    return {
        "Reads": _listed(effects.reads),
        "Changes": _listed(effects.changes),
        "Downtime": effects.downtime,
        "Put back": effects.inverse,
        "Point of no return": _listed(effects.points_of_no_return) or "None.",
        "Needs": _listed(effects.privileges),
    }


def _listed(names: tuple[str, ...]) -> str:
    return f"{'; '.join(names)}." if names else ""


def _group(app: typer.Typer, name: str, purpose: str) -> typer.Typer:
    group = typer.Typer(help=purpose, no_args_is_help=True)
    app.add_typer(group, name=name)
    return group


def _add_subcommands(group: typer.Typer, manifest: AnyManifest, subcommands: Mapping[str, str]) -> None:
    """A command for each word that a field is asked for by, and one for how it stands."""
    for word, purpose in subcommands.items():
        _add(group, word, manifest, purpose, word)
    status = loaded(manifest.status)

    def show(*, hosts: FleetOptions, form: FormatOption = Format.TABLE) -> None:
        with hosts.context(LOOK_SECONDS) as context:
            status(context, form)

    group.command(STATUS, help=getdoc(status))(with_options(show))


def _add(app: typer.Typer, name: str, manifest: AnyManifest, purpose: str, subcommand: str = "") -> None:
    sentences = [f"{purpose.removesuffix('.')}; --apply carries it out."]
    if manifest.calculation:
        first = f"--{manifest.calculation.asked_by[0]}"
        sentences.append(f"With {first} nothing is looked at: the settings follow from the options alone.")
    command = app.command(name, help="\n\n".join(sentences), epilog=epilogue(manifest.effects))
    command(with_options(_command(manifest, subcommand)))


def _command(manifest: AnyManifest, subcommand: str) -> Callable[..., None]:
    """The function whose parameters Typer reads: what can be asked, among the options that all operations share."""

    def command(
        *,
        hosts: FleetOptions | WholeFleetOptions,
        options: PlanOptions,
        form: StrEnum,
        observation: Path | None = None,
        **typed: Any,
    ) -> None:
        recorded = options.recorded(observation)
        values = values_of(manifest, typed, subcommand)
        refuse_half(manifest, values)
        _Call(manifest, values, hosts, options, form).answer(recorded)

    parameters = list(_parameters(manifest, subcommand))
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    vars(command)["__signature__"] = Signature(parameters)
    return command


def _parameters(manifest: AnyManifest, subcommand: str) -> Iterator[Parameter]:
    own = list(options_of(manifest, subcommand))
    yield from (parameter for parameter in own if parameter.default is Parameter.empty)
    yield option_parameter("hosts", WholeFleetOptions if manifest.whole_fleet else FleetOptions)
    yield from (parameter for parameter in own if parameter.default is not Parameter.empty)
    if manifest.offline:
        yield option_parameter("observation", ObservationOption, None)
    yield option_parameter("options", PlanOptions)
    yield option_parameter("form", *_form(manifest))


def _form(manifest: AnyManifest) -> tuple[Any, StrEnum]:
    """The option of how to answer, and its default; an operation may have formats of its own."""
    if not manifest.formats:
        return FormatOption, Format.TABLE
    kind = choice((*Format, *manifest.formats))
    help_text = f"Answer as a table, as JSON, or as a file ({', '.join(manifest.formats)})."
    return Annotated[kind, typer.Option("--format", help=help_text)], kind(Format.TABLE)


@dataclass(frozen=True)
class _Call:
    """An operation as it was called: what was asked, of which hosts, and what is to become of the Plan."""

    manifest: AnyManifest
    values: Mapping[str, Any]
    hosts: FleetOptions | WholeFleetOptions
    options: PlanOptions
    form: StrEnum

    def answer(self, recorded: Observation | None) -> None:
        """Compute from numbers, show how it stands, or plan, as was asked; see ``offer`` for what becomes of a Plan."""
        calculation = self.manifest.calculation
        if calculation and self.values.keys() & set(calculation.asked_by):
            self._compute(calculation)
        elif self._about_status():
            with self.hosts.context() as context:
                loaded(self.manifest.status)(context, Format(self.form))
        else:
            self._plan(recorded)

    def _about_status(self) -> bool:
        unless = set(self.manifest.status_unless)
        unasked = bool(unless) and not self.options.apply and not self.values.keys() & unless
        return unasked or asks_status(self.manifest, self.values)

    def _compute(self, calculation: Calculation[Any]) -> None:
        from selextract_infra.cli.frame.planning import policy_of
        from selextract_infra.flow.planning import request_for

        if self.options.apply:
            raise UsageError("Settings for numbers are only looked at.", remedy="leave --apply or --memory")
        numbers = request_for(replace(self.manifest, request=calculation.numbers), self.values)
        loaded(calculation.answer)(numbers, policy_of(self.hosts.inventory, self.hosts.policy), self.form)

    def _plan(self, recorded: Observation | None) -> None:
        from selextract_infra.flow.planning import plan_operation, request_for
        from selextract_infra.flow.registry import operation_named

        manifest = self.manifest
        values = {name: value for name, value in self.values.items() if name in manifest.request.model_fields}
        operation = operation_named(manifest.name)
        within = WORK_SECONDS if self.options.apply else LOOK_SECONDS
        with fleet_of(self.hosts, recorded, within) as context:
            typed = manifest.complete(values, context.policy) if manifest.complete else values
            request = request_for(manifest, typed)
            plan = plan_operation(context, operation, request, observation=recorded, to_apply=self.options.apply)
            if self.form in manifest.formats:
                loaded(manifest.formats[self.form])(plan, context)
                return
            offer(context, plan, self.options, Format(self.form))
