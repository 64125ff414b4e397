"""Root writes by a path only in folders that are root's own: below a folder of others a link would lead it elsewhere.

There, ``system.contained_folder.ContainedFolder`` opens every part by its handle and follows no link.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PLUGINS = Path(__file__).parents[3] / "plugins"
_OF_OS = {
    "chmod", "chown", "copy", "copy2", "copyfile", "fchmod", "lchown", "link", "makedirs", "mkdir", "mkstemp", "move",
    "open", "remove", "rename", "replace", "rmtree", "symlink", "unlink", "NamedTemporaryFile",
}  # fmt: skip
_OF_PATHS = {"write_bytes", "write_text"}

OWN_FOLDERS = {
    "module_utils/docker/image_stream.py": "a temporary file of root's",
    "module_utils/docker/network_namespace.py": "a namespace of the kernel, opened to enter it",
    "module_utils/haproxy/proxy.py": "its project's folder below /var/lib/selextract-infra, 0700",
    "module_utils/pgbouncer/folder.py": "its project's folder below /var/lib/selextract-infra, 0700",
    "module_utils/postgres/wire.py": "a stream over a socket",
    "module_utils/replica/check/service.py": "our own service's folder, root's",
    "module_utils/state/host_note.py": "/var/lib/selextract-infra, 0700",
    "module_utils/state/host_program.py": "/var/lib/selextract-infra, 0700",
    "module_utils/state/layout.py": "/var/lib/selextract-infra, 0700",
    "module_utils/state/migration.py": "/var/lib/selextract-infra, 0700",
    "module_utils/state/project_state.py": "/var/lib/selextract-infra, 0700",
    "module_utils/state/segment.py": "/var/lib/selextract-infra, 0700",
    "module_utils/state/state.py": "/var/lib/selextract-infra, 0700, and whole files replaced by a rename",
    "module_utils/state/time_to_live.py": "units of ours",
    "module_utils/system/contained_folder.py": "ContainedFolder itself",
    "modules/program_files.py": "our own programs, in a folder of root's",
    "modules/segment.py": "/var/lib/selextract-infra, 0700",
}


def _writes(tree: ast.AST) -> Iterator[str]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if any(word.arg == "dir_fd" for word in call.keywords):
            continue
        if isinstance(call.func, ast.Attribute):
            of_os = isinstance(call.func.value, ast.Name) and call.func.value.id in ("os", "shutil", "tempfile")
            if (of_os and call.func.attr in _OF_OS) or call.func.attr in _OF_PATHS:
                yield call.func.attr
        elif isinstance(call.func, ast.Name) and call.func.id == "open" and _mode(call) & set("wax+"):
            yield "open"


def _mode(call: ast.Call) -> set[str]:
    given = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    return {sign for mode in given if isinstance(mode, ast.Constant) for sign in str(mode.value)}


def test_no_other_file_writes_by_a_path() -> None:
    files = [*sorted(PLUGINS.glob("module_utils/**/*.py")), *sorted(PLUGINS.glob("modules/*.py"))]
    writing = {str(file.relative_to(PLUGINS)) for file in files if any(_writes(ast.parse(file.read_text("utf-8"))))}
    assert writing == OWN_FOLDERS.keys()
