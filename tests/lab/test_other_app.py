"""Another team's app: other names, deploy.resources, profiles, several files, an .env; and everything in it hostile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, by_hand, second_plan_is_empty, wait_for
from tests.lab.rightsizing import policy_of

pytestmark = pytest.mark.lab

MARK = "/tmp/selextract-was-evaluated"
HOSTILE = f"{{{{ lookup('pipe', 'touch {MARK}') }}}} $(touch {MARK}) `touch {MARK}` ' \" : # [red]x[/red] \x1b[2J"
BASE = f"""
services:
  web-frontend:
    image: selextract/stack:lab
    init: true
    command: [sleep, infinity]
    environment:
      SECRET_TOKEN: do-not-show-me
      NOTE: {json.dumps(HOSTILE.replace("$", "$$"))}
    labels:
      note: {json.dumps(HOSTILE.replace("$", "$$"))}
  background.jobs:
    image: selextract/stack:lab
    init: true
    command: [sh, -c, {json.dumps("while :; do echo " + repr("{{ 7*7 }}") + "; sleep 5; done")}]
    profiles: [batch]
"""
LIMITS = """
services:
  web-frontend:
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 192M}}}
  background.jobs:
    deploy: {resources: {limits: {memory: 128M}}}
"""
ENVIRONMENT = "# settings of the shop\nCOMPOSE_FILE=base.yml:limits.yml\nCOMPOSE_PROFILES=batch\nTOKEN='a b'"


@pytest.fixture
def shop(lab: Lab, tmp_path: Path) -> Iterator[Program]:
    files = {"base.yml": BASE, "limits.yml": LIMITS, ".env": ENVIRONMENT}
    lab.ssh("app1", f"mkdir -p '/srv/the shop'; rm -f {MARK}")
    for name, content in files.items():
        lab.host("app1").execute("tee", f"/srv/the shop/{name}", feed=content.encode())
    up = lab.ssh("app1", "cd '/srv/the shop' && docker compose -p shop up -d 2>&1", timeout=120)
    assert up.returncode == 0, up.stdout

    def change(policy: dict[str, Any]) -> None:
        policy["application"] = {
            "project": "shop",
            "directory": "/srv/the shop",
            "services": {"web-frontend": {"role": "frontend"}, "background.jobs": {"role": "worker"}},
        }

    program = Program(policy_of(lab, tmp_path / "inventory", change), tmp_path / "state")
    assert program.run("sampler").code == 0

    def sampled() -> bool:
        shown = lab.ssh(
            "app1", "grep -h '\"web-frontend\"' /var/lib/selextract-infra/samples/*.jsonl 2>/dev/null | wc -l"
        ).stdout
        return int(shown) >= 2 * 16

    wait_for(sampled, bound=180, what="the sampler knows the shop")
    yield program
    lab.ssh("app1", "cd '/srv/the shop' && docker compose -p shop down -t 1; rm -rf '/srv/the shop'", timeout=120)


def test_another_app_is_right_sized_in_its_own_form_and_all_of_it_is_data(lab: Lab, shop: Program) -> None:
    seen = shop.run("observe", "--format", "json")
    assert seen.code == 0, seen.words
    answer = shop.run("rightsize", "--apply", "--yes")
    assert answer.code == 0, answer.words
    shown = lab.ssh("app1", "cd '/srv/the shop' && cat compose.capacity.yml && cat .env").stdout
    assert "deploy:" in shown
    assert "mem_limit" not in shown
    environment = shown[shown.index("# settings") :]
    assert environment.replace(":/srv/the shop/compose.capacity.yml", "") == ENVIRONMENT
    again = lab.ssh("app1", "cd '/srv/the shop' && docker compose -p shop config -q 2>&1")
    assert again.returncode == 0, again.stdout
    hand = by_hand(shop.inventory, "selextract.infra.rightsize")
    assert "changed=0" in hand.out, hand.words
    rest = [shop.run(*words) for words in (["status"], ["history"], ["rightsize", "--format", "json"])]
    words = "".join([seen.words, answer.words, hand.words, *(one.words for one in rest)])
    assert "do-not-show-me" not in words
    assert "\x1b" not in words
    kept = b"".join(path.read_bytes() for path in shop.state.rglob("*") if path.is_file())
    assert b"do-not-show-me" not in kept
    assert not Path(MARK).exists()
    assert lab.ssh("app1", f"test -e {MARK}").returncode == 1
    second_plan_is_empty(shop, "rightsize")
