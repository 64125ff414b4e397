"""With the hardware that a host gained, what was too small there gets what the rules of right-sizing want."""

from __future__ import annotations

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, second_plan_is_empty
from tests.lab.rightsizing import MIB, as_deployed, at_rest, limits, started
from tests.lab.upgrading import GIB, as_bought, finished, memory, records

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1800)]

TOO_SMALL = 112


def test_a_limit_that_is_too_low_is_raised_by_an_upgrade_and_goes_back_with_it(lab: Lab, seasoned: Program) -> None:
    as_deployed(lab)
    as_bought(lab)
    api = "docker ps -q --filter label=com.docker.compose.service=api"
    lab.ssh("app1", f"{api} | xargs docker update --memory {TOO_SMALL}m --memory-swap {TOO_SMALL}m")
    at_rest(lab)
    too_small, running = limits(lab, "api"), started(lab)
    answer = seasoned.run("upgrade", "memory", "--apply", "--yes", timeout=900)
    assert answer.code == 0, answer.words
    assert finished(lab)
    assert memory(lab) == 8 * GIB
    raised = limits(lab, "api")
    assert all(limit == swap and limit > TOO_SMALL * MIB for limit, swap in raised), raised
    assert started(lab) == running, "nothing was restarted"
    second_plan_is_empty(seasoned, "upgrade", "memory")
    (record,) = records(lab)
    back = seasoned.run("rollback", record["run_id"], timeout=900)
    assert back.code == 0, back.words
    assert limits(lab, "api") == too_small
    assert memory(lab) == 4 * GIB
    assert started(lab) == running, "nothing was restarted"
    as_deployed(lab)
