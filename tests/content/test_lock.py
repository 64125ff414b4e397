"""The dependencies: each within bounds, and locked with hashes for every Python that the project runs on."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
ENTRY = re.compile(r"(?P<requirement>[^#]+?)(?P<hashes>(\s+--hash=sha256:[0-9a-f]{64})+)")


def _direct() -> list[Requirement]:
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    named = [Requirement(text) for group in groups for text in group]
    return [requirement for requirement in named if requirement.name != PROJECT["name"]]


def _entries() -> list[Requirement]:
    entries = [ENTRY.fullmatch(line.strip()) for line in LOCKED if line.strip()]
    assert all(entries), "a line of the lock file has no hash"
    return [Requirement(entry["requirement"]) for entry in entries if entry]


def test_every_dependency_has_a_lower_and_an_upper_bound() -> None:
    open_ended = [
        requirement.name
        for requirement in _direct()
        if not {">=", "<"} <= {clause.operator for clause in requirement.specifier}
    ]
    assert open_ended == []


def test_every_line_of_the_lock_is_one_version_with_a_hash_and_no_other_source() -> None:
    for entry in _entries():
        assert entry.url is None
        assert [clause.operator for clause in entry.specifier] == ["=="], entry.name


@pytest.mark.parametrize("python", ["3.11.2", "3.12.3", "3.13.5"])
def test_the_lock_holds_every_dependency_within_its_bounds(python: str) -> None:
    machine = {
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python,
        "sys_platform": "linux",
        "platform_machine": "x86_64",
    }
    here = [entry for entry in _entries() if entry.marker is None or entry.marker.evaluate(machine)]
    versions = {canonicalize_name(entry.name): next(iter(entry.specifier)).version for entry in here}
    assert len(versions) == len(here), "a dependency is locked to two versions"
    missing = [
        str(requirement)
        for requirement in _direct()
        if not requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), "0.dev0"))
    ]
    assert missing == []
