#!/usr/bin/python
"""Check that a host has what this collection needs to work on it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_ready
short_description: Check that a host is ready to be worked on
version_added: "0.1.0"
description:
  - The user, the Python, the clock, and whether the state folder can be written. Nothing is left behind, the folder is
    not even made.
author: ["selextract-infra contributors"]
extends_documentation_fragment:
  - selextract.infra.options.state
attributes:
  check_mode: {description: Does the same; nothing is changed., support: full}
"""

EXAMPLES = r"""
- name: Check that the host is ready
  selextract.infra.host_ready:
"""

RETURN = r"""
user: {description: The user that tasks run as., type: str, returned: always}
root: {description: Whether that is root., type: bool, returned: always}
python: {description: The version of Python., type: str, returned: always}
time: {description: The host's clock in Unix seconds., type: float, returned: always}
state_free: {description: Bytes that are free where the state folder is., type: int, returned: always}
state_problem: {description: Why the state folder cannot be written; none when it can., type: str, returned: always}
"""

import os
import platform
import pwd
import tempfile
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.options import STATE

_TRIED_BYTES = 65_536


def main() -> None:
    run(_look, STATE)


def _look(module: AnsibleModule) -> dict[str, Any]:
    nearest = _nearest(module.params["state_folder"])
    free = os.statvfs(nearest)
    return {
        "changed": False,
        "user": _user(),
        "root": os.geteuid() == 0,
        "python": platform.python_version(),
        "state_free": free.f_bavail * free.f_frsize,
        "state_problem": _problem(nearest),
        "time": time.time(),
    }


def _nearest(folder: str) -> str:
    """The folder itself, or the nearest one above it that exists."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _problem(folder: str) -> str | None:
    """Why nothing can be written there: tried with a file that has no name, so that nothing is left behind."""
    try:
        with tempfile.TemporaryFile(dir=folder) as tried:
            tried.write(b"x" * _TRIED_BYTES)
            tried.flush()
            os.fsync(tried.fileno())
    except OSError as problem:
        return f"{folder} cannot be written: {problem.strerror}"
    return None


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


if __name__ == "__main__":
    main()
