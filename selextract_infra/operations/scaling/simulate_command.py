"""``simulate``: recorded metrics replayed through the autoscaler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FailOnOption, FormatOption, OverrideOption, PolicyOption
from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.cli.frame.planning import AllOption, HostOption, PlainInventoryOption, ZoneOption
from selextract_infra.model.postgres import Pooling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from selextract_infra.assess.calendar import PlannedEvent
    from selextract_infra.policy import Policy

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def simulate(
        metrics: Annotated[
            Path, typer.Option("--metrics", metavar="FILE", help="CSV: at,service,cpu_usage_percent,... per line.")
        ],
        instances: Annotated[
            list[str] | None,
            typer.Option("--instances", metavar="SERVICE=COUNT", help="Instances at the beginning. Repeatable."),
        ] = None,
        event: Annotated[
            list[str] | None,
            typer.Option(
                "--event", metavar="KIND@START/END", help="A planned event, as in feature_launch@2025-03-01/2025-03-03."
            ),
        ] = None,
        cheaper: Annotated[bool, typer.Option("--cheaper", help="The cost profile, with halved weekends.")] = False,
        as_recorded: Annotated[
            bool, typer.Option("--as-recorded", help="Do not share the CPU out over the replay's instances.")
        ] = False,
        pooling: Annotated[Pooling, typer.Option("--pooling", help="How the app reaches Postgres.")] = Pooling.DIRECT,
        host: HostOption = None,
        time_zone: ZoneOption = None,
        override: OverrideOption = None,
        everything: AllOption = False,
        inventory: PlainInventoryOption = None,
        policy: PolicyOption = None,
        fail_on: FailOnOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """What the autoscaler would have done: actions with reasons, flaps, minutes over target, hours and cost."""
        from selextract_infra.assess.room import DatabaseSide
        from selextract_infra.cli.frame.planning import gate_findings, hardware_of, policy_of, zone_of
        from selextract_infra.operations.scaling.show import show_simulation
        from selextract_infra.operations.scaling.simulate import Question, simulate

        rules, zone = policy_of(inventory, policy), zone_of(time_zone)
        question = Question(
            host=None if host is None and rules.holds("host.cpus") else hardware_of(host, rules),
            counts=dict(_count(text) for text in instances or ()),
            events=_events(event or (), rules, zone),
            cheaper=cheaper,
            database=DatabaseSide(pooling=pooling),
            overrides=override or (),
            zone=zone,
            shares_load=not as_recorded,
        )
        outcome = simulate(metrics, rules, question)
        emit(outcome, show_simulation(outcome, everything=everything), form)
        gate_findings(outcome.findings, fail_on)


def _count(text: str) -> tuple[str, int]:
    from selextract_infra.errors import UsageError

    service, _, number = text.partition("=")
    if not service or not number.isdecimal() or not 1 <= int(number) <= 1000:
        raise UsageError(f"--instances takes a service and a count such as api=2, not {text[:60]!r}.")
    return service, int(number)


def _events(texts: Sequence[str], policy: Policy, zone: tzinfo | None) -> tuple[PlannedEvent, ...]:
    from selextract_infra.assess.calendar import planned_event, time_zone
    from selextract_infra.cli.frame.planning import moment_of
    from selextract_infra.errors import UsageError

    holds = zone or time_zone(policy.optimisation.profile.time_zone.value)
    events = []
    for text in texts:
        kind, _, span = text.partition("@")
        start, _, end = span.partition("/")
        starts_at, ends_at = moment_of(start or "?", "--event", holds), moment_of(end or "?", "--event", holds)
        if starts_at is None or ends_at is None:
            raise UsageError(f"--event takes a kind, a start and an end, not {text[:60]!r}.")
        events.append(planned_event(policy, kind, kind, starts_at, ends_at))
    return tuple(events)
