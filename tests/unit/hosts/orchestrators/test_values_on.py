"""What a step's playbook reads for a host."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.hosts.orchestrators import acts_of, values_on
from selextract_infra.model.plan import Step


def step(playbook: str, values: dict[str, Any]) -> Step:
    return Step(
        id="one", title="One", playbook=playbook, hosts=("a",), values={"a": values}, verification="v",
        rollback="r", estimate_seconds=1, rollback_seconds=1, timeout_seconds=1,
    )  # fmt: skip


@pytest.mark.parametrize("carried", [True, False])
def test_a_host_that_carries_it_out_by_itself_is_told_its_acts_and_any_other_the_values(carried: bool) -> None:
    values = {"project": "shop", "state": "absent", "replace": False, "bound_seconds": 30}
    playbook = "selextract.infra.pgbouncer" if carried else "selextract.infra.freeze"
    told = values_on(step(playbook, values), "a")
    if not carried:
        assert told == values
        return
    [sent] = told["steps"]
    assert sent["acts"] == [act.model_dump(mode="json") for act in acts_of(playbook, values)]
