"""``tune``: settings of Postgres, of the workers and of the API, from what they really have."""

from __future__ import annotations

import typer

from selextract_infra.cli.frame.options import with_options
from selextract_infra.operations.tune.command_postgres import postgres
from selextract_infra.operations.tune.command_workers import workers

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command ``tune``."""
    tune = typer.Typer(
        help="Settings of Postgres, of the workers and of the API, from what they really have.", no_args_is_help=True
    )
    tune.command()(with_options(postgres))
    tune.command()(with_options(workers))
    app.add_typer(tune, name="tune")
