"""A container of a project, as Compose labels it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from plugins.module_utils.docker.containers import Container

__all__ = ["made_from"]


def made_from(
    folder: Path, *files: str, service: str = "web", at: float | None = None, variables: str = ""
) -> Container:
    """A container that the team made from these files of its folder, at ``at`` in Unix seconds, now if None."""
    moment = time.gmtime(time.time() + 1 if at is None else at)
    details: dict[str, Any] = {
        "Id": f"{service}{at}",
        "Name": f"/shop-{service}-1",
        "Created": time.strftime("%Y-%m-%dT%H:%M:%S.5Z", moment),
        "State": {"Pid": 1},
        "HostConfig": {},
        "Config": {
            "Labels": {
                "com.docker.compose.project": "shop",
                "com.docker.compose.service": service,
                "com.docker.compose.project.working_dir": str(folder),
                "com.docker.compose.project.config_files": ",".join(str(folder / name) for name in files),
                "com.docker.compose.project.environment_file": variables,
            }
        },
    }
    return Container.parse(details)
