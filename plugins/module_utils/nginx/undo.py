"""Put back the balancer, the files that Nginx includes from us, and the switches."""

from __future__ import annotations

from typing import Any

from ..compose.capacity_keys import taken_back
from ..haproxy.balancer import Balancer
from ..state.undoing import Undoing
from .include_files import Edge

__all__ = ["balancer", "edge_files", "edge_switches"]


def balancer(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Take the balancer away again, or bring back the one from before."""
    if not undoing.check:
        project = inverse.get("project") or undoing.project  # version 0.1 did not note it
        Balancer(undoing.folder, undoing.socket_path, project).restore(inverse)
    undoing.done.append("The balancer is as before.")


def edge_files(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Put the files that Nginx includes back, and let it read them."""
    edge = Edge(undoing.folder, undoing.socket_path, inverse["project"])
    left, files = undoing.left.get("edge_files"), inverse["files"]
    if left is not None:  # version 0.1 did not note it
        files = taken_back(files, left["files"], edge.files(inverse["folder"]))
    if not edge.differs(inverse["folder"], files):
        return
    if not undoing.check:
        edge.write(inverse["folder"], files, inverse["project"], inverse["service"])
    undoing.done.append(f"Our files in {inverse['folder']} are as before.")


def edge_switches(undoing: Undoing, inverse: dict[str, dict[str, Any]]) -> None:
    """Turn each switch back to where it was."""
    for name, before in sorted(inverse.items()):
        if Edge.is_on(before["folder"], name) == before["on"]:
            continue
        if not undoing.check:
            Edge.switch(before["folder"], name, before["on"])
        undoing.done.append(f"The switch {name} is {'on' if before['on'] else 'off'} again.")
