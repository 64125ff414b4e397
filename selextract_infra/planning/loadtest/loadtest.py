"""A load test as a gate: the figures are compared, whatever mark stands beside them (LT-02 to LT-11, X-22, X-24)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from selextract_infra.assess.rules import COMPARISONS
from selextract_infra.errors import UsageError
from selextract_infra.model.figures import duration, latency, memory, percent
from selextract_infra.model.loadtest import Check, LoadTestReport, LoadTestResult, Verdict
from selextract_infra.policy import Policy

__all__ = ["TESTS", "TestName", "judge_load_test"]

TestName = Literal["baseline", "stress"]
TESTS: tuple[TestName, ...] = ("baseline", "stress")


def judge_load_test(
    result: LoadTestResult,
    policy: Policy,
    *,
    test: TestName = "baseline",
    cpu: float | None = None,
    memory_share: float | None = None,
) -> LoadTestReport:
    """Each figure against the Policy. ``cpu`` and ``memory_share`` are shares of the host in use during the test.

    A baseline run must stay below the gate's response time. A stress run may miss it, which is a warning, but not reach
    the alert's threshold. Raises UsageError for a share outside 0 to 1.
    """
    checks = [
        _response_time(result, policy, test),
        _failed(result, policy, test),
        _throughput(result, policy, test),
        *_usage(policy, cpu, memory_share),
        *_size(result, policy, test),
    ]
    return LoadTestReport(
        test=test,
        verdict=max((check.verdict for check in checks), key=lambda verdict: verdict.rank),
        result=result,
        checks=tuple(sorted(checks, key=lambda check: -check.verdict.rank)),
        notes=tuple(_scope(policy, memory_share)),
    )


def _item(policy: Policy, path: str) -> str:
    return policy.origin(path).item_id or path


def _response_time(result: LoadTestResult, policy: Policy, test: TestName) -> Check:
    target = policy.load_tests.gate.p95
    alert = policy.monitoring.application.response_time.warning
    reaches = COMPARISONS[policy.trigger_rules.operators.rising.value]
    over = result.p95 - target
    if result.p95 < target:
        verdict, says = Verdict.PASSED, f"{percent(result.p95 / target)} of the target."
    elif test == "baseline" or reaches(result.p95, alert):
        verdict = Verdict.FAIL
        says = f"{latency(over)} or {percent(over / target)} over the target." if over else "Not below the target."
    else:
        verdict = Verdict.WARNING
        of_alert = f"{percent(result.p95 / alert)} of the {latency(alert)} alert"
        says = f"{of_alert}, {percent(result.p95 / target)} of the target."
    return Check(
        item=_item(policy, f"load_tests.{test}.p95"),
        what="response time (P95)",
        measured=latency(result.p95),
        wanted=f"< {latency(target)}",
        verdict=verdict,
        sentence=says,
    )


def _failed(result: LoadTestResult, policy: Policy, test: TestName) -> Check:
    most = policy.load_tests.gate.failed
    failed = round(result.failed * result.requests)
    return Check(
        item=_item(policy, f"load_tests.{test}.failed"),
        what="failed requests",
        measured=_fine_percent(result.failed),
        wanted=f"< {_fine_percent(most)}",
        verdict=Verdict.PASSED if result.failed < most else Verdict.FAIL,
        sentence=f"{failed:,} of {result.requests:,} requests.",
    )


def _throughput(result: LoadTestResult, policy: Policy, test: TestName) -> Check:
    """Against the baseline run, if at least as many users were there: fewer requests with more users is saturation."""
    baseline = policy.load_tests.baseline
    alert = policy.monitoring.application.throughput
    usual = baseline.requests.rate
    share = round(result.rate / usual, 9)  # 123.456 of 205.76 is 60 %, not a little more
    falls = COMPARISONS[policy.trigger_rules.operators.falling.value]
    users = baseline.run.users
    verdict, says = Verdict.PASSED, f"{percent(share)} of the baseline's {usual:,.2f}/s."
    if result.users is None or result.users < users:
        verdict = Verdict.NOT_JUDGED
        says = f"Compared with the baseline only at its {users:,} users or more."
    elif falls(share, alert.critical):
        verdict = Verdict.FAIL
    elif falls(share, alert.warning):
        verdict = Verdict.WARNING
    if verdict in (Verdict.WARNING, Verdict.FAIL) and result.users is not None:
        says += f" {result.users:,} users made {percent(1 - share)} fewer: saturated, or another workload (X-24)."
    return Check(
        item=_item(policy, f"load_tests.{test}.requests"),
        what="requests",
        measured=f"{result.rate:,.2f}/s",
        wanted=f"> {percent(alert.warning)} of {usual:,.2f}/s",
        verdict=verdict,
        sentence=says,
    )


def _usage(policy: Policy, cpu: float | None, memory_share: float | None) -> Iterator[Check]:
    """CPU and memory against the alerts; at the threshold is over it (X-24, X-31)."""
    reaches = COMPARISONS[policy.trigger_rules.operators.rising.value]
    alerts = policy.monitoring.infrastructure
    item = _item(policy, "load_tests.stress.usage")
    for what, share, alert in (("CPU", cpu, alerts.cpu_usage), ("memory", memory_share, alerts.memory_usage)):
        if share is None:
            continue
        if not 0 <= share <= 1:
            raise UsageError(f"The use of {what} lies between 0 % and 100 %, not at {percent(share)}.")
        critical, warned = reaches(share, alert.critical), reaches(share, alert.warning)
        threshold = alert.critical if critical else alert.warning
        name = "critical" if critical else "warning"
        yield Check(
            item=item,
            what=f"{what} in use",
            measured=percent(share),
            wanted=f"< {percent(alert.warning)}",
            verdict=Verdict.FAIL if critical else Verdict.WARNING if warned else Verdict.PASSED,
            sentence=f"At or above the {name} threshold of {percent(threshold)}."
            if warned or critical
            else f"Below the warning threshold of {percent(threshold)}.",
        )


def _size(result: LoadTestResult, policy: Policy, test: TestName) -> Iterator[Check]:
    """A run with fewer users, or a shorter one, is not the guide's run: what it passes says less."""
    run = (policy.load_tests.baseline if test == "baseline" else policy.load_tests.stress).run
    sizes = (
        ("users", result.users, run.users, f"{run.users:,}", f"{result.users or 0:,}"),
        ("length", result.duration, run.duration, duration(run.duration), duration(result.duration or 0)),
    )
    for what, measured, wanted, wanted_text, measured_text in sizes:
        if measured is not None:
            less = round(measured) < wanted
            yield Check(
                item=_item(policy, f"load_tests.{test}.run"),
                what=what,
                measured=measured_text,
                wanted=f">= {wanted_text}",
                verdict=Verdict.WARNING if less else Verdict.PASSED,
                sentence="A lighter run than the guide's: what it passes says less." if less else "As the guide's run.",
            )


def _scope(policy: Policy, memory_share: float | None) -> Iterator[str]:
    """A share of the host's memory that its containers may not even use was measured somewhere else (X-45)."""
    limits = sum(container.memory * container.count for container in policy.containers.values())
    used = 0.0 if memory_share is None else memory_share * policy.host.memory
    if used > limits:
        yield (
            f"X-45: {percent(memory_share or 0)} of the host are {memory(used)}, but all containers may use "
            f"{memory(limits)}; was the share of a container meant?"
        )


def _fine_percent(ratio: float) -> str:
    return f"{ratio * 100:,.2f}".rstrip("0").rstrip(".") + " %"
