from __future__ import annotations

import json
from pathlib import Path

from plugins.module_utils.containers import listed_instances, numbers_of
from plugins.module_utils.engine import Engine
from tests.unit.plugins.unix_server import serving


def test_the_list_tells_which_instances_are_well(tmp_path: Path) -> None:
    shown = {
        "a": ("running", "Up 3 seconds (healthy)"),
        "b": ("running", "Up 3 seconds (health: starting)"),
        "c": ("running", "Up 3 minutes (unhealthy)"),
        "d": ("exited", "Exited (1) 2 seconds ago"),
        "e": ("running", "Up 2 days"),
    }
    listed = [{"Id": name, "State": state, "Status": status} for name, (state, status) in shown.items()]
    with serving(tmp_path / "s", lambda *_: (200, json.dumps(listed).encode())) as path, Engine(path) as engine:
        assert [one.id for one in listed_instances(engine, "shop", "api") if one.well] == ["a", "e"]


def test_of_an_environment_only_named_plain_numbers_are_told() -> None:
    environment = ["WORKERS=4", "RATIO=0.5", "DATABASE_URL=postgresql://u:secret@db/x", "PIN=1234", "NAME=7 of 9"]
    details = {"Config": {"Env": environment}}
    assert numbers_of(details, ["WORKERS", "RATIO", "DATABASE_URL", "NAME", "ABSENT"]) == {"WORKERS": 4, "RATIO": 0.5}


def test_a_container_without_an_environment_has_no_numbers() -> None:
    assert numbers_of({"Config": {"Env": None}}, ["WORKERS"]) == {}
