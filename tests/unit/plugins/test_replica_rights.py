"""What the containers of a replica may do on their host: nothing that a server of Postgres does not need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from plugins.module_utils.replica.clone import Clone
from plugins.module_utils.replica.project import ReplicaProject, _compose
from plugins.module_utils.state.state import StateFolder

WANTED: dict[str, Any] = {
    "name": "replica",
    "image": {"id": "sha256:" + "a" * 64},
    "bindir": "/usr/lib/postgresql/17/bin",
    "uid": 999,
    "gid": 999,
    "stop_grace": 60,
    "shm_size": 2**26,
    "memory": 2**28,
    "cpus": 0.5,
    "address": "10.0.0.2",
    "port": 5433,
    "primary": {"address": "10.0.0.1", "port": 5434, "connect_timeout": 5},
}


def test_a_replica_runs_as_the_primarys_user_without_capabilities() -> None:
    service = json.loads(_compose(WANTED, "/state/config", "data"))["services"]["postgres"]
    assert (service["user"], service["cap_drop"]) == ("999:999", ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_its_clone_does_too(tmp_path: Path) -> None:
    project = ReplicaProject(StateFolder(str(tmp_path)), "/nowhere.sock", "shop")
    command = Clone(project, WANTED)._command(2**20)
    image = command.index("--entrypoint")
    assert command[command.index("--user") + 1] == "999:999"
    assert command[command.index("--cap-drop") + 1] == "ALL"
    assert command.index("--cap-drop") < image
    assert command[command.index("--security-opt") + 1] == "no-new-privileges:true"
