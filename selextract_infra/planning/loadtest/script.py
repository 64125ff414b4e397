"""The k6 script whose summary ``loadtest`` judges, with the Policy's users, duration and targets (LT-01, LT-06)."""

from __future__ import annotations

from string import Template

from selextract_infra.planning.loadtest.loadtest import TestName
from selextract_infra.policy import Policy

__all__ = ["k6_script"]

_MILLISECONDS = 1000
_RAMP_SHARE = 4  # a quarter of a stress run goes up, a quarter comes down

_SCRIPT = Template("""\
// Load test "$test" for k6, written by: selextract-infra loadtest --emit-script --test $test
//
//   BASE_URL=http://127.0.0.1:8080 k6 run $test.js
//   selextract-infra loadtest k6-summary.json --test $test
//
// PATHS    requested in turn, separated by commas; put the routes of your API here
// SUMMARY  file that the summary goes to
// TOKEN    sent as a bearer token when it is set
import http from 'k6/http';
import { check, sleep } from 'k6';

const base = __ENV.BASE_URL || 'http://127.0.0.1:8080';
const paths = (__ENV.PATHS || '$path').split(',').map((path) => path.trim());
const headers = __ENV.TOKEN ? { Authorization: 'Bearer ' + __ENV.TOKEN } : {};

export const options = {
$load
  thresholds: {
    http_req_duration: ['p(95)<$p95'],
    http_req_failed: ['rate<$failed'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'],
};

export default function () {
  const path = paths[__ITER % paths.length];
  const answer = http.get(base + path, { headers: headers, tags: { name: path } });
  check(answer, { 'status is 2xx or 3xx': (one) => one.status >= 200 && one.status < 400 });
  sleep(Math.random() * 0.2);
}

export function handleSummary(data) {
  const file = __ENV.SUMMARY || 'k6-summary.json';
  return { [file]: JSON.stringify(data, null, 2), stdout: 'summary written to ' + file + '\\n' };
}
""")


def k6_script(policy: Policy, test: TestName) -> str:
    """The script as text: constant users for the baseline, users going up and down for stress."""
    chosen = policy.load_tests.baseline if test == "baseline" else policy.load_tests.stress
    users, seconds = chosen.run.users, round(chosen.run.duration)
    load = f"  vus: {users},\n  duration: '{seconds}s',"
    if test == "stress":
        ramp = seconds // _RAMP_SHARE
        stages = ((ramp, users), (seconds - 2 * ramp, users), (ramp, 0))
        lines = "\n".join(f"    {{ duration: '{length}s', target: {target} }}," for length, target in stages)
        load = f"  stages: [\n{lines}\n  ],"
    target = policy.load_tests.gate.p95 if test == "baseline" else policy.monitoring.application.response_time.warning
    return _SCRIPT.substitute(
        test=test,
        path="/api/v1/health",
        load=load,
        p95=f"{target * _MILLISECONDS:g}",
        failed=f"{policy.load_tests.gate.failed:g}",
    )
