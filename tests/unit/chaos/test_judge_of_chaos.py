"""The judge of the chaos test itself: what it draws, what it compares, and that it is independent."""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chaos.commands import commands
from tests.chaos.differences import differences, file_differences
from tests.chaos.expected import not_in_force, unexpected
from tests.chaos.grammar import Draw, Operation, draw
from tests.chaos.kept import Kept
from tests.chaos.project import compose, files, mapping

CHAOS = Path(__file__).parents[2] / "chaos"
SEEDS = range(400)


def test_the_judge_imports_nothing_of_the_program() -> None:
    imported = set()
    for path in CHAOS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    assert [name for name in sorted(imported) if name.startswith(("selextract_infra", "plugins", "ansible"))] == []


def test_a_seed_always_draws_the_same() -> None:
    assert [draw(seed) for seed in SEEDS] == [draw(seed) for seed in SEEDS]


def test_every_form_of_the_grammar_is_drawn() -> None:
    drawn = [draw(seed) for seed in SEEDS]
    assert {each.fault.kind for each in drawn} == {
        "none", "program", "child", "carrier", "act", "engine", "disk", "network", "container", "oom", "team", "second",
    }  # fmt: skip
    assert len({each.operation.name for each in drawn}) == 16
    assert len({each.shape.limits for each in drawn}) == 8
    assert len({each.shape.files for each in drawn}) == 7


def test_every_shape_is_written_as_whole_yaml_and_called_by_its_files() -> None:
    for drawn in map(draw, SEEDS):
        written = files(drawn.shape)
        for path, (text, _) in written.items():
            if path.endswith(".yaml"):
                assert yaml.safe_load(text)["services"], path
        words = compose(drawn.shape)
        named = [words[at + 1] for at, word in enumerate(words) if word in ("-f", "--env-file")]
        assert [name for name in named if name not in written] == []
        assert set(mapping(drawn.shape)["services"]) >= {drawn.shape.api, drawn.shape.worker}


def test_every_operation_ends_with_the_command_that_is_judged() -> None:
    for drawn in map(draw, SEEDS):
        typed = commands(drawn)
        assert typed[-1].words, drawn.operation
        assert [command for command in typed if bool(command.words) == bool(command.team)] == []


def _look() -> dict[str, Any]:
    container = {
        "id": "a", "started": "1", "project": "shop", "service": "api", "one_off": False, "state": "running",
        "health": "", "oom": False, "image": "i", "command": [], "environment": {"KEY": "value"},
        "restart": "always", "ports": {},
        "limits": {
            "memory": 1 << 28, "swap": 1 << 28, "reservation": 0, "pids": 0, "shm": 0, "cores": 10**9, "cpuset": "",
        },
        "mounts": [], "network": "shop_default", "networks": {"shop_default": ["api"]},
    }  # fmt: skip
    return {
        "containers": {"shop-api-1": container},
        "files": {"compose.yaml": ["digest", "0o644", 0, 0, "services: {}\n"]},
        "database": {"settings": ["a=1"], "schemas": ["public"]},
        "networks": ["shop_default"],
        "volumes": [],
    }


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda look: look["containers"].pop("shop-api-1"), "gone"),
        (lambda look: look["containers"]["shop-api-1"].update(state="exited"), "state"),
        (lambda look: look["containers"]["shop-api-1"]["environment"].update(KEY="other"), "environment"),
        (lambda look: look["containers"]["shop-api-1"]["limits"].update(cpuset="0"), "limits"),
        (lambda look: look["containers"]["shop-api-1"]["networks"].update(shop_default=[]), "networks"),
        (lambda look: look["files"]["compose.yaml"].__setitem__(0, "other"), "file"),
        (lambda look: look["database"]["settings"].append("b=2"), "setting"),
        (lambda look: look["volumes"].append("left"), "volume"),
    ],
)
def test_each_kind_of_difference_is_named(change: Any, kind: str) -> None:
    before = _look()
    after = copy.deepcopy(before)
    change(after)
    assert [entry.kind for entry in differences(before, after, ["shop"])] == [kind]
    assert differences(before, before, ["shop"]) == []


def test_a_new_id_or_start_is_no_difference_and_another_project_is_not_compared() -> None:
    before, after = _look(), _look()
    after["containers"]["shop-api-1"].update(id="b", started="2")
    after["containers"]["other-api-1"] = {**after["containers"]["shop-api-1"], "project": "other"}
    assert differences(before, after, ["shop"]) == []


def test_an_empty_file_of_the_program_counts_only_where_bytes_count() -> None:
    entry = ["digest", "0o644", 0, 0, "# ours\nservices: {}\n"]
    assert file_differences({}, {"compose.capacity.yml": entry}) == []
    assert len(file_differences({}, {"compose.capacity.yml": entry}, bytes_count=True)) == 1


def _rightsize() -> Draw:
    drawn = draw(1)
    service = drawn.shape.api
    return Draw(1, drawn.shape, Operation("rightsize", service, 288, ""), drawn.load)


def test_a_limit_that_was_asked_for_is_expected_and_any_other_change_is_not() -> None:
    drawn = _rightsize()
    before, after = _look(), _look()
    for look in (before, after):
        look["containers"]["shop-api-1"]["service"] = drawn.shape.api
    after["containers"]["shop-api-1"]["limits"]["memory"] = 288 << 20
    assert unexpected(drawn, differences(before, after, ["shop"])) == []
    after["containers"]["shop-api-1"]["environment"]["KEY"] = "other"
    assert len(unexpected(drawn, differences(before, after, ["shop"]))) == 1


def test_a_limit_that_is_not_in_force_is_named() -> None:
    drawn = _rightsize()
    project = mapping(drawn.shape)["project"]
    facts = {**_look()["containers"]["shop-api-1"], "project": project, "service": drawn.shape.api}
    assert not_in_force(drawn, {"x": facts}) == [f"x has {1 << 28} bytes"]
    facts["limits"]["memory"] = 288 << 20
    assert not_in_force(drawn, {"x": facts}) == []


def test_a_draw_that_is_done_is_kept_for_the_same_code_and_a_void_one_is_not(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "draws.jsonl", "code")
    kept.add({"seed": 3, "verdict": "ok"})
    kept.add({"seed": 4, "verdict": "void"})
    assert (kept.of(3) or {})["verdict"] == "ok"
    assert kept.of(4) is None
    assert Kept(tmp_path / "draws.jsonl", "other").of(3) is None
