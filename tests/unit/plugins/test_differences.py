"""What is not as before is said; what others changed in between, and a rollback left alone, is not."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from plugins.module_utils.state.differences import differences

BEFORE: dict[str, dict[str, Any]] = {
    "container shop-web-1": {
        "project": "shop",
        "running": True,
        "image": "sha256:1",
        "environment digest": "a",
        "memory": "64 MiB",
        "networks": ["shop_default as web"],
    },
    "container other-web-1": {"project": "other", "running": True},
    "file /srv/shop/.env": {"project": "shop", "A digest": "b", "the rest digest": "c"},
    "balancer": {"servers": ["shop-web-1"]},
}


def changed(subject: str, **values: Any) -> dict[str, dict[str, Any]]:
    note = copy.deepcopy(BEFORE)
    note.setdefault(subject, {"project": "shop"}).update(
        {name.replace("_", " "): value for name, value in values.items()}
    )
    return note


def without(subject: str) -> dict[str, dict[str, Any]]:
    return {name: about for name, about in BEFORE.items() if name != subject}


def test_nothing_differs_from_itself() -> None:
    assert differences(BEFORE, copy.deepcopy(BEFORE)) == []


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        (without("container shop-web-1"), "container shop-web-1 is gone."),
        (changed("container shop-web-2", running=True), "container shop-web-2 is there, and was not."),
        (changed("container shop-web-1", running=False), "container shop-web-1: running is False, and was True."),
        (changed("container shop-web-1", memory=None), "container shop-web-1: memory is none, and was 64 MiB."),
        (
            changed("container shop-web-1", environment_digest="x"),
            "container shop-web-1: environment is not as it was.",
        ),
        (
            changed("container shop-web-1", networks=["shop_default as api"]),
            "container shop-web-1: networks is shop_default as api, and was shop_default as web.",
        ),
        (changed("file /srv/shop/.env", A_digest="x"), "file /srv/shop/.env: A is not as it was."),
        (changed("file /srv/shop/.env", COMPOSE_digest="x"), "file /srv/shop/.env: COMPOSE is not as it was."),
        (changed("balancer", servers=[]), "balancer: servers is none, and was shop-web-1."),
    ],
)
def test_each_difference_is_one_sentence(now: dict[str, dict[str, Any]], sentence: str) -> None:
    assert differences(BEFORE, now, projects={"shop"}) == [sentence]


def test_other_projects_of_the_host_do_not_count() -> None:
    assert differences(BEFORE, without("container other-web-1"), projects={"shop"}) == []
    assert differences(BEFORE, without("container other-web-1")) == ["container other-web-1 is gone."]


def test_what_others_changed_since_and_the_rollback_left_alone_is_no_difference() -> None:
    left, found = changed("container shop-web-1", memory="32 MiB"), changed("container shop-web-1", memory="48 MiB")
    assert differences(BEFORE, copy.deepcopy(found), left=left, found=found) == []


def test_what_the_run_left_and_the_rollback_did_not_bring_back_is_one() -> None:
    left = changed("container shop-web-1", memory="32 MiB")
    told = differences(BEFORE, copy.deepcopy(left), left=left, found=copy.deepcopy(left))
    assert told == ["container shop-web-1: memory is 32 MiB, and was 64 MiB."]


def test_what_the_rollback_itself_broke_is_one_although_others_had_changed_it_before() -> None:
    left, found = changed("container shop-web-1", memory="32 MiB"), changed("container shop-web-1", memory="48 MiB")
    told = differences(BEFORE, changed("container shop-web-1", memory="16 MiB"), left=left, found=found)
    assert told == ["container shop-web-1: memory is 16 MiB, and was 64 MiB."]


FILE = "file /srv/shop/compose.capacity.yml"
ATTACHED: dict[str, dict[str, Any]] = {
    **BEFORE,
    FILE: {"project": "shop", "ours": True, "owner and mode": "0:0 644", "web mem_limit digest": "d"},
    "file /srv/shop/.env": {**BEFORE["file /srv/shop/.env"], "COMPOSE_FILE digest": "e", "the rest digest": "f"},
}


def with_values(**values: str | None) -> dict[str, dict[str, Any]]:
    note = copy.deepcopy(ATTACHED)
    note[FILE].update({f"{name} mem_limit digest": value for name, value in values.items()})
    note[FILE] = {name: value for name, value in note[FILE].items() if value is not None}
    return note


def test_our_file_that_a_later_run_wrote_into_stays_attached_and_that_is_no_difference() -> None:
    found, now = with_values(worker="g"), with_values(worker="g", web=None)
    assert differences(BEFORE, now, projects={"shop"}, left=ATTACHED, found=found) == []


def test_our_file_that_nobody_needs_any_more_and_is_there_still_is_one() -> None:
    told = differences(BEFORE, with_values(web=None), projects={"shop"}, left=ATTACHED, found=copy.deepcopy(ATTACHED))
    assert told == [
        "file /srv/shop/.env: COMPOSE_FILE is not as it was.",
        "file /srv/shop/.env: the rest is not as it was.",
        f"{FILE} is there, and was not.",
    ]


def test_a_value_of_the_run_that_stays_in_our_file_is_one_though_a_later_run_needs_the_file() -> None:
    found = with_values(worker="g")
    told = differences(BEFORE, copy.deepcopy(found), projects={"shop"}, left=ATTACHED, found=found)
    assert told == [f"{FILE}: web mem_limit is not as it was."]


def test_our_file_that_is_gone_with_its_last_value_is_no_difference() -> None:
    left, found = with_values(worker="g"), with_values(worker="g", web=None)
    assert differences(ATTACHED, copy.deepcopy(BEFORE), projects={"shop"}, left=left, found=found) == []


def test_our_file_that_is_gone_with_a_value_that_nobody_put_back_is_one() -> None:
    left = with_values(worker="g")
    told = differences(ATTACHED, copy.deepcopy(BEFORE), projects={"shop"}, left=left, found=copy.deepcopy(left))
    assert f"{FILE} is gone." in told


def test_an_attachment_that_is_not_as_the_run_left_it_is_one() -> None:
    found, now = with_values(worker="g"), with_values(worker="g", web=None)
    now["file /srv/shop/.env"]["the rest digest"] = "z"
    told = differences(BEFORE, now, projects={"shop"}, left=ATTACHED, found=found)
    assert told == ["file /srv/shop/.env: the rest is not as it was."]


def test_very_many_are_counted() -> None:
    now = {**BEFORE, **{f"container shop-x-{number:02}": {"project": "shop"} for number in range(30)}}
    told = differences(BEFORE, now)
    assert len(told) == 21
    assert told[-1] == "10 more differ."
