"""``assess``: how good what is there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.cancellation import LOOK_SECONDS
from selextract_infra.cli.frame.options import FailOnOption, FleetOptions, FormatOption, ObservationOption, with_options
from selextract_infra.cli.frame.output import Format, emit, say
from selextract_infra.cli.frame.planning import AllOption, ZoneOption

if TYPE_CHECKING:
    from selextract_infra.flow.assess import Assessed

__all__ = ["register"]

_GATES = {
    "warning": "warning",
    "minor": "warning",
    "critical": "critical",
    "major": "critical",
    "breaking": "emergency",
}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def assess(
        *,
        context: typer.Context,
        hosts: FleetOptions,
        observation: ObservationOption = None,
        csv: Annotated[Path | None, typer.Option("--csv", help="Judge the metrics recorded in this file.")] = None,
        journal: Annotated[
            bool, typer.Option("--journal", help="Judge what the journal holds; no host is touched.")
        ] = False,
        at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="Judge the file as of this time.")] = None,
        time_zone: ZoneOption = None,
        everything: AllOption = False,
        fail_on: FailOnOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Judge hosts, history or recorded metrics: thresholds, headroom, bottlenecks, severity and deadlines.

        A file has a column for the time (at), one for the subject (service), and one for each metric, such as
        cpu_usage_percent, memory_usage_percent, error_rate, response_time_p95_ms, requests_per_second, pending_tasks;
        or the columns at, service, metric, value. --fail-on minor ends with 10 at a warning, major at a critical one.
        """
        from selextract_infra.cli.frame.planning import moment_of, policy_of, zone_of
        from selextract_infra.errors import UsageError
        from selextract_infra.flow.assess import assess_file, assess_seen, recall

        if sum((observation is not None, csv is not None, journal)) > 1:
            raise UsageError(
                "One thing is judged at a time.", remedy="leave all but one of --observation, --csv, --journal"
            )
        if at is not None and csv is None:
            raise UsageError("--at says when in a file; there is no --csv.")
        named = context.get_parameter_source("inventory")
        given = hosts.inventory if named is not None and named.name != "DEFAULT" else None
        if csv is not None:
            zone = zone_of(time_zone)
            assessed = assess_file(csv, policy_of(given, hosts.policy), zone=zone, until=moment_of(at, "--at", zone))
        elif observation is not None:
            from selextract_infra.hosts.observe.recorded import load_observation

            assessed = assess_seen(
                load_observation(observation), policy_of(given, hosts.policy), source=observation.name
            )
        elif journal:
            from selextract_infra.assess.severity import Signals
            from selextract_infra.flow.journal.journal import Journal
            from selextract_infra.flow.outlook import outlook

            rules = policy_of(given, hosts.policy)
            with Journal(hosts.state) as record:
                recalled = recall(record, rules)
                signals = Signals(days_left=outlook(record, recalled, rules, now=recalled.at).days_left)
            assessed = assess_seen(recalled, rules, source="journal", signals=signals)
        else:
            assessed = _live(hosts)
        _show(assessed, form, everything=everything)
        _gate(assessed, fail_on)


def _live(hosts: FleetOptions) -> Assessed:
    from dataclasses import replace

    from selextract_infra.assess.emergency_effect import drill_findings
    from selextract_infra.flow.assess import assess_seen

    with hosts.context(LOOK_SECONDS) as context:
        assessed = assess_seen(context.observe(), context.policy)
        drills = drill_findings(context.journal.last_drill(), context.policy, assessed.assessment.at)
        rated = assessed.assessment.model_copy(update={"findings": (*assessed.assessment.findings, *drills)})
        return replace(assessed, assessment=rated)


def _show(assessed: Assessed, form: Format, *, everything: bool) -> None:
    from selextract_infra.report.assessment import assessment_blocks

    if assessed.ignored:
        say(f"These columns are no metric and were left out: {', '.join(assessed.ignored)}.")
    emit(
        assessed.assessment,
        assessment_blocks(assessed.assessment, assessed.measurements, everything=everything),
        form,
    )


def _gate(assessed: Assessed, fail_on: str | None) -> None:
    """Leave with 10 when a reading or a finding is as bad as asked: minor is a warning, major critical."""
    from selextract_infra.cli.frame.planning import gate_findings
    from selextract_infra.errors import GateError
    from selextract_infra.model.assessment import Level

    if fail_on is None:
        return
    gate_findings(assessed.assessment.findings, fail_on)
    least = Level(_GATES.get(fail_on, Level.NOTICE))
    worst = next(
        (judgement for judgement in assessed.assessment.judgements if judgement.level.rank >= least.rank), None
    )
    if worst is not None:
        raise GateError(f"{worst.subject} {worst.metric} is {worst.level}: {worst.sentence} ({worst.item}).")
