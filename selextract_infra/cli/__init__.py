"""The command line: one file per command; the library never imports it."""

from __future__ import annotations

import importlib
import os
import sys
from types import TracebackType
from typing import Annotated

import typer

from selextract_infra import __version__
from selextract_infra.cli.frame.strict import StrictCommand
from selextract_infra.errors import SelextractError
from selextract_infra.flow.catalogue import GROUPS, OPERATIONS

__all__ = ["main"]

_OPERATIONS = "selextract_infra.operations"
_COMMANDS = "selextract_infra.cli.commands"

# Commands in the order in which ``--help`` lists them, with the module that adds each; between the two, and by none of
# them, are the operations, whose commands are made of their manifests.
_FIRST = {
    "init": f"{_OPERATIONS}.init.command",
    "status": f"{_OPERATIONS}.status.command",
    "doctor": f"{_OPERATIONS}.doctor.command",
    "policy": f"{_COMMANDS}.policy",
    "observe": f"{_COMMANDS}.observe",
    "assess": f"{_OPERATIONS}.assess.command",
    "history": f"{_COMMANDS}.history",
}
_LAST = {
    "budget": f"{_OPERATIONS}.tune.command_budget",
    "apply": f"{_COMMANDS}.apply",
    "windows": f"{_COMMANDS}.windows",
    "schedule": f"{_COMMANDS}.schedule",
    "run-due": f"{_COMMANDS}.run_due",
    "notify": f"{_COMMANDS}.notify",
    "resume": f"{_COMMANDS}.resume",
    "rollback": f"{_COMMANDS}.rollback",
    "freeze": f"{_COMMANDS}.freeze",
    "unlock": f"{_COMMANDS}.unlock",
    "forecast": f"{_OPERATIONS}.forecast.command",
    "growth": f"{_COMMANDS}.growth",
    "cost": f"{_COMMANDS}.cost",
    "roadmap": f"{_COMMANDS}.roadmap",
    "loadtest": f"{_COMMANDS}.loadtest",
    "simulate": f"{_OPERATIONS}.scaling.simulate_command",
    "emergency": f"{_OPERATIONS}.emergency.command",
    "watch": f"{_OPERATIONS}.watch.command",
    "report": f"{_OPERATIONS}.report.command",
    "sampler": f"{_COMMANDS}.sampler",
    "lab": f"{_COMMANDS}.lab",
    "uninstall": f"{_COMMANDS}.uninstall",
}
_BY_HAND = _FIRST | _LAST
COMMANDS = (*_FIRST, *dict.fromkeys(word for name in OPERATIONS if (word := name.split()[0]) not in _BY_HAND), *_LAST)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"selextract-infra {__version__}")
        raise typer.Exit


def build(only: str | None = None, *, listed: bool = False) -> typer.Typer:
    """The application with all its commands, or with one of them alone, which is quicker.

    ``listed``: commands of operations are only to be named, which loads none of their manifests.
    """
    app = typer.Typer(
        name="selextract-infra",
        help="Carries a capacity guide out on your Docker hosts: it shows what it will do, verifies it, undoes it.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
        ] = False,
    ) -> None:
        pass

    for name in (only,) if only in COMMANDS else COMMANDS:
        if listed and (name in GROUPS or name in OPERATIONS):
            app.command(name, help=GROUPS.get(name) or OPERATIONS[name])(root)
        elif name in _BY_HAND:
            importlib.import_module(_BY_HAND[name]).register(app)
        else:
            importlib.import_module("selextract_infra.cli.frame.operation_command").add_operation(app, name)
    _strict(app)
    return app


def _strict(app: typer.Typer) -> None:
    for command in app.registered_commands:
        command.cls = StrictCommand
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _strict(group.typer_instance)


def main() -> None:
    """Run the command line; every error becomes one sentence and its exit code."""
    sys.excepthook = _internal_error
    try:
        word = next(iter(sys.argv[1:]), None)
        build(word, listed=word in (None, "--help", "--version"))()
    except SelextractError as error:
        _complain(str(error), error.remedy)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _internal_error(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
    """A defect of ours: one sentence, and the traceback only for who asks for it. Python then ends with exit code 1."""
    _complain(f"Internal error, {kind.__name__}: {problem}.", "SELEXTRACT_TRACEBACK=1 shows where it happened")
    if os.environ.get("SELEXTRACT_TRACEBACK"):
        sys.__excepthook__(kind, problem, trace)


def _complain(sentence: str, remedy: str | None = None) -> None:
    from selextract_infra.cli.frame.output import complain

    complain(sentence, remedy)
