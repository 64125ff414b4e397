"""``policy``: show, check, explain and export the guide with a team's overrides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from selextract_infra.cli.frame.options import FailOnOption, FormatOption, ObservationOption, OutOption, PolicyOption
from selextract_infra.cli.frame.output import Format, columns, emit, write_file, write_out
from selextract_infra.cli.frame.planning import HostOption, PlainInventoryOption
from selextract_infra.report.table import table

if TYPE_CHECKING:
    from selextract_infra.defects.explain import Explanation
    from selextract_infra.defects.run import Checked
    from selextract_infra.policy import Policy

__all__ = ["register"]

_RULES = "prometheus-rules"
_FOR_PROMETHEUS = 0o644  # mode of a file with rules, which another user's program reads


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="The guide as one policy: every value, every defect, every item in words.")
    app.add_typer(group, name="policy", no_args_is_help=True)
    group.command("show")(show)
    group.command("check")(check)
    group.command("explain")(explain)
    group.command("export")(export)


def show(
    path: Annotated[str, typer.Argument(help="Dotted path of a value or section, as in sizing.headroom.")] = "",
    origin: Annotated[bool, typer.Option("--origin", help="Also the item, and where each value comes from.")] = False,
    inventory: PlainInventoryOption = None,
    policy: PolicyOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Every value that is in force, with its unit."""
    from selextract_infra.cli.frame.planning import policy_of
    from selextract_infra.policy.show import shown

    values = shown(policy_of(inventory, policy), path)
    rows = (
        (value.path, value.text, f"({', '.join(filter(None, (value.item, value.where)))})" if origin else "")
        for value in values
    )
    emit([value._asdict() for value in values], [table(("", "", ""), rows)], form)


def check(
    host: HostOption = None,
    observation: ObservationOption = None,
    inventory: PlainInventoryOption = None,
    policy: PolicyOption = None,
    fail_on: FailOnOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Find every defect of the policy by computing it, on the policy's own host or another one."""
    import gc

    gc.disable()  # the command ends soon; collecting would only slow the imports down
    from selextract_infra.cli.frame.planning import gate_findings, policy_of
    from selextract_infra.defects.text import findings_text

    rules = policy_of(inventory, policy)
    checked = _checked(rules, host, observation)
    if form is Format.JSON:
        hosts = [host.as_json() for host in checked]
        emit({"policy_digest": rules.digest, "hosts": hosts}, (), form)
    else:
        write_out("\n\n".join(findings_text(host, columns()) for host in checked) + "\n")
    gate_findings([finding for host in checked for finding in host.findings], fail_on)


def explain(
    name: Annotated[str, typer.Argument(metavar="ID", help="An item such as MEM-07, or a rule such as X-06.")],
    host: HostOption = None,
    inventory: PlainInventoryOption = None,
    policy: PolicyOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """An item of the guide or one of its defects, in words and with its numbers."""
    from selextract_infra.cli.frame.planning import policy_of
    from selextract_infra.defects.explain import explain as explained
    from selextract_infra.defects.run import host_of
    from selextract_infra.defects.text import explanation_text

    rules = policy_of(inventory, policy)
    explanation = explained(rules, name, host_of(rules, host))
    if form is Format.JSON:
        emit(_as_json(explanation), (), form)
    else:
        write_out(explanation_text(explanation, columns()) + "\n")


def export(
    what: Annotated[str, typer.Argument(help=f"What to write: {_RULES}.")],
    interval: Annotated[str, typer.Option("--interval", help="How often Prometheus scrapes and evaluates.")] = "15s",
    out: OutOption = None,
    inventory: PlainInventoryOption = None,
    policy: PolicyOption = None,
) -> None:
    """The thresholds as rules for Prometheus, which then judges as assess does."""
    from selextract_infra.cli.frame.planning import policy_of
    from selextract_infra.errors import UsageError

    if what != _RULES:
        raise UsageError(f"There is no export called {what[:40]}.", remedy=f"selextract-infra policy export {_RULES}")
    from selextract_infra.assess.prometheus import prometheus_rules
    from selextract_infra.policy.units import DURATION

    text = prometheus_rules(policy_of(inventory, policy), interval=DURATION.parse(interval))
    if out is None:
        write_out(text)
    else:
        write_file(out, text, "The rules", mode=_FOR_PROMETHEUS)


def _checked(rules: Policy, host: str | None, observation: Path | None) -> list[Checked]:
    from selextract_infra.defects.run import checked_host

    if observation is None:
        return [checked_host(rules, host)]
    from selextract_infra.defects.observed_policy import checked_observation
    from selextract_infra.hosts.observe.recorded import load_observation

    return checked_observation(rules, load_observation(observation))


def _as_json(explanation: Explanation) -> dict[str, Any]:
    return {
        "id": explanation.id,
        "title": explanation.title,
        "words": explanation.words,
        "severity": explanation.severity,
        "consequence": explanation.consequence,
        "resolution": explanation.resolution,
        "finding": None if explanation.finding is None else explanation.finding.model_dump(mode="json"),
        "values": [value._asdict() for value in explanation.values],
        "related": [{"id": name, "words": words} for name, words in explanation.related],
    }
