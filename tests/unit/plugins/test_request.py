"""What goes from the control machine to hosts and back: by hand and from a file, always data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError, AnsibleFilterError

from plugins.filter.refusals import refusals
from plugins.filter.rightsize_plan import rightsize_plan
from plugins.lookup import request
from plugins.plugin_utils.policy import common_policy, plain
from selextract_infra.hosts.collection import search_path
from selextract_infra.policy import load_policy

ROOT = Path(__file__).parents[3]
MAPPING = {
    "application": {"project": "shop", "directory": "/srv/shop", "services": {"web": {"role": "api"}}},
    "sizing": {"headroom": "30%"},
}
VARIABLES: dict[str, Any] = {
    "selextract_policy": MAPPING,
    "ansible_play_hosts_all": ["app1", "app2"],
    "hostvars": {"app1": {"selextract_policy": MAPPING}, "app2": {"selextract_policy": MAPPING}},
}


def test_by_hand_a_run_has_an_id_an_owner_and_the_mapped_project() -> None:
    answer = request._by_hand("rightsize", VARIABLES)
    assert answer["by_hand"] is True
    assert answer["run"]["purpose"] == "rightsize by hand"
    assert answer["run"]["policy_digest"] == load_policy(MAPPING).digest
    assert answer["hosts"]["app2"]["projects"] == [{"name": "shop", "directory": "/srv/shop"}]
    assert f"(process {os.getppid()})" in answer["run"]["owner"]
    assert answer["run"]["id"] != request._by_hand("rightsize", VARIABLES)["run"]["id"]


def test_by_hand_a_run_can_be_named() -> None:
    assert request._by_hand("restore", {**VARIABLES, "selextract_run": "run-a"})["run"]["id"] == "run-a"


def test_a_host_with_a_policy_of_its_own_is_an_error() -> None:
    other = {**VARIABLES, "hostvars": {**VARIABLES["hostvars"], "app2": {"selextract_policy": {}}}}
    with pytest.raises(AnsibleError, match="selextract_policy of app2 differs from that of app1"):
        common_policy(other)


def test_a_policy_that_cannot_be_read_is_one_sentence() -> None:
    with pytest.raises(AnsibleError, match="gigs"):
        common_policy({"selextract_policy": {"rightsizing": {"memory_step": "2 gigs"}}})


def test_a_policy_file_is_found_beside_the_inventory(tmp_path: Path) -> None:
    (tmp_path / "policy.yml").write_text("sizing: {headroom: 20%}\n", encoding="utf-8")
    policy = common_policy({"selextract_policy_file": "policy.yml", "inventory_dir": str(tmp_path)})
    assert policy.sizing.headroom == pytest.approx(0.2)


def test_a_broken_request_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(AnsibleError, match="cannot be read"):
        request._from_file(tmp_path / "run.json", 0)


def test_values_are_copied_into_plain_types() -> None:
    class Tagged(str):
        __slots__ = ()

    copied = plain({Tagged("a"): [Tagged("b"), 1, 1.5, True, None, (Tagged("c"),)]})
    assert copied == {"a": ["b", 1, 1.5, True, None, ["c"]]}
    assert {type(value) for value in [*copied, *copied["a"][:1], *copied["a"][-1]]} == {str}


def test_refusals_name_the_host_and_leave_out_those_that_did_not_answer() -> None:
    hostvars = {
        "app1": {"selextract_lock": {"acquired": False, "sentence": "The host is locked."}},
        "app2": {"selextract_lock": {"acquired": True, "sentence": ""}},
        "app3": {"selextract_lock": {"unreachable": True}},
        "app4": {},
    }
    assert refusals(list(hostvars), hostvars) == ["app1: The host is locked."]


def test_the_plan_by_hand_is_that_of_the_library() -> None:
    project = {"name": "shop", "directory": "/srv/shop", "services": [{"name": "web"}]}
    web = {"name": "shop-web-1", "id": "1", "image": "web", "project": "shop", "service": "web"}
    seen = {"observation": {"facts": {"machine_id": "m"}, "projects": [project], "containers": [web]}}
    plan = rightsize_plan({"app1": seen}, {"mapping": MAPPING, "files": []})
    assert plan["operation"] == "rightsize"
    assert plan["steps"] == []
    assert plan["policy_digest"] == load_policy(MAPPING).digest
    assert plan["digest"].startswith("sha256:")


def test_by_hand_what_the_library_refuses_is_its_sentence() -> None:
    with pytest.raises(AnsibleFilterError, match="No container of the Compose project shop is on app1"):
        rightsize_plan({"app1": {"observation": {}}}, {"mapping": MAPPING, "files": []})


@pytest.mark.parametrize("how", ["{{ lookup('pipe', 'touch OWNED') }}", "{% set x = 1 %}", "\x1b[31m!unsafe\n- a: b"])
def test_what_a_file_or_a_host_says_is_never_a_template(tmp_path: Path, how: str) -> None:
    reason = how.replace("OWNED", str(tmp_path / "owned"))
    folder = str(tmp_path / "state")
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"run": {"owner": reason}, "hosts": {"here": {"reason": reason, "folder": folder}}}))
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-i", "here,", "-c", "local",
         Path(__file__).parent / "playbooks" / "hostile.yml", "-e", f"selextract_run_file={file}",
         "-e", f"ansible_python_interpreter={sys.executable}"],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": search_path(None, ROOT) or "", "ANSIBLE_HOME": str(tmp_path)},
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for state in (Path(folder), Path(folder) / "again"):
        frozen = json.loads((state / "freeze.json").read_text())
        assert (frozen["reason"], frozen["owner"]) == (reason, reason)
    assert not (tmp_path / "owned").exists()


def test_a_file_with_values_alone_as_version_0_1_and_people_write_it_is_carried_out_too(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "project": "shop", "directory": "/srv/shop", "services": {}, "capacity": None, "health": [],
        "gate_seconds": 60, "shrink_margin": 0.1,
    }  # fmt: skip
    run = {"id": "run-a", "step": "rightsize", "purpose": "a test", "lease_seconds": 60}
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"run": run, "hosts": {"app1": values}}))
    (content,) = request.LookupModule().run(["rightsize"], {"selextract_run_file": str(file)})
    (step,) = content["hosts"]["app1"]["steps"]
    assert (step["id"], [act["name"] for act in step["acts"]]) == ("rightsize", ["container_limits", "health_gate"])
    assert (content["run"]["holder"], content["run"]["identity"]) == ("", {})
