"""Playbooks as an operator calls them, without the command line of this project."""

from __future__ import annotations

import json

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import by_hand
from tests.lab.rightsizing import as_deployed, limits

pytestmark = pytest.mark.lab

STATE = "/var/lib/selextract-infra"
MIB = 2**20


def of_the_host(lab: Lab) -> str:
    """What of ours could be on the host: files, units, the app's folder with its .env byte for byte."""
    return lab.ssh(
        "app1",
        f"ls -A {STATE} /usr/local/lib/selextract-infra /etc/systemd/system/selextract-sampler.service 2>&1;"
        " ls -A /opt/selextract; stat -c '%U %G %a' /opt/selextract/.env; sha256sum /opt/selextract/.env",
    ).stdout


def test_uninstall_leaves_nothing_of_ours_and_every_byte_of_theirs(lab: Lab) -> None:
    as_deployed(lab)
    inventory = lab.state().inventory
    assert by_hand(inventory, "selextract.infra.uninstall").code == 0
    before = of_the_host(lab)
    assert by_hand(inventory, "selextract.infra.sampler").code == 0
    assert by_hand(inventory, "selextract.infra.freeze", "-e", "selextract_reason='a test'").code == 0
    check = by_hand(inventory, "selextract.infra.uninstall", "--check")
    assert check.code == 0, check.words
    assert of_the_host(lab) != before
    gone = by_hand(inventory, "selextract.infra.uninstall")
    assert gone.code == 0, gone.words
    assert of_the_host(lab) == before
    again = by_hand(inventory, "selextract.infra.uninstall")
    assert "changed=0" in again.out, again.words
    assert of_the_host(lab) == before


def test_a_freeze_is_durable_and_says_who_and_why(lab: Lab) -> None:
    inventory = lab.state().inventory
    arguments = json.dumps({"selextract_reason": "moving the database"})
    assert "changed=1" in by_hand(inventory, "selextract.infra.freeze", "-e", arguments).out
    assert "changed=0" in by_hand(inventory, "selextract.infra.freeze", "-e", arguments).out
    frozen = json.loads(lab.ssh("app1", f"cat {STATE}/freeze.json").stdout)
    assert frozen["reason"] == "moving the database"
    assert "@" in frozen["owner"]
    assert "changed=1" in by_hand(inventory, "selextract.infra.freeze", "-e", "selextract_frozen=false").out
    assert lab.ssh("app1", f"test -e {STATE}/freeze.json").returncode == 1


def test_a_run_is_rolled_back_by_hand_from_what_the_host_noted(lab: Lab) -> None:
    as_deployed(lab)
    inventory = lab.state().inventory
    run = {
        "run": {
            "id": "by-hand-1", "owner": "tester", "purpose": "a test", "operation": "rightsize", "plan_digest": "",
            "policy_digest": "d", "lease_seconds": 60, "step": "rightsize", "last": True, "plan": {},
        },
        "hosts": {
            "app1": {
                "project": "selextract", "directory": "/opt/selextract", "policy_digest": "d", "gate_seconds": 30,
                "health": ["http://127.0.0.1:8080/api/v1/health"], "shrink_margin": 0.1,
                "services": {"frontend": {"memory": 100 * MIB, "swap": 100 * MIB, "cpus": 0.2}},
                "capacity": {"services": {"frontend": {"mem_limit": 100 * MIB, "memswap_limit": 100 * MIB}}},
            }
        },
    }  # fmt: skip
    before = of_the_host(lab).splitlines()[-6:]
    request = lab.state().inventory.parent / "request.json"
    request.write_text(json.dumps(run))
    try:
        done = by_hand(inventory, "selextract.infra.rightsize", "-e", f"selextract_run_file={request}")
    finally:
        request.unlink()
    assert done.code == 0, done.words
    assert limits(lab, "frontend") == [(100 * MIB, 100 * MIB)]
    back = by_hand(inventory, "selextract.infra.undo", "-e", "selextract_run=by-hand-1")
    assert back.code == 0, back.words
    assert limits(lab, "frontend") == [(128 * MIB, 128 * MIB)]
    assert of_the_host(lab).splitlines()[-6:] == before
    again = by_hand(inventory, "selextract.infra.undo", "-e", "selextract_run=by-hand-1")
    assert "changed=0" in again.out, again.words
