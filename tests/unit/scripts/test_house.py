"""The figures of the house: what counts as inside, what is a circle, and that a floor holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import house


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "selextract_infra/__init__.py": "",
        "selextract_infra/errors.py": "class Wrong(Exception): ...\n",
        "selextract_infra/operations/one/decide.py": "from selextract_infra.operations.one import steps\n# why\n",
        "selextract_infra/operations/one/__init__.py": "",
        "selextract_infra/operations/one/steps.py": (
            "from typing import TYPE_CHECKING\nfrom selextract_infra.errors import Wrong\n"
            "if TYPE_CHECKING:\n    from selextract_infra.operations.one.decide import decide\n"
        ),
        "plugins/module_utils/docker/limits.py": "from ..system.failure import Failure\nclass Wrong: ...\n",
        "plugins/module_utils/system/failure.py": "",
        "plugins/modules/limits.py": (
            "from ansible_collections.selextract.infra.plugins.module_utils.docker.limits import x\n"
        ),
        "playbooks/size.yml": "- tasks: [{import_tasks: tasks/size.yml}]\n",
        "playbooks/tasks/size.yml": "- selextract.infra.limits:\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_type_only_import_closes_a_circle_too(tree: Path) -> None:
    now = house.figures(tree)
    assert now["circles"] == [["selextract_infra.operations.one.decide", "selextract_infra.operations.one.steps"]]
    assert (now["imports"], now["imports_inside_percent"]) == (3, 66.7)
    assert now["doubled_classes"] == ["Wrong"]


def test_what_ansible_loads_is_followed_through_tasks_modules_and_imports(tree: Path) -> None:
    names = [path.relative_to(tree).as_posix() for path in house.loaded(tree, {"selextract.infra.size"})]
    assert names == [
        "playbooks/size.yml",
        "playbooks/tasks/size.yml",
        "plugins/module_utils/docker/limits.py",
        "plugins/module_utils/system/failure.py",
        "plugins/modules/limits.py",
    ]


def test_a_floor_holds_and_a_gain_is_named() -> None:
    floors = {"imports_inside_percent": 30.0, "circles": 1}
    assert house.compared({"imports_inside_percent": 29.9, "circles": 1}, floors) == (["imports_inside_percent"], [])
    assert house.compared({"imports_inside_percent": 30.0, "circles": 0}, floors) == ([], ["circles"])
    assert house.compared({"imports_inside_percent": 30.0, "circles": 2}, floors) == (["circles"], [])


def test_files_to_read_are_counted_by_folder(tree: Path) -> None:
    files = [tree / "selextract_infra/errors.py", *house.product_files(tree, "plugins")]
    assert house.by_folder(tree, files) == {"plugins/module_utils": 2, "plugins/modules": 1, "selextract_infra": 1}


def test_of_the_registry_only_the_acts_of_the_run_are_read(tree: Path) -> None:
    files = {
        "plugins/modules/host_program.py": "",
        "plugins/module_utils/state/runner.py": "from .registry import ACTS\n",
        "plugins/module_utils/state/registry.py": (
            "from ..docker.gate import GATE\nfrom ..docker.image import IMAGE\nfrom .act import Act\n"
        ),
        "plugins/module_utils/state/act.py": "class Act: ...\n",
        "plugins/module_utils/docker/gate.py": 'GATE = Act(\n    "gate", {})\n',
        "plugins/module_utils/docker/image.py": 'IMAGE = Act("image", {})\n',
        "playbooks/carry.yml": "- selextract.infra.host_program:\n",
    }
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    read = {path.stem for path in house.loaded(tree, {"carry"}, {"gate"})}
    assert read == {"carry", "host_program", "runner", "registry", "act", "gate"}
