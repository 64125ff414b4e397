"""``loadtest``: a k6 run as a gate, and the script that makes one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, PolicyOption
from selextract_infra.cli.frame.output import Format, emit, write_out
from selextract_infra.cli.frame.planning import PlainInventoryOption
from selextract_infra.model.figures import MB

if TYPE_CHECKING:
    from selextract_infra.model.loadtest import LoadTestReport

__all__ = ["register"]

_LARGEST = 64 * MB


class Test(StrEnum):
    """Which of the guide's two runs it is."""

    BASELINE = "baseline"
    STRESS = "stress"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(loadtest)


def loadtest(
    summary: Annotated[Path | None, typer.Argument(metavar="[SUMMARY]", help="k6's end-of-test summary, JSON.")] = None,
    test: Annotated[Test, typer.Option("--test", help="Which run it is; a stress run may miss the target.")] = (
        Test.BASELINE
    ),
    cpu: Annotated[
        str | None, typer.Option("--cpu", metavar="PERCENT", help="The host's CPU in use during the test.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="PERCENT", help="The host's memory in use during the test.")
    ] = None,
    emit_script: Annotated[bool, typer.Option("--emit-script", help="Print the k6 script for such a run.")] = False,
    fail_on: Annotated[
        str, typer.Option("--fail-on", metavar="VERDICT", help="Exit 10 at this verdict: warning or fail.")
    ] = "fail",
    inventory: PlainInventoryOption = None,
    policy: PolicyOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Judge a load test by its figures: response time, failures, throughput, CPU and memory (exit 10 if it fails)."""

    from selextract_infra.cli.frame.planning import policy_of
    from selextract_infra.errors import UsageError
    from selextract_infra.planning.loadtest.loadtest import judge_load_test
    from selextract_infra.planning.loadtest.script import k6_script
    from selextract_infra.planning.loadtest.summary import read_summary
    from selextract_infra.report.planning import load_test_blocks

    worst_allowed = _gate_rank(fail_on)
    if emit_script == (summary is not None):
        raise UsageError(
            "Either a summary is judged or a script is printed.", remedy="loadtest k6-summary.json, or --emit-script"
        )
    rules = policy_of(inventory, policy)
    if summary is None:
        write_out(k6_script(rules, test.value))
        return
    report = judge_load_test(
        read_summary(_text(summary), file=summary.name),
        rules,
        test=test.value,
        cpu=_share(cpu, "--cpu"),
        memory_share=_share(memory, "--memory"),
    )
    emit(report, load_test_blocks(report), form)
    _gate(report, worst_allowed)


def _text(path: Path) -> str:
    from selextract_infra.errors import UsageError

    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}.") from problem
    if len(content) > _LARGEST:
        raise UsageError(f"{path} is larger than 64 MB and no summary of k6.", remedy="k6 run --summary-export FILE")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise UsageError(f"{path} is not text in UTF-8.") from problem


def _share(text: str | None, option: str) -> float | None:
    """A percentage, with or without its sign."""
    from selextract_infra.planning.exhaustion import exact

    return None if text is None else float(exact(text.strip().removesuffix("%"), option) / 100)


def _gate_rank(fail_on: str) -> int:
    from selextract_infra.errors import UsageError
    from selextract_infra.model.loadtest import LoadTestVerdict

    verdicts = {
        "warning": LoadTestVerdict.WARNING,
        "minor": LoadTestVerdict.WARNING,
        "fail": LoadTestVerdict.FAIL,
        "major": LoadTestVerdict.FAIL,
        "breaking": LoadTestVerdict.FAIL,
    }
    if fail_on not in verdicts:
        raise UsageError(f"--fail-on takes warning or fail, not {fail_on[:40]!r}.")
    return verdicts[fail_on].rank


def _gate(report: LoadTestReport, rank: int) -> None:
    from selextract_infra.errors import GateError

    missed = [check for check in report.checks if check.verdict.rank >= rank]
    if missed:
        worst = missed[0]
        more = f" ({len(missed) - 1} more)" if len(missed) > 1 else ""
        raise GateError(
            f"The load test does not pass: {worst.item} {worst.what} {worst.measured}, wanted {worst.wanted}{more}."
        )
