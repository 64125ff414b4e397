"""What a unit reads is looked at before it is installed, the policy outside of the inventory's folder too."""

import os.path
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

ROLES = Path(__file__).parents[2] / "roles"


def _looked_at(role: str, *, folder: bool, **variables: str) -> str:
    """The paths that the role hands to the module, for an inventory that is a folder or a file."""
    tasks = yaml.safe_load((ROLES / role / "tasks" / "preflight.yml").read_text(encoding="utf-8"))
    task: dict[str, Any] = next(task for task in tasks if "selextract.infra.trusted_paths" in task)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701 - a list of paths, no page
    environment.filters |= {"path_join": lambda parts: str(Path(*parts)), "dirname": os.path.dirname}
    given: dict[str, Any] = {
        f"{role}_program": "/opt/program",
        f"{role}_inventory": "/etc/team/hosts",
        f"{role}_journal": "",
        f"{role}_policies": [],
        "_schedule_asked": {"files": []},
        f"_{role}_found": {"results": [{}, {}, {"stat": {"isdir": folder}}]},
        **variables,
    }
    for name, expression in task["vars"].items():
        given[name] = environment.compile_expression(expression[2:-2].strip())(**given)
    return environment.from_string(task["selextract.infra.trusted_paths"]["paths"]).render(**given)


@pytest.mark.parametrize("role", ["watch", "schedule"])
def test_a_policy_file_elsewhere_is_looked_at(role: str) -> None:
    assert "'/srv/shared/policy.yml'" in _looked_at(role, folder=True, selextract_policy_file="/srv/shared/policy.yml")
    assert "/etc/team/hosts/../policy.yml" in _looked_at(role, folder=True, selextract_policy_file="../policy.yml")
    assert "'/etc/team/policy.yml'" in _looked_at(role, folder=False, selextract_policy_file="policy.yml")


@pytest.mark.parametrize("role", ["watch", "schedule"])
def test_without_a_policy_file_there_is_none_to_look_at(role: str) -> None:
    assert _looked_at(role, folder=True) == "['/opt/program', '/etc/team/hosts']"
