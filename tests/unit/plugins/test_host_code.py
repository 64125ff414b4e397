"""What runs on hosts: Python 3.9, standard library only, documented as it is."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic

from selextract_infra.hosts.collection import collections_path

ROOT = Path(__file__).parents[3]
ON_HOSTS = sorted(
    [
        *ROOT.glob("plugins/modules/*.py"),
        *ROOT.glob("plugins/module_utils/**/*.py"),
        *ROOT.glob("roles/*/files/**/*.py"),
    ]
)
MODULES = [path.stem for path in sorted(ROOT.glob("plugins/modules/*.py"))]


@pytest.mark.parametrize("path", ON_HOSTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_is_python_3_9_with_nothing_but_the_standard_library(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in names:
            assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("ansible.module_utils"), name


class _AskedError(Exception):
    pass


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    """What ``ansible-doc`` knows of each module, with the options that modules share."""
    told = subprocess.run(
        [Path(sys.executable).parent / "ansible-doc", "--json", *(f"selextract.infra.{name}" for name in MODULES)],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "ANSIBLE_COLLECTIONS_PATH": str(collections_path())},
        check=True, timeout=60, capture_output=True,
    )  # fmt: skip
    return {name.rpartition(".")[2]: known for name, known in json.loads(told.stdout).items()}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_documents_exactly_the_options_it_has(
    monkeypatch: pytest.MonkeyPatch, documented: dict[str, Any], name: str
) -> None:
    asked: dict[str, Any] = {}

    def ask(**arguments: Any) -> None:
        asked.update(arguments)
        raise _AskedError

    module = importlib.import_module(f"plugins.modules.{name}")
    monkeypatch.setattr(basic, "AnsibleModule", ask)
    with pytest.raises(_AskedError):
        module.main()
    known = documented[name]
    assert known["doc"]["attributes"]["check_mode"]["support"] == "full"
    assert asked["supports_check_mode"] is True
    _compare(known["doc"]["options"], asked["argument_spec"])
    assert known["return"]
    assert yaml.safe_load(known["examples"])


def _compare(documented: dict[str, Any], spec: dict[str, Any]) -> None:
    assert set(documented) == set(spec)
    for option, given in spec.items():
        for key in ("type", "default", "choices", "elements", "required"):
            assert documented[option].get(key) == given.get(key), f"{option}.{key}"
        if "options" in given:
            _compare(documented[option]["suboptions"], given["options"])
