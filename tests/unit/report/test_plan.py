from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import selextract_infra as sx
from tests.unit.operations.replicas import replicated
from tests.unit.seen import GB, MB, container, history, host, observation, one, policy

HOSTILE = "api\x1b[2J\x1b]0;owned\x07\u202e{{ 7*7 }} [red]x[/red]\r\n$(id)"


def test_a_plan_prints_what_why_before_and_after_cost_and_risk() -> None:
    text = str(sx.plan.rightsize(one("api", peak=600 * MB, cpu=1.2), policy()))
    assert (
        text
        == """\
Plan: rightsize on app1, 1 change of 2 values

app1
   service  resource       now  peak seen  proposed  saving
    why
───────────────────────────────────────────────────────────
-  api      memory    2,048 MB     600 MB  1,008 MB   $5.08
    The peak of 600 MB is 29.3 % of the limit; REC-03 allows 60 %.

  api keeps CPU 2 cores: Its p95 of 1.2 cores is 60 % of the limit; REC-03
    allows 60 %.

1. Set 1 limit in place on app1
    then: Every container has the limits asked for, runs, is healthy and was
      not restarted; all health addresses answer.
    else: The limits and the files from before are put back from what each
      host noted before it was touched.

At $5 per GB and $25 per core the limits are worth $5.08 a month less; the bill
changes by $0, because a fixed host does not bill limits. The guide claims $100
a month for this (X-55).

finding  rule                  what it says
────────────────────────────────────────────────────────────────────────────────
minor    application.services  The policy maps frontend, nginx, postgres, redis,
                               worker, and no host runs it. -> start it, or
                               correct its name in the policy

The app's next `docker compose up` recreates once: api (app1).
1 change of 2 values, 1 step. It takes about 30 s and can be undone in about
30 s. Users should not notice it."""
    )


def test_print_of_a_plan_is_readable_however_its_maker_was_imported() -> None:
    code = (
        "from selextract_infra.plan import rightsize; from tests.unit.seen import one, policy;"
        " print(rightsize(one('api'), policy()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("Plan: rightsize on app1")


def test_no_line_is_wider_than_80_columns_and_nothing_hostile_gets_through() -> None:
    services = [container(HOSTILE), container("api", name=HOSTILE)]
    seen = observation(
        host(services, [history("api", memory=600 * MB)]), unreachable={"app2": HOSTILE, "app3": "x" * 500}
    )
    text = str(sx.plan.rightsize(seen, policy(), settle=True))
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "".join(text.split("\n")).isprintable()


def test_many_values_that_stay_are_counted() -> None:
    hosts = [host([container("api")], name=f"app{number}") for number in range(2)]
    assert "unknown" in str(sx.plan.rightsize(observation(*hosts), policy()))
    mapped = {f"s{number}": {"role": "api"} for number in range(20)}
    rules = policy(application={"project": "selextract", "directory": "/opt/selextract", "services": mapped})
    text = str(sx.plan.rightsize(observation(host([container(name) for name in mapped])), rules))
    assert "40 values are unknown and left alone." in text


def test_an_empty_plan_says_so() -> None:
    text = str(sx.plan.rightsize(one("api", peak=round(2 * GB * 0.6), cpu=1.2), policy()))
    assert text.startswith("Plan: rightsize on app1, nothing to change")
    assert "Nothing changes, so neither does the bill." in text
    assert "It takes about" not in text


def test_disruption_overrides_and_the_point_of_no_return_are_said() -> None:
    plan = sx.plan.rightsize(one("api", peak=600 * MB), policy(), settle=True)
    assert "Users may notice it" in str(plan)
    final = plan.steps[0].model_copy(update={"point_of_no_return": True})
    edited: sx.Plan = plan.model_copy(update={"steps": (final, *plan.steps[1:]), "overrides": ("X-06",)})
    assert "cannot be undone after the step rightsize" in " ".join(str(edited).split())
    assert "Overridden by the operator: X-06." in str(edited)


def test_print_of_a_plan_is_readable_for_whoever_imports_the_public_names_alone(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(sx.plan.rightsize(one("api", peak=600 * MB), policy()).model_dump_json(), encoding="utf-8")
    code = f"import selextract_infra as sx; print(sx.Plan.model_validate_json(open({str(file)!r}).read()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("Plan: rightsize on app1, 2 changes of 2 values\n")


def test_a_share_that_rounds_to_what_is_allowed_changes_nothing_and_is_explained() -> None:
    plan = sx.plan.rightsize(one("api", peak=600 * MB, cpus=0.5, cpu=0.3002), policy())
    cpus = next(decision for decision in plan.decisions if decision.resource == "cpus")
    assert cpus.why == "Its p95 of 0.3 cores is just above 60 % of the limit; REC-03 allows 60 %."
    assert "api keeps CPU 0.5 cores: within 10 % of what it has." in " ".join(str(plan).split())


def test_a_server_that_waits_for_nothing_is_not_said_to_stay_at_a_number() -> None:
    plan = sx.plan.restart_postgres(replicated.observation(), replicated.policy(), look=replicated.replication())
    assert "postgres needs no restart: Nothing waits." in str(plan)


def test_a_plan_prints_as_people_read_it_also_where_nothing_but_the_model_was_imported() -> None:
    words = (
        "from datetime import datetime, UTC; from selextract_infra.model.plan import Plan;"
        "print(Plan(operation='scale', made_at=datetime.now(UTC), made_by='me', policy_digest='',"
        " observation_digest='', hosts=('app1',), steps=()))"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("Plan: scale on app1")
