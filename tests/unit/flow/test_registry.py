"""Every operation is a manifest that the registry finds, and says of itself what help and documentation need."""

from __future__ import annotations

import pytest

import selextract_infra as sx
from selextract_infra.errors import UsageError
from selextract_infra.flow.operation import Operation
from selextract_infra.flow.registry import operation_named, operation_names
from selextract_infra.policy import default_policy
from tests.unit.seen import GB, observation, policy

EVERY = [operation_named(name) for name in operation_names()]
each = pytest.mark.parametrize("operation", EVERY, ids=operation_names())


@each
def test_it_is_found_by_the_name_that_its_plans_carry(operation: Operation) -> None:
    assert operation_named(operation.name) is operation


@each
def test_every_field_of_its_request_says_what_it_is(operation: Operation) -> None:
    assert [name for name, field in operation.request.model_fields.items() if not field.description] == []


@each
def test_what_it_means_for_a_host_is_said(operation: Operation) -> None:
    effects = operation.effects
    assert effects.reads
    assert effects.privileges
    assert all(sentence.endswith(".") for sentence in (operation.summary, effects.inverse, effects.downtime))
    assert effects.seconds(default_policy()) > 0


@each
def test_scripts_can_plan_it(operation: Operation) -> None:
    planner = getattr(sx.plan, operation.name.replace(" ", "_"))
    assert planner.__doc__ is not None
    assert planner.__doc__.startswith(operation.summary)


def test_what_a_script_asks_wrongly_is_a_usage_error() -> None:
    seen = observation()
    with pytest.raises(UsageError, match="memory of right-sizing: Input should be a valid integer"):
        sx.plan.rightsize(seen, policy(), service="api", memory="much")
    with pytest.raises(UsageError, match="colour of right-sizing"):
        sx.plan.rightsize(seen, policy(), colour=GB)
    with pytest.raises(UsageError, match="To plan PgBouncer, what it looks at itself is needed"):
        sx.plan.pgbouncer(seen, policy())
    with pytest.raises(AttributeError, match="has no attribute 'tea'"):
        _ = sx.plan.tea


def test_an_unknown_operation_names_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"There is no operation tea; there are balancer, .*, upgrade\."):
        operation_named("tea")
