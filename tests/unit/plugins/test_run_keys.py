"""A rollback touches only what is still as its Run left it: random histories against a simple model, and each part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.compose.capacity import render
from plugins.module_utils.compose.capacity_keys import keys_of, services_of, taken_back
from plugins.module_utils.state.later_changes import changed_keys
from plugins.module_utils.state.run_keys import conf_keys, keys_set, with_conf_keys

NAMES = ["a", "b", "c", "d"]
VALUES = st.integers(0, 4)
SET = st.dictionaries(st.sampled_from(NAMES), st.one_of(st.none(), VALUES), min_size=1)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("run"), SET),
        st.tuples(st.just("person"), SET),
        st.tuples(st.just("rollback"), st.integers(0, 9), st.booleans()),
    ),
    max_size=25,
)
State = dict[str, int]


class Host:
    """Values by name, and Runs that note what they found and what they left: the pure parts, called as modules do."""

    def __init__(self) -> None:
        self.values: State = {"a": 1, "b": 2}
        self.runs: list[tuple[State, State]] = []

    def run(self, wanted: Mapping[str, int | None]) -> None:
        before = dict(self.values)
        self.person(wanted)
        self.runs.append((before, dict(self.values)))

    def person(self, wanted: Mapping[str, int | None]) -> None:
        self.values = {name: value for name, value in {**self.values, **wanted}.items() if value is not None}

    def own(self, number: int) -> dict[str, tuple[int | None, int | None]]:
        before, left = self.runs[number]
        return {
            name: (before.get(name), left.get(name)) for name in {*before, *left} if before.get(name) != left.get(name)
        }

    def changed(self, number: int) -> list[str]:
        own = self.own(number)
        return changed_keys(own, {name: self.values.get(name) for name in own})

    def roll_back(self, number: int, *, confirmed: bool) -> bool:
        """Whether it was carried out."""
        if self.changed(number) and not confirmed:
            return False
        before, left = self.runs[number]
        self.values = taken_back(before, left, self.values)
        return True


@given(ACTS)
def test_a_rollback_changes_only_what_its_run_set_and_only_what_is_still_so_or_confirmed(acts: list[Any]) -> None:
    host = Host()
    for act in acts:
        if act[0] != "rollback":
            getattr(host, act[0])(act[1])
            continue
        if not host.runs:
            continue
        number, confirmed = act[1] % len(host.runs), act[2]
        present, own = dict(host.values), host.own(number)
        carried_out = host.roll_back(number, confirmed=confirmed)
        for name in NAMES:
            value, now = present.get(name), host.values.get(name)
            if name not in own or not carried_out:
                assert now == value, "what the run did not set, or a refusal, changes nothing"
            else:
                before, left = own[name]
                assert now == before
                assert confirmed or value in (before, left), "a later change is overwritten only where it is confirmed"


@given(st.lists(SET, max_size=8))
def test_runs_rolled_back_newest_first_are_never_refused_and_leave_what_was_there(wanted: list[Any]) -> None:
    host = Host()
    first = dict(host.values)
    for each in wanted:
        host.run(each)
    for number in reversed(range(len(wanted))):
        assert host.roll_back(number, confirmed=False)
    assert host.values == first


@given(st.lists(st.sampled_from(NAMES), min_size=2, max_size=4, unique=True), st.randoms(use_true_random=False))
def test_runs_that_set_different_things_can_be_rolled_back_in_any_order(names: list[str], random: Any) -> None:
    host = Host()
    first = dict(host.values)
    for name in names:
        host.run({name: 9})
    numbers = list(range(len(names)))
    random.shuffle(numbers)
    for number in numbers:
        assert host.roll_back(number, confirmed=False)
    assert host.values == first


@given(SET, SET)
def test_what_a_later_run_changed_is_refused_before_anything_is_undone(first: Any, second: Any) -> None:
    host = Host()
    host.run(first)
    host.run(second)
    before = dict(host.values)
    changed = host.changed(0)
    assert host.roll_back(0, confirmed=False) is (not changed)
    if changed:
        assert host.values == before


def step(part: str, inverse: Any, left: Any, started: float = 1.0) -> dict[str, Any]:
    return {"started": started, "inverse": {part: inverse}, "left": {part: left}}


LIMITS = {"memory": 64, "swap": 64, "cpus": 0.5}


@pytest.mark.parametrize(
    ("part", "inverse", "left", "values"),
    [
        (
            "containers",
            {"id1": {"name": "shop-web-1", "project": "shop", "service": "web", "running": True, **LIMITS}},
            {"id1": {**LIMITS, "memory": 48}},
            {"container:shop-web-1": ([64, 64, 0.5], [48, 64, 0.5])},
        ),
        (
            "capacity_file",
            {"project": "shop", "directory": "/srv/shop", "text": render({"web": {"scale": 2}}), "record": None},
            {"services": {"web": {"scale": 3, "mem_limit": 5}}, "form": "override"},
            {"file:web.scale": (2, 3), "file:web.mem_limit": (None, 5)},
        ),
        (
            "instances",
            {"web": {"project": "shop", "directory": "/srv/shop", "containers": ["id1", "id2"]}},
            {"web": {"count": 4}},
            {"count:web": (2, 4)},
        ),
        (
            "postgres_settings",
            {"text": "# ours\nwork_mem = 4MB\nmax_wal_size = 1GB\n", "settings": {}},
            {"text": "# ours\nwork_mem = 8MB\nmax_wal_size = 1GB\n"},
            {"postgres:work_mem": ("4MB", "8MB")},
        ),
        (
            "edge_files",
            {"folder": "/n", "project": "shop", "service": "nginx", "files": {}},
            {"files": {"selextract.upstream.conf": "x"}},
            {"nginx:selextract.upstream.conf": (None, "x")},
        ),
        ("balancer", {"compose": None, "settings": None, "digest": None}, {"digest": "d"}, {"balancer": (None, "d")}),
        (
            "pgbouncer",
            {"shop": {"before": None, "since": {"port": 6432}}},
            {"shop": {"record": {"port": 6432}}},
            {"pgbouncer:shop": (None, {"port": 6432})},
        ),
        (
            "some_settings",
            {"project": "shop", "values": {"store.size": "1", "store.kind": "a"}},
            {"values": {"store.size": "2", "store.kind": "a"}},
            {"some_settings:store.size": ("1", "2")},
        ),
        ("freeze", {"before": None}, {"after": {"owner": "me"}}, {"freeze": (None, {"owner": "me"})}),
    ],
)
def test_each_part_says_what_it_set(part: str, inverse: Any, left: Any, values: Any) -> None:
    assert keys_set({"one": step(part, inverse, left)}) == values


def test_a_part_of_version_0_1_has_no_keys() -> None:
    old = {"started": 1.0, "inverse": {"capacity_file": {"text": None, "environment": {}}, "stopped": {}}}
    assert keys_set({"one": old}) == {}


def test_over_several_steps_the_first_finding_and_the_last_setting_count() -> None:
    def limited(memory: int, after: int, started: float) -> dict[str, Any]:
        return step("containers", {"id": {"name": "x", "memory": memory}}, {"id": {"memory": after}}, started)

    steps = {"later": limited(2, 3, 20.0), "first": limited(1, 2, 10.0)}
    assert keys_set(steps) == {"container:x": ([1, None, None], [3, None, None])}


def test_a_count_on_its_way_is_the_runs_own_and_one_beyond_is_not() -> None:
    values = {"count:web": (2, 5)}
    assert changed_keys(values, {"count:web": 3}) == []
    assert changed_keys(values, {"count:web": 6}) == ["count:web"]
    assert changed_keys(values, {}) == []


NESTED = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3)),
    lambda inner: st.dictionaries(st.text(min_size=1, max_size=3), inner, min_size=1, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(min_size=1, max_size=3), NESTED, max_size=3))
def test_keys_and_content_are_the_same_thing(services: dict[str, Any]) -> None:
    assert services_of(keys_of(services)) == services


CONF = st.dictionaries(
    st.from_regex(r"[a-z_]{1,6}", fullmatch=True).map(lambda name: (name,)), st.sampled_from(["1", "2"])
)


@given(CONF, CONF)
def test_a_file_of_settings_gets_exactly_the_settings_asked_for(present: Any, wanted: Any) -> None:
    text = "# a comment = no setting\n" + "".join(f"{key[0]} = {value}\n" for key, value in present.items())
    changed = with_conf_keys(text, wanted)
    assert conf_keys(changed) == wanted
    assert changed.startswith("# a comment = no setting\n")
    assert with_conf_keys(text, present) == text
