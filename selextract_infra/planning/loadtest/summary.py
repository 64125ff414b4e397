"""The end-of-test summary of k6 as a result: three formats are known, and any other is named.

``--summary-export`` and the data of ``handleSummary`` are what k6 writes by itself; the machine-readable summary comes
with k6 1.5 and has a version of its own. All times in them are milliseconds.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from selextract_infra.errors import UsageError
from selextract_infra.model.figures import printable
from selextract_infra.model.loadtest import LoadTestResult

__all__ = ["read_summary"]

_MACHINE_READABLE = "1.0.0"
_EXPORT, _HANDLE_SUMMARY = "--summary-export", "handleSummary"
_REMEDY = "k6 run --summary-export k6-summary.json, or a script from: selextract-infra loadtest --emit-script"
_MILLISECONDS = 1000


def read_summary(text: str, *, file: str) -> LoadTestResult:
    """The figures in the text of a k6 summary.

    Raises UsageError, naming the format, for one that is not known, and for a summary that lacks a figure.
    """
    data = _parsed(text, file)
    if not isinstance(data, dict):
        raise UsageError(f"{file} is no summary of k6.", remedy=_REMEDY)
    if "version" in data or "results" in data:
        return _machine_readable(data, file)
    metrics = data.get("metrics")
    if not isinstance(metrics, dict):
        if data.get("type") in ("Metric", "Point"):
            _refuse_points(file)
        raise UsageError(f"{file} is no summary of k6: it has no metrics.", remedy=_REMEDY)
    nested = any(isinstance(metric, dict) and "values" in metric for metric in metrics.values())
    flat = {
        name: metric.get("values") if nested and isinstance(metric, dict) else metric
        for name, metric in metrics.items()
    }
    reader = _SummaryReader(flat, file)
    count = reader.number("http_reqs", "count")
    state = data.get("state")
    duration = state.get("testRunDurationMs") if isinstance(state, dict) else None
    return LoadTestResult(
        form=_HANDLE_SUMMARY if nested else _EXPORT,
        p95=reader.number("http_req_duration", "p(95)") / _MILLISECONDS,
        failed=reader.share("http_req_failed", "rate" if nested else "value"),
        requests=reader.requests(count),
        rate=reader.number("http_reqs", "rate"),
        users=reader.users(),
        duration=_positive(duration) / _MILLISECONDS if _is_number(duration) else None,
    )


def _parsed(text: str, file: str) -> Any:
    if not text.strip():
        raise UsageError(f"{file} is empty.", remedy=_REMEDY)
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        first = text.lstrip()[:200]
        if problem.msg == "Extra data" and '"type"' in first and '"metric"' in text[:2000]:
            _refuse_points(file)
        raise UsageError(f"{file} is no JSON: {problem.msg} in line {problem.lineno}.", remedy=_REMEDY) from problem
    except RecursionError:
        raise UsageError(f"{file} is no summary of k6: it is nested too deeply.", remedy=_REMEDY) from None


def _refuse_points(file: str) -> NoReturn:
    raise UsageError(f"{file} holds k6's single points (--out json), not its summary.", remedy=_REMEDY)


def _machine_readable(data: dict[str, Any], file: str) -> LoadTestResult:
    version = data.get("version")
    if version != _MACHINE_READABLE:
        named = printable(str(version)[:40]) if version is not None else "without a version"
        raise UsageError(
            f"{file} is a k6 summary of format {named}; known are {_EXPORT}, {_HANDLE_SUMMARY} and the "
            f"machine-readable format {_MACHINE_READABLE}.",
            remedy=_REMEDY,
        )
    results, config = data.get("results"), data.get("config")
    listed = results.get("metrics") if isinstance(results, dict) else None
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    reader = _SummaryReader({str(entry.get("name")): entry.get("values") for entry in entries}, file)
    duration = _positive(config.get("duration") if isinstance(config, dict) else None)
    if duration <= 0:
        raise UsageError(f"{file} does not say how long the test ran.", remedy=_REMEDY)
    count = reader.number("http_reqs", "count")
    return LoadTestResult(
        form=f"machine-readable {_MACHINE_READABLE}",
        p95=reader.number("http_req_duration", "p(95)") / _MILLISECONDS,
        failed=reader.share("http_req_failed", "rate"),
        requests=reader.requests(count),
        rate=count / duration,
        users=reader.users(),
        duration=duration,
    )


class _SummaryReader:
    """Figures of a summary's metrics, each refused by name when it is not there or makes no sense."""

    def __init__(self, metrics: dict[str, Any], file: str) -> None:
        self.metrics = metrics
        self.file = file

    def number(self, metric: str, statistic: str) -> float:
        values = self.metrics.get(metric)
        value = values.get(statistic) if isinstance(values, dict) else None
        if value is None:
            older = "; k6 has it since 0.31" if metric == "http_req_failed" else ""
            raise UsageError(
                f"{self.file} has no {statistic} of {metric}{older}.",
                remedy="keep p(95) among k6's --summary-trend-stats" if statistic == "p(95)" else _REMEDY,
            )
        if not _is_number(value) or value < 0:
            raise UsageError(f"{self.file} has {printable(str(value)[:40])} as {statistic} of {metric}.")
        return float(value)

    def share(self, metric: str, statistic: str) -> float:
        value = self.number(metric, statistic)
        if value > 1:
            raise UsageError(f"{self.file} has {value:g} as {statistic} of {metric}, which is a share of 1.")
        return value

    def requests(self, count: float) -> int:
        if count < 1:
            raise UsageError(f"The test in {self.file} made no request.", remedy="check its target, and run it again")
        return int(count)

    def users(self) -> int | None:
        values = self.metrics.get("vus_max")
        value = values.get("max", values.get("value")) if isinstance(values, dict) else None
        return int(value) if value is not None and _is_number(value) and value >= 0 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _positive(value: Any) -> float:
    return max(0.0, float(value)) if _is_number(value) else 0.0
