"""Overrides: merged, with provenance, refused with file and line where they make no sense."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.errors import PolicyError, SelextractError, UnitError
from selextract_infra.policy import default_policy, load_policy
from selextract_infra.policy.model import Provenance
from selextract_infra.policy.source import parse_text

GB = 1024**3


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "team.yml"


def test_without_overrides_the_guide_holds() -> None:
    assert load_policy() is default_policy()
    assert load_policy({}) is default_policy()


def test_one_value_is_overridden_and_its_neighbours_stay() -> None:
    policy = load_policy({"containers": {"api": {"memory": "2.5GB"}}})
    assert policy.containers["api"].memory == 2.5 * GB
    assert policy.containers["api"].cpus == 2
    assert policy.containers["worker"] == default_policy().containers["worker"]


def test_the_mapping_wins_over_files_and_later_files_over_earlier_ones(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yml", tmp_path / "second.yml"
    first.write_text("sizing:\n  headroom: 10%\n  parts_share: 80%\nhost: {cpus: 4 cores}\n")
    second.write_text("# ours\nsizing:\n  headroom: 20%\n  parts_share: 85%\n")
    policy = load_policy({"sizing": {"headroom": "30%"}}, [first, second])
    assert (policy.sizing.headroom, policy.sizing.parts_share, policy.host.cpus) == (0.3, 0.85, 4)
    assert policy.origin("sizing.headroom") == Provenance("REC-03", "inventory")
    assert policy.origin("sizing.parts_share") == Provenance(None, f"{second}:4")
    assert policy.origin("host.cpus") == Provenance("SYS-01", f"{first}:4")
    assert policy.origin("host.memory") == Provenance("SYS-02", "guide")


def test_an_entry_copied_from_the_guide_is_an_override_too(file: Path) -> None:
    file.write_text("sizing:\n  headroom: {item: REC-03, value: 25%, says: ours}\n")
    assert load_policy(files=[file]).sizing.headroom == 0.25


def test_a_value_may_be_the_same_as_another() -> None:
    policy = load_policy({"triggers": {"memory_scale_out": {"threshold": "75%"}}})
    assert policy.sizing.memory_trigger == 0.75
    policy = load_policy(
        {"scaling": {"worker": {"scale_up": {"threshold": {"same_as": "scaling.worker.target_queue"}}}}}
    )
    assert policy.scaling.worker.scale_up.threshold == 50


def test_rows_are_added_to_open_tables_and_removed_from_them() -> None:
    policy = load_policy({"seasons": {"summer": None, "sale": {"first": "March 1", "last": "March 2", "factor": "2x"}}})
    assert list(policy.seasons) == ["black_friday", "year_end", "sale"]


def test_equal_values_have_equal_digests_wherever_they_come_from(file: Path) -> None:
    file.write_text("sizing: {headroom: 30%}\n")
    one, other = load_policy(files=[file]), load_policy({"sizing": {"headroom": "30.0%"}})
    assert one.digest == other.digest != default_policy().digest
    assert load_policy({"sizing": {"headroom": "40%"}}).digest == default_policy().digest


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("sizing:\n  hedroom: 30%\n", 2, "unknown key sizing.hedroom; did you mean headroom?"),
        ("\n\nsizin:\n  headroom: 30%\n", 3, "unknown key sizin; did you mean sizing?"),
        ("containers:\n  api:\n    memroy: 2GB\n", 3, "unknown key containers.api.memroy; did you mean memory?"),
        ("application:\n  services:\n    api: {rol: api}\n", 3, "did you mean role?"),
        ("sizing:\n  headroom: 30 percents\n", 2, 'sizing.headroom: "30 percents" is not a share; accepted: 70%'),
        ("sizing:\n  headroom: 0.3\n", 2, "0.3 is not a share"),
        ("sizing:\n  headroom: 130%\n", 2, "more than 100%"),
        ("scaling: {api: {instances: {minimum: -2}}}\n", 1, "below zero"),
        ("host:\n  cpus: 0 cores\n", 2, "host.cpus: it is nothing"),
        ("scaling:\n  api:\n    instances:\n      minimum: 11\n", 3, "minimum 11 is above maximum 10"),
        ("monitoring: {infrastructure: {cpu_usage: {warning: 90%}}}\n", 1, "warning is above critical"),
        ("containers:\n  redis: null\n", 2, "containers.redis cannot be removed"),
        ("sizing: null\n", 1, "sizing cannot be removed"),
        ("sizing: 3\n", 1, "sizing"),
        ('sizing:\n  headroom: \'{{ lookup("pipe", "id") }}\'\n', 2, "is a template"),
        ("sizing:\n  headroom: 30%\n  headroom: 20%\n", 3, '"headroom" stands twice'),
        ("sizing:\n\theadroom: 30%\n", 2, "not valid YAML"),
        ("sizing: {headroom: 30%\n", 2, "not valid YAML"),
        ("- sizing\n", 1, "a policy is a mapping"),
        ("sizing: &a {headroom: 30%}\nhost: *a\n", 2, "anchors and aliases"),
        ("sizing: !!python/object:os.system {}\n", 1, "has no meaning in a policy"),
        ("sizing: {headroom: !ours 30%}\n", 1, "has no meaning in a policy"),
        ("sizing:\n  ? [a]\n  : 1\n", 2, "a key must be plain text"),
        ("guide: {updated: 2025-02-30}\n", 1, "is not a date"),
        ("seasons: {summer: {first: Juli 1}}\n", 1, "is not a day of the year"),
        ("seasons: {summer: {first: February 30}}\n", 1, "no day of any year"),
        ("host: {cpus: {same_as: nowhere.at_all}}\n", None, "leads nowhere"),
        ("host: {cpus: {same_as: host.cpus}}\n", None, "leads nowhere"),
    ],
)
def test_what_makes_no_sense_is_one_sentence_with_file_and_line(
    file: Path, text: str, line: int | None, says: str
) -> None:
    file.write_text(text)
    with pytest.raises(PolicyError) as caught:
        load_policy(files=[file])
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith(f"{file}:{line}: " if line else f"{file}: "), sentence
    assert any(part in sentence for part in says.split("|")), sentence


def test_a_quantity_that_cannot_be_read_is_a_unit_error(file: Path) -> None:
    file.write_text("containers: {api: {memory: 2 gigabytes}}\n")
    with pytest.raises(UnitError, match="accepted: 512MB"):
        load_policy(files=[file])


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"nothing\.yml cannot be read"):
        load_policy(files=[tmp_path / "nothing.yml"])
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyError, match="UTF-8"):
        load_policy(files=[tmp_path / "binary.yml"])
    with (tmp_path / "large.yml").open("wb") as sparse:
        sparse.truncate(3_000_000_000)
    with pytest.raises(PolicyError, match="larger than a policy can be"):
        load_policy(files=[tmp_path / "large.yml"])


def test_an_empty_file_changes_nothing(file: Path) -> None:
    file.write_text("# nothing yet\n")
    assert load_policy(files=[file]).digest == default_policy().digest


def test_deep_nesting_and_growing_aliases_are_refused(file: Path) -> None:
    file.write_text("a: " + "[" * 5000)
    with pytest.raises(PolicyError):
        load_policy(files=[file])
    file.write_text("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n")
    with pytest.raises(PolicyError):
        load_policy(files=[file])


def test_text_stays_text_whatever_yaml_once_made_of_it() -> None:
    values = parse_text("a: yes\nb: 012\nc: 1:30\nd: '5'\ne: 5\nf: 1.5\ng: ~\nh: true\n", "x").values
    assert values == {"a": "yes", "b": "012", "c": "1:30", "d": "5", "e": 5, "f": 1.5, "g": None, "h": True}


def test_strings_that_carry_more_than_text_become_plain_text() -> None:
    class Tagged(str):
        pass

    policy = load_policy({Tagged("application"): {Tagged("project"): Tagged("shop")}})
    assert type(policy.application.project) is str


def test_the_policy_cannot_be_changed() -> None:
    policy: Any = default_policy()
    with pytest.raises(TypeError, match="cannot be changed"):
        policy.host.cpus = 3
    with pytest.raises(TypeError, match="cannot be changed"):
        policy.containers["api"] = None
    with pytest.raises(TypeError, match="cannot be changed"):
        policy.containers.pop("api")
    with pytest.raises(ValueError, match="frozen"):
        policy.host = None


def test_the_policy_travels() -> None:
    policy = load_policy({"sizing": {"headroom": "30%"}})
    kind, values, *_ = policy.host.__reduce__()
    assert kind(*values) == policy.host
    assert copy.deepcopy(policy) == policy


def test_paths_are_found_or_named() -> None:
    policy = default_policy()
    assert policy.value("sizing.headroom") == 0.4
    assert policy.value(("containers", "api", "memory")) == 2 * GB
    with pytest.raises(PolicyError, match=r"no sizing\.headrom in the policy; did you mean headroom"):
        policy.value("sizing.headrom")
    with pytest.raises(PolicyError, match=r"no sizing\.headroom\.more"):
        policy.origin("sizing.headroom.more")


PATHS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


@given(section=st.sampled_from(["sizing", "containers", "seasons", "host", "application", "triggers"]), value=PATHS)
def test_no_override_makes_a_traceback(section: str, value: Any) -> None:
    with contextlib.suppress(SelextractError):
        assert load_policy({section: value}).digest


def test_a_headroom_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(PolicyError, match="leaves nothing to use"):
        load_policy({"sizing": {"headroom": "100%"}})
