"""Load tests as a gate: the guide's own two runs get the verdicts that their figures earn (LT-02 to LT-11, X-22)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.errors import UsageError
from selextract_infra.model.loadtest import LoadTestCheck, LoadTestReport, LoadTestResult, LoadTestVerdict
from selextract_infra.planning.loadtest.loadtest import TESTS, TestName, judge_load_test
from selextract_infra.planning.loadtest.script import k6_script
from selextract_infra.planning.loadtest.summary import read_summary
from selextract_infra.policy import default_policy, load_policy

POLICY = default_policy()

# As k6 1.1.0 writes them, shortened to what is read; times are milliseconds.
EXPORT: dict[str, Any] = {
    "root_group": {"name": "", "path": "", "groups": {}, "checks": {}},
    "metrics": {
        "http_req_duration": {"avg": 210.4, "min": 3.1, "med": 190.2, "max": 2011.9, "p(90)": 402.6, "p(95)": 534},
        "http_req_failed": {"passes": 148, "fails": 123308, "value": 0.0012},
        "http_reqs": {"count": 123456, "rate": 205.76},
        "vus_max": {"value": 50, "min": 50, "max": 50},
    },
}
HANDLE_SUMMARY: dict[str, Any] = {
    "root_group": {"name": "", "path": "", "groups": [], "checks": []},
    "options": {"summaryTrendStats": ["avg", "p(95)"], "summaryTimeUnit": "", "noColor": False},
    "state": {"isStdOutTTY": False, "isStdErrTTY": False, "testRunDurationMs": 600000.4},
    "metrics": {
        "http_req_duration": {"type": "trend", "contains": "time", "values": {"avg": 210.4, "p(95)": 534}},
        "http_req_failed": {
            "type": "rate",
            "contains": "default",
            "values": {"rate": 0.0012, "passes": 148, "fails": 123308},
        },
        "http_reqs": {"type": "counter", "contains": "default", "values": {"count": 123456, "rate": 205.76}},
        "vus_max": {"type": "gauge", "contains": "default", "values": {"value": 50, "min": 50, "max": 50}},
    },
}
MACHINE_READABLE: dict[str, Any] = {
    "version": "1.0.0",
    "config": {"duration": 600, "execution": "local", "script": "baseline.js"},
    "metadata": {"generatedAt": "2026-11-23T10:28:26Z", "k6Version": "1.5.0"},
    "results": {
        "metrics": [
            {"name": "http_req_duration", "type": "trend", "contains": "time", "values": {"p(95)": 534}},
            {"name": "http_req_failed", "type": "rate", "values": {"rate": 0.0012, "matches": 148, "total": 123456}},
            {"name": "http_reqs", "type": "counter", "contains": "default", "values": {"count": 123456}},
            {"name": "vus_max", "type": "gauge", "contains": "default", "values": {"value": 50, "min": 50, "max": 50}},
        ]
    },
}
BASELINE = LoadTestResult(form="", p95=0.534, failed=0.0012, requests=123456, rate=205.76, users=50, duration=600)
STRESS = LoadTestResult(form="", p95=0.89, failed=0.008, requests=180000, rate=150, users=100, duration=1200)


def read(data: object) -> LoadTestResult:
    return read_summary(json.dumps(data), file="k6.json")


def check(report: LoadTestReport, what: str) -> LoadTestCheck:
    return next(one for one in report.checks if one.what == what)


@pytest.mark.parametrize("data", [EXPORT, HANDLE_SUMMARY, MACHINE_READABLE], ids=["export", "data", "machine"])
def test_three_formats_hold_the_same_run(data: object) -> None:
    seen = read(data)
    assert (seen.p95, seen.failed, seen.requests, seen.users) == (0.534, 0.0012, 123456, 50)
    assert seen.rate == pytest.approx(205.76)
    assert judge_load_test(seen, POLICY).verdict is LoadTestVerdict.FAIL


def test_the_baseline_fails_whatever_mark_the_guide_puts_beside_it() -> None:
    report = judge_load_test(BASELINE, POLICY)
    assert report.verdict is LoadTestVerdict.FAIL
    p95 = check(report, "response time (P95)")
    assert (p95.item, p95.verdict, p95.measured, p95.wanted) == ("LT-02", LoadTestVerdict.FAIL, "534 ms", "< 500 ms")
    assert p95.sentence == "34 ms or 6.8 % over the target."
    failed = check(report, "failed requests")
    assert (failed.item, failed.verdict, failed.sentence) == (
        "LT-03",
        LoadTestVerdict.PASSED,
        "148 of 123,456 requests.",
    )
    assert check(report, "requests").verdict is LoadTestVerdict.PASSED


def test_the_stress_run_is_a_warning_and_its_cpu_is_critical() -> None:
    report = judge_load_test(STRESS, POLICY, test="stress", cpu=0.85, memory_share=0.8)
    verdicts = {one.what: (one.item, one.verdict) for one in report.checks}
    assert verdicts == {
        "response time (P95)": ("LT-07", LoadTestVerdict.WARNING),
        "failed requests": ("LT-08", LoadTestVerdict.PASSED),
        "requests": ("LT-09", LoadTestVerdict.WARNING),
        "CPU in use": ("LT-10", LoadTestVerdict.FAIL),
        "memory in use": ("LT-10", LoadTestVerdict.WARNING),
        "users": ("LT-06", LoadTestVerdict.PASSED),
        "length": ("LT-06", LoadTestVerdict.PASSED),
    }
    assert check(report, "response time (P95)").sentence == "89 % of the 1 s alert, 178 % of the target."
    assert "27.1 % fewer" in check(report, "requests").sentence
    assert report.checks[0].what == "CPU in use"
    assert any(note.startswith("X-45: 80 % of the host are 26,214.4 MB") for note in report.notes)


@pytest.mark.parametrize(
    ("test", "p95", "verdict"),
    [
        ("baseline", 0.499, LoadTestVerdict.PASSED),
        ("baseline", 0.5, LoadTestVerdict.FAIL),
        ("stress", 0.5, LoadTestVerdict.WARNING),
        ("stress", 0.999, LoadTestVerdict.WARNING),
        ("stress", 1.0, LoadTestVerdict.FAIL),
    ],
)
def test_the_target_must_be_beaten(test: TestName, p95: float, verdict: LoadTestVerdict) -> None:
    report = judge_load_test(BASELINE.model_copy(update={"p95": p95}), POLICY, test=test)
    assert check(report, "response time (P95)").verdict is verdict


@pytest.mark.parametrize(
    ("failed", "verdict"), [(0.0099, LoadTestVerdict.PASSED), (0.01, LoadTestVerdict.FAIL), (1.0, LoadTestVerdict.FAIL)]
)
def test_failures_must_stay_below_their_limit(failed: float, verdict: LoadTestVerdict) -> None:
    report = judge_load_test(BASELINE.model_copy(update={"failed": failed}), POLICY)
    assert check(report, "failed requests").verdict is verdict


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [(164.7, LoadTestVerdict.PASSED), (164.608, LoadTestVerdict.WARNING), (123.456, LoadTestVerdict.FAIL)],
)
def test_fewer_requests_with_as_many_users_are_saturation(rate: float, verdict: LoadTestVerdict) -> None:
    report = judge_load_test(BASELINE.model_copy(update={"rate": rate}), POLICY)
    assert check(report, "requests").verdict is verdict


@pytest.mark.parametrize("users", [None, 49])
def test_throughput_is_compared_only_at_the_baselines_users(users: int | None) -> None:
    report = judge_load_test(BASELINE.model_copy(update={"users": users, "rate": 1.0}), POLICY)
    assert check(report, "requests").verdict is LoadTestVerdict.NOT_JUDGED


def test_a_lighter_run_than_the_guides_is_a_warning() -> None:
    light = BASELINE.model_copy(update={"users": 5, "duration": 3.0, "p95": 0.1})
    report = judge_load_test(light, POLICY)
    assert report.verdict is LoadTestVerdict.WARNING
    assert {one.what for one in report.checks if one.verdict is LoadTestVerdict.WARNING} == {"users", "length"}


@pytest.mark.parametrize(
    ("cpu", "verdict"),
    [
        (0.699, LoadTestVerdict.PASSED),
        (0.7, LoadTestVerdict.WARNING),
        (0.849, LoadTestVerdict.WARNING),
        (0.85, LoadTestVerdict.FAIL),
    ],
)
def test_at_a_threshold_is_over_it(cpu: float, verdict: LoadTestVerdict) -> None:
    assert check(judge_load_test(BASELINE, POLICY, cpu=cpu), "CPU in use").verdict is verdict


@pytest.mark.parametrize("share", [-0.1, 1.01])
def test_a_share_lies_between_nothing_and_all(share: float) -> None:
    with pytest.raises(UsageError, match="between 0 % and 100 %"):
        judge_load_test(BASELINE, POLICY, cpu=share)


def test_the_gate_follows_the_policy() -> None:
    relaxed = load_policy({"load_tests": {"baseline": {"p95": {"target": "600ms"}}}})
    assert judge_load_test(BASELINE, relaxed).verdict is LoadTestVerdict.PASSED


BAD: list[tuple[object, str]] = [
    ([], "no summary of k6"),
    ({}, "has no metrics"),
    ({"metrics": {}}, r"no count of http_reqs"),
    ({"version": "2.0.0", "results": {}}, "k6 summary of format 2.0.0; known are --summary-export"),
    ({"results": {"metrics": []}}, "format without a version"),
    ({"version": "1.0.0"}, "does not say how long"),
    ({"version": "1.0.0", "config": {"duration": 5}, "results": {"metrics": 3}}, "no count of http_reqs"),
    ({"type": "Metric", "data": {}, "metric": "http_reqs"}, "single points"),
    (EXPORT | {"metrics": EXPORT["metrics"] | {"http_req_duration": {"avg": 3}}}, r"no p\(95\) of http_req_duration"),
    (EXPORT | {"metrics": {k: v for k, v in EXPORT["metrics"].items() if k != "http_req_failed"}}, "since 0.31"),
    (EXPORT | {"metrics": EXPORT["metrics"] | {"http_reqs": {"count": 0, "rate": 0}}}, "made no request"),
    (EXPORT | {"metrics": EXPORT["metrics"] | {"http_reqs": {"count": -3, "rate": 0}}}, "has -3 as count"),
    (EXPORT | {"metrics": EXPORT["metrics"] | {"http_reqs": {"count": True, "rate": 0}}}, "has True as count"),
    (EXPORT | {"metrics": EXPORT["metrics"] | {"http_req_failed": {"value": 7}}}, "a share of 1"),
    (EXPORT | {"metrics": EXPORT["metrics"] | {"http_reqs": {"count": float("nan"), "rate": 1}}}, "has nan as count"),
]


@pytest.mark.parametrize(("data", "sentence"), BAD, ids=[sentence[:24] for _, sentence in BAD])
def test_another_file_is_one_sentence(data: object, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        read(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("{", "is no JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"type":"Metric","metric":"vus"}\n{"type":"Point","metric":"vus"}\n', "single points"),
    ],
)
def test_what_is_no_json_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read_summary(text, file="k6.json")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metrics", "http_reqs", "http_req_duration", "p(95)", "count", "rate", "values", "version"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(ANYTHING)
def test_no_json_breaks_the_reader(data: object) -> None:
    refused = False
    try:
        read(data)
    except UsageError:
        refused = True
    assert refused or isinstance(data, dict)


@given(
    p95=st.floats(0, 1e6),
    failed=st.floats(0, 1),
    rate=st.floats(0, 1e9),
    users=st.none() | st.integers(0, 10**6),
    test=st.sampled_from(TESTS),
)
def test_a_worse_response_time_is_never_judged_better(
    p95: float, failed: float, rate: float, users: int | None, test: TestName
) -> None:
    seen = LoadTestResult(form="", p95=p95, failed=failed, requests=10, rate=rate, users=users)
    worse = seen.model_copy(update={"p95": p95 * 2})
    assert (
        judge_load_test(worse, POLICY, test=test).verdict.rank >= judge_load_test(seen, POLICY, test=test).verdict.rank
    )


@pytest.mark.parametrize(
    ("test", "load"),
    [("baseline", "vus: 50,\n  duration: '600s'"), ("stress", "{ duration: '600s', target: 100 }")],
)
def test_the_script_has_the_policys_users_duration_and_targets(test: TestName, load: str) -> None:
    script = k6_script(POLICY, test)
    assert load in script
    assert f"p(95)<{'500' if test == 'baseline' else '1000'}" in script
    assert "rate<0.01" in script
    assert "'p(95)'" in script


@pytest.mark.parametrize("test", TESTS)
def test_the_script_is_javascript(test: TestName, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js comes with npm, which scripts/postgres-servers installs")
    script = tmp_path / "script.mjs"
    script.write_text(k6_script(POLICY, test))
    done = subprocess.run([node, "--check", str(script)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_script_makes_a_summary_that_the_gate_reads(tmp_path: Path) -> None:
    k6 = shutil.which("k6")
    if k6 is None:
        pytest.skip("k6 is in no package registry; its vendor has packages of its own")
    quick = k6_script(POLICY, "baseline").replace("vus: 50", "vus: 2").replace("600s", "1s")
    (tmp_path / "quick.js").write_text(quick)
    environment = {"BASE_URL": "http://127.0.0.1:9", "PATH": "/usr/bin", "HOME": str(tmp_path)}
    subprocess.run(
        [k6, "run", "--quiet", "quick.js"], cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=60
    )
    seen = read_summary((tmp_path / "k6-summary.json").read_text(), file="k6-summary.json")
    assert seen.form == "handleSummary"
    assert (seen.failed, seen.users) == (1, 2)
    assert judge_load_test(seen, POLICY).verdict is LoadTestVerdict.FAIL
