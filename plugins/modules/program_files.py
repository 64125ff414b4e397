#!/usr/bin/python
"""Make a folder hold exactly the files of a program."""

from __future__ import annotations

DOCUMENTATION = r"""
module: program_files
short_description: Make a folder hold exactly the files of a program
version_added: "0.1.0"
description:
  - Writes all files in one task and removes what an earlier version has left, which copying a folder file by file does
    not.
author: ["selextract-infra contributors"]
options:
  path:
    description: The folder.
    type: path
    required: true
  files:
    description: The text of each file, by its name or its path below the folder, as in C(docker/engine.py).
    type: dict
    required: true
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
  diff_mode: {description: Shows the text of files that differ., support: full}
"""

EXAMPLES = r"""
- name: Install the program
  selextract.infra.program_files:
    path: /usr/local/lib/selextract-infra/selextract_sampler
    files: "{{ lookup('selextract.infra.folder', role_path ~ '/files/selextract_sampler') }}"
"""

RETURN = r"""
written: {description: Files that were written., type: list, elements: str, returned: always}
removed: {description: Files and folders that were removed., type: list, elements: str, returned: always}
"""

import os
import shutil
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.state import write_whole
from ..module_utils.system.failure import HostSideError


def main() -> None:
    run(
        _install,
        {"path": {"type": "path", "required": True}, "files": {"type": "dict", "required": True}},
    )


def _install(module: AnsibleModule) -> dict[str, Any]:
    path, wanted = module.params["path"], module.params["files"]
    if any(set(name.split(os.sep)) & {"", ".", ".."} for name in wanted):
        raise HostSideError("A program's file has a name that leads out of its folder.", kind="usage")
    kept = {*wanted, *(os.path.dirname(name) for name in wanted if os.sep in name)}
    present = [name for folder in ("", *kept - {*wanted}) for name in _names(path, folder)]
    before = {name: _text(os.path.join(path, name)) for name in wanted}
    written = sorted(name for name in wanted if before[name] != wanted[name])
    removed = sorted(set(present) - kept)
    if not module.check_mode:
        try:
            _write(path, {name: wanted[name] for name in written}, removed)
        except OSError as problem:
            raise HostSideError(f"{path} cannot be written ({problem.strerror}).", kind="state") from problem
    differences = [
        {"before_header": name, "after_header": name, "before": before[name] or "", "after": wanted[name]}
        for name in written
    ]
    return {"changed": bool(written or removed), "written": written, "removed": removed, "diff": differences}


def _write(path: str, files: dict[str, str], removed: list[str]) -> None:
    os.makedirs(path, mode=0o755, exist_ok=True)
    for name, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(path, name)), mode=0o755, exist_ok=True)
        write_whole(os.path.join(path, name), text.encode("utf-8"), mode=0o644)
    for name in removed:
        target = os.path.join(path, name)
        if os.path.isdir(target) and not os.path.islink(target):
            shutil.rmtree(target)
        else:
            os.unlink(target)


def _names(path: str, folder: str) -> list[str]:
    """What is in a folder of the program, as paths below it; nothing where the folder is missing or a file."""
    full = os.path.join(path, folder)
    return [os.path.join(folder, name) for name in os.listdir(full)] if os.path.isdir(full) else []


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except (OSError, UnicodeDecodeError):
        return None


if __name__ == "__main__":
    main()
