from __future__ import annotations

from plugins.module_utils.containers import numbers_of


def test_of_an_environment_only_named_plain_numbers_are_told() -> None:
    environment = ["WORKERS=4", "RATIO=0.5", "DATABASE_URL=postgresql://u:secret@db/x", "PIN=1234", "NAME=7 of 9"]
    details = {"Config": {"Env": environment}}
    assert numbers_of(details, ["WORKERS", "RATIO", "DATABASE_URL", "NAME", "ABSENT"]) == {"WORKERS": 4, "RATIO": 0.5}


def test_a_container_without_an_environment_has_no_numbers() -> None:
    assert numbers_of({"Config": {"Env": None}}, ["WORKERS"]) == {}
