from __future__ import annotations

from selextract_infra.model.plan import Plan
from selextract_infra.plan import rightsize
from tests.unit.seen import GB, MB, container, history, host, observation, one, policy

HOSTILE = "api\x1b[2J\x1b]0;owned\x07\u202e{{ 7*7 }} [red]x[/red]\r\n$(id)"


def test_a_plan_prints_what_why_before_and_after_cost_and_risk() -> None:
    text = str(rightsize(one("api", peak=600 * MB, cpu=1.2), policy()))
    assert (
        text
        == """\
Plan: rightsize on app1, 1 change of 2 values

app1
  api memory: 2,048 MB -> 1,008 MB (lower), frees $5.08 a month
      The peak of 600 MB is 29.3 % of the limit; REC-03 allows 60 %.
  api CPU: 2 cores, keep
      Its p95 of 1.2 cores is 60 % of the limit; REC-03 allows 60 %.

Steps
  1. Set 1 limit in place on app1
      then: Every container has the limits asked for, runs, is healthy and was
        not restarted; all health addresses answer.
      else: The limits and the files from before are put back from what each
        host noted before it was touched.

At $5 per GB and $25 per core the limits are worth $5.08 a month less; the bill
changes by $0, because a fixed host does not bill limits. The guide claims $100
a month for this (X-55).
It takes about 30 s and can be undone in about 30 s. Users should not notice it.
The app's next `docker compose up` recreates once: api (app1).

Findings
  minor  application.services: The policy maps frontend, nginx, postgres, redis,
    worker, and no host runs it. (start it, or correct its name in the policy)"""
    )


def test_no_line_is_wider_than_80_columns_and_nothing_hostile_gets_through() -> None:
    services = [container(HOSTILE), container("api", name=HOSTILE)]
    seen = observation(
        host(services, [history("api", memory=600 * MB)]), unreachable={"app2": HOSTILE, "app3": "x" * 500}
    )
    text = str(rightsize(seen, policy(), settle=True))
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "".join(text.split("\n")).isprintable()


def test_many_values_that_stay_are_counted() -> None:
    hosts = [host([container("api")], name=f"app{number}") for number in range(2)]
    assert "unknown" in str(rightsize(observation(*hosts), policy()))
    mapped = {f"s{number}": {"role": "api"} for number in range(20)}
    rules = policy(application={"project": "selextract", "directory": "/opt/selextract", "services": mapped})
    text = str(rightsize(observation(host([container(name) for name in mapped])), rules))
    assert "40 values are unknown and left alone." in text


def test_an_empty_plan_says_so() -> None:
    text = str(rightsize(one("api", peak=round(2 * GB * 0.6), cpu=1.2), policy()))
    assert text.startswith("Plan: rightsize on app1, nothing to change")
    assert "Nothing changes, so neither does the bill." in text
    assert "It takes about" not in text


def test_disruption_overrides_and_the_point_of_no_return_are_said() -> None:
    plan = rightsize(one("api", peak=600 * MB), policy(), settle=True)
    assert "Users may notice it" in str(plan)
    final = plan.steps[0].model_copy(update={"point_of_no_return": True})
    edited: Plan = plan.model_copy(update={"steps": (final, *plan.steps[1:]), "overrides": ("X-06",)})
    assert "cannot be undone after the step rightsize" in str(edited)
    assert "Overridden by the operator: X-06." in str(edited)
