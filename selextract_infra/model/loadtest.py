"""What a load test showed, and how it is judged. Times are seconds, shares are ratios, rates are per second."""

from __future__ import annotations

from enum import StrEnum

from selextract_infra.model.base import Frozen

__all__ = ["LoadTestCheck", "LoadTestReport", "LoadTestResult", "LoadTestVerdict"]


class LoadTestVerdict(StrEnum):
    """How one figure stands; ``not judged`` where there is nothing to compare with."""

    NOT_JUDGED = "not judged"
    PASSED = "pass"
    WARNING = "warning"
    FAIL = "fail"

    @property
    def rank(self) -> int:
        """0 (not judged) to 3 (fail); for sorting and for the gate."""
        return list(LoadTestVerdict).index(self)


class LoadTestResult(Frozen):
    """The figures of one k6 run; ``form`` names the format they were read from."""

    form: str
    p95: float
    failed: float
    requests: int
    rate: float
    users: int | None = None
    duration: float | None = None


class LoadTestCheck(Frozen):
    """One figure against what it should be, with the guide's item."""

    item: str
    what: str
    measured: str
    wanted: str
    verdict: LoadTestVerdict
    sentence: str


class LoadTestReport(Frozen):
    """A run judged by the Policy (LT-11): the worst check is its verdict."""

    test: str
    verdict: LoadTestVerdict
    result: LoadTestResult
    checks: tuple[LoadTestCheck, ...]
    notes: tuple[str, ...] = ()
