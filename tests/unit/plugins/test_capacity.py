from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.compose.capacity import limits_written, parse, render
from plugins.module_utils.system.failure import HostSideError

TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
SERVICE = st.fixed_dictionaries(
    {},
    optional={
        "mem_limit": st.integers(1, 2**40),
        "memswap_limit": st.integers(-1, 2**40),
        "cpus": st.floats(0.01, 64).map(lambda cores: round(cores, 3)),
        "scale": st.integers(0, 50),
        "deploy": st.fixed_dictionaries(
            {"resources": st.fixed_dictionaries({"limits": st.dictionaries(st.sampled_from(["memory", "cpus"]), TEXT)})}
        ),
        "environment": st.dictionaries(TEXT.filter(bool), TEXT, max_size=3),
        "command": st.lists(TEXT, max_size=3),
    },
)
SERVICES = st.dictionaries(TEXT.filter(bool), SERVICE.filter(bool), max_size=4)


@given(SERVICES)
def test_what_is_rendered_reads_back(services: dict[str, dict[str, Any]]) -> None:
    assert parse(render(services)) == {"services": services}


@given(SERVICES)
def test_a_yaml_parser_reads_the_same_with_dollars_doubled_for_compose(services: dict[str, dict[str, Any]]) -> None:
    def doubled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: inner if key == "environment" else doubled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [doubled(word) for word in value]
        return value.replace("$", "$$") if isinstance(value, str) else value

    expected = {name: doubled(service) for name, service in services.items()}
    assert yaml.safe_load(render(services)) == {"services": expected}


def test_a_reference_in_an_environment_stays_a_reference_for_compose() -> None:
    address = "postgresql://shop:${POSTGRES_PASSWORD:?set it in .env}@pgbouncer:6432/shop"
    text = render({"api": {"environment": {"DATABASE_URL": address, "PRICE": "5$$"}}})
    assert f'DATABASE_URL: "{address}"' in text
    assert parse(text)["services"]["api"]["environment"] == {"DATABASE_URL": address, "PRICE": "5$$"}


def test_equal_content_gives_equal_bytes_whatever_its_order() -> None:
    one: dict[str, dict[str, Any]] = {"b": {"cpus": 1.0, "mem_limit": 5}, "a": {"scale": 2}}
    other: dict[str, dict[str, Any]] = {"a": {"scale": 2}, "b": {"mem_limit": 5, "cpus": 1.0}}
    assert render(one) == render(other)


def test_a_hostile_name_stays_a_name() -> None:
    name = "{{ lookup('pipe','id') }}: [\"x\n  - !!python/object"
    text = render({name: {"scale": 1}})
    assert list(yaml.safe_load(text)["services"]) == [name]


@pytest.mark.parametrize("service", [{"image": "other"}, {"mem_limit": "1g"}, {"scale": True}, {"privileged": True}])
def test_keys_and_values_that_are_not_ours_are_refused(service: dict[str, Any]) -> None:
    with pytest.raises(HostSideError) as refusal:
        render({"api": service})
    assert refusal.value.kind == "usage"


@pytest.mark.parametrize(
    "text", ["services:\n\tapi: 1", "services:\n    api: 1", "- a", "services:\n  api: {a: 1}", "x: y"]
)
def test_a_file_edited_by_hand_is_named_by_its_line(text: str) -> None:
    with pytest.raises(HostSideError, match=r"Line \d of compose.capacity.yml was edited by hand"):
        parse(text)


def test_limits_are_read_back_in_either_form() -> None:
    assert limits_written({"mem_limit": 64, "memswap_limit": 128, "cpus": 1}) == {
        "memory": 64,
        "swap": 128,
        "cpus": 1.0,
    }
    deploy = {"deploy": {"resources": {"limits": {"memory": 64, "cpus": "0.5"}}}}
    assert limits_written(deploy) == {"memory": 64, "swap": None, "cpus": 0.5}
    assert limits_written({"scale": 2}) == {"memory": None, "swap": None, "cpus": None}


def test_limits_under_deploy_are_amounts_though_compose_wants_them_as_texts() -> None:
    deploy = {"deploy": {"resources": {"limits": {"memory": "52428800", "cpus": "0.2"}}}, "memswap_limit": "104857600"}
    assert limits_written(deploy) == {"memory": 52428800, "swap": 104857600, "cpus": 0.2}
    assert limits_written({}) == {"memory": None, "swap": None, "cpus": None}
