"""What tells two containers of a service apart, limits and names of their own aside."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils.compose.sibling import differences, environment_wanted

ONE = "1" * 64
OTHER = "2" * 64


def container(identity: str = ONE, **changes: Any) -> dict[str, Any]:
    """An answer of the engine; ``changes`` go into the part that has such a key."""
    name = f"shop-web-{identity[0]}"
    details: dict[str, Any] = {
        "Id": identity,
        "Name": f"/{name}",
        "Image": "sha256:app",
        "Config": {
            "Hostname": identity[:12],
            "Env": ["A=1", "B=2"],
            "Cmd": ["serve", "now"],
            "Labels": {"com.docker.compose.container-number": identity[0], "team": "x"},
        },
        "HostConfig": {"Memory": 0, "CapAdd": ["A", "B"], "PidsLimit": None, "ShmSize": 64},
        "Mounts": [{"Type": "volume", "Name": identity, "Destination": "/data", "RW": True}],
        "NetworkSettings": {"Networks": {"shop_default": {"Aliases": [name, "web", identity[:12]]}}},
    }
    for key, value in changes.items():
        part = details["Config"] if key in ("Env", "Cmd", "Hostname", "Labels") else details["HostConfig"]
        (details if key in ("Image", "Mounts", "NetworkSettings") else part)[key] = value
    return details


def test_two_instances_of_one_service_are_the_same() -> None:
    assert differences(container(OTHER), container()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"Memory": 1 << 28, "MemorySwap": 1 << 28, "NanoCpus": 5},
        {"Env": ["B=2", "A=1"]},
        {"CapAdd": ["B", "A"]},
        {"PidsLimit": 0},
        {"LogConfig": {"Type": "local"}},
        {"Mounts": [{"Type": "volume", "Name": "3" * 64, "Destination": "/data", "RW": True}]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_limits_order_anonymous_volumes_and_the_engines_own_choices_are_no_difference(changes: dict[str, Any]) -> None:
    assert differences(container(OTHER, **changes), container()) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"Image": "sha256:other"}, ["its image"]),
        ({"Env": ["A=1", "B=s3cret", "C=3"]}, ["the variable B", "the variable C"]),
        ({"Cmd": ["now", "serve"]}, ["Cmd"]),
        ({"Labels": {"team": "y"}}, ["Labels"]),
        ({"Hostname": "fixed"}, ["Hostname"]),
        ({"ShmSize": 128}, ["ShmSize"]),
        ({"Mounts": [{"Type": "bind", "Source": "/srv", "Destination": "/data", "RW": True}]}, ["Mounts"]),
        ({"NetworkSettings": {"Networks": {"other": {"Aliases": ["web"]}}}}, ["Networks"]),
        ({"NetworkSettings": {"Networks": {"shop_default": {"Aliases": ["api"]}}}}, ["Networks"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_everything_else_is_named(changes: dict[str, Any], named: list[str]) -> None:
    assert differences(container(OTHER, **changes), container()) == named


def test_variables_of_ours_are_left_out() -> None:
    assert differences(container(OTHER, Env=["A=1"]), container(), ["B"]) == []


def test_a_command_of_ours_is_left_out_and_nothing_else() -> None:
    changed = container(OTHER, Cmd=["now", "serve"], ShmSize=128)
    assert differences(changed, container(), command=True) == ["ShmSize"]


def test_the_wanted_environment_is_that_of_the_files_over_that_of_the_image() -> None:
    image = {"Config": {"Env": ["PATH=/bin", "GONE=1", "MODE=image"]}}
    service = {"environment": {"MODE": "files", "PRICE": "5$$", "GONE": None}}
    assert environment_wanted(service, image) == {"PATH": "/bin", "MODE": "files", "PRICE": "5$"}


def test_a_list_of_variables_is_read_like_a_mapping_of_them() -> None:
    service = {"environment": ["MODE=files", "PRICE=5$$", "FROM_OUTSIDE"]}
    assert environment_wanted(service, {"Config": {"Env": ["PATH=/bin"]}}) == {
        "PATH": "/bin",
        "MODE": "files",
        "PRICE": "5$",
    }
